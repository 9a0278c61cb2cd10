// SPDX-License-Identifier: Apache-2.0
//
// Writing and reading logs when nothing is wrong.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "pools/ensure.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::LogWriter;
using replay::ReadOptions;
using replay::ReadOutcome;

TEST(Log, HasNoMessageWhenItIsNew) {
  TestLog log;
  log.Reopen();
  EXPECT_TRUE(log.writer->recovery().created);
  EXPECT_EQ(log.writer->position(), proto::StreamPosition{});
  EXPECT_EQ(log.Read(), Messages(1, 0, "end"));
  EXPECT_EQ(log.Read(1), Messages(1, 0, "end"));
  log.Close();
  EXPECT_EQ(log.Read(), Messages(1, 0, "end"));
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(Log, GivesBackOneMessage) {
  TestLog log;
  log.Write(1);
  EXPECT_EQ(log.Read(), Messages(1, 1, "end"));
  log.Close();
  EXPECT_EQ(log.Read(), Messages(1, 1, "end"));
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(Log, GivesBackManySegmentsOfMessages) {
  TestLog log;
  log.Write(100);
  log.Close();
  EXPECT_EQ(log.Read(), Messages(1, 100, "end"));
  EXPECT_EQ(log.Verify(), "whole");
  EXPECT_TRUE(log.storage.Exists(log.Path(30)));
}

TEST(Log, GoesOnAfterBeingClosedAndAfterACrashOfTheProcess) {
  TestLog log;
  for (std::uint64_t round = 0; round < 12; ++round) {
    log.Write(round % 4);
    if (!log.writer) log.Reopen();
    EXPECT_TRUE(log.writer->recovery().text.empty()) << log.writer->recovery().text;
    round % 2 == 0 ? log.Close() : log.Crash();
  }
  EXPECT_EQ(log.Read(), Messages(1, 18, "end"));
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(Log, TakesMessagesThatEndOrCrossTheEdgeOfASegmentByEveryDistance) {
  for (std::uint64_t segment_bytes = 256; segment_bytes < 900; ++segment_bytes) {
    TestLog log(segment_bytes);
    log.Write(12);
    ASSERT_EQ(log.Read(), Messages(1, 12, "end")) << segment_bytes;
    log.Close();
    ASSERT_EQ(log.Read(), Messages(1, 12, "end")) << segment_bytes;
    ASSERT_EQ(log.Verify(), "whole") << segment_bytes;
  }
}

TEST(Log, MakesASegmentLargerForAMessageThatDoesNotFit) {
  TestLog log(256);
  log.options.schema.assign(5000, 's');
  log.Write(3);
  log.Close();
  EXPECT_EQ(log.Read(), Messages(1, 3, "end"));
}

TEST(LogWriter, ShowsNothingBeforeItIsFlushed) {
  TestLog log;
  log.Reopen();
  log.writer->Append(MessageOf(1));
  log.writer->Append(MessageOf(2));
  EXPECT_EQ(log.Read(), Messages(1, 0, "end"));
  EXPECT_EQ(log.writer->position().number, 2u);
  EXPECT_EQ(log.writer->flushed_position().number, 0u);
  ASSERT_TRUE(log.writer->Flush());
  EXPECT_EQ(log.writer->flushed_position().number, 2u);
  EXPECT_EQ(log.writer->synced_position().number, 0u);
  EXPECT_EQ(log.Read(), Messages(1, 2, "end"));
  ASSERT_TRUE(log.writer->Sync());
  EXPECT_EQ(log.writer->synced_position(), log.writer->position());
}

TEST(LogWriter, DoesNoWorkOnTheDiskWhenThereIsNothingNew) {
  TestLog log;
  log.Write(3);
  log.Sync();
  const std::uint64_t before = log.storage.operations();
  ASSERT_TRUE(log.writer->Flush());
  ASSERT_TRUE(log.writer->Sync());
  EXPECT_EQ(log.storage.operations(), before);
}

TEST(LogWriter, FlushesManyMessagesInOneWrite) {
  TestLog log(1 << 20);
  log.Reopen();
  const std::uint64_t before = log.storage.operations();
  for (std::uint64_t i = 1; i <= 1000; ++i) log.writer->Append(MessageOf(i));
  EXPECT_EQ(log.storage.operations(), before);
  ASSERT_TRUE(log.writer->Flush());
  EXPECT_EQ(log.storage.operations(), before + 1);
}

TEST(LogWriter, KnowsWhereALogStandsWhenItOpensIt) {
  TestLog log;
  log.Write(20);
  log.Crash();
  log.Reopen();
  const auto last = MessageOf(20);
  const proto::Header header = proto::ParseMessage(last)->header;
  EXPECT_EQ(log.writer->position(), (proto::StreamPosition{.number = 20, .digest = header.digest}));
  EXPECT_EQ(log.writer->flushed_position(), log.writer->position());
  EXPECT_EQ(log.writer->time_ns(), header.time_ns);
  EXPECT_EQ(log.writer->epoch(), header.epoch);
  EXPECT_EQ(log.writer->session(), log.options.session);
  EXPECT_EQ(log.writer->first_number(), 1u);
}

TEST(LogWriter, TakesTheSessionOfTheLogWhenNoneIsGiven) {
  TestLog log;
  log.Write(1);
  log.Close();
  log.options.session = {};
  log.Write(1);
  EXPECT_EQ(log.Read(), Messages(1, 2, "end"));

  TestLog none;
  none.options.session = {};
  const Status status = none.TryReopen();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ExitCode::kBadInput);
  EXPECT_EQ(status.error().text, "there is no log at log and no session to begin one with");
}

TEST(LogWriter, RefusesALogOfAnotherSessionOrRole) {
  TestLog log;
  log.Write(1);
  log.Close();
  log.options.session = proto::Session("OTHER");
  Status status = log.TryReopen();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "the log log is of session TEST, not OTHER; take another folder");
  log.options.session = proto::Session("TEST");
  log.options.role = replay::kMergedRole;
  status = log.TryReopen();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "the log log has the role input, not merged; take another folder");
  EXPECT_EQ(log.Read(), Messages(1, 1, "end"));
}

