// SPDX-License-Identifier: Apache-2.0
#include "replay/log_pipe.h"

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogPipe;
using replay::LogReader;
using replay::ReadAhead;
using replay::ReadOutcome;

/// Enough for many chunks.
constexpr std::uint64_t kMessages = 20'000;

LogReader Open(TestLog& log) {
  auto reader = LogReader::Open(log.storage, log.folder, {});
  ENSURE(reader.ok(), "%s", reader.error().text.c_str());
  return std::move(*reader);
}

std::vector<std::string> ReadAll(ReadAhead& ahead) {
  std::vector<std::string> lines;
  for (;;) {
    const ReadOutcome outcome = ahead.Next();
    if (outcome == ReadOutcome::kMessage) {
      lines.push_back(LineOf(ahead.message()));
      continue;
    }
    lines.push_back(outcome == ReadOutcome::kEnd ? "end" : "damaged: " + ahead.error().text);
    return lines;
  }
}

TEST(ReadAhead, GivesWhatTheLogHas) {
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, kMessages}) {
    TestLog log(1 << 16);
    log.Write(count);
    LogReader reader = Open(log);
    ReadAhead ahead(reader, UINT64_MAX);
    EXPECT_EQ(ReadAll(ahead), Messages(1, count, "end")) << count;
    EXPECT_EQ(ahead.Next(), ReadOutcome::kEnd) << "the end stays the end";
  }
}

TEST(ReadAhead, StopsAtTheNumberThatItIsGiven) {
  TestLog log(1 << 16);
  log.Write(100);
  LogReader reader = Open(log);
  ReadAhead ahead(reader, 42);
  EXPECT_EQ(ReadAll(ahead), Messages(1, 42, "end"));
}

TEST(ReadAhead, GivesEverythingBeforeADamageAndThenTheError) {
  TestLog log(1 << 22);
  log.Write(kMessages);
  log.Close();
  log.FlipByte(1, log.OffsetOf(1, kMessages / 2) + 80);
  LogReader plain = Open(log);
  LogReader reader = Open(log);
  ReadAhead ahead(reader, UINT64_MAX);
  const auto lines = ReadAll(ahead);
  EXPECT_EQ(lines, test::ReadAll(plain));
  EXPECT_EQ(lines.size(), kMessages / 2);
}

TEST(ReadAhead, MayBeLeftInTheMiddle) {
  TestLog log(1 << 16);
  log.Write(kMessages);
  for (const int taken : {0, 1, 5000}) {
    LogReader reader = Open(log);
    ReadAhead ahead(reader, UINT64_MAX);
    for (int i = 0; i < taken; ++i) ASSERT_EQ(ahead.Next(), ReadOutcome::kMessage);
  }
}

TEST(LogPipe, WritesEverythingInOrder) {
  TestLog log(1 << 16);
  log.Reopen();
  LogPipe pipe(*log.writer);
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    ASSERT_TRUE(pipe.Append(MessageOf(number)));
  }
  ASSERT_TRUE(pipe.Finish());
  EXPECT_EQ(log.Read(), Messages(1, kMessages, "end"));
}

TEST(LogPipe, GivesTheFirstErrorOfTheWriterAndTakesNothingMore) {
  TestLog log(1 << 16);
  log.Reopen();
  log.storage.FailFrom(5, MemoryStorage::Fault::kError, "No space left on device");
  LogPipe pipe(*log.writer);
  std::uint64_t number = 1;
  while (number <= kMessages && pipe.Append(MessageOf(number))) ++number;
  const Status status = pipe.Finish();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text.find("No space left on device"), std::string::npos);
  EXPECT_LE(number, kMessages);
}

}  // namespace
}  // namespace tandem::test
