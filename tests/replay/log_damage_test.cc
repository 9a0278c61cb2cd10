// SPDX-License-Identifier: Apache-2.0
//
// Logs that were cut, flipped, doubled, swapped and lost. Whatever was done: what is read is a
// beginning of what was written, and somebody says what is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <sstream>

#include "replay/log_format.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

constexpr std::uint64_t kMessages = 8;

/// A log of three segments; closed, so that all of it lies below the mark, or left by a crash, so
/// that nothing does.
void Fill(TestLog& log, bool closed) {
  log.Write(kMessages);
  closed ? log.Close() : log.Crash();
}

/// What is read, without the line that says how it ended, begins what was written.
void ExpectBeginning(std::vector<std::string> lines, const std::string& what) {
  ASSERT_FALSE(lines.empty()) << what;
  lines.pop_back();
  ASSERT_LE(lines.size(), kMessages + 3) << what;
  ASSERT_EQ(lines, Messages(1, lines.size())) << what;
}

/// Every sentence of damage says where: segment, offset and number, or that it is the mark.
void ExpectPlace(const std::string& line, const std::string& what) {
  static const std::regex kPlace(
      "(damaged|refused): (the log log is damaged in segment [0-9]+ at offset [0-9]+, where "
      "(message [0-9]+|the messages before number [0-9]+) should be: .*; restore .*|log/mark.*)");
  EXPECT_TRUE(line == "end" || std::regex_match(line, kPlace)) << what << ": " << line;
}

/// Reads, verifies and continues a log after `harm` was done to it, which touches at most
/// `harmed_max` messages. Only what may be a torn tail is ever cut: the last messages.
void ExpectSafe(bool closed, std::uint64_t harmed_max, const std::string& what,
                const std::function<void(TestLog&)>& harm) {
  TestLog log;
  Fill(log, closed);
  harm(log);
  const std::vector<std::string> lines = log.Read();
  ExpectBeginning(lines, what);
  ExpectPlace(lines.back(), what);
  for (const std::uint64_t from : {std::uint64_t{3}, std::uint64_t{6}, kMessages}) {
    std::vector<std::string> later = log.Read(from);
    if (later.back() != "refused: the log log ends at message " + std::to_string(lines.size() - 1) +
                            "; message " + std::to_string(from) + " is not in it") {
      ExpectPlace(later.back(), what);
    }
    later.pop_back();
    ASSERT_EQ(later, Messages(from, from + later.size() - 1)) << what << " from " << from;
  }
  const bool all_there = lines == Messages(1, kMessages, "end");
  std::istringstream problems(log.Verify());
  for (std::string problem; std::getline(problems, problem);) {
    EXPECT_TRUE(problem.find(" mark") != std::string::npos ||
                problem.find("/mark") != std::string::npos ||
                (problem.find(" in segment ") != std::string::npos &&
                 problem.find(" at offset ") != std::string::npos &&
                 problem.find("message") != std::string::npos))
        << what << ": " << problem;
  }
  if (closed) {
    // Below the mark nothing may go without an error.
    EXPECT_TRUE(all_there || lines.back() != "end") << what;
  }

  const Status opened = log.TryReopen();
  if (!opened) {
    EXPECT_EQ(opened.error().code, ExitCode::kBadInput) << what;
    EXPECT_EQ(log.Read(), lines) << what << ": a refused log must stay as it was";
    return;
  }
  const std::uint64_t position = log.writer->position().number;
  if (!all_there && position != kMessages) {
    EXPECT_NE(log.writer->recovery().text, "") << what;
  }
  // A closed log is only opened if what is wrong lies where the writer need not look.
  EXPECT_GE(position, closed ? kMessages : kMessages - harmed_max) << what;
  log.Write(3);
  const std::vector<std::string> after = log.Read();
  if (closed) {
    ExpectBeginning(after, what);
  } else {
    EXPECT_EQ(after, Messages(1, position + 3, "end")) << what;
  }
}

std::vector<std::string> Paths(bool closed) {
  TestLog log;
  Fill(log, closed);
  return log.storage.Paths();
}

std::size_t SizeOf(const std::string& path, bool closed) {
  TestLog log;
  Fill(log, closed);
  return log.storage.Bytes(path).size();
}

