// SPDX-License-Identifier: Apache-2.0
//
// Segments whose header is damaged, zero or another one's: whoever meets one names segment, offset
// and number, and what lies before it is read.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "replay/log_checkpoint.h"
#include "replay/log_seek.h"
#include "replay/log_segment.h"
#include "replay/log_trim.h"
#include "replay/log_verify.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::ReadOptions;

constexpr std::uint64_t kMessages = 30;
constexpr std::int64_t kSecond = 1'000'000'000;  ///< message n has the time of n seconds

std::string DamageBefore(std::uint64_t segment, const std::string& what, const std::string& why) {
  return "the log log is damaged in segment " + std::to_string(segment) + " at offset 0, where " +
         what + " should be: " + why + "; restore " + replay::SegmentFileName(segment) +
         ", or take the stream from another copy";
}

std::uint64_t FirstOf(TestLog& log, std::uint64_t segment) {
  const auto header = replay::ReadSegmentHeader(log.storage, log.folder, segment);
  EXPECT_TRUE(header) << header.error().text;
  return header ? header->first_number : 0;
}

struct Harm {
  std::string why;
  std::function<void(TestLog&, std::uint64_t segment)> what;
  bool is_passed_over = true;  ///< by who looks for a message behind it
};

/// All that can be wrong with the beginning of a segment.
std::vector<Harm> Harms() {
  const auto bytes = [](TestLog& log, std::uint64_t segment) -> std::vector<std::byte>& {
    return log.storage.Bytes(log.Path(segment));
  };
  return {
      {"the CRC of its header does not match",
       [](TestLog& log, std::uint64_t segment) { log.FlipByte(segment, 60); }},
      {"the file is no segment of a log: it does not begin with TANDEMLG",
       [](TestLog& log, std::uint64_t segment) { log.SetByte(segment, 0, 'X'); }},
      {"its header says log format version 9, and this build reads version 1: use a build that "
       "knows it if that is true",
       [](TestLog& log, std::uint64_t segment) { log.SetByte(segment, 8, 9); }},
      {"the file was cut: it has 100 bytes and not even a whole segment header",
       [bytes](TestLog& log, std::uint64_t segment) { bytes(log, segment).resize(100); }},
      {"the file is empty",
       [bytes](TestLog& log, std::uint64_t segment) { bytes(log, segment).clear(); }, false},
      {"the file begins with nothing but zeros",
       [bytes](TestLog& log, std::uint64_t segment) {
         std::ranges::fill(bytes(log, segment), std::byte{0});
       },
       false},
      {"it is segment 5 by its header; it was renamed or swapped",
       [bytes](TestLog& log, std::uint64_t segment) { bytes(log, segment) = bytes(log, 5); }},
      {"the segment is missing",
       [](TestLog& log, std::uint64_t segment) {
         ASSERT_TRUE(log.storage.Remove(log.Path(segment)));
       },
       false},
  };
}

TEST(LogHeader, DamageOfALaterOneIsReportedWhereTheReadingGetsThere) {
  for (const Harm& harm : Harms()) {
    for (const std::uint64_t segment : {6, 8}) {  // of ten: where a search by halving looks
      SCOPED_TRACE(harm.why + " in segment " + std::to_string(segment));
      TestLog log;
      log.Write(kMessages);
      log.Close();
      const std::uint64_t next = FirstOf(log, segment);
      const std::uint64_t after = FirstOf(log, segment + 1);
      harm.what(log, segment);
      const std::string damage = DamageBefore(segment, "message " + std::to_string(next), harm.why);
      EXPECT_EQ(log.Verify(), damage + "\n");
      for (std::uint64_t from = 1; from <= kMessages; ++from) {
        const auto time = static_cast<std::int64_t>(from) * kSecond;
        const auto first = replay::FirstNumberAt(log.storage, log.folder, time);
        const auto last = replay::LastNumberAt(log.storage, log.folder, time);
        ASSERT_TRUE(last) << last.error().text;
        if (from >= next && (from < after || !harm.is_passed_over)) {
          EXPECT_EQ(log.Read(from), from == next ? std::vector<std::string>{"damaged: " + damage}
                                                 : std::vector<std::string>{"refused: " + damage})
              << from;
          ASSERT_FALSE(first);
          EXPECT_EQ(first.error().text, damage);
        } else {
          EXPECT_EQ(log.Read(from), from < next ? Messages(from, next - 1, "damaged: " + damage)
                                                : Messages(from, kMessages, "end"))
              << from;
          ASSERT_TRUE(first) << first.error().text;
          EXPECT_EQ(*first, from);
        }
        const bool is_known = from + 1 < next || (harm.is_passed_over && from + 1 >= after);
        EXPECT_EQ(*last, is_known ? from : std::numeric_limits<std::uint64_t>::max()) << from;
      }
      const auto end = LogReader::FindEnd(log.storage, log.folder);
      ASSERT_TRUE(end) << end.error().text;
      EXPECT_EQ(end->last.number, next - 1);
      EXPECT_EQ(end->damage ? end->damage->text : "", damage);
      const auto position = LogReader::LastPosition(log.storage, log.folder);
      EXPECT_EQ(position ? "" : position.error().text, damage);
    }
  }
}

