// SPDX-License-Identifier: Apache-2.0
#include "replay/log_trim.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "replay/log_segment.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::LogTrim;
using replay::TrimLog;

constexpr std::uint64_t kMessages = 60;

class Trim : public ::testing::Test {
 protected:
  Trim() {
    log_.Write(kMessages);
    log_.Close();
  }

  Result<LogTrim> Try(std::uint64_t before, bool look_only = false) {
    return TrimLog(log_.storage, log_.folder, before, look_only);
  }
  LogTrim Must(std::uint64_t before, bool look_only = false) {
    const auto trim = Try(before, look_only);
    EXPECT_TRUE(trim) << trim.error().text;
    return trim ? *trim : LogTrim{};
  }
  /// First number of each segment.
  std::vector<std::uint64_t> FirstNumbers() {
    std::vector<std::uint64_t> numbers;
    const auto list = replay::ListSegments(log_.storage, log_.folder);
    EXPECT_TRUE(list);
    for (const std::uint64_t id : list->ids) {
      numbers.push_back(replay::ReadSegmentHeader(log_.storage, log_.folder, id)->first_number);
    }
    return numbers;
  }

  TestLog log_;
};

TEST_F(Trim, TakesTheSegmentsThatLieBeforeTheNumberAsAWhole) {
  const std::vector<std::uint64_t> firsts = FirstNumbers();
  ASSERT_GT(firsts.size(), 10u);
  for (std::uint64_t before = 1; before <= kMessages + 5; ++before) {
    log_ = TestLog();
    log_.Write(kMessages);
    log_.Close();
    const LogTrim trim = Must(before);
    std::size_t taken = 0;
    while (taken + 1 < firsts.size() && firsts[taken + 1] <= before) ++taken;
    ASSERT_EQ(trim.segments, taken) << before;
    ASSERT_EQ(trim.first_number, firsts[taken]);
    if (taken > 0) {
      ASSERT_EQ(trim.first_taken, 1u);
      ASSERT_EQ(trim.last_taken, firsts[taken] - 1);
      ASSERT_GT(trim.bytes, 0u);
    }
    ASSERT_EQ(FirstNumbers(),
              std::vector<std::uint64_t>(firsts.begin() + static_cast<std::ptrdiff_t>(taken),
                                         firsts.end()));
    ASSERT_EQ(log_.Read(), Messages(firsts[taken], kMessages, "end"));
    ASSERT_EQ(log_.Verify(), "whole");
  }
}

