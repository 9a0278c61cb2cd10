// SPDX-License-Identifier: Apache-2.0
//
// What a writer checks and makes sure of when it opens a log: one test for each rule of "Recovery"
// in docs/log-format.md that the tests of damage and of crashes do not pin down alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "replay/log_mark.h"
#include "replay/log_segment.h"
#include "replay/log_verify.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::MarkSlot;
using replay::SegmentHeader;

constexpr std::uint64_t kMessages = 8;

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

TEST(LogRecovery, ALogThatEndsBeforeItsMarkHasLostItsEnd) {
  TestLog part(4096);
  part.Write(3);
  part.Close();
  TestLog log(4096);
  log.Write(kMessages);
  log.Close();
  log.storage.Bytes(log.Path(1)) = part.storage.Bytes(part.Path(1));
  const std::string why =
      "where message 4 should be: the segment ends here, and the mark says that it was synced up "
      "to message 8 at offset ";
  EXPECT_NE(Refusal(log).find(why), std::string::npos) << Refusal(log);
  EXPECT_NE(log.Verify().find(why), std::string::npos) << log.Verify();
  EXPECT_NE(log.Read().back().find(why), std::string::npos) << log.Read().back();
}

TEST(LogRecovery, AMarkStandsWhereARecordBegins) {
  for (const int by : {-8, 8, -100'000}) {
    TestLog log(4096);
    log.Write(3);
    log.Sync();
    log.Write(3);
    log.Crash();
    auto state = replay::ReadMarkFile(log.storage, log.folder);
    ASSERT_TRUE(state);
    MarkSlot slot = state->mark;
    slot.offset = by == -100'000 ? 64 : slot.offset + static_cast<std::uint64_t>(by);
    slot.crc = CrcOf(slot);
    std::memcpy(log.storage.Bytes("log/mark").data() +
                    static_cast<std::size_t>(1 - state->next_slot) * replay::kMarkSlotStride,
                &slot, sizeof slot);
    EXPECT_NE(Refusal(log).find("the mark says that a record begins at offset " +
                                std::to_string(slot.offset) + ", and none does"),
              std::string::npos)
        << Refusal(log);
    EXPECT_NE(log.Verify().find("the mark of the log log says that message 3 ends at offset " +
                                std::to_string(slot.offset) + " of segment 1, and it does not"),
              std::string::npos)
        << log.Verify();
  }
}

/// What EndProblems says to a reader that has found the end, as every tool tells it.
std::string AtEnd(TestLog& log, std::uint64_t from) {
  auto reader = replay::LogReader::Open(log.storage, log.folder, {.from_number = from});
  if (!reader) return reader.error().text;
  while (reader->Next() == replay::ReadOutcome::kMessage) continue;
  const auto problems = replay::EndProblems(log.storage, log.folder, *reader);
  if (!problems) return problems.error().text;
  std::string text;
  for (const std::string& problem : *problems) text += problem + "\n";
  return text;
}

TEST(LogRecovery, AMarkThatContradictsTheLogIsToldByEveryReaderAsVerifyTellsIt) {
  const std::string says = "the mark of the log log says that ";
  const struct {
    bool closed;
    std::function<void(MarkSlot&)> change;
    std::string problem;  ///< "": it names another place than that where its message ends
  } cases[] = {
      {true, [](MarkSlot& slot) { ++slot.digest; },
       "the log log has another digest at message 20 than its mark says\n"},
      {true, [](MarkSlot& slot) { ++slot.number; },
       says + "it was synced up to message 21, and it ends at message 20\n"},
      {true, [](MarkSlot& slot) { --slot.number; }, ""},
      {false, [](MarkSlot& slot) { slot.digest ^= 1; },
       "the log log has another digest at message 10 than its mark says\n"},
      {false, [](MarkSlot& slot) { slot.number = 9; }, ""},
      {false, [](MarkSlot& slot) { slot.number = 14; }, ""},
  };
  for (const auto& each : cases) {
    TestLog log;
    log.Write(10);
    log.Sync();
    log.Write(10);
    each.closed ? log.Close() : log.Crash();
    for (const std::uint64_t from : {1, 12, 20}) EXPECT_EQ(AtEnd(log, from), "");
    EXPECT_EQ(log.Verify(), "whole");
    auto state = replay::ReadMarkFile(log.storage, log.folder);
    ASSERT_TRUE(state);
    MarkSlot slot = state->mark;
    each.change(slot);
    slot.crc = CrcOf(slot);
    std::memcpy(log.storage.Bytes("log/mark").data() +
                    static_cast<std::size_t>(1 - state->next_slot) * replay::kMarkSlotStride,
                &slot, sizeof slot);
    const std::string problem = !each.problem.empty()
                                    ? each.problem
                                    : says + "message " + std::to_string(slot.number) +
                                          " ends at offset " + std::to_string(slot.offset) +
                                          " of segment " + std::to_string(slot.segment_id) +
                                          ", and it does not\n";
    for (const std::uint64_t from : {1, 12, 20}) EXPECT_EQ(AtEnd(log, from), problem);
    EXPECT_EQ(log.Verify(), problem);
  }
}

TEST(LogRecovery, AMarkThatGoesOnBehindTheReaderIsNoContradiction) {
  TestLog log;
  log.Write(5);
  auto reader = replay::LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader) << reader.error().text;
  EXPECT_EQ(ReadAll(*reader), Messages(1, 5, "end"));
  const auto about_mark = [&] {
    const auto problems = replay::EndProblems(log.storage, log.folder, *reader);
    EXPECT_TRUE(problems) << problems.error().text;
    return std::ranges::count_if(
        *problems, [](const std::string& text) { return text.find("mark of") != text.npos; });
  };
  log.Write(15);
  log.Sync();
  EXPECT_EQ(about_mark(), 0) << "while it is written";
  log.Close();
  EXPECT_EQ(about_mark(), 0) << "where it was closed since the reader looked";
}

