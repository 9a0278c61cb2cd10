// SPDX-License-Identifier: Apache-2.0
#include "replay/log_seek.h"

#include <gtest/gtest.h>

#include <cstring>

#include "replay/log_segment.h"
#include "replay/log_trim.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::FirstNumberAt;

/// Message n of a test log has the time of n seconds.
constexpr std::int64_t kSecond = 1'000'000'000;

std::uint64_t At(TestLog& log, std::int64_t time_ns) {
  const auto number = FirstNumberAt(log.storage, log.folder, time_ns);
  EXPECT_TRUE(number) << number.error().text;
  return number ? *number : 0;
}

TEST(LogSeek, FindsTheFirstMessageOfATimeOrLater) {
  for (const std::uint64_t segment_bytes : {std::uint64_t{512}, std::uint64_t{1} << 20}) {
    TestLog log(segment_bytes);
    log.Write(100);
    for (std::uint64_t number = 1; number <= 100; ++number) {
      const std::int64_t time = static_cast<std::int64_t>(number) * kSecond;
      ASSERT_EQ(At(log, time), number);
      ASSERT_EQ(At(log, time - 1), number);
      ASSERT_EQ(At(log, time + 1), number + 1);
    }
    EXPECT_EQ(At(log, 0), 1u);
    EXPECT_EQ(At(log, -1), 1u);
    EXPECT_EQ(At(log, INT64_MAX), 101u);
    EXPECT_EQ(At(log, INT64_MIN), 1u);
  }
}

TEST(LogSeek, GivesTheFirstOfMessagesThatShareATime) {
  // All of one segment and more at one time, as a burst has it.
  TestLog log;
  log.options.check_digest = false;
  log.Reopen();
  for (std::uint64_t number = 1; number <= 60; ++number) {
    std::vector<std::byte> bytes = MessageOf(number);
    const std::int64_t time = number < 10 ? 1 : number <= 50 ? 5 : 9;
    std::memcpy(bytes.data() + offsetof(proto::Header, time_ns), &time, sizeof time);
    log.writer->Append(bytes);
  }
  ASSERT_TRUE(log.writer->Flush());
  EXPECT_EQ(At(log, 1), 1u);
  EXPECT_EQ(At(log, 2), 10u);
  EXPECT_EQ(At(log, 5), 10u);
  EXPECT_EQ(At(log, 6), 51u);
  EXPECT_EQ(At(log, 10), 61u);
}

TEST(LogSeek, TakesSegmentsWithoutMessagesForItsOwn) {
  TestLog log;
  for (const std::uint64_t count : {0, 0, 9, 0, 0, 9}) {
    log.Write(count);
    log.Close();
    log.writer.reset();
  }
  for (std::uint64_t number = 1; number <= 18; ++number) {
    const Status status = replay::CheckBelongs(log.storage, log.folder, number);
    EXPECT_TRUE(status) << number << ": " << status.error().text;
    const auto trim = replay::TrimLog(log.storage, log.folder, number, /*look_only=*/true);
    EXPECT_TRUE(trim) << number << ": " << trim.error().text;
  }
}

TEST(LogSeek, FindsNothingInAnEmptyLog) {
  TestLog log;
  log.Write(0);
  EXPECT_EQ(At(log, 0), 1u);
}

TEST(LogSeek, ReadsOneSegmentOnly) {
  TestLog log;
  log.Write(100);
  log.Close();
  for (std::uint64_t segment = 1; log.storage.Exists(log.Path(segment)); ++segment) {
    auto& bytes = log.storage.Bytes(log.Path(segment));
    replay::SegmentHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const bool needed = header.first_number <= 50 && header.first_number + 10 > 50 &&
                        header.time_before_ns < 50 * kSecond;
    if (!needed) std::fill(bytes.begin() + sizeof header, bytes.end(), std::byte{0});
  }
  EXPECT_EQ(At(log, 50 * kSecond), 50u);
}

TEST(LogSeek, PassesOnWhatTheReaderSaysOfDamage) {
  TestLog log;
  log.Write(100);
  log.Close();
  log.FlipByte(1, log.OffsetOf(1, 2));
  const auto number = FirstNumberAt(log.storage, log.folder, 3 * kSecond);
  ASSERT_FALSE(number);
  EXPECT_TRUE(number.error().text.starts_with("the log log is damaged in segment 1 at offset "))
      << number.error().text;
}

}  // namespace
}  // namespace tandem::test
