// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tandem::declarations {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "line head key=value ..." of each record, and the first error.
std::vector<std::string> Read(std::string_view text) {
  std::vector<std::string> all;
  RecordReader reader("t", 0, text);
  for (;;) {
    const Result<bool> found = reader.Next();
    if (!found) {
      all.push_back(found.error().text);
      return all;
    }
    if (!*found) return all;
    const Result<Record> record = reader.Read();
    if (!record) {
      all.push_back(record.error().text);
      return all;
    }
    std::string one = std::to_string(record->place.line) + " " + record->head;
    for (const Pair& pair : record->pairs) {
      one += " ";
      one += pair.key;
      one += "=";
      one += pair.value;
    }
    all.push_back(one);
  }
}

TEST(Records, NothingHasNoRecords) {
  EXPECT_THAT(Read(""), IsEmpty());
  EXPECT_THAT(Read("\n"), IsEmpty());
  EXPECT_THAT(Read(" \t\r\n\n   "), IsEmpty());
  EXPECT_THAT(Read("# a comment\n   # one more, without end of line"), IsEmpty());
}

TEST(Records, AreAHeadAndPairsBetweenBlanks) {
  EXPECT_THAT(Read("a.b"), ElementsAre("1 a.b"));
  EXPECT_THAT(Read("a.b c:d"), ElementsAre("1 a.b c=d"));
  EXPECT_THAT(Read("\n  a.b\tc:d   e:f  \r\n\na.c g:h\n"),
              ElementsAre("2 a.b c=d e=f", "4 a.c g=h"));
}

TEST(Records, BeginBehindAByteOrderMark) {
  EXPECT_THAT(Read("\xEF\xBB\xBF"
                   "a.b c:d"),
              ElementsAre("1 a.b c=d"));
}

TEST(Records, ValuesMayBeEmptyAndMayHaveColons) {
  EXPECT_THAT(Read("a.b c: d:\"\" e:f:g h:''"), ElementsAre("1 a.b c= d= e=f:g h="));
}

