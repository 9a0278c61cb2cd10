// SPDX-License-Identifier: Apache-2.0
//
// A sequencer that starts from a checkpoint knows what one knows that has read the whole log: over
// random histories, tiny segments, many users, and crashes of process and host at any operation.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "engine/sequencer.h"
#include "replay/log_checkpoint.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"
#include "replay/log_trim.h"
#include "replay/log_writer.h"
#include "tests/support/memory_storage.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using proto::User;
using replay::Checkpoint;
using test::MemoryStorage;
using Lines = std::vector<std::string>;

constexpr const char* kFolder = "input";
constexpr std::size_t kUsers = 60;

std::string NameOf(std::size_t user) { return "U" + std::to_string(user); }

/// Everything that a sequencer knows, as text.
Lines Show(const Sequencer& sequencer) {
  Lines lines = {"number " + std::to_string(sequencer.position().number) + " digest " +
                     std::to_string(sequencer.position().digest),
                 "epoch " + std::to_string(sequencer.epoch()) + " ended " +
                     std::to_string(sequencer.ended()) + " accepted " +
                     std::to_string(sequencer.accepted_total()) + " users " +
                     std::to_string(sequencer.users())};
  for (std::size_t user = 0; user < kUsers; ++user) {
    const std::uint64_t accepted = sequencer.accepted(User(NameOf(user)));
    if (accepted > 0) lines.push_back(NameOf(user) + " " + std::to_string(accepted));
  }
  return lines;
}

class CheckpointTest : public testing::Test {
 protected:
  SequencerOptions Options() const { return {.session = proto::Session("TEST")}; }

  /// A sequencer that has read every message.
  Sequencer Scan() { return ReadFrom(1, Checkpoint{}); }
  /// One that has begun where FindCheckpoint says.
  Result<Sequencer> Start() {
    const auto found = replay::FindCheckpoint(storage_, kFolder);
    if (!found) return found.error();
    why_ = found->why;
    read_from_ = found->checkpoint.position.number + 1;
    return ReadFrom(read_from_, found->checkpoint);
  }
  Sequencer ReadFrom(std::uint64_t number, const Checkpoint& checkpoint) {
    Sequencer sequencer(Options());
    sequencer.Recover(checkpoint);
    auto reader = replay::LogReader::Open(storage_, kFolder, {.from_number = number});
    EXPECT_TRUE(reader.ok()) << reader.error().text;
    if (!reader) return sequencer;
    for (;;) {
      const auto outcome = reader->Next();
      EXPECT_NE(outcome, replay::ReadOutcome::kDamaged) << reader->error().text;
      if (outcome != replay::ReadOutcome::kMessage) return sequencer;
      sequencer.Recover(reader->message());
    }
  }
  void ExpectStartsAsAfterAScan(const std::string& what) {
    const auto started = Start();
    ASSERT_TRUE(started.ok()) << what << ": " << started.error().text;
    Sequencer from_checkpoint = *started;
    Sequencer scanned = Scan();
    ASSERT_EQ(Show(from_checkpoint), Show(scanned)) << what;
    // Time, too: what they make next is the same to the last byte.
    ASSERT_TRUE(from_checkpoint.EndSession(1) == scanned.EndSession(1)) << what;
    ASSERT_TRUE(std::ranges::equal(from_checkpoint.message(), scanned.message())) << what;
  }

  /// One life of a sequencer: opens the log, starts, takes submissions. False: something failed.
  bool Live(std::uint64_t messages, std::size_t users, std::uint64_t segment_bytes) {
    std::optional<Sequencer> sequencer;
    auto log = replay::LogWriter::Open(storage_, kFolder,
                                       {.session = proto::Session("TEST"),
                                        .role = replay::kInputRole,
                                        .schema = "a schema",
                                        .segment_bytes = segment_bytes,
                                        .checkpoint = [&]() -> std::vector<std::byte> {
                                          if (!sequencer || sequencer->position().number == 0)
                                            return {};
                                          return replay::Encode(sequencer->checkpoint());
                                        }});
    if (!log) return false;
    sequencer.emplace(Options());
    if (log->position().number > 0) {
      auto started = Start();
      EXPECT_TRUE(started.ok()) << started.error().text;
      if (!started) return false;
      sequencer = *started;
    }
    EXPECT_EQ(sequencer->position(), log->position());
    for (std::uint64_t i = 0; i < messages; ++i) {
      time_ns_ += static_cast<std::int64_t>(random_() % 5);
      if (random_() % 7 == 0) {
        if (!sequencer->OnTime(time_ns_ += 100'000'000)) continue;
      } else {
        const User user(NameOf(random_() % users));
        const auto submission =
            test::Submission(sequencer->accepted(user) + 1, 100, std::string(random_() % 90, 's'));
        if (sequencer->Submit(user, test::View(submission), time_ns_) !=
            Sequencer::Verdict::kAccepted) {
          ADD_FAILURE() << sequencer->reason();
          return false;
        }
      }
      log->Append(sequencer->message());
      const auto chance = random_() % 8;
      if (chance < 3 && !log->Flush()) return false;
      if (chance == 3 && !log->Sync()) return false;
    }
    return random_() % 2 == 0 ? log->Close().ok() : log->Flush().ok();
  }

