// SPDX-License-Identifier: Apache-2.0
//
// ITCH 5.0 files as order flow, and the files that hold them. The real sample is read where it is
// (see data_folder.h).
#include "engine/book/itch.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "book/book.pb.h"
#include "engine/book/binary_file.h"
#include "tests/support/data_folder.h"

namespace tandem::book {
namespace {

/// Messages of a day, one after the other a nanosecond later.
class Day {
 public:
  Day& Directory(std::uint16_t locate, const std::string& stock) {
    Begin('R', locate);
    Text(stock);
    message_.append(20, ' ');
    return End();
  }
  Day& Add(std::uint64_t order, char side, std::uint32_t shares, const std::string& stock,
           std::uint32_t price, std::uint16_t locate = 1, char type = 'A') {
    Begin(type, locate);
    Integer(order, 8);
    message_ += side;
    Integer(shares, 4);
    Text(stock);
    Integer(price, 4);
    if (type == 'F') message_ += "MPID";
    return End();
  }
  Day& Execute(std::uint64_t order, std::uint32_t shares) {
    Begin('E', 1);
    Integer(order, 8);
    Integer(shares, 4);
    Integer(99, 8);
    return End();
  }
  Day& ExecuteAt(std::uint64_t order, std::uint32_t shares, std::uint32_t price) {
    Begin('C', 1);
    Integer(order, 8);
    Integer(shares, 4);
    Integer(99, 8);
    message_ += 'Y';
    Integer(price, 4);
    return End();
  }
  Day& Reduce(std::uint64_t order, std::uint32_t shares) {
    Begin('X', 1);
    Integer(order, 8);
    Integer(shares, 4);
    return End();
  }
  Day& Delete(std::uint64_t order) {
    Begin('D', 1);
    Integer(order, 8);
    return End();
  }
  Day& Replace(std::uint64_t order, std::uint64_t other, std::uint32_t shares,
               std::uint32_t price) {
    Begin('U', 1);
    Integer(order, 8);
    Integer(other, 8);
    Integer(shares, 4);
    Integer(price, 4);
    return End();
  }
  Day& Other(char type, std::size_t size) {
    Begin(type, 1);
    message_.resize(size, ' ');
    return End();
  }
  Day& Raw(const std::string& message) {
    bytes_ += static_cast<char>(message.size() >> 8);
    bytes_ += static_cast<char>(message.size());
    bytes_ += message;
    return *this;
  }
  Day& At(std::uint64_t time) {
    time_ = time;
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] const std::string& message() const { return message_; }  ///< the last one

 private:
  void Begin(char type, std::uint16_t locate) {
    message_.assign(1, type);
    Integer(locate, 2);
    Integer(0, 2);
    Integer(++time_, 6);
  }
  Day& End() { return Raw(message_); }
  void Integer(std::uint64_t value, std::size_t size) {
    while (size > 0) message_ += static_cast<char>(value >> (8 * --size));
  }
  void Text(std::string text) {
    text.resize(8, ' ');
    message_ += text;
  }

  std::string bytes_;
  std::string message_;
  std::uint64_t time_ = 0;
};

class Itch : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void Write(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  /// The flow as lines, then what was done or what is wrong.
  std::vector<std::string> Read(const Day& day) {
    Write(day.bytes());
    std::vector<std::string> lines;
    const auto totals = ReadItch(path_, 1'000, proto::User("ME"), [&](const FlowMessage& message) {
      EXPECT_EQ(message.user, proto::User("ME"));
      lines.push_back(std::to_string(message.time_ns) + " " + Text(message));
      return Status();
    });
    if (totals) {
      totals_ = *totals;
    } else {
      lines.push_back(totals.error().text);
    }
    return lines;
  }