TEST(LogRecovery, WhatOnlyACrashOfTheHostLosesIsAnErrorWhileTheHostRuns) {
  // A sector of zeros in the middle, a segment without a header, a segment without a name.
  const auto zero_sector = [](TestLog& log) {
    auto& bytes = log.storage.Bytes(log.Path(1));
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(log.OffsetOf(1, 3)), bytes.begin() + 512,
              std::byte{0});
  };
  const auto zero_header = [](TestLog& log) {
    auto& bytes = log.storage.Bytes(log.Path(3));
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
  };
  const auto no_name = [](TestLog& log) { ASSERT_TRUE(log.storage.Remove(log.Path(2))); };
  for (const auto& [segment_bytes, harm] :
       std::vector<std::pair<std::uint64_t, std::function<void(TestLog&)>>>{
           {4096, zero_sector}, {512, zero_header}, {512, no_name}}) {
    TestLog log(segment_bytes);
    log.Write(kMessages);
    log.Crash();
    harm(log);
    EXPECT_FALSE(log.TryReopen()) << segment_bytes;

    TestLog after_crash(segment_bytes);
    after_crash.Write(kMessages);
    after_crash.Crash();
    harm(after_crash);
    KeepAll(after_crash);
    after_crash.CrashHost();
    ASSERT_TRUE(after_crash.TryReopen()) << segment_bytes;
    EXPECT_LT(after_crash.writer->position().number, kMessages);
    EXPECT_NE(after_crash.writer->recovery().text, "");
    after_crash.Crash();
    EXPECT_TRUE(after_crash.TryReopen()) << "what was recovered stays so";
  }
}

TEST(LogRecovery, SaysHowManyWholeMessagesItCutsBeyondAHole) {
  TestLog log(4096);
  log.Write(kMessages);
  log.Crash();
  ASSERT_TRUE(log.storage.Remove("log/mark"));  // so that nothing tells that the host runs on
  auto& bytes = log.storage.Bytes(log.Path(1));
  const std::uint64_t hole = log.OffsetOf(1, 3);
  const std::uint64_t end = log.OffsetOf(1, kMessages + 1);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(hole),
            bytes.begin() + static_cast<std::ptrdiff_t>(log.OffsetOf(1, 4)), std::byte{0});
  const std::string place =
      "segment 1 at offset " + std::to_string(hole) + " after message 2 with ";
  const std::string among = " bytes where no whole message begins, among them " +
                            std::to_string(kMessages - 3) +
                            " whole messages beyond a hole; no mark ";
  EXPECT_NE(log.Verify().find(place), std::string::npos) << log.Verify();
  EXPECT_NE(log.Verify().find(among), std::string::npos) << log.Verify();
  log.Reopen();
  const replay::LogRecovery& recovery = log.writer->recovery();
  EXPECT_EQ(recovery.messages_cut, kMessages - 3);
  const std::string said = "the log log did not end cleanly: after message 2 (segment 1, offset " +
                           std::to_string(hole) + ") " + std::to_string(recovery.bytes_cut) +
                           " bytes were cut, among them " + std::to_string(kMessages - 3) +
                           " whole messages beyond a hole";
  EXPECT_TRUE(recovery.text.starts_with(said)) << recovery.text;
  EXPECT_GT(recovery.bytes_cut, end - hole - 8);
}