TEST(LogWriter, ExcludesASecondWriter) {
  TestLog log;
  log.Write(1);
  const auto second = LogWriter::Open(log.storage, log.folder, log.options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ExitCode::kBadInput);
  EXPECT_EQ(second.error().text,
            "the log log is being written already; stop its writer or take another folder");
  log.Write(1);
  EXPECT_EQ(log.Read(), Messages(1, 2, "end"));
}

TEST(LogWriter, BeginsALogInTheMiddleOfAStream) {
  TestLog log;
  const auto fifth = MessageOf(5);
  log.options.start = {.number = 5, .digest = proto::ParseMessage(fifth)->header.digest};
  log.Write(20);
  log.Crash();
  log.options.start = {};
  log.Write(10);
  EXPECT_EQ(log.Read(), Messages(6, 35, "end"));
  EXPECT_EQ(log.Read(6), Messages(6, 35, "end"));
  EXPECT_EQ(log.Read(5), std::vector<std::string>{
                             "refused: the log log begins at message 6; message 5 is not in it"});
  EXPECT_EQ(log.writer->first_number(), 6u);
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(LogWriterDeathTest, EndsTheProcessWhenAMessageDoesNotFollow) {
  TestLog log;
  log.Write(2);
  EXPECT_DEATH(log.writer->Append(MessageOf(4)), "message 4 after 2");
  EXPECT_DEATH(log.writer->Append(MessageOf(3, /*variant=*/1)), "does not follow from the one");
  auto other = MessageOf(3);
  other[8] = std::byte{'X'};
  EXPECT_DEATH(log.writer->Append(other), "a message of session XEST");
  EXPECT_DEATH(log.writer->Append(std::span(other).first(80)), "its header says");
  EXPECT_DEATH(log.writer->Append(std::span(other).first(10)), "a message of 10 bytes");
}

TEST(LogReader, OpensAtEveryNumber) {
  TestLog log;
  log.Write(60);
  for (const bool closed : {false, true}) {
    if (closed) log.Close();
    for (std::uint64_t from = 1; from <= 61; ++from) {
      ASSERT_EQ(log.Read(from), Messages(from, 60, "end")) << from;
    }
    EXPECT_EQ(log.Read(62),
              std::vector<std::string>{
                  "refused: the log log ends at message 60; message 62 is not in it"});
    EXPECT_EQ(log.Read(ReadOptions::kEnd), Messages(1, 0, "end"));
    const auto last = LogReader::LastPosition(log.storage, log.folder);
    ASSERT_TRUE(last);
    EXPECT_EQ(last->number, 60u);
  }
}

TEST(LogReader, FollowsAWriterThroughSegmentsCrashesAndClosing) {
  TestLog log;
  log.Reopen();
  auto reader = LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader);
  std::uint64_t read = 0;
  for (std::uint64_t round = 1; round <= 40; ++round) {
    log.Write(round % 5);
    if (round % 7 == 0) log.Crash();
    if (round % 11 == 0 && log.writer) log.Close();
    const std::uint64_t written = read + round % 5;
    ASSERT_EQ(ReadAll(*reader), Messages(read + 1, written, "end")) << "round " << round;
    EXPECT_EQ(reader->Next(), ReadOutcome::kEnd);
    read = written;
  }
  EXPECT_EQ(read, 80u);
}

