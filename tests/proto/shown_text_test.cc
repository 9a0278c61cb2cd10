// SPDX-License-Identifier: Apache-2.0
#include "proto/shown_text.h"

#include <gtest/gtest.h>

namespace tandem::test {
namespace {

std::string Json(std::string_view text) {
  std::string json;
  proto::AppendJsonText(text, &json);
  return json;
}

TEST(ShownText, IsAsItIsWhereItIsPlain) {
  for (const std::string text :
       {"", "U1", "a b~", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9a\xb2"}) {
    EXPECT_EQ(proto::Escaped(text), text);
    EXPECT_EQ(Json(text), "\"" + text + "\"");
  }
  EXPECT_EQ(proto::Escaped("\"\\"), "\"\\");
  EXPECT_EQ(Json("a\"\\b"), "\"a\\\"\\\\b\"");
}

TEST(ShownText, CommandsNoTerminal) {
  EXPECT_EQ(proto::Escaped("a\x1b[31mb\n"), "a\\x1b[31mb\\x0a");
  EXPECT_EQ(Json("a\x1b[31mb\n\r\t\b\f"), "\"a\\u001b[31mb\\n\\r\\t\\b\\f\"");
  EXPECT_EQ(proto::Escaped("\x7f"), "\\x7f");
  EXPECT_EQ(Json("\x7f"), "\"\\u007f\"");
  EXPECT_EQ(proto::Escaped("\xc2\x80-\xc2\x9b-\xc2\x9f-\xc2\xa0"),
            "\\u0080-\\u009b-\\u009f-\xc2\xa0");
  EXPECT_EQ(Json("\xc2\x9b\xc2\xa0"), "\"\\u009b\xc2\xa0\"");
  EXPECT_EQ(proto::Escaped(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Json(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(ShownText, NamesBytesThatAreNoUtf8) {
  // Alone, cut off, too long for what they say, surrogates, beyond Unicode.
  const std::pair<std::string, std::string> cases[] = {
      {"\x9b", "9b"},
      {"\xff", "ff"},
      {"\xc3", "c3"},
      {"\xe2\x82", "e2 82"},
      {"\xc0\xaf", "c0 af"},
      {"\xe0\x80\x9b", "e0 80 9b"},
      {"\xf0\x80\x80\x9b", "f0 80 80 9b"},
      {"\xed\xa0\x80", "ed a0 80"},
      {"\xf4\x90\x80\x80", "f4 90 80 80"},
      {"\xf5\x80\x80\x80", "f5 80 80 80"},
  };
  for (const auto& [text, bytes] : cases) {
    std::string escaped;
    std::string json;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      escaped += "\\x" + bytes.substr(i, 2);
      json += "\\u00" + bytes.substr(i, 2);
    }
    EXPECT_EQ(proto::Escaped(text + "x"), escaped + "x");
    EXPECT_EQ(Json("x" + text), "\"x" + json + "\"");
  }
}

}  // namespace
}  // namespace tandem::test