  static std::string Text(const FlowMessage& message) {
    if (message.type == kNewOrderType) {
      pb::NewOrder order;
      EXPECT_TRUE(order.ParseFromString(message.payload));
      return "new " + order.ShortDebugString();
    }
    if (message.type == kReduceType) {
      pb::Reduce reduce;
      EXPECT_TRUE(reduce.ParseFromString(message.payload));
      return "reduce " + reduce.ShortDebugString();
    }
    pb::Cancel cancel;
    EXPECT_TRUE(cancel.ParseFromString(message.payload));
    return "cancel " + cancel.ShortDebugString();
  }

  std::string path_ = ::testing::TempDir() + "itch_" + std::to_string(::getpid());
  ItchTotals totals_;
};

using Lines = std::vector<std::string>;

TEST_F(Itch, EachMessageOfAnOrderBecomesFlow) {
  Day day;
  day.Other('S', 12)
      .Directory(1, "ABC")
      .Add(5, 'B', 100, "ABC", 10'000)
      .Add(6, 'S', 200, "ABC", 10'100, 1, 'F')
      .Execute(5, 30)
      .ExecuteAt(6, 50, 10'200)
      .Reduce(5, 20)
      .Replace(6, 7, 40, 10'300)
      .Delete(7);
  EXPECT_EQ(
      Read(day),
      (Lines{
          "1003 new order_id: 5 symbol: \"ABC\" side: BUY kind: LIMIT price: 10000 size: 100",
          "1004 new order_id: 6 symbol: \"ABC\" side: SELL kind: LIMIT price: 10100 size: 200",
          "1005 new order_id: 9223372036854775812 symbol: \"ABC\" side: SELL kind: IOC price: "
          "10000 size: 30",
          "1006 new order_id: 9223372036854775813 symbol: \"ABC\" side: BUY kind: IOC price: "
          "10100 size: 50",
          "1007 reduce order_id: 5 size: 20",
          "1008 cancel order_id: 6",
          "1008 new order_id: 7 symbol: \"ABC\" side: SELL kind: LIMIT price: 10300 size: 40",
          "1009 cancel order_id: 7",
      }));
  EXPECT_EQ(totals_.read, 9u);
  EXPECT_EQ(totals_.taken, 7u);
  EXPECT_EQ(totals_.unknown_order, 0u);
  EXPECT_EQ(totals_.other(), 2u);
  EXPECT_EQ(totals_.symbols, 1u);
  EXPECT_EQ(totals_.messages, 8u);
}

TEST_F(Itch, WhatNamesAnOrderThatIsNotOpenIsCountedAndLeftOut) {
  Day day;
  day.Execute(5, 1)
      .Reduce(5, 1)
      .Replace(5, 6, 1, 1)
      .Delete(6)
      .Add(7, 'B', 10, "ABC", 100)
      .Execute(7, 10)
      .Delete(7)
      .Add(8, 'B', 10, "ABC", 100)
      .Reduce(8, 4)
      .Reduce(8, 6)
      .Reduce(8, 1);
  EXPECT_EQ(Read(day).size(), 5u);
  EXPECT_EQ(totals_.unknown_order, 6u);
  EXPECT_EQ(totals_.taken, 5u);
  EXPECT_EQ(totals_.other(), 0u);
}

TEST_F(Itch, TheStockDirectorySaysTheSymbol) {
  EXPECT_EQ(Read(Day().Directory(3, "XYZ").Add(1, 'B', 1, "ABC", 1, 3)),
            Lines{path_ + " message 2: a message of type A is for ABC, and its locate code is that "
                          "of XYZ"});
  EXPECT_EQ(Read(Day().Add(1, 'B', 1, "ABC", 1, 3).Add(2, 'B', 1, "DEF", 1, 3)).back(),
            path_ +
                " message 2: a message of type A is for DEF, and its locate code is that of "
                "ABC");
}

TEST_F(Itch, SaysWhatIsWrongAndWhere) {
  const auto wrong = [&](const Day& day) { return Read(day).back(); };
  EXPECT_EQ(wrong(Day().Add(1, 'Q', 1, "ABC", 1)),
            path_ + " message 1: a message of type A has a side other than B and S");
  EXPECT_EQ(wrong(Day().Add(1, 'B', 1, "A C", 1)),
            path_ +
                " message 1: a message of type A has a stock that is not 1 to 8 printable "
                "characters");
  EXPECT_EQ(wrong(Day().Delete(1ull << 63)),
            path_ + " message 1: a message of type D has an order reference of 2^63 or more");
  EXPECT_EQ(wrong(Day().Other('D', 20)),
            path_ + " message 1: a message of type D has 20 bytes and not 19");
  EXPECT_EQ(wrong(Day().Other('?', 20)),
            path_ + " message 1: a message whose type is no letter is not of ITCH 5.0");
  EXPECT_EQ(wrong(Day().Raw("ABC")),
            path_ + " message 1: a message of 3 bytes is too short for ITCH 5.0");
  EXPECT_EQ(wrong(Day().At(86'400'000'000'000).Delete(1)),
            path_ + " message 1: a message of type D has a time beyond the day");
  EXPECT_EQ(wrong(Day().At(9).Delete(1).At(5).Delete(1)),
            path_ + " message 2: a message is earlier than the one before it");
  Write("");
  EXPECT_EQ(ReadItch(path_, 0, proto::User("ME"), {}).error().text,
            path_ + " is no day of ITCH: it holds no message");
  std::filesystem::remove(path_);
  EXPECT_EQ(ReadItch(path_, 0, proto::User("ME"), {}).error().text,
            "cannot read " + path_ + ": No such file or directory");
}

TEST_F(Itch, ParsesNoMessageThatIsCutOrLonger) {
  Day day;
  for (const std::string& message :
       {day.Add(5, 'B', 1, "ABC", 1).message(), day.Add(5, 'B', 1, "ABC", 1, 1, 'F').message(),
        day.Execute(5, 1).message(), day.ExecuteAt(5, 1, 1).message(), day.Reduce(5, 1).message(),
        day.Delete(5).message(), day.Replace(5, 6, 1, 1).message(),
        day.Directory(1, "ABC").message(), day.Other('S', 12).message()}) {
    EXPECT_TRUE(ParseItch(std::as_bytes(std::span(message))));
    for (std::size_t size = 0; size < message.size(); ++size) {
      EXPECT_FALSE(ParseItch(std::as_bytes(std::span(message)).first(size))) << message[0] << size;
    }
    const std::string longer = message + " ";
    EXPECT_FALSE(ParseItch(std::as_bytes(std::span(longer)))) << message[0];
  }
}

TEST_F(Itch, TheNameOfAFileTellsItsDay) {
  EXPECT_EQ(*ItchDay("/some/12302019.NASDAQ_ITCH50.gz", ""), 1'577'664'000'000'000'000);
  EXPECT_EQ(*ItchDay("12302019_SNIPPET.NASDAQ_ITCH50", ""), 1'577'664'000'000'000'000);
  EXPECT_EQ(*ItchDay("S123019-v50.txt.gz", ""), 1'577'664'000'000'000'000);
  EXPECT_EQ(*ItchDay("anything", "2019-12-30"), 1'577'664'000'000'000'000);
  for (const char* name : {"day", "99302019.x", "1230201", "X123019"}) {
    EXPECT_EQ(ItchDay(name, "").error().text,
              "the file name \"" + std::string(name) + "\" does not tell the day: give --date");
  }
  EXPECT_EQ(
      ItchDay("x", "2019-12-32").error().text,
      "the date \"2019-12-32\" is not a day from 1677-09-22 to 2262-04-10 written as YYYY-MM-DD");
  EXPECT_FALSE(ItchDay("x", "2019-12-30T10:00"));
}

TEST_F(Itch, TheRealSampleIsReadWhole) {
  const auto file = tests::DataFolder() / "itch" / "12302019_SNIPPET.NASDAQ_ITCH50";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  const auto totals = ReadItch(file.string(), *ItchDay(file.string(), ""), proto::User("ME"),
                               [](const FlowMessage&) { return Status(); });
  ASSERT_TRUE(totals) << totals.error().text;
  EXPECT_FALSE(totals->ended_properly);
  EXPECT_EQ(totals->read, 1'000u);
  EXPECT_EQ(totals->read_by_type['A'], 367u);
  EXPECT_EQ(totals->read_by_type['F'], 193u);
  EXPECT_EQ(totals->read_by_type['U'], 225u);
  EXPECT_EQ(totals->read_by_type['D'], 167u);
  EXPECT_EQ(totals->taken, 588u);
  EXPECT_EQ(totals->unknown_order, 399u);
  EXPECT_EQ(totals->other(), 13u);
  EXPECT_EQ(totals->messages, 588u);
}

/// The messages of a BinaryFILE as text, then how it ends.
class BinaryFile : public Itch {
 protected:
  Lines Messages() {
    Lines lines;
    auto reader = BinaryFileReader::Open(path_);
    if (!reader) return {reader.error().text};
    for (;;) {
      std::span<const std::byte> message;
      const auto has = reader->Next(message);
      if (!has) {
        lines.push_back(has.error().text);
        return lines;
      }
      if (!*has) {
        lines.emplace_back(reader->ended_properly() ? "end" : "stops");
        EXPECT_FALSE(*reader->Next(message));
        return lines;
      }
      lines.emplace_back(reinterpret_cast<const char*>(message.data()), message.size());
    }
  }
};

TEST_F(BinaryFile, GivesTheMessagesUpToTheLengthOfZero) {
  using namespace std::string_literals;
  Write("\0\3abc\0\1d\0\0"s);
  EXPECT_EQ(Messages(), (Lines{"abc", "d", "end"}));
  Write("\0\3abc\0\1d"s);
  EXPECT_EQ(Messages(), (Lines{"abc", "d", "stops"}));
  Write(""s);
  EXPECT_EQ(Messages(), (Lines{"stops"}));
  Write("\0\0"s);
  EXPECT_EQ(Messages(), (Lines{"end"}));
  for (const std::string& cut : {"\0\3abc\0\2d"s, "\0\3abc\0"s}) {
    Write(cut);
    EXPECT_EQ(
        Messages(),
        (Lines{"abc", path_ + " after message 1: the file ends within a message, it is cut"}));
  }
  const ItchTotals open = (Read(Day().Delete(1)), totals_);
  EXPECT_FALSE(open.ended_properly);
  ItchTotals ended = (Read(Day().Delete(1).Raw("")), totals_);
  EXPECT_TRUE(ended.ended_properly);
  ended.ended_properly = false;
  EXPECT_EQ(ended, open);
  Write("\0\3abc\0\0x"s);
  EXPECT_EQ(Messages(),
            (Lines{"abc", path_ + " after message 1: the file goes on behind the length "
                                  "of zero that ends it"}));
}

TEST_F(BinaryFile, ReadsAnyNumberOfMessagesOfAnySizePlainOrCompressed) {
  std::string bytes;
  Lines expected;
  for (std::size_t i = 1; i < 200; ++i) {
    const std::string message(i * 331 % 65'535 + 1, static_cast<char>('a' + i % 26));
    bytes += static_cast<char>(message.size() >> 8);
    bytes += static_cast<char>(message.size());
    bytes += message;
    expected.push_back(message);
  }
  expected.emplace_back("stops");
  Write(bytes);
  EXPECT_EQ(Messages(), expected);
  const gzFile file = gzopen(path_.c_str(), "wb");
  ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())),
            static_cast<int>(bytes.size()));
  gzclose(file);
  EXPECT_EQ(Messages(), expected);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const Lines cut = Messages();
  EXPECT_TRUE(cut.back().ends_with("the compressed data ends early, the file is truncated"))
      << cut.back();
}

}  // namespace
}  // namespace tandem::book