TEST(LogReader, FollowsARealWriterThatNeverWaitsForIt) {
  constexpr std::uint64_t kCount = 20'000;
  const std::string folder = ::testing::TempDir() + "/followed_log_" + std::to_string(::getpid());
  static_cast<void>(MessageOf(kCount));
  replay::PosixStorage storage;
  Result<LogWriter> writer = LogWriter::Open(
      storage, folder, {.session = proto::Session("TEST"), .schema = "", .segment_bytes = 16384});
  ASSERT_TRUE(writer) << writer.error().text;
  std::thread writing([&writer] {
    for (std::uint64_t number = 1; number <= kCount; ++number) {
      writer->Append(MessageOf(number));
      // Many small writes, some large ones.
      if (number % 7 == 0 && number / 1000 % 2 == 0) ENSURE(writer->Flush().ok(), "cannot write");
    }
    ENSURE(writer->Close().ok(), "cannot close");
  });
  replay::PosixStorage other;
  Result<LogReader> reader = LogReader::Open(other, folder, {});
  std::uint64_t next = 1;
  std::uint64_t waits = 0;
  bool right = reader.ok();
  while (right && next <= kCount) {
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        right = std::ranges::equal(reader->message().bytes, MessageOf(next++));
        break;
      case ReadOutcome::kEnd:
        ++waits;
        std::this_thread::yield();
        break;
      case ReadOutcome::kDamaged:
        right = false;
    }
  }
  writing.join();
  EXPECT_TRUE(right) << next << ": " << (reader ? reader->error().text : reader.error().text);
  EXPECT_EQ(next, kCount + 1);
  EXPECT_GT(waits, 0u) << "the reader never caught up, so nothing was read while it was written";
  std::filesystem::remove_all(folder);
}

TEST(LogReader, StopsAtTheNumberThatItIsGiven) {
  TestLog log;
  log.Write(5);
  auto reader = LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->Next(0), ReadOutcome::kEnd);
  EXPECT_EQ(reader->Next(1), ReadOutcome::kMessage);
  EXPECT_EQ(reader->Next(1), ReadOutcome::kEnd);
  EXPECT_EQ(reader->position().number, 1u);
  EXPECT_EQ(ReadAll(*reader), Messages(2, 5, "end"));
}

TEST(LogReader, KnowsSessionRoleAndSchema) {
  TestLog log;
  log.Write(1);
  auto reader = LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->session(), proto::Session("TEST"));
  EXPECT_EQ(reader->role(), replay::kInputRole);
  EXPECT_EQ(reader->first_number(), 1u);
  EXPECT_EQ(reader->Next(), ReadOutcome::kMessage);
  EXPECT_EQ(reader->schema(), "a schema");
}

TEST(LogReader, KnowsTheSchemaOfEachMessageWhenItChanges) {
  TestLog log;
  log.Write(7);
  for (const char* schema : {"a schema with more", "a third one"}) {
    log.Crash();
    log.options.schema = schema;
    log.Write(7);
  }
  log.Crash();
  log.options.schema = "";  // keeps what is there
  log.Write(7);
  const auto expected = [](std::uint64_t number) {
    return number <= 7 ? "a schema" : number <= 14 ? "a schema with more" : "a third one";
  };
  for (std::uint64_t from = 1; from <= 28; ++from) {
    auto reader = LogReader::Open(log.storage, log.folder, {.from_number = from});
    ASSERT_TRUE(reader);
    std::uint32_t generation = 0;
    std::string schema;
    for (std::uint64_t number = from; reader->Next() == ReadOutcome::kMessage; ++number) {
      ASSERT_EQ(reader->schema(), expected(number)) << number << " from " << from;
      ASSERT_EQ(reader->schema() != schema, reader->schema_generation() != generation);
      schema = reader->schema();
      generation = reader->schema_generation();
    }
    EXPECT_EQ(reader->position().number, 28u);
  }
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(LogReader, ChecksTheDigestChainOnlyWhenAsked) {
  TestLog log;
  log.Write(4);
  // Another payload under a fresh CRC, and the digest as it was.
  const std::uint64_t offset = log.OffsetOf(1, 2);
  log.FlipByte(1, offset + 80);
  log.FixChecksum(1, offset);
  auto trusting = LogReader::Open(log.storage, log.folder, {.check_digest = false});
  ASSERT_TRUE(trusting);
  EXPECT_EQ(ReadAll(*trusting).size(), 5u);
  auto lines = log.Read();
  EXPECT_EQ(lines.back(),
            "damaged: the log log is damaged in segment 1 at offset " + std::to_string(offset) +
                ", where message 2 should be: its running digest does not follow from the messages "
                "before it; restore 00000001.segment, or take the stream from another copy");
  lines.pop_back();
  EXPECT_EQ(lines, Messages(1, 1));
}

}  // namespace
}  // namespace tandem::test