TEST(LogDamage, NoFlippedByteGivesAWrongMessageOrSilence) {
  for (const bool closed : {true, false}) {
    ASSERT_EQ(Paths(closed).size(), 4u) << "the test wants three segments and a mark";
    for (const std::string& path : Paths(closed)) {
      const std::size_t size = SizeOf(path, closed);
      for (std::size_t offset = 0; offset < size; ++offset) {
        for (const auto mask : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
          ExpectSafe(closed, 1, path + " offset " + std::to_string(offset),
                     [&](TestLog& log) { log.storage.Bytes(path)[offset] ^= mask; });
          if (HasFailure()) return;
        }
      }
    }
  }
}

TEST(LogDamage, NoZeroedByteGivesAWrongMessageOrSilence) {
  for (const bool closed : {true, false}) {
    for (const std::string& path : Paths(closed)) {
      const std::size_t size = SizeOf(path, closed);
      for (std::size_t offset = 0; offset < size; ++offset) {
        TestLog log;
        Fill(log, closed);
        if (log.storage.Bytes(path)[offset] == std::byte{0}) continue;
        ExpectSafe(closed, 1, path + " offset " + std::to_string(offset),
                   [&](TestLog& harmed) { harmed.storage.Bytes(path)[offset] = std::byte{0}; });
        if (HasFailure()) return;
      }
    }
  }
}

TEST(LogDamage, NoMissingPieceGivesAWrongMessageOrSilence) {
  for (const bool closed : {true, false}) {
    for (const std::string& path : Paths(closed)) {
      if (path == "log/mark") continue;
      const std::size_t size = SizeOf(path, closed);
      for (const std::size_t piece : {1, 8, 64}) {
        for (std::size_t offset = 0; offset + piece <= size; ++offset) {
          TestLog log;
          Fill(log, closed);
          const std::vector<std::byte> before = log.storage.Bytes(path);
          const auto take_out = [&](TestLog& harmed) {
            auto& bytes = harmed.storage.Bytes(path);
            const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
            bytes.erase(at, at + static_cast<std::ptrdiff_t>(piece));
          };
          take_out(log);
          // Zeros taken out of zeros leave a shorter file that says the same.
          auto padded = log.storage.Bytes(path);
          padded.resize(size);
          if (padded == before) continue;
          ExpectSafe(closed, 2, path + " without offset " + std::to_string(offset), take_out);
          if (HasFailure()) return;
        }
      }
    }
  }
}

TEST(LogDamage, NoDoubledPieceGivesAWrongMessageOrSilence) {
  for (const bool closed : {true, false}) {
    for (const std::string& path : Paths(closed)) {
      if (path == "log/mark") continue;
      const std::size_t size = SizeOf(path, closed);
      for (const std::size_t piece : {1, 8, 96}) {
        for (std::size_t offset = 0; offset + piece <= size; ++offset) {
          TestLog log;
          Fill(log, closed);
          std::vector<std::byte> padded = log.storage.Bytes(path);
          padded.resize(size + piece);
          const auto twice = [&](TestLog& harmed) {
            auto& bytes = harmed.storage.Bytes(path);
            const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
            const std::vector<std::byte> copy(at, at + static_cast<std::ptrdiff_t>(piece));
            bytes.insert(at, copy.begin(), copy.end());
          };
          twice(log);
          if (log.storage.Bytes(path) == padded) continue;
          ExpectSafe(closed, 2, path + " twice offset " + std::to_string(offset), twice);
          if (HasFailure()) return;
        }
      }
    }
  }
}

TEST(LogDamage, EveryPrefixOfAnUnsyncedSegmentIsCutAtItsLastWholeMessage) {
  TestLog whole(4096);
  Fill(whole, /*closed=*/false);
  const std::uint64_t first = whole.OffsetOf(1, 1);
  const std::uint64_t end = whole.OffsetOf(1, kMessages + 1);
  for (std::uint64_t size = first; size <= end; ++size) {
    std::uint64_t messages = 0;
    while (whole.OffsetOf(1, messages + 2) <= size) ++messages;

    TestLog log(4096);
    Fill(log, /*closed=*/false);
    log.ShrinkSize(1, log.storage.Bytes(log.Path(1)).size() - size);
    ASSERT_EQ(log.Read(), Messages(1, messages, "end")) << size;
    ASSERT_NE(log.Verify().find("it was cut"), std::string::npos) << size;
    const Status opened = log.TryReopen();
    ASSERT_FALSE(opened) << "the end of a process does not make files shorter";
    ASSERT_NE(opened.error().text.find("bytes long; it was cut"), std::string::npos)
        << opened.error().text;
    // A crash of the host may have lost what is missing.
    log.storage.Keep(log.Path(1));
    log.CrashHost();
    log.Reopen();
    ASSERT_EQ(log.writer->position().number, messages) << size;
    const std::uint64_t torn = size - whole.OffsetOf(1, messages + 1);
    // Zeros at the end of what is left were cut too, but there is no telling them from nothing.
    ASSERT_LE(log.writer->recovery().bytes_cut, torn) << size;
    ASSERT_EQ(log.writer->recovery().bytes_cut > 0, torn > 0) << size;
    log.Write(kMessages);
    ASSERT_EQ(log.Read(), Messages(1, messages + kMessages, "end")) << size;
    log.Close();
    ASSERT_EQ(log.Verify(), "whole") << size;
  }
}