TEST(Records, QuotesHoldBlanksAndEachOther) {
  EXPECT_THAT(Read(R"(a.b c:"d e" f:'g "h"' i:"it's" "j k":"l:m #n")"),
              ElementsAre(R"(1 a.b c=d e f=g "h" i=it's j k=l:m #n)"));
}

TEST(Records, EscapesAreThoseOfC) {
  EXPECT_THAT(Read(R"(a.b c:"\"\\\'\?" d:"\x41\x7a\101\60" e:'\'')"),
              ElementsAre(R"(1 a.b c="\'? d=AzA0 e=')"));
  EXPECT_THAT(Read(R"(a.b c:"\a\b\f\n\r\t\v")"), ElementsAre("1 a.b c=\a\b\f\n\r\t\v"));
  EXPECT_THAT(Read(R"(a.b c:"\x4142")"), ElementsAre("1 a.b c=A42"));
}

TEST(Records, ACommentMayFollowARecord) {
  EXPECT_THAT(Read("a.b c:d # e:f"), ElementsAre("1 a.b c=d"));
  EXPECT_THAT(Read("a.b c:d#e"), ElementsAre("1 a.b c=d#e"));
}

TEST(Records, HeadsAreIdentifiersWithDots) {
  EXPECT_THAT(Read("a_1.B.c_ d:e"), ElementsAre("1 a_1.B.c_ d=e"));
  for (const std::string head : {"a", "a.", ".a", "a..b", "1.b", "a:b", "a-b.c", "\"a.b\""}) {
    EXPECT_THAT(Read(head + " c:d"),
                ElementsAre("t:1: a record begins with space.table, as in dmmeta.field, but this "
                            "line with " +
                            head + "; put a # in front of a comment."));
  }
}

TEST(Records, WhatIsNoTextIsRefusedFitToBeShown) {
  EXPECT_THAT(Read(std::string_view("\x7f"
                                    "ELF\0\0",
                                    6)),
              ElementsAre("t:1: a record begins with space.table, as in dmmeta.field, but this "
                          "line with ?ELF??; put a # in front of a comment."));
}

TEST(Records, AWordThatIsNoPairIsAnError) {
  EXPECT_THAT(Read("a.b c:d\na.b e"),
              ElementsAre("1 a.b c=d",
                          "t:2: a.b: the word e is no key:value pair; write a colon and a value "
                          "behind it, \"\" if the value is empty."));
}

TEST(Records, AQuoteMustBeClosedOnItsLine) {
  EXPECT_THAT(Read("a.b c:\"d\ne\""),
              ElementsAre("t:1: a.b: a quote \" is opened and not closed; close it."));
  EXPECT_THAT(Read("a.b c:'d\\'"),
              ElementsAre("t:1: a.b: a quote ' is opened and not closed; close it."));
  EXPECT_THAT(Read("a.b c:\""),
              ElementsAre("t:1: a.b: a quote \" is opened and not closed; close it."));
}

TEST(Records, NothingMayFollowAClosingQuote) {
  EXPECT_THAT(Read(R"(a.b c:"d"e)"),
              ElementsAre("t:1: a.b: the value of c goes on behind its closing quote; put a blank "
                          "there, or a backslash in front of the quote."));
}

TEST(Records, UnknownEscapesAreErrors) {
  const std::string error =
      "t:1: a.b: a backslash is followed by what is no escape; write \\\\ for a backslash.";
  for (const std::string escape : {"\\q", "\\", "\\x", "\\xg", "\\8", "\\777"}) {
    EXPECT_THAT(Read("a.b c:\"" + escape + "\" "),
                ElementsAre(::testing::StartsWith("t:1: a.b: ")));
  }
  EXPECT_THAT(Read(R"(a.b c:"\q")"), ElementsAre(error));
  EXPECT_THAT(Read(R"(a.b c:"\777")"), ElementsAre(error));
}

TEST(Records, AKeyStandsOnceInARecord) {
  EXPECT_THAT(Read("a.b c:d c:e"),
              ElementsAre("t:1: a.b: the key c stands there twice; keep one of them."));
  EXPECT_THAT(Read("a.b c:d\na.b c:d"), ElementsAre("1 a.b c=d", "2 a.b c=d"));
}

TEST(Records, ControlCharactersStandInQuotesAsEscapes) {
  EXPECT_THAT(Read("a.b c:d\x01"),
              ElementsAre("t:1: a.b: the word d? has a control character; write it in quotes with "
                          "an escape such as \\x07."));
}

TEST(Records, HaveLimitsThatAreSaid) {
  const std::string head(kHeadCharactersMax - 2, 'h');
  EXPECT_THAT(Read("a." + head), ElementsAre("1 a." + head));
  EXPECT_EQ(Read("a.h" + head).front().substr(0, 28), "t:1: a record begins with sp");

  const std::string value(kRecordCharactersMax - 6, 'v');
  EXPECT_THAT(Read("a.b c:" + value), ElementsAre("1 a.b c=" + value));
  EXPECT_THAT(Read("a.b c:v" + value),
              ElementsAre("t:1: a.b: the record has more than 65536 characters; shorten it."));

  std::string pairs = "a.b";
  for (std::size_t i = 0; i < kPairsMax; ++i) pairs += " k" + std::to_string(i) + ":";
  EXPECT_EQ(Read(pairs).front().substr(0, 11), "1 a.b k0= k");
  EXPECT_THAT(Read(pairs + " more:"),
              ElementsAre("t:1: a.b: it has more than 128 pairs; leave some out."));
}

TEST(Records, ThatNobodyReadsMayHoldAnything) {
  const std::string text = "a.b \"unclosed " + std::string(kRecordCharactersMax, '\x01') + "\na.c";
  RecordReader reader("t", 0, text);
  ASSERT_TRUE(*reader.Next());
  ASSERT_TRUE(*reader.Next());
  EXPECT_EQ(reader.head(), "a.c");
  EXPECT_EQ(reader.place().Text(), "t:2");
}

TEST(Records, QuotedWordsReadBackAsTheyWere) {
  std::string every_byte;
  for (int c = 1; c < 256; ++c) every_byte += static_cast<char>(c);
  for (const std::string& word : {std::string(), std::string("plain.word"), std::string("a b"),
                                  std::string("\"'\\"), std::string("#"), every_byte}) {
    const std::string line = "a.b c:" + Quoted(word) + " " + Quoted(word + "k") + ":v";
    RecordReader again("t", 0, line);
    ASSERT_TRUE(*again.Next());
    const Result<Record> record = again.Read();
    ASSERT_TRUE(record.ok()) << record.error().text;
    ASSERT_EQ(record->pairs.size(), 2u);
    EXPECT_EQ(record->pairs[0].value, word);
    EXPECT_EQ(record->pairs[1].key, word + "k");
  }
  EXPECT_EQ(Quoted("plain.word"), "plain.word");
  EXPECT_EQ(Quoted(""), "\"\"");
  EXPECT_EQ(Quoted("a b"), "\"a b\"");
}

}  // namespace
}  // namespace tandem::declarations
