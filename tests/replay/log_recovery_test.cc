// SPDX-License-Identifier: Apache-2.0
//
// What a writer checks and makes sure of when it opens a log: one test for each rule of "Recovery"
// in docs/log-format.md that the tests of damage and of crashes do not pin down alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "replay/log_mark.h"
#include "replay/log_segment.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::MarkSlot;
using replay::SegmentHeader;

void KeepAll(TestLog& log) {
  for (const std::string& path : log.storage.Paths()) log.storage.Keep(path);
}

/// Why the log is not opened.
std::string Refusal(TestLog& log) {
  const Status opened = log.TryReopen();
  return opened ? "it was opened" : opened.error().text;
}

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

TEST(LogRecovery, FindsADigestThatDoesNotFollow) {
  TestLog log(4096);
  log.Write(3);
  log.Crash();
  const std::uint64_t last = log.OffsetOf(1, 3);
  log.FlipByte(1, last + sizeof(replay::RecordHeader) + sizeof(proto::Header));
  log.FixChecksum(1, last);
  EXPECT_NE(Refusal(log).find("where message 3 should be: its running digest does not follow from "
                              "the messages before it"),
            std::string::npos)
      << Refusal(log);
}

TEST(LogRecovery, FindsAMarkThatTellsOfAnotherStream) {
  TestLog log(4096);
  log.Write(3);
  log.Sync();
  log.Crash();
  const auto state = replay::ReadMarkFile(log.storage, log.folder);
  ASSERT_TRUE(state);
  ASSERT_EQ(state->mark.number, 3u);
  for (const bool digest : {true, false}) {
    MarkSlot slot = state->mark;
    ++(digest ? slot.digest : slot.number);
    slot.crc = CrcOf(slot);
    std::memcpy(log.storage.Bytes("log/mark").data() +
                    static_cast<std::size_t>(1 - state->next_slot) * replay::kMarkSlotStride,
                &slot, sizeof slot);
    EXPECT_NE(Refusal(log).find("the mark says that message " + std::to_string(slot.number) +
                                " with another digest is the last one here"),
              std::string::npos)
        << Refusal(log);
  }
}

TEST(LogRecovery, FindsASegmentThatDoesNotFollow) {
  TestLog log;
  log.Write(5);
  log.Crash();
  ASSERT_TRUE(log.storage.Exists(log.Path(2)));
  log.FlipByte(2, offsetof(SegmentHeader, digest_before));
  log.FixHeaderChecksum(2);
  EXPECT_NE(Refusal(log).find("damaged in segment 2 at offset 0"), std::string::npos)
      << Refusal(log);
  EXPECT_NE(Refusal(log).find("its header names another digest before it"), std::string::npos);
}

TEST(LogRecovery, SyncsTheZerosThatItWritesOverATornTail) {
  TestLog log(4096);
  log.Write(3);
  log.Crash();
  const std::uint64_t last = log.OffsetOf(1, 3);
  log.FlipByte(1, last + 20);
  KeepAll(log);
  log.Reopen();
  ASSERT_EQ(log.writer->position().number, 2u);
  log.CrashHost();
  EXPECT_TRUE(AllZero(std::span(log.storage.Bytes(log.Path(1))).subspan(last)));
}

TEST(LogRecovery, SyncsTheNamesOfSegmentsThatItSetsAside) {
  TestLog log;
  log.Write(10);
  log.Crash();
  ASSERT_TRUE(log.storage.Remove(log.Path(2)));
  KeepAll(log);
  ASSERT_TRUE(log.storage.SyncFolder(log.folder));
  log.CrashHost();
  log.Reopen();
  log.CrashHost();
  EXPECT_TRUE(log.storage.Exists(log.Path(3) + ".cut"));
  EXPECT_FALSE(log.storage.Exists(log.Path(3)));
}

TEST(LogRecovery, EmptiesADamagedMarkForGood) {
  TestLog log(4096);
  log.Write(1);
  log.Sync();
  log.Crash();
  const auto before = replay::ReadMarkFile(log.storage, log.folder);
  ASSERT_TRUE(before);
  const std::size_t at = static_cast<std::size_t>(before->next_slot) * replay::kMarkSlotStride;
  log.storage.Bytes("log/mark")[at + 20] ^= std::byte{1};
  KeepAll(log);
  log.Reopen();
  log.CrashHost();
  EXPECT_TRUE(AllZero(std::span(log.storage.Bytes("log/mark")).subspan(at, sizeof(MarkSlot))));
}

TEST(LogRecovery, GoesByTheNewerOfTwoMarksWhicheverSlotItIsIn) {
  TestLog log(4096);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    log.Write(1);
    log.Sync();
    const auto state = replay::ReadMarkFile(log.storage, log.folder);
    ASSERT_TRUE(state);
    EXPECT_EQ(state->mark.number, number);
  }
}

TEST(LogRecovery, MarksTheLogAnewWhenTheHostHasStopped) {
  TestLog log(4096);
  log.Write(3);
  log.Crash();
  KeepAll(log);
  log.CrashHost();
  log.Reopen();
  EXPECT_EQ(log.writer->synced_position().number, 3u);
  const auto state = replay::ReadMarkFile(log.storage, log.folder);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->WrittenInBoot(log.storage.BootId()));
  EXPECT_EQ(state->mark.number, 3u);
}

TEST(LogRecovery, KnowsTimeAndEpochBeforeEachSegment) {
  TestLog log;
  log.Write(6);
  log.Crash();
  log.Write(6);  // the next segments are made by a writer that learnt both by recovery
  log.Crash();
  auto reader = replay::LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader);
  std::int64_t time_ns = 0;
  std::uint32_t epoch = 0;
  std::uint64_t segment = 0;
  while (reader->Next() == replay::ReadOutcome::kMessage) {
    if (reader->segment_id() != segment) {
      segment = reader->segment_id();
      const auto header = replay::ReadSegmentHeader(log.storage, log.Path(segment));
      ASSERT_TRUE(header);
      EXPECT_EQ(header->time_before_ns, time_ns) << "segment " << segment;
      EXPECT_EQ(header->epoch, epoch) << "segment " << segment;
    }
    time_ns = reader->message().header.time_ns;
    epoch = reader->message().header.epoch;
  }
  EXPECT_GT(segment, 3u);
  EXPECT_NE(time_ns, 0);
  EXPECT_NE(epoch, 0u);
}

}  // namespace
}  // namespace tandem::test