TEST(LogDamage, ATornTailIsCutAndReported) {
  TestLog log(4096);
  Fill(log, /*closed=*/false);
  const std::uint64_t offset = log.OffsetOf(1, kMessages);
  log.FlipByte(1, offset + 90);
  EXPECT_EQ(log.Read(), Messages(1, kMessages - 1, "end"));
  log.Reopen();
  EXPECT_EQ(log.writer->recovery().text,
            "the log log did not end cleanly: after message 7 (segment 1, offset " +
                std::to_string(offset) + ") " + std::to_string(log.writer->recovery().bytes_cut) +
                " bytes were cut");
  EXPECT_EQ(log.writer->recovery().bytes_cut, sizeof(replay::RecordHeader) + MessageOf(8).size());
}

TEST(LogDamage, TheSameDamageBelowTheMarkIsAnError) {
  TestLog log(4096);
  log.Write(kMessages);
  log.Sync();
  log.Crash();
  const std::uint64_t offset = log.OffsetOf(1, kMessages);
  log.FlipByte(1, offset + 90);
  const std::string sentence =
      "the log log is damaged in segment 1 at offset " + std::to_string(offset) +
      ", where message 8 should be: the CRC does not match; restore 00000001.segment, or take the "
      "stream from another copy";
  auto expected = Messages(1, kMessages - 1, "damaged: " + sentence);
  EXPECT_EQ(log.Read(), expected);
  const Status opened = log.TryReopen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text, sentence);
  EXPECT_EQ(log.Verify(), sentence + "\n");
}

TEST(LogDamage, ADamagedRecordBeforeAWholeOneIsAnErrorForReadersAboveTheMarkToo) {
  TestLog log(4096);
  Fill(log, /*closed=*/false);
  log.FlipByte(1, log.OffsetOf(1, 3) + 20);
  auto lines = log.Read();
  EXPECT_TRUE(lines.back().starts_with("damaged: the log log is damaged in segment 1"));
  lines.pop_back();
  EXPECT_EQ(lines, Messages(1, 2));
}

TEST(LogDamage, ADamagedRecordBeforeAWholeOneIsAnErrorForTheWriterAboveTheMarkToo) {
  TestLog log(4096);
  Fill(log, /*closed=*/false);
  const std::uint64_t offset = log.OffsetOf(1, 3);
  log.FlipByte(1, offset + 20);
  const std::vector<std::byte> before = log.storage.Bytes(log.Path(1));
  const Status opened = log.TryReopen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text,
            "the log log is damaged in segment 1 at offset " + std::to_string(offset) +
                ", where message 3 should be: the CRC does not match, and whole messages follow "
                "it; restore 00000001.segment, or take the stream from another copy");
  EXPECT_EQ(log.storage.Bytes(log.Path(1)), before) << "a refused log must stay as it was";
}

TEST(LogDamage, IsToldWhileTheLogIsWrittenTooIfNoReaderCanGetOver) {
  TestLog log(4096);
  log.Write(kMessages);
  const std::uint64_t offset = log.OffsetOf(1, 3);
  log.SetByte(1, offset + 5, 2);  // its length, so that nothing whole begins where it ends
  EXPECT_EQ(log.Read(), Messages(1, 2, "end"));
  EXPECT_EQ(log.Verify(),
            "the log log is damaged in segment 1 at offset " + std::to_string(offset) +
                ", where message 3 should be: no whole message is there, and whole messages or "
                "segments follow it, so it is none that is just being written; restore "
                "00000001.segment, or take the stream from another copy\n");
}