  std::uint64_t LastSegment() {
    const auto list = replay::ListSegments(storage_, kFolder);
    EXPECT_TRUE(list.ok());
    return list->ids.back();
  }
  /// Changes a byte of the checkpoint in a segment, and makes its checksum right again or not.
  void DamageCheckpoint(std::uint64_t segment, std::size_t byte, bool fix_checksum) {
    std::vector<std::byte>& bytes = storage_.Bytes(replay::SegmentPath(kFolder, segment));
    replay::SegmentHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    std::size_t at = sizeof header;
    for (;;) {
      replay::RecordHeader record;
      std::memcpy(&record, bytes.data() + at, sizeof record);
      const std::size_t size = replay::RecordBytes(replay::BodySize(record.size_and_kind));
      if (replay::Kind(record.size_and_kind) != replay::RecordKind::kCheckpoint) {
        ASSERT_EQ(replay::Kind(record.size_and_kind), replay::RecordKind::kSchema);
        at += size;
        continue;
      }
      bytes[at + sizeof record + byte] ^= std::byte{1};
      if (!fix_checksum) return;
      const std::uint32_t crc =
          replay::Crc32c(header.crc, std::span(bytes).subspan(at + 4, size - 4));
      std::memcpy(bytes.data() + at, &crc, sizeof crc);
      return;
    }
  }

  void Seed(std::uint64_t seed) { random_.seed(seed); }

  MemoryStorage storage_;
  std::mt19937_64 random_;
  std::int64_t time_ns_ = 1'000'000'000;
  std::string why_;
  std::uint64_t read_from_ = 0;
};

TEST_F(CheckpointTest, HasTheseBytes) {
  Checkpoint checkpoint{.position = {.number = 0x0807060504030201, .digest = 0x1817161514131211},
                        .time_ns = 0x2827262524232221,
                        .epoch = 0x34333231,
                        .accepted = {}};
  checkpoint.accepted[User("B")] = 3;
  checkpoint.accepted[User("ALICE")] = 0x4847464544434241;
  const std::vector<std::byte> body = replay::Encode(checkpoint);
  std::string hex;
  for (std::size_t i = 0; i < body.size(); ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(body[i]));
    hex += digits;
    if (i % 16 == 15) hex += '\n';
  }
  EXPECT_EQ(hex,
            "01000000020000000102030405060708\n"
            "11121314151617182122232425262728\n"
            "3132333400000000414c494345202020\n"
            "41424344454647484220202020202020\n"
            "0300000000000000");
  EXPECT_EQ(replay::ParseCheckpoint(body), checkpoint);
}

TEST_F(CheckpointTest, OfAnotherVersionSizeOrOrderIsNone) {
  Checkpoint checkpoint;
  checkpoint.accepted[User("A")] = 1;
  checkpoint.accepted[User("B")] = 2;
  const std::vector<std::byte> good = replay::Encode(checkpoint);
  ASSERT_TRUE(replay::ParseCheckpoint(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(replay::ParseCheckpoint(std::span(good).first(size))) << size;
  }
  std::vector<std::byte> bad = good;
  bad[0] = std::byte{2};
  EXPECT_FALSE(replay::ParseCheckpoint(bad));
  bad = good;
  bad[4] = std::byte{3};
  EXPECT_FALSE(replay::ParseCheckpoint(bad));
  bad = good;
  bad[40] = std::byte{'B'};  // twice the same user
  EXPECT_FALSE(replay::ParseCheckpoint(bad));
  bad = good;
  bad[48] = std::byte{0};  // nobody is in it with nothing
  EXPECT_FALSE(replay::ParseCheckpoint(bad));
}

TEST_F(CheckpointTest, GivesWhatAScanGivesAfterEachMessage) {
  Seed(7);
  for (int life = 0; life < 150; ++life) {
    ASSERT_TRUE(Live(1 + random_() % 3, 5, 768));
    ExpectStartsAsAfterAScan("life " + std::to_string(life));
    if (HasFailure()) return;
    EXPECT_EQ(why_, "");
  }
  EXPECT_GT(LastSegment(), 30u) << "the test wants many segments";
}

TEST_F(CheckpointTest, GivesWhatAScanGivesOverRandomHistories) {
  const std::uint64_t first_seed = std::random_device()();
  std::printf("seeds from %lu\n", static_cast<unsigned long>(first_seed));
  for (std::uint64_t seed = first_seed; seed < first_seed + 40; ++seed) {
    storage_ = MemoryStorage();
    Seed(seed);
    const std::size_t users = 1 + random_() % kUsers;
    const std::uint64_t segment_bytes = 512 + random_() % 6000;
    for (int life = 0; life < 8; ++life) {
      ASSERT_TRUE(Live(random_() % 120, users, segment_bytes)) << seed;
      ExpectStartsAsAfterAScan("seed " + std::to_string(seed));
      if (HasFailure()) return;
      EXPECT_EQ(why_, "");
    }
  }
}

TEST_F(CheckpointTest, GivesWhatAScanGivesAfterACrashAtAnyOperation) {
  for (const bool host : {false, true}) {
    for (std::uint64_t nth = 1;; ++nth) {
      bool failed = false;
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        storage_ = MemoryStorage();
        Seed(seed);
        storage_.FailFrom(nth, MemoryStorage::Fault::kTornWrite);
        failed = !Live(60, 9, 900) || !Live(60, 9, 900);
        storage_.StopFailing();
        host ? storage_.CrashHost(seed == 0 ? nullptr : &random_) : storage_.CrashProcesses();
        // Opening the log recovers it; from there on both ways must know the same.
        ASSERT_TRUE(Live(0, 9, 900)) << nth;
        ExpectStartsAsAfterAScan("operation " + std::to_string(nth) + " seed " +
                                 std::to_string(seed) + (host ? " host" : " process"));
        if (HasFailure()) return;
        ASSERT_TRUE(Live(30, 9, 900));
        ExpectStartsAsAfterAScan("after operation " + std::to_string(nth));
        if (HasFailure()) return;
      }
      if (failed) continue;
      EXPECT_GT(nth, 60u) << "the test wants many operations";
      break;
    }
  }
}

