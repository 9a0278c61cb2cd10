// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a log, as docs/log-format.md has them. A change here is a change of the format.
#include "replay/log_format.h"

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::Crc32c;

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(bytes[i]));
    text += digits;
    if (i % 16 == 15) text += '\n';
  }
  return text;
}

std::span<const std::byte> Text(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Crc32c, GivesTheValuesOfItsDefinition) {
  EXPECT_EQ(Crc32c(0, Text("")), 0u);
  EXPECT_EQ(Crc32c(0, Text("123456789")), 0xE3069283u);
  // RFC 3720, B.4
  EXPECT_EQ(Crc32c(0, std::vector<std::byte>(32, std::byte{0x00})), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(0, std::vector<std::byte>(32, std::byte{0xff})), 0x62A8AB43u);
  std::vector<std::byte> rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = std::byte(i);
  EXPECT_EQ(Crc32c(0, rising), 0x46DD794Eu);
}

TEST(Crc32c, CanBeTakenInPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 37);
  const std::uint32_t whole = Crc32c(0, Text(text));
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(Crc32c(0, Text(text).first(cut)), Text(text).subspan(cut)), whole) << cut;
  }
}

TEST(LogFormat, NamesSegmentsByTheirIds) {
  EXPECT_EQ(replay::SegmentFileName(1), "00000001.segment");
  EXPECT_EQ(replay::SegmentFileName(123'456'789'012), "123456789012.segment");
  for (const std::uint64_t id :
       {std::uint64_t{1}, std::uint64_t{99'999'999}, std::uint64_t{100'000'000}}) {
    EXPECT_EQ(replay::SegmentIdOf(replay::SegmentFileName(id)), id);
  }
  for (const char* name :
       {"", "mark", ".segment", "1.segment", "00000000.segment", "00000001.segment.new",
        "00000001.segment.cut", "0000000x.segment", "-0000001.segment", "000000001.segment"}) {
    EXPECT_EQ(replay::SegmentIdOf(name), std::nullopt) << name;
  }
}

TEST(LogFormat, HasTheseBytes) {
  TestLog log(512);
  log.Write(2);
  log.Close();
  EXPECT_EQ(Hex(log.storage.Bytes("log/00000001.segment")), R"(54414e44454d4c470100000080000000
01000000000000000002000000000000
010000000000000001004d45444e4154
00000000000000000000000054455354
2020202020200000696e707574202020
20202020202020200000000000000000
00000000000000000000000000000000
000000000000000000000000fbca42fe
cf177ff1080000026120736368656d61
86434fdd50000001eba3e85caa7ad9c0
54455354202020202020650010000101
010000000000000000ca9a3b00000000
0100000000000000616c696365202020
00000000010000006d65737361676520
31626262626262624e9ba7e457000001
0e20b9b2e52738a25445535420202020
20206600170001010200000000000000
00943577000000000200000000000000
616c6963652020200000000001000000
6d657373616765203263636363636363
636363636363630068dc2eb400000003
)");
  EXPECT_EQ(Hex(std::span(log.storage.Bytes("log/mark")).first(64)),
            R"(54414e44454d4d4b0100000001000000
01000000000000000100000000000000
90000000000000000000000000000000
01004d45444e41540000000056df9f1d
)");
  EXPECT_EQ(Hex(std::span(log.storage.Bytes("log/mark")).subspan(4096)),
            R"(54414e44454d4d4b0100000001000000
02000000000000000100000000000000
50010000000000000200000000000000
0e20b9b2e52738a200000000b99ce146
)");
}

}  // namespace
}  // namespace tandem::test