TEST(LogDamage, IsNotWhatAWriterHasJustBegunToWrite) {
  TestLog log(4096);
  log.Write(kMessages);
  log.SetByte(1, log.OffsetOf(1, kMessages) + 70, 0xee);
  EXPECT_EQ(log.Read(), Messages(1, kMessages - 1, "end"));
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(LogDamage, ARecordThatIsThereTwiceIsNamed) {
  TestLog log(4096);
  Fill(log, /*closed=*/true);
  auto& bytes = log.storage.Bytes(log.Path(1));
  const std::uint64_t third = log.OffsetOf(1, 3);
  const std::uint64_t fourth = log.OffsetOf(1, 4);
  const std::vector<std::byte> record(bytes.begin() + static_cast<std::ptrdiff_t>(third),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(fourth));
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(fourth), record.begin(), record.end());
  auto lines = log.Read();
  EXPECT_NE(lines.back().find("where message 4 should be: a message with another number"),
            std::string::npos)
      << lines.back();
  lines.pop_back();
  EXPECT_EQ(lines, Messages(1, 3));
}

TEST(LogDamage, AMissingSegmentIsNamedWhereverItIsMissing) {
  for (const std::uint64_t missing : {2, 3}) {
    TestLog log;
    Fill(log, /*closed=*/true);
    ASSERT_TRUE(log.storage.Remove(log.Path(missing)));
    const std::string file = "0000000" + std::to_string(missing) + ".segment";
    std::vector<std::string> lines = log.Read();
    const std::size_t before = lines.size() - 1;
    const std::string damage = "the log log is damaged in segment " + std::to_string(missing) +
                               " at offset 0, where message " + std::to_string(before + 1) +
                               " should be: the segment is missing; restore " + file +
                               ", or take the stream from another copy";
    EXPECT_GT(before, 0u) << "what lies before it is read";
    EXPECT_EQ(lines, Messages(1, before, "damaged: " + damage));
    EXPECT_EQ(log.Verify(), damage + "\n");
    EXPECT_EQ(log.Read(kMessages), std::vector<std::string>{"refused: " + damage});
    EXPECT_FALSE(replay::LogReader::LastPosition(log.storage, log.folder));
    const Status opened = log.TryReopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().text, damage);
  }
}

TEST(LogDamage, AllSegmentsMissingIsNoNewLog) {
  TestLog log;
  Fill(log, /*closed=*/true);
  for (const std::uint64_t id : {1, 2, 3}) ASSERT_TRUE(log.storage.Remove(log.Path(id)));
  const Status opened = log.TryReopen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().text,
            "the log log is damaged: all its segments are missing and only its mark is left; "
            "restore them, or remove the folder");
}

TEST(LogDamage, SwappedSegmentsAreNamed) {
  TestLog log;
  Fill(log, /*closed=*/true);
  std::swap(log.storage.Bytes(log.Path(2)), log.storage.Bytes(log.Path(3)));
  auto lines = log.Read();
  EXPECT_NE(lines.back().find("is segment 3 by its header; it was renamed or swapped"),
            std::string::npos)
      << lines.back();
  ExpectBeginning(lines, "swapped");
  EXPECT_FALSE(log.TryReopen());
}

TEST(LogDamage, ASegmentOfAnotherSessionIsNamed) {
  TestLog log;
  Fill(log, /*closed=*/true);
  log.SetByte(2, offsetof(replay::SegmentHeader, session), 'X');
  log.FixHeaderChecksum(2);
  auto lines = log.Read();
  EXPECT_NE(lines.back().find("its header names another session"), std::string::npos);
  ExpectBeginning(lines, "another session");
}