TEST_F(Trim, KeepsTheDigestBeforeTheFirstMessage) {
  const LogTrim trim = Must(30);
  const std::vector<std::byte> before = MessageOf(trim.first_number - 1);
  EXPECT_EQ(trim.digest_before, proto::ParseMessage(before)->header.digest);
  auto reader = LogReader::Open(log_.storage, log_.folder, {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->position().digest, trim.digest_before);
}

TEST_F(Trim, TakesNothingTwice) {
  EXPECT_GT(Must(30).segments, 0u);
  const LogTrim again = Must(30);
  EXPECT_EQ(again.segments, 0u);
  EXPECT_EQ(again.bytes, 0u);
  EXPECT_GT(Must(45).segments, 0u);
}

TEST_F(Trim, OnlyLooksIfThatIsAllThatIsWanted) {
  const LogTrim looked = Must(30, /*look_only=*/true);
  EXPECT_GT(looked.segments, 0u);
  EXPECT_EQ(log_.Read(), Messages(1, kMessages, "end"));
  const LogTrim done = Must(30);
  EXPECT_EQ(done.segments, looked.segments);
  EXPECT_EQ(done.bytes, looked.bytes);
  EXPECT_EQ(done.first_number, looked.first_number);
  EXPECT_EQ(done.digest_before, looked.digest_before);
}

TEST_F(Trim, TheLogGoesOnAfterwards) {
  const LogTrim trim = Must(30);
  log_.Write(5);
  EXPECT_EQ(log_.Read(), Messages(trim.first_number, kMessages + 5, "end"));
  log_.Crash();
  log_.Write(5);
  EXPECT_EQ(log_.Read(), Messages(trim.first_number, kMessages + 10, "end"));
  EXPECT_EQ(log_.writer->first_number(), trim.first_number);
}

TEST_F(Trim, AWriterGoesOnBesideIt) {
  log_.Write(5);
  log_.Sync();
  const LogTrim trim = Must(30);
  EXPECT_GT(trim.segments, 0u);
  log_.Write(20);
  EXPECT_EQ(log_.Read(), Messages(trim.first_number, kMessages + 25, "end"));
}

TEST(TrimAtTheMark, IsRefusedIfItWouldTakeTheMark) {
  TestLog log;
  log.Write(20);
  log.Sync();
  log.Write(15);
  const auto trim = TrimLog(log.storage, log.folder, 34);
  ASSERT_FALSE(trim);
  EXPECT_TRUE(trim.error().text.starts_with("the mark of the log log stands in 0000000"))
      << trim.error().text;
  EXPECT_NE(trim.error().text.find(" at message 20, and to begin at message "), std::string::npos)
      << trim.error().text;
  EXPECT_EQ(log.Read(), Messages(1, 35, "end"));
  EXPECT_TRUE(TrimLog(log.storage, log.folder, 10));
}

TEST(TrimAtTheMark, IsRefusedIfNothingWasEverSynced) {
  TestLog log;
  log.Write(40);
  log.Crash();
  ASSERT_TRUE(log.storage.Remove("log/mark"));
  const auto trim = TrimLog(log.storage, log.folder, 30);
  ASSERT_FALSE(trim);
  EXPECT_TRUE(trim.error().text.starts_with("the log log has no mark that says"))
      << trim.error().text;
}

TEST_F(Trim, IsRefusedWhileAReaderStandsInWhatWouldGo) {
  auto reader = LogReader::Open(log_.storage, log_.folder, {});
  ASSERT_TRUE(reader);
  const auto trim = Try(30);
  ASSERT_FALSE(trim);
  EXPECT_EQ(trim.error().text,
            "somebody reads the log log in 00000001.segment, which would have to go; try again "
            "when that reader is further on, or keep more of the log");
  EXPECT_EQ(log_.Read(), Messages(1, kMessages, "end"));
  // The reader goes on to behind what is taken, and then to the end.
  std::vector<std::string> lines;
  while (reader->position().number < 35) {
    ASSERT_EQ(reader->Next(), replay::ReadOutcome::kMessage);
    lines.push_back(LineOf(reader->message()));
  }
  EXPECT_GT(Must(30).segments, 0u);
  for (std::string& line : ReadAll(*reader)) lines.push_back(std::move(line));
  EXPECT_EQ(lines, Messages(1, kMessages, "end"));
}

TEST_F(Trim, LeavesAWholeLogWhereverItFails) {
  const std::vector<std::uint64_t> firsts = FirstNumbers();
  for (std::uint64_t nth = 1;; ++nth) {
    TestLog log;
    log.Write(kMessages);
    log.Close();
    log.storage.FailOnce(nth, MemoryStorage::Fault::kError);
    const auto trim = TrimLog(log.storage, log.folder, 50);
    log.storage.StopFailing();
    const auto list = replay::ListSegments(log.storage, log.folder);
    ASSERT_TRUE(list);
    ASSERT_TRUE(list->after_gap.empty());
    const std::uint64_t first = firsts[list->ids.front() - 1];
    ASSERT_EQ(log.Read(), Messages(first, kMessages, "end"));
    ASSERT_EQ(log.Verify(), "whole");
    log.CrashHost();
    ASSERT_EQ(log.Verify(), "whole");
    if (trim) {
      EXPECT_GT(nth, 5u);
      break;
    }
  }
}

TEST(TrimOnDisk, IsRefusedUntilTheLastReaderIsFurtherOn) {
  // The same guard with the files of this host.
  const std::string folder = ::testing::TempDir() + "log_trim_" + std::to_string(::getpid());
  replay::PosixStorage storage;
  auto writer = replay::LogWriter::Open(storage, folder,
                                        {.session = proto::Session("TEST"),
                                         .role = replay::kMergedRole,
                                         .schema = "",
                                         .segment_bytes = 512});
  ASSERT_TRUE(writer) << writer.error().text;
  for (std::uint64_t number = 1; number <= kMessages; ++number) writer->Append(MessageOf(number));
  ASSERT_TRUE(writer->Close());
  {
    auto first = LogReader::Open(storage, folder, {});
    auto second = LogReader::Open(storage, folder, {});
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(TrimLog(storage, folder, 30));
    first = LogReader::Open(storage, folder, {.from_number = 50});
    EXPECT_FALSE(TrimLog(storage, folder, 30));
    second = LogReader::Open(storage, folder, {.from_number = 50});
    const auto trim = TrimLog(storage, folder, 30);
    EXPECT_TRUE(trim) << trim.error().text;
    EXPECT_EQ(ReadAll(*first), Messages(50, kMessages, "end"));
  }
  const auto names = storage.List(folder);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    ASSERT_TRUE(storage.Remove(folder + "/" + name));
  }
}

}  // namespace
}  // namespace tandem::test