TEST(LogHeader, DamageOfTheFirstOneNamesTheMessagesThatAreLostAndHidesNoOthers) {
  for (const Harm& harm : Harms()) {
    SCOPED_TRACE(harm.why);
    TestLog log;
    log.Write(kMessages);
    log.Close();
    const std::string lost = "the messages before number " + std::to_string(FirstOf(log, 2));
    harm.what(log, 1);
    if (!log.storage.Exists(log.Path(1))) continue;  // a log may begin with segment 2
    const std::string damage = DamageBefore(1, lost, harm.why);
    EXPECT_EQ(log.Read(), std::vector<std::string>{"refused: " + damage});
    for (std::uint64_t from = 1; from <= kMessages; ++from) {
      EXPECT_EQ(log.Read(from), from < FirstOf(log, 2)
                                    ? std::vector<std::string>{"refused: " + damage}
                                    : Messages(from, kMessages, "end"));
    }
    EXPECT_EQ(log.Verify(), harm.why.starts_with("its header says log format")
                                ? damage  // which is why it cannot be verified
                                : damage + "\n");
    EXPECT_EQ(log.TryReopen().error().text, damage);
    const auto trim = replay::TrimLog(log.storage, log.folder, 9, /*look_only=*/true);
    ASSERT_FALSE(trim);
    EXPECT_EQ(trim.error().text, damage);
    const auto checkpoint = replay::FindCheckpoint(log.storage, log.folder);
    ASSERT_FALSE(checkpoint);
    EXPECT_EQ(checkpoint.error().text, damage);
  }
}

TEST(LogHeader, DamageOfTheOnlyOneIsNamedTooThoughNothingTellsTheNumber) {
  TestLog log(4096);
  log.Write(1);
  log.Close();
  log.FlipByte(1, 60);
  EXPECT_EQ(log.Read().front(), "refused: " + DamageBefore(1, "its first message",
                                                           "the CRC of its header does not match"));
}

TEST(LogHeader, DamageOfTheOneThatAWriterGoesOnInIsNamedWithTheNumber) {
  for (const Harm& harm : Harms()) {
    SCOPED_TRACE(harm.why);
    TestLog log;
    log.Write(kMessages);
    log.Sync();
    log.Crash();
    std::uint64_t last = 1;
    while (log.storage.Exists(log.Path(last + 1))) ++last;
    const std::string number = "message " + std::to_string(FirstOf(log, last));
    harm.what(log, last);
    const Status opened = log.TryReopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().text, DamageBefore(last, number, harm.why));
  }
}

TEST(LogHeader, ASegmentOfGarbageBehindTheEndKeepsNobodyFromReadingUpToIt) {
  TestLog log;
  log.Write(kMessages);
  log.Crash();
  std::uint64_t last = 1;
  while (log.storage.Exists(log.Path(last + 1))) ++last;
  const auto garbage = log.storage.Create(log.Path(last + 1));
  ASSERT_TRUE(garbage);
  const std::vector<std::byte> bytes(600, std::byte{0x5a});
  ASSERT_TRUE((*garbage)->Write(0, bytes));
  for (std::uint64_t from = 1; from <= kMessages; ++from) {
    EXPECT_EQ(log.Read(from), Messages(from, kMessages, "end")) << from;
  }
  const auto end = LogReader::LastPosition(log.storage, log.folder);
  ASSERT_TRUE(end) << end.error().text;
  EXPECT_EQ(end->number, kMessages);
  EXPECT_NE(
      log.Verify().find("where message 31 should be: there are only zeros, and whole segments "
                        "follow it"),
      std::string::npos)
      << log.Verify();
}