TEST(LogDamage, BytesOfASegmentThatWasThereBeforeAreNeverTakenForNewOnes) {
  // The same records at the same place, written as part of another segment.
  TestLog old(4096);
  Fill(old, /*closed=*/false);
  const std::vector<std::byte> recycled = old.storage.Bytes(old.Path(1));
  TestLog log(4096);
  log.Write(1);
  log.Close();
  log.Write(1);
  log.Crash();
  ASSERT_TRUE(log.storage.Exists(log.Path(2)));
  std::vector<std::byte>& bytes = log.storage.Bytes(log.Path(2));
  const auto from = static_cast<std::ptrdiff_t>(log.OffsetOf(2, 2));
  // Message 3 of the old segment, right where message 3 of this one would be.
  std::copy(recycled.begin() + static_cast<std::ptrdiff_t>(old.OffsetOf(1, 3)), recycled.end(),
            bytes.begin() + from);
  bytes.resize(4096);
  EXPECT_EQ(log.Read(), Messages(1, 2, "end"));
  EXPECT_FALSE(log.TryReopen()) << "while the host runs nothing of the kind appears";
  for (const std::string& path : log.storage.Paths()) log.storage.Keep(path);
  log.CrashHost();
  log.Write(2);
  EXPECT_EQ(log.Read(), Messages(1, 4, "end"));
  log.Close();
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(LogDamage, ALogWithoutItsMarkIsReadAndContinuedWithAWord) {
  TestLog log;
  Fill(log, /*closed=*/true);
  ASSERT_TRUE(log.storage.Remove("log/mark"));
  EXPECT_EQ(log.Read(), Messages(1, kMessages, "end"));
  EXPECT_EQ(log.Verify(), "log/mark is missing, so nothing says how far the log was synced\n");
  log.Write(2);
  EXPECT_EQ(log.Read(), Messages(1, kMessages + 2, "end"));
}

TEST(LogDamage, ALogWithTwoDamagedMarksIsRefused) {
  TestLog log;
  log.Write(2);
  log.Sync();
  log.Write(2);
  log.Sync();
  log.Crash();
  log.storage.Bytes("log/mark")[40] ^= std::byte{1};
  log.storage.Bytes("log/mark")[replay::kMarkSlotStride + 40] ^= std::byte{1};
  EXPECT_EQ(log.Read().front(),
            "refused: log/mark: both marks are damaged; restore the file, or remove it to go on "
            "without knowing how far the log was synced");
  EXPECT_FALSE(log.TryReopen());
}

TEST(LogDamage, WhatIsNoLogIsCalledThat) {
  TestLog log;
  EXPECT_EQ(log.Read().front(), "refused: there is no log at log: no such folder");
  ASSERT_TRUE(log.storage.MakeFolder("log"));
  EXPECT_EQ(log.Read().front(),
            "refused: log is not a log: it holds no segment (00000001.segment and so on)");
}

TEST(LogDamage, AMessageLargerThanOneMayBeIsNamed) {
  for (const std::size_t size : {65'000, 65'001}) {
    TestLog log;
    log.Write(2);
    std::vector<std::byte> message = MessageOf(3);
    message.resize(size);
    proto::Header header;
    std::memcpy(&header, message.data(), sizeof header);
    header.payload_size = static_cast<std::uint16_t>(size - sizeof header);
    std::memcpy(message.data(), &header, sizeof header);
    header.digest = proto::Digest(log.writer->position().digest, message);
    std::memcpy(message.data(), &header, sizeof header);
    log.writer->Append(message);
    log.Close();
    const std::string larger = "a message of more than 65000 bytes, the most that one may have";
    EXPECT_EQ(log.Read().back().find(larger) != std::string::npos, size > 65'000) << size;
    EXPECT_EQ(log.Verify().find(larger) != std::string::npos, size > 65'000) << log.Verify();
  }
}

TEST(LogDamage, ARecordOfAnUnknownKindIsPassedOverIfEvenAndRefusedIfOdd) {
  for (const std::uint8_t kind : {4, 5}) {
    TestLog log(4096);
    Fill(log, /*closed=*/true);
    // The schema stands first; as another kind it is a record that this build does not know.
    log.SetByte(1, log.OffsetOf(1, 0) + 7, kind);
    log.FixChecksum(1, log.OffsetOf(1, 0));
    if (kind == 4) {
      EXPECT_EQ(log.Read(), Messages(1, kMessages, "end"));
    } else {
      EXPECT_NE(log.Read().front().find("a record of a kind that this build does not know"),
                std::string::npos);
    }
  }
}

TEST(LogDamage, ARecordOfAnUnknownOddKindIsNeverCut) {
  TestLog log(4096);
  Fill(log, /*closed=*/false);
  const std::uint64_t last = log.OffsetOf(1, kMessages);
  log.SetByte(1, last + 7, 5);
  log.FixChecksum(1, last);
  EXPECT_NE(log.Read().back().find("a record of a kind that this build does not know"),
            std::string::npos);
  EXPECT_FALSE(log.TryReopen());
}

}  // namespace
}  // namespace tandem::test