TEST_F(CheckpointTest, IsPassedOverIfItIsDamagedOrMissing) {
  Seed(3);
  ASSERT_TRUE(Live(300, 9, 2000));
  const std::uint64_t last = LastSegment();
  ASSERT_GT(last, 4u);
  const auto file = [](std::uint64_t segment) { return replay::SegmentFileName(segment); };
  ExpectStartsAsAfterAScan("whole");
  const std::uint64_t last_read_from = read_from_;
  // Of another place, by its number, digest, time and epoch; then of an unknown version.
  for (const std::size_t byte : {8, 16, 24, 32, 0}) {
    DamageCheckpoint(last, byte, true);
    ExpectStartsAsAfterAScan("damaged byte " + std::to_string(byte));
    EXPECT_EQ(why_, file(last) + (byte == 0 ? " has a checkpoint that this build cannot read"
                                            : " has a checkpoint of another place"));
    EXPECT_LT(read_from_, last_read_from);
    EXPECT_GT(read_from_, 1u);
    DamageCheckpoint(last, byte, true);
  }
  for (std::uint64_t segment = 2; segment <= last; ++segment) DamageCheckpoint(segment, 0, true);
  ExpectStartsAsAfterAScan("all damaged");
  EXPECT_EQ(why_, file(last) + " has a checkpoint that this build cannot read");
  EXPECT_EQ(read_from_, 1u);
}

TEST_F(CheckpointTest, LetsALogStartThatWasTrimmed) {
  Seed(5);
  ASSERT_TRUE(Live(300, 9, 2000));
  const Lines whole = Show(Scan());
  const auto trimmed = replay::TrimLog(storage_, kFolder, 150);
  ASSERT_TRUE(trimmed.ok()) << trimmed.error().text;
  ASSERT_GT(trimmed->first_number, 1u);
  auto started = Start();
  ASSERT_TRUE(started.ok()) << started.error().text;
  EXPECT_EQ(Show(*started), whole);
  ASSERT_TRUE(Live(50, 9, 2000));

  // Old acknowledgements: those that are there are found, from a segment that is not too late.
  started = Start();
  ASSERT_TRUE(started.ok());
  for (std::size_t user = 0; user < 9; ++user) {
    const User name(NameOf(user));
    bool was_there = false;
    for (std::uint64_t origin = 1; origin <= started->accepted(name); ++origin) {
      const auto first = replay::FirstNumberFor(storage_, kFolder, name, origin);
      if (!first.ok()) {
        EXPECT_FALSE(was_there) << "submission " << origin;
        EXPECT_NE(first.error().text.find("is before the beginning of the log"), std::string::npos);
        continue;
      }
      was_there = true;
      auto reader = replay::LogReader::Open(storage_, kFolder, {.from_number = *first});
      ASSERT_TRUE(reader.ok());
      bool found = false;
      while (!found && reader->Next() == replay::ReadOutcome::kMessage) {
        const proto::Header& header = reader->message().header;
        found = header.user == name && header.origin == origin;
      }
      EXPECT_TRUE(found) << "submission " << origin << " from " << *first;
    }
  }
  // Without any checkpoint nobody knows what was before.
  const std::uint64_t last = LastSegment();
  const auto list = replay::ListSegments(storage_, kFolder);
  for (const std::uint64_t segment : list->ids) DamageCheckpoint(segment, 0, true);
  started = Start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().text.find("was trimmed, and none of its segments has a checkpoint"),
            std::string::npos);
  EXPECT_NE(started.error().text.find(replay::SegmentFileName(last)), std::string::npos);
}

}  // namespace
}  // namespace tandem::engine