TEST(LogHeader, AHeaderThatNamesAnImpossibleSizeIsRefusedAndNothingIsMadeThatLong) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{127},
                                    replay::kSegmentBytesMax + 1, std::uint64_t{1} << 62}) {
    TestLog log;
    log.Write(8);
    log.Crash();
    std::vector<std::byte>& last = log.storage.Bytes(log.Path(3));
    std::memcpy(last.data() + offsetof(replay::SegmentHeader, segment_bytes), &bytes, sizeof bytes);
    log.FixHeaderChecksum(3);
    const std::size_t size = last.size();
    const std::string why =
        "its header says that the segment was made " + std::to_string(bytes) + " bytes long";
    EXPECT_NE(log.Read().back().find(why), std::string::npos) << log.Read().back();
    EXPECT_NE(log.Verify().find(why), std::string::npos) << log.Verify();
    const Status opened = log.TryReopen();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text.find(why), std::string::npos) << opened.error().text;
    EXPECT_EQ(log.storage.Bytes(log.Path(3)).size(), size);
  }
}

TEST(LogHeader, ALogThatBeginsAtNumberZeroIsRefused) {
  TestLog log;
  log.Write(8);
  log.Crash();
  const std::uint64_t zero = 0;
  std::memcpy(log.storage.Bytes(log.Path(1)).data() + offsetof(replay::SegmentHeader, first_number),
              &zero, sizeof zero);
  log.FixHeaderChecksum(1);
  const std::string why =
      DamageBefore(1, "the messages before number 4",
                   "its header says that it begins at number 0, and numbers begin at 1");
  EXPECT_EQ(log.Read().front(), "refused: " + why);
  EXPECT_EQ(log.TryReopen().error().text, why);
}

/// The last number that there is, behind which a log ends for good.
TEST(LogHeader, NoMessageHasTheNumberBehindTheLast) {
  constexpr std::uint64_t kLast = replay::kMessageNumberMax;
  const auto message = [](std::uint64_t number) {
    std::vector<std::byte> bytes = MessageOf(1);
    std::memcpy(bytes.data() + offsetof(proto::Header, number), &number, sizeof number);
    return bytes;
  };
  TestLog log(4096);
  log.options.check_digest = false;
  log.options.start = {.number = kLast - 1, .digest = 5};
  log.Reopen();
  log.writer->Append(message(kLast));
  ASSERT_TRUE(log.writer->Flush());
  log.writer->Append(message(kLast + 1));
  const Status status = log.writer->Flush();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text,
            "message 18446744073709551615 would follow the last that a stream can have, "
            "18446744073709551614; begin a new session; messages up to "
            "18446744073709551614 are in the log log, and nothing more is written to it");
  log.Crash();

  // What another program may have written: the same record once more, with the number behind it.
  auto& bytes = log.storage.Bytes(log.Path(1));
  const std::uint64_t first = log.OffsetOf(1, 1);
  const std::uint64_t second = log.OffsetOf(1, 2);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), second - first,
              bytes.begin() + static_cast<std::ptrdiff_t>(second));
  const std::uint64_t number = kLast + 1;
  std::memcpy(
      bytes.data() + second + sizeof(replay::RecordHeader) + offsetof(proto::Header, number),
      &number, sizeof number);
  log.FixChecksum(1, second);
  auto reader = LogReader::Open(log.storage, log.folder, {.check_digest = false});
  ASSERT_TRUE(reader) << reader.error().text;
  EXPECT_EQ(reader->Next(), replay::ReadOutcome::kMessage);
  EXPECT_EQ(reader->Next(), replay::ReadOutcome::kDamaged);
  const std::string why =
      "where message 18446744073709551615 should be: a message with number 2^64 - 1, which no "
      "message has";
  EXPECT_NE(reader->error().text.find(why), std::string::npos) << reader->error().text;

  TestLog none;
  none.options.start = {.number = kLast + 1, .digest = 5};
  EXPECT_EQ(none.TryReopen().error().text,
            "no log can begin after message 18446744073709551615, for no message has a larger "
            "number than 18446744073709551614");
}

/// A log of more than three segments, closed, whose segment `foreign` is that of another log.
void FillWithForeign(TestLog& log, std::uint64_t foreign) {
  TestLog other;
  other.options.role = replay::kMergedRole;
  for (TestLog* each : {&log, &other}) {
    each->Write(kMessages);
    each->Close();
  }
  ASSERT_TRUE(log.storage.Exists(log.Path(4)));
  log.storage.Bytes(log.Path(foreign)) = other.storage.Bytes(other.Path(foreign));
}

