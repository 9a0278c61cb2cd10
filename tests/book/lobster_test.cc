// SPDX-License-Identifier: Apache-2.0
//
// LOBSTER files as order flow: rows, rules, bad files, and a real day with known results where its
// file is (see data_folder.h).
#include "engine/book/lobster.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "book/book.pb.h"
#include "engine/book/state.h"
#include "tests/book/book_driver.h"
#include "tests/support/data_folder.h"
#include "tests/support/shell.h"

namespace tandem::tests {
namespace {

using book::FlowMessage;
using book::LobsterDay;
using book::LobsterRow;
using book::LobsterTotals;
using book::ParseLobsterRow;
using book::ReadLobster;

std::string ErrorOf(std::string_view line) {
  const auto row = ParseLobsterRow(line);
  return row ? "" : row.error().text;
}

TEST(LobsterRow, HasTimeTypeIdSizePriceAndSide) {
  EXPECT_EQ(*ParseLobsterRow("34200.004241176,1,16113575,18,5853300,1"),
            (LobsterRow{34'200'004'241'176, LobsterRow::kNew, 16113575, 18, 5853300, true}));
  EXPECT_EQ(*ParseLobsterRow("0,4,9223372036854775807,1000000000000,1,-1"),
            (LobsterRow{0, LobsterRow::kExecution, (1ull << 63) - 1, 1'000'000'000'000, 1, false}));
}

TEST(LobsterRow, HasATimeOfUpToNineDecimals) {
  const auto time = [](const std::string& text) {
    return ParseLobsterRow(text + ",1,1,1,1,1")->time_ns;
  };
  EXPECT_EQ(time("1"), 1'000'000'000);
  EXPECT_EQ(time("1.5"), 1'500'000'000);
  EXPECT_EQ(time("1.000000001"), 1'000'000'001);
  EXPECT_EQ(time("86399.999999999"), 86'399'999'999'999);
  for (const std::string text : {"", ".", "1.", ".5", "-1", "86400", "1.0000000001", "1e3", " 1",
                                 "1 ", "+1", "1.+5", "1.-5", "4294967297"}) {
    EXPECT_NE(ErrorOf(text + ",1,1,1,1,1").find("time '" + text + "' is not"), std::string::npos)
        << text;
  }
}

TEST(LobsterRow, SaysWhichFieldIsWrong) {
  EXPECT_EQ(ErrorOf(""), "has 1 fields and not the 6 of a LOBSTER message file: ''");
  EXPECT_EQ(ErrorOf("1,1,1,1,1"),
            "has 5 fields and not the 6 of a LOBSTER message file: '1,1,1,1,1'");
  EXPECT_EQ(ErrorOf("1,1,1,1,1,1,"),
            "has 7 fields and not the 6 of a LOBSTER message file: '1,1,1,1,1,1,'");
  EXPECT_EQ(ErrorOf("1,0,1,1,1,1"), "type '0' is not a number from 1 to 7");
  EXPECT_EQ(ErrorOf("1,8,1,1,1,1"), "type '8' is not a number from 1 to 7");
  EXPECT_EQ(ErrorOf("1,x,1,1,1,1"), "type 'x' is not a number from 1 to 7");
  EXPECT_EQ(ErrorOf("1,1,-1,1,1,1"), "order id '-1' is not a number below 2^63");
  EXPECT_EQ(ErrorOf("1,1,9223372036854775808,1,1,1"),
            "order id '9223372036854775808' is not a number below 2^63");
  EXPECT_EQ(ErrorOf("1,1,1,0,1,1"), "size '0' is not a number from 1 to 1000000000000");
  EXPECT_EQ(ErrorOf("1,1,1,1000000000001,1,1"),
            "size '1000000000001' is not a number from 1 to 1000000000000");
  EXPECT_EQ(ErrorOf("1,1,1,1,0,1"), "price '0' is not a number from 1 to 1000000000000");
  EXPECT_EQ(ErrorOf("1,1,1,1,-5,1"), "price '-5' is not a number from 1 to 1000000000000");
  EXPECT_EQ(ErrorOf("1,1,1,1,1,0"), "side '0' is not 1 (buy) or -1 (sell)");
  EXPECT_EQ(ErrorOf("1,1,1,1,1,\x1b[31m"), "side '?[31m' is not 1 (buy) or -1 (sell)");
  EXPECT_EQ(ErrorOf("1,1,1," + std::string(50, '9') + ",1,1"),
            "size '" + std::string(40, '9') + "...' is not a number from 1 to 1000000000000");
}

TEST(LobsterRow, MayHoldAnythingBehindItsTypeIfItConcernsNoVisibleOrder) {
  EXPECT_EQ(ParseLobsterRow("1,5,0,0,0,1")->type, LobsterRow::kHiddenExecution);
  EXPECT_EQ(ParseLobsterRow("1,6,-1,5,-1,-1")->type, LobsterRow::kCross);
  EXPECT_EQ(ParseLobsterRow("1,7,0,0,-1,-1")->type, LobsterRow::kHalt);
}

TEST(LobsterDay, StandsInTheNameOfTheFile) {
  const auto day =
      LobsterDay::Of("/a_b/AAPL_2012-06-21_34200000_57600000_message_1.csv.gz", "", "");
  ASSERT_TRUE(day);
  EXPECT_EQ(day->symbol, "AAPL");
  EXPECT_EQ(day->midnight_ns, 1'340'236'800'000'000'000);
}

TEST(LobsterDay, MayBeGiven) {
  EXPECT_EQ(LobsterDay::Of("x.csv", "MSFT", "1970-01-01")->midnight_ns, 0);
  EXPECT_EQ(LobsterDay::Of("x.csv", "MSFT", "2000-03-01")->midnight_ns, 951'868'800'000'000'000);
  EXPECT_EQ(LobsterDay::Of("x.csv", "MSFT", "2024-02-29")->midnight_ns, 1'709'164'800'000'000'000);
  EXPECT_EQ(LobsterDay::Of("x.csv", "MSFT", "2199-12-31")->midnight_ns, 7'258'032'000'000'000'000);
  EXPECT_EQ(LobsterDay::Of("AAPL_2012-06-21_x.csv", "MSFT", "")->symbol, "MSFT");
  EXPECT_EQ(LobsterDay::Of("AAPL_2012-06-21_x.csv", "", "1970-01-02")->midnight_ns,
            86'400'000'000'000);
}

TEST(LobsterDay, SaysWhatIsMissing) {
  EXPECT_EQ(LobsterDay::Of("/d/x.csv", "", "").error().text,
            "the file name 'x.csv' does not begin with a ticker: give --symbol");
  EXPECT_EQ(LobsterDay::Of("/d/x.csv", "AAPL", "").error().text,
            "the file name 'x.csv' does not tell the day: give --date");
  EXPECT_EQ(LobsterDay::Of("AAPL_today.csv", "", "").error().text,
            "the file name 'AAPL_today.csv' does not tell the day: give --date");
  EXPECT_EQ(LobsterDay::Of("x", "TOO LONG", "2012-06-21").error().text,
            "the symbol 'TOO LONG' is not 1 to 8 printable characters");
  for (const std::string date : {"2023-02-29", "2012-13-01", "2012-00-01", "2012-06-31",
                                 "2012-06-00", "2012/06/21", "1969-12-31", "2012-6-21", "x"}) {
    EXPECT_EQ(
        LobsterDay::Of("x", "AAPL", date).error().text,
        "the date '" + date + "' is not a day from 1677-09-22 to 2262-04-10 written as YYYY-MM-DD");
  }
}

/// A folder for the files of one test.
class LobsterFile : public testing::Test {
 protected:
  LobsterFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lobster_XXXXXX").string();
    ENSURE(mkdtemp(pattern.data()) != nullptr, "no folder");
    folder_ = pattern;
  }
  ~LobsterFile() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text) {
    std::ofstream(path(), std::ios::binary) << text;
    return path();
  }
  std::string WriteCompressed(const std::string& text) {
    const gzFile file = gzopen(path().c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path();
  }
  [[nodiscard]] std::string Bytes() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void CutTo(std::size_t size) { std::filesystem::resize_file(path(), size); }
  void SetByte(std::size_t offset, char value) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(value);
  }
  [[nodiscard]] std::string path() const { return (folder_ / "file").string(); }

  /// Messages as text: time, fields. Or the error.
  Lines Read() {
    Lines lines;
    const auto sink = [&lines](const FlowMessage& message) -> Status {
      EXPECT_EQ(message.user.str(), "ME");
      lines.push_back(std::to_string(message.time_ns) + " " + Fields(message));
      return {};
    };
    const auto totals = ReadLobster(path(), day_, proto::User("ME"), sink);
    if (!totals) return {totals.error().text};
    totals_ = *totals;
    return lines;
  }
  std::string ErrorOfFile() {
    const auto totals =
        ReadLobster(path(), day_, proto::User("ME"), [](const FlowMessage&) { return Status(); });
    if (totals) return "";
    EXPECT_EQ(totals.error().code, ExitCode::kBadInput);
    return totals.error().text;
  }

  static std::string Fields(const FlowMessage& message) {
    const auto as = [&message](google::protobuf::Message&& payload) {
      EXPECT_TRUE(payload.ParseFromString(message.payload));
      return payload.GetDescriptor()->name() + " " + payload.ShortDebugString();
    };
    if (message.type == book::kNewOrderType) return as(book::pb::NewOrder());
    if (message.type == book::kCancelType) return as(book::pb::Cancel());
    return as(book::pb::Reduce());
  }

  std::filesystem::path folder_;
  LobsterDay day_{"AAA", 1'000'000'000'000'000};
  LobsterTotals totals_;
};

TEST_F(LobsterFile, BecomesOrdersCancelsAndReduces) {
  Write(
      "1.5,1,7,100,5000,1\n"
      "2,1,8,50,5010,-1\n"
      "3,2,7,30,5000,1\n"
      "4,3,7,70,5000,1\n"
      "5,4,8,20,5010,-1\n");
  EXPECT_EQ(
      Read(),
      (Lines{"1000001500000000 NewOrder order_id: 7 symbol: \"AAA\" side: BUY kind: LIMIT "
             "price: 5000 size: 100",
             "1000002000000000 NewOrder order_id: 8 symbol: \"AAA\" side: SELL kind: LIMIT "
             "price: 5010 size: 50",
             "1000003000000000 Reduce order_id: 7 size: 30", "1000004000000000 Cancel order_id: 7",
             "1000005000000000 NewOrder order_id: 9223372036854775812 symbol: \"AAA\" side: "
             "BUY kind: IOC price: 5010 size: 20"}));
  EXPECT_EQ(totals_, (LobsterTotals{5, {0, 2, 1, 1, 1, 0, 0, 0}, 0, 5}));
}

TEST_F(LobsterFile, EntersAnOrderItNeverOpenedJustBeforeItsFirstUse) {
  Write(
      "1,4,7,10,5000,1\n"
      "2,2,7,20,5000,1\n"
      "3,5,0,1000,5000,1\n"
      "4,3,7,30,5000,1\n"
      "5,1,7,5,4990,1\n"
      "6,3,7,5,4990,1\n");
  EXPECT_EQ(
      Read(),
      (Lines{"1000001000000000 NewOrder order_id: 7 symbol: \"AAA\" side: BUY kind: LIMIT "
             "price: 5000 size: 65",  // 10 + 20 + 30 + 5: all rows that name the id
             "1000001000000000 NewOrder order_id: 9223372036854775808 symbol: \"AAA\" side: "
             "SELL kind: IOC price: 5000 size: 10",
             "1000002000000000 Reduce order_id: 7 size: 20", "1000004000000000 Cancel order_id: 7",
             "1000005000000000 NewOrder order_id: 7 symbol: \"AAA\" side: BUY kind: LIMIT "
             "price: 4990 size: 5",
             "1000006000000000 Cancel order_id: 7"}));
  EXPECT_EQ(totals_, (LobsterTotals{6, {0, 1, 1, 2, 1, 1, 0, 0}, 1, 6}));
  EXPECT_EQ(totals_.skipped(), 1u);
}

TEST_F(LobsterFile, LeavesOutHiddenExecutionsCrossesAndHalts) {
  Write("1,5,0,10,5000,1\n2,6,-1,10,5000,-1\n3,7,0,0,-1,-1\n");
  EXPECT_EQ(Read(), Lines{});
  EXPECT_EQ(totals_, (LobsterTotals{3, {0, 0, 0, 0, 0, 1, 1, 1}, 0, 0}));
  EXPECT_EQ(totals_.skipped(), 3u);
}

TEST_F(LobsterFile, MayBeCompressedOrEndWithoutANewlineOrHaveCarriageReturns) {
  Write("1,1,7,100,5000,1\n2,3,7,100,5000,1\n");
  const Lines lines = Read();
  EXPECT_EQ(lines.size(), 2u);
  Write("1,1,7,100,5000,1\n2,3,7,100,5000,1");
  EXPECT_EQ(Read(), lines);
  Write("1,1,7,100,5000,1\r\n2,3,7,100,5000,1\r\n");
  EXPECT_EQ(Read(), lines);
  WriteCompressed("1,1,7,100,5000,1\n2,3,7,100,5000,1\n");
  EXPECT_EQ(Read(), lines);
}

TEST_F(LobsterFile, MayBeLongerThanTheReadersBuffer) {
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += std::to_string(i) + ",1," + std::to_string(i) + ",1,1,1\n";
  Write(text);
  const Lines lines = Read();
  EXPECT_EQ(lines.size(), 60'000u);
  EXPECT_NE(lines.back().find("order_id: 59999 "), std::string::npos);
  WriteCompressed(text);
  EXPECT_EQ(Read(), lines);
}

TEST_F(LobsterFile, ThatIsWrongIsToldWithItsLine) {
  const std::string good = "1,1,7,100,5000,1\n";
  Write(good + good + "oops\n");
  EXPECT_EQ(ErrorOfFile(),
            path() + " line 3: has 1 fields and not the 6 of a LOBSTER message file: 'oops'");
  Write(good + "\n" + good);
  EXPECT_EQ(ErrorOfFile(),
            path() + " line 2: has 1 fields and not the 6 of a LOBSTER message file: ''");
  Write(good + "0.5,1,7,100,5000,1\n");
  EXPECT_EQ(ErrorOfFile(), path() + " line 2: its time is before that of the row above");
  Write("1,3,7,1000000000000,5000,1\n1,3,7,1,5000,1\n");
  EXPECT_EQ(ErrorOfFile(),
            path() + " line 2: the sizes of order 7 add up to more than 1000000000000");
  Write(good + std::string(5000, '1'));
  EXPECT_EQ(ErrorOfFile(),
            path() + " line 2: longer than 4096 characters, this is not a text table");
  Write("");
  EXPECT_EQ(ErrorOfFile(), path() + " has no rows");
}

TEST_F(LobsterFile, ThatCannotBeReadIsToldWithItsReason) {
  EXPECT_EQ(ErrorOfFile(), "cannot read " + path() + ": No such file or directory");
  std::filesystem::create_directory(path());
  EXPECT_EQ(ErrorOfFile(), "cannot read " + path() + ": it is not a regular file");
}

TEST_F(LobsterFile, ThatIsCompressedAndCutOrGarbledIsRefused) {
  std::string text;
  for (int i = 0; i < 2'000; ++i)
    text += std::to_string(i) + ",1," + std::to_string(i) + ",1,1,1\n";
  WriteCompressed(text);
  const std::size_t size = std::filesystem::file_size(path());
  for (const std::size_t cut : {std::size_t{12}, size / 2, size - 9, size - 8, size - 1}) {
    WriteCompressed(text);
    CutTo(cut);
    EXPECT_NE(ErrorOfFile().find("the compressed data ends early, the file is truncated"),
              std::string::npos)
        << cut << ": " << ErrorOfFile();
  }
  WriteCompressed(text);
  SetByte(size - 8, 'x');  // the checksum
  EXPECT_NE(ErrorOfFile().find("the compressed data is garbled"), std::string::npos);
}

TEST_F(LobsterFile, ThatIsCompressedHoldsPartsAndPaddingAndNothingElse) {
  using namespace std::string_literals;
  WriteCompressed("1,1,7,100,5000,1\n2,1,8,100,");
  const std::string one = Bytes();
  WriteCompressed("5000,1\n3,3,8,100,5000,1\n");
  const std::string two = Bytes();
  Write(one + two);
  const Lines lines = Read();
  EXPECT_EQ(lines.size(), 3u);
  // Padding longer than any buffer, too.
  Write(one + two + std::string(600'000, '\0'));
  EXPECT_EQ(Read(), lines);
  const std::string begin =
      "cannot read " + path() + " after line 1: at byte " + std::to_string(one.size());
  const std::string end =
      ": data may be missing; restore the file, or cut it there if what follows does not belong "
      "to it";
  for (std::size_t byte = 0; byte < 2; ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = two;
      changed[byte] = static_cast<char>(changed[byte] ^ 1 << bit);
      Write(one + changed);
      EXPECT_EQ(ErrorOfFile(),
                begin +
                    " of the compressed file a part of it ends, and what follows begins no other "
                    "one" +
                    end);
    }
  }
  std::string method = two;
  method[2] ^= 1;
  Write(one + method);
  EXPECT_EQ(ErrorOfFile(), "cannot read " + path() +
                               " after line 1: the compressed data is garbled (unknown compression "
                               "method)");
  const std::string whole = one + two;
  Write(whole + "trail");
  EXPECT_EQ(ErrorOfFile(), "cannot read " + path() + " after line 3: at byte " +
                               std::to_string(whole.size()) +
                               " of the compressed file a part of it ends, and what follows begins "
                               "no other one" +
                               end);
  Write(whole + "\0\0"s + two);
  EXPECT_EQ(ErrorOfFile(), "cannot read " + path() + " after line 3: at byte " +
                               std::to_string(whole.size() + 2) +
                               " of the compressed file something stands behind the zeros that "
                               "fill it up" +
                               end);
}

TEST_F(LobsterFile, StopsWhenItsMessagesCannotBeTaken) {
  Write("1,1,7,100,5000,1\n2,3,7,100,5000,1\n");
  int taken = 0;
  const auto totals = ReadLobster(path(), day_, proto::User("ME"), [&](const FlowMessage&) {
    return ++taken == 2 ? Status(Error::Failure("the disk is full")) : Status();
  });
  ASSERT_FALSE(totals);
  EXPECT_EQ(totals.error().code, ExitCode::kFailure);
  EXPECT_EQ(totals.error().text, "the disk is full");
  EXPECT_EQ(taken, 2);
}

// The expected figures were found by an independent program.
TEST_F(LobsterFile, OfARealDayTradesAsKnown) {
  const std::string path = RealDayFile();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "there is no " << path;
  const auto day = LobsterDay::Of(path, "", "");
  ASSERT_TRUE(day) << day.error().text;
  BookDriver driver;
  SimpleBook simple;
  std::string trade_lines;
  std::uint64_t trades = 0;
  std::uint64_t shares = 0;
  std::uint64_t notional = 0;
  std::uint64_t remainders = 0;
  std::uint64_t remainder_shares = 0;
  std::map<std::uint32_t, int> rejects;
  const auto totals =
      ReadLobster(path, *day, proto::User("IMPORT"), [&](const FlowMessage& message) -> Status {
        const auto outputs = driver.Take(message);
        EXPECT_EQ(outputs, simple.Take({message.type, message.user.str(), message.payload}));
        for (const BookMessage& output : outputs) {
          book::pb::Trade trade;
          book::pb::Cancelled cancelled;
          book::pb::Rejected rejected;
          if (output.type == 210 && trade.ParseFromString(output.payload)) {
            ++trades;
            shares += trade.size();
            notional += static_cast<std::uint64_t>(trade.price()) * trade.size();
            trade_lines += std::to_string(trade.maker_id()) + "," +
                           std::to_string(trade.taker_id()) + "," + std::to_string(trade.price()) +
                           "," + std::to_string(trade.size()) + "\n";
          } else if (output.type == 202 && cancelled.ParseFromString(output.payload) &&
                     cancelled.reason() == book::pb::Cancelled::IOC_REMAINDER) {
            ++remainders;
            remainder_shares += cancelled.size();
          } else if (output.type == 204 && rejected.ParseFromString(output.payload)) {
            EXPECT_EQ(rejected.reason(), book::pb::Rejected::UNKNOWN_ORDER);
            ++rejects[rejected.input_type()];
          }
        }
        return {};
      });
  ASSERT_TRUE(totals) << totals.error().text;
  EXPECT_EQ(totals->rows, 118'497u);
  EXPECT_EQ(totals->messages, 119'745u);
  EXPECT_EQ(totals->opened, 12'580u);
  EXPECT_EQ(totals->skipped(), 11'332u);
  EXPECT_EQ(trades, 56'547u);
  EXPECT_EQ(shares, 2'603'524u);
  EXPECT_EQ(notional, 15'171'981'151'000u);
  EXPECT_EQ(remainders, 4'009u);
  EXPECT_EQ(remainder_shares, 310'891u);
  EXPECT_EQ(rejects, (std::map<std::uint32_t, int>{{101, 5'110}, {102, 16}}));
  EXPECT_EQ(Shell("sha256sum < " + Write(trade_lines)).printed,
            "30baa2bd5f81437f19c9fb85b5e6954b83a17c994c20c339faf094cfc607a9e4  -\n");

  const book::State& state = book::StateOf(driver.book());
  ASSERT_EQ(state.symbol.N(), 1u);
  const book::Symbol& symbol = *state.symbol.Rows().First();
  EXPECT_EQ(NameOf(symbol), "AAPL");
  EXPECT_EQ(state.order.N(), 3'325u);
  EXPECT_EQ(symbol.side.qFind(book::kBids).size(), 11u);
  EXPECT_EQ(symbol.side.qFind(book::kAsks).size(), 671u);
  EXPECT_EQ(PriceOf(*BestOf(symbol, book::kBids)), 5'775'500);
  EXPECT_EQ(BestOf(symbol, book::kBids)->size, 773u);
  EXPECT_EQ(PriceOf(*BestOf(symbol, book::kAsks)), 5'776'400);
  EXPECT_EQ(BestOf(symbol, book::kAsks)->size, 131u);
}

}  // namespace
}  // namespace tandem::tests