TEST(LogRecovery, TwoDamagedRecordsAtTheEndAreNoTornTail) {
  for (const std::uint64_t first : {kMessages - 1, std::uint64_t{3}}) {
    TestLog log(4096);
    log.Write(kMessages);
    log.Crash();
    for (std::uint64_t i = first; i <= kMessages; ++i) log.FlipByte(1, log.OffsetOf(1, i) + 20);
    const Status opened = log.TryReopen();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text.find("where message " + std::to_string(first) +
                                       " should be: the CRC does not match, and something else "
                                       "follows it"),
              std::string::npos)
        << opened.error().text;
  }
}

TEST(LogRecovery, ARefusedLogStaysAsItWasWithItsMarks) {
  TestLog log(4096);
  log.Write(2);
  log.Sync();
  log.Write(kMessages);
  log.Crash();
  log.FlipByte(1, log.OffsetOf(1, 5) + 90);
  const auto state = replay::ReadMarkFile(log.storage, log.folder);
  ASSERT_TRUE(state);
  log.storage.Bytes("log/mark")[state->next_slot == 0 ? 20 : replay::kMarkSlotStride + 20] ^=
      std::byte{1};
  const std::vector<std::byte> before = log.storage.Bytes("log/mark");
  EXPECT_FALSE(log.TryReopen());
  EXPECT_EQ(log.storage.Bytes("log/mark"), before);
}

TEST(LogRecovery, AGarbledRecordBeforeAWholeOneIsAnErrorAfterACrashOfTheHostToo) {
  for (const std::uint64_t segment_bytes : {4096, 512}) {
    TestLog log(segment_bytes);
    log.Write(kMessages);
    log.Crash();
    log.FlipByte(1, log.OffsetOf(1, 2) + 20);
    KeepAll(log);
    log.CrashHost();
    EXPECT_FALSE(log.TryReopen()) << segment_bytes;
  }
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

TEST(LogRecovery, AMarkFileThatWasCutIsToldFromWhatACrashLeaves) {
  struct Case {
    std::string name;
    std::function<void(TestLog&)> fill;
    std::size_t bytes_left;
    std::string text;  ///< what is said of it; empty: nothing
  };
  const auto left_open = [](TestLog& log) {
    log.Write(2);
    log.Crash();
  };
  const auto in_segments = [](TestLog& log) {
    log.Write(9);
    log.Crash();
  };
  const auto closed = [](TestLog& log) {
    log.Write(2);
    log.Sync();
    log.Close();
  };
  const std::string empty =
      "log/mark is empty beside a complete segment, so nothing says how far the log was synced";
  const std::vector<Case> cases{
      {"mark not written, first segment", left_open, 0, ""},
      {"first mark, first segment", left_open, sizeof(MarkSlot), ""},
      {"mark not written, later segment", in_segments, 0, empty},
      {"first mark, later segment", in_segments, sizeof(MarkSlot), ""},
      {"closed and all gone", closed, 0, empty},
      {"closed and one slot gone", closed, sizeof(MarkSlot),
       "log/mark was cut to 64 bytes, which hold mark 3 and not the one before or after it, so it "
       "may not say how far the log was synced"},
  };
  for (const Case& one : cases) {
    TestLog log;
    one.fill(log);
    log.storage.Bytes("log/mark").resize(one.bytes_left);
    EXPECT_EQ(log.Verify(), one.text.empty() ? "whole" : one.text + "\n") << one.name;
    log.Reopen();
    EXPECT_EQ(log.writer->recovery().text, one.text) << one.name;
    log.Close();
    EXPECT_EQ(log.Verify(), "whole") << one.name;
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
      const auto header = replay::ReadSegmentHeader(log.storage, log.folder, segment);
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