TEST(LogHeader, AForeignFirstSegmentIsToBlameAndNotTheSoundOneAfterIt) {
  TestLog log;
  FillWithForeign(log, 1);
  const std::string before = "the messages before number " + std::to_string(FirstOf(log, 2));
  const auto damage = [&](const std::string& agrees) {
    return DamageBefore(1, before,
                        "the segment after it agrees with what follows" + agrees +
                            ", and does not follow from it: its header names another role");
  };
  const auto report = replay::VerifyLog(log.storage, log.folder);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->problems, std::vector{damage(" and with the mark")});
  EXPECT_EQ(report->first_number, FirstOf(log, 2));
  EXPECT_EQ(report->last.number, kMessages);
  EXPECT_EQ(report->messages, kMessages + 1 - FirstOf(log, 2));

  EXPECT_EQ(log.Read(), std::vector{"refused: " + damage(" and with the mark")});
  EXPECT_EQ(log.Read(FirstOf(log, 2)), Messages(FirstOf(log, 2), kMessages, "end"));

  // Without a mark two segments agree against one.
  log.storage.Bytes("log/mark").clear();
  EXPECT_EQ(log.Verify(), damage("") +
                              "\nlog/mark is empty beside a complete segment, so nothing says how "
                              "far the log was synced\n");
  const Status opened = log.TryReopen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text, damage(""));
}

TEST(LogHeader, AForeignSegmentAfterTheFirstIsToBlameWhateverFollowsIt) {
  for (const std::uint64_t foreign : {2, 3}) {
    TestLog log;
    FillWithForeign(log, foreign);
    EXPECT_EQ(log.Verify(),
              DamageBefore(foreign, "message " + std::to_string(FirstOf(log, foreign)),
                           "its header names another role") +
                  "\n");
  }
  // Nothing tells which of the two it is.
  TestLog log;
  FillWithForeign(log, 1);
  log.storage.Bytes("log/mark").clear();
  for (std::uint64_t id = 3; log.storage.Exists(log.Path(id)); ++id) {
    EXPECT_TRUE(log.storage.Remove(log.Path(id)));
  }
  EXPECT_NE(log.Verify().find("damaged in segment 2 at offset 0"), std::string::npos)
      << log.Verify();
}

TEST(LogHeader, AForeignFirstSegmentIsToBlameForWhoStoodInItToo) {
  TestLog log;
  log.Write(kMessages);
  log.Close();
  auto reader = LogReader::Open(log.storage, log.folder, {});
  ASSERT_TRUE(reader) << reader.error().text;
  // Another one's second segment, from there on: the first one is none of that log.
  TestLog other;
  other.options.role = replay::kMergedRole;
  other.Write(kMessages);
  other.Close();
  for (const std::string& path : other.storage.Paths()) {
    if (path != other.Path(1)) log.storage.Bytes(path) = other.storage.Bytes(path);
  }
  EXPECT_EQ(
      ReadAll(*reader).back(),
      "damaged: " + DamageBefore(1, "the messages before number " + std::to_string(FirstOf(log, 2)),
                                 "the segment after it agrees with what follows and with the mark, "
                                 "and does not follow from it: its header names another role"));
}

TEST(LogHeader, EachFieldOfItIsVerified) {
  const auto set = [](TestLog& log, std::uint64_t segment, std::size_t offset,
                      const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      log.SetByte(segment, offset + i, static_cast<std::uint8_t>(bytes[i]));
    }
    log.FixHeaderChecksum(segment);
  };
  const struct {
    std::uint64_t segment;
    std::size_t offset;
    std::string bytes;
    std::string why;
  } cases[] = {
      {1, offsetof(replay::SegmentHeader, role), "banana", "a role that there is not"},
      {1, offsetof(replay::SegmentHeader, time_before_ns), "\x01",
       "another time of the message before it"},
      {1, offsetof(replay::SegmentHeader, epoch), "\x01", "another epoch of the message before it"},
      {3, offsetof(replay::SegmentHeader, time_before_ns), "\x01",
       "another time of the message before it"},
      {3, offsetof(replay::SegmentHeader, epoch), "\x02", "another epoch of the message before it"},
  };
  for (const auto& each : cases) {
    TestLog log;
    log.Write(kMessages);
    log.Close();
    set(log, each.segment, each.offset, each.bytes);
    // The records' checksums go on from that of the header, and another role is one of the log.
    for (std::uint64_t id = 1; log.storage.Exists(log.Path(id)); ++id) {
      if (each.bytes == "banana") set(log, id, each.offset, each.bytes);
      const std::size_t size = log.storage.Bytes(log.Path(id)).size();
      for (std::uint64_t i = 0; log.OffsetOf(id, i) < size; ++i) {
        log.FixChecksum(id, log.OffsetOf(id, i));
      }
    }
    const std::string number = "message " + std::to_string(FirstOf(log, each.segment));
    EXPECT_EQ(log.Read(), Messages(1, kMessages, "end")) << "as far as a reader needs to look";
    EXPECT_EQ(log.Verify(),
              DamageBefore(each.segment, number, "its header names " + each.why) + "\n");
  }
}

}  // namespace
}  // namespace tandem::test
