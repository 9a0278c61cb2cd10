// SPDX-License-Identifier: Apache-2.0
//
// Logs whose process, disk or host fails at any moment. What was flushed survives the process, what
// was synced survives the host, nothing is there twice, and the same stream goes on.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <random>
#include <set>

#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::LogWriter;
using replay::ReadOutcome;

constexpr std::uint64_t kRounds = 12;

/// What a writer had reached when it failed.
struct Reached {
  std::uint64_t flushed = 0;
  std::uint64_t synced = 0;
  bool failed = false;
};

/// Opens the log, then writes, flushes and sometimes syncs until something fails.
Reached Work(TestLog& log, Reached reached) {
  const auto fail = [&] {
    reached.failed = true;
    return reached;
  };
  if (!log.TryReopen()) return fail();
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    for (std::uint64_t i = 0; i <= round % 3; ++i) {
      log.writer->Append(MessageOf(log.writer->position().number + 1));
    }
    if (!log.writer->Flush()) return fail();
    reached.flushed = log.writer->flushed_position().number;
    if (round % 4 != 3) continue;
    if (!log.writer->Sync()) return fail();
    reached.synced = log.writer->synced_position().number;
  }
  if (!log.writer->Close()) return fail();
  reached.synced = reached.flushed;
  return reached;
}

/// The log has a beginning of the stream that reaches at least to `least`; and it can go on.
void ExpectGoesOn(TestLog& log, std::uint64_t least, const std::string& what) {
  const Status opened = log.TryReopen();
  ASSERT_TRUE(opened) << what << ": " << opened.error().text;
  const std::uint64_t position = log.writer->position().number;
  ASSERT_GE(position, least) << what;
  log.Write(5);
  ASSERT_EQ(log.Read(), Messages(1, position + 5, "end")) << what;
  log.Close();
  ASSERT_EQ(log.Verify(), "whole") << what;
}

TEST(LogCrash, TheProcessMayDieAfterAnyOperation) {
  for (const auto fault : {MemoryStorage::Fault::kError, MemoryStorage::Fault::kTornWrite}) {
    for (std::uint64_t nth = 1;; ++nth) {
      TestLog log;
      log.storage.FailFrom(nth, fault);
      const Reached reached = Work(log, {});
      log.Crash();
      ExpectGoesOn(log, reached.flushed, "operation " + std::to_string(nth));
      if (HasFailure()) return;
      if (!reached.failed) {
        EXPECT_GT(nth, 40u) << "the test wants many operations";
        break;
      }
    }
  }
}

TEST(LogCrash, TheHostMayDieAfterAnyOperation) {
  for (std::uint64_t nth = 1;; ++nth) {
    bool failed = false;
    // Seed 0: all that was not synced is gone; others: a random part of it.
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      TestLog log;
      log.storage.FailFrom(nth, MemoryStorage::Fault::kTornWrite);
      const Reached reached = Work(log, {});
      failed = reached.failed;
      std::mt19937_64 random(seed);
      log.CrashHost(seed == 0 ? nullptr : &random);
      ExpectGoesOn(log, reached.synced,
                   "operation " + std::to_string(nth) + " seed " + std::to_string(seed));
      if (HasFailure()) return;
    }
    if (!failed) break;
  }
}

TEST(LogCrash, TheHostMayDieAgainAndAgain) {
  constexpr std::uint64_t kSeed = 20261122;
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  for (int life = 0; life < 60; ++life) {
    TestLog log;
    Reached reached;
    for (int crash = 0; crash < 8; ++crash) {
      log.storage.FailFrom(1 + random() % 40, MemoryStorage::Fault::kTornWrite);
      reached = Work(log, reached);
      if (random() % 2 == 0) {
        log.Crash();
        ExpectGoesOn(log, reached.flushed, "life " + std::to_string(life));
      } else {
        log.CrashHost(&random);
        ExpectGoesOn(log, reached.synced, "life " + std::to_string(life));
      }
      if (HasFailure()) return;
      const auto last = LogReader::LastPosition(log.storage, log.folder);
      ASSERT_TRUE(last);
      reached.flushed = reached.synced = last->number;
    }
  }
}

TEST(LogCrash, SyncsTheNamesOfSegmentsThatAProcessBeforeItMade) {
  // For some of these counts the last message begins no segment of its own.
  for (std::uint64_t count = 20; count < 26; ++count) {
    TestLog log;
    log.Write(1);
    log.Sync();
    log.Write(count - 2);
    ASSERT_TRUE(log.storage.Exists(log.Path(2)));
    log.Crash();
    log.Reopen();
    log.Write(1);
    log.Sync();
    log.CrashHost();
    EXPECT_EQ(log.Read(), Messages(1, count, "end"));
  }
}

TEST(LogCrash, AFailedWriteOrSyncIsNeverTriedAgain) {
  for (std::uint64_t nth = 1;; ++nth) {
    TestLog log;
    log.Reopen();
    log.storage.FailOnce(nth, MemoryStorage::Fault::kTornWrite, "No space left on device");
    log.writer->Append(MessageOf(1));
    Status status = log.writer->Sync();
    if (status.ok()) break;
    EXPECT_EQ(status.error().code, ExitCode::kFailure);
    EXPECT_NE(status.error().text.find("No space left on device; "), std::string::npos)
        << status.error().text;
    EXPECT_TRUE(status.error().text.ends_with(", and nothing more is written to it"))
        << status.error().text;
    const std::uint64_t operations = log.storage.operations();
    log.writer->Append(MessageOf(1));
    log.writer->Append(MessageOf(2));
    for (const Status& again : {log.writer->Flush(), log.writer->Sync(), log.writer->Close()}) {
      ASSERT_FALSE(again);
      EXPECT_EQ(again.error().text, status.error().text);
    }
    EXPECT_EQ(log.storage.operations(), operations) << "nothing may be tried on the disk";
    EXPECT_EQ(log.writer->synced_position().number, 0u);
    log.Crash();
    log.Write(3);
    EXPECT_EQ(log.Read(), Messages(1, log.writer->position().number, "end"));
  }
}

/// Limits the size of files of this process, for as long as it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::uint64_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

TEST(LogCrash, AnErrorSaysInWhichFileAndWhereAndUpToWhichMessageTheLogIsWritten) {
  replay::PosixStorage storage;
  const std::string folder = ::testing::TempDir() + "log_error_" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  auto writer = LogWriter::Open(storage, folder, {.session = proto::Session("TEST"), .schema = ""});
  ASSERT_TRUE(writer);
  for (std::uint64_t number = 1; number <= 3; ++number) writer->Append(MessageOf(number));
  ASSERT_TRUE(writer->Flush());
  std::uint64_t end = 0;
  {
    auto reader = LogReader::Open(storage, folder, {});
    ASSERT_TRUE(reader);
    while (reader->Next() == ReadOutcome::kMessage) end = reader->offset();
  }
  const FileSizeLimit limit(64);
  writer->Append(MessageOf(4));
  const Status status = writer->Flush();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "cannot write to " + folder + "/00000001.segment at offset " +
                                     std::to_string(end) +
                                     ": File too large; messages up to 3 are in the log " + folder +
                                     ", and nothing more is written to it");
  std::filesystem::remove_all(folder);
}

TEST(LogCrash, AnErrorCountsTheSegmentsThatWereWrittenBeforeIt) {
  // What fills some segments in one flush, which fails at each of its operations in turn.
  std::set<std::string> said;
  for (std::uint64_t nth = 1;; ++nth) {
    TestLog log;
    log.Write(1);
    log.storage.FailOnce(nth, MemoryStorage::Fault::kError);
    for (std::uint64_t number = 2; number <= 12; ++number) log.writer->Append(MessageOf(number));
    const Status status = log.writer->Flush();
    if (status) break;
    const std::string last = std::to_string(log.writer->flushed_position().number);
    EXPECT_TRUE(status.error().text.ends_with("; messages up to " + last +
                                              " are in the log log, and nothing more is written "
                                              "to it"))
        << status.error().text;
    said.insert(last);
    const std::vector<std::string> read = log.Read();
    EXPECT_GE(read.size(), std::stoull(last) + 1) << "it must hold what it is said to hold";
  }
  EXPECT_GT(said.size(), 2u) << "there must be segments between";
}

TEST(LogCrash, AFullDiskIsAnErrorAndWhatWasThereStays) {
  TestLog log;
  log.Write(5);
  log.storage.LimitBytes(3000);
  std::uint64_t flushed = 0;
  Status status;
  while (status.ok()) {
    flushed = log.writer->flushed_position().number;
    log.writer->Append(MessageOf(flushed + 1));
    status = log.writer->Flush();
  }
  EXPECT_NE(status.error().text.find("No space left on device"), std::string::npos);
  EXPECT_EQ(log.Read(), Messages(1, flushed, "end"));
  log.Crash();
  log.storage.LimitBytes(1 << 20);
  log.Write(5);
  EXPECT_EQ(log.Read(), Messages(1, flushed + 5, "end"));
}

TEST(LogCrash, ALaterSegmentThatHangsInTheAirIsSetAside) {
  TestLog log;
  log.Write(10);
  log.Crash();
  ASSERT_TRUE(log.storage.Exists(log.Path(3)));
  const auto second = replay::ReadSegmentHeader(log.storage, log.folder, 2);
  ASSERT_TRUE(second);
  const std::uint64_t in_first = second->first_number - 1;
  auto& bytes = log.storage.Bytes(log.Path(1));
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(log.OffsetOf(1, 2)), bytes.end(),
            std::byte{0});
  for (const std::string& path : log.storage.Paths()) log.storage.Keep(path);
  log.CrashHost();
  log.Reopen();
  EXPECT_EQ(log.writer->position().number, 1u);
  EXPECT_GE(log.writer->recovery().segments_set_aside, 2u);
  EXPECT_TRUE(log.writer->recovery().text.starts_with(
      "the log log did not end cleanly: after message 1 (segment 1, offset "))
      << log.writer->recovery().text;
  EXPECT_NE(log.writer->recovery().text.find(" later segments were set aside as *.cut, with " +
                                             std::to_string(10 - in_first) + " whole messages"),
            std::string::npos)
      << log.writer->recovery().text;
  EXPECT_TRUE(log.storage.Exists(log.Path(3) + ".cut"));
  log.Write(12);
  EXPECT_EQ(log.Read(), Messages(1, 13, "end"));
  log.Close();
  EXPECT_EQ(log.Verify(), "whole");
}

TEST(LogCrash, SyncsOldSegmentsOnTheWaySoThatTheirNumberIsBounded) {
  TestLog log;
  log.Reopen();
  for (int i = 0; i < 200; ++i) {
    log.writer->Append(MessageOf(log.writer->position().number + 1));
    ASSERT_TRUE(log.writer->Flush());
  }
  EXPECT_GT(log.writer->synced_position().number, 150u);
  log.CrashHost(nullptr);
  log.Reopen();
  EXPECT_GT(log.writer->position().number, 150u);
}

/// The child writes until it is killed; the pipe says what it has flushed.
void WriteUntilKilled(const std::string& folder, int pipe) {
  replay::PosixStorage storage;
  replay::LogOptions options{.session = proto::Session("TEST"),
                             .role = replay::kInputRole,
                             .schema = "a schema",
                             .segment_bytes = 4096};
  auto writer = LogWriter::Open(storage, folder, options);
  if (!writer) ::_exit(1);
  for (std::uint64_t round = 0;; ++round) {
    for (std::uint64_t i = 0; i < round % 50; ++i) {
      writer->Append(MessageOf(writer->position().number + 1));
    }
    if (!writer->Flush() || (round % 16 == 15 && !writer->Sync())) ::_exit(1);
    const std::uint64_t flushed = writer->flushed_position().number;
    if (::write(pipe, &flushed, sizeof flushed) != sizeof flushed) ::_exit(1);
  }
}

TEST(LogCrash, ARealProcessMayBeKilledAtAnyMoment) {
  const std::string folder = ::testing::TempDir() + "/killed_log_" + std::to_string(::getpid());
  static_cast<void>(MessageOf(60'000));  // made once, before the forks
  constexpr std::uint64_t kSeed = 4711;
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  replay::PosixStorage storage;
  std::uint64_t least = 0;
  for (int kill = 0; kill < 40 && least < 50'000; ++kill) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) WriteUntilKilled(folder, ends[1]);
    ::close(ends[1]);
    std::uint64_t flushed = least;
    for (std::uint64_t n = random() % 40; n > 0; --n) {
      ASSERT_EQ(::read(ends[0], &flushed, sizeof flushed), static_cast<ssize_t>(sizeof flushed));
    }
    ::usleep(static_cast<useconds_t>(random() % 2000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(ends[0], &flushed, sizeof flushed) == sizeof flushed) {
    }
    ::close(ends[0]);

    auto reader = LogReader::Open(storage, folder, {});
    if (!reader && flushed == 0) continue;  // killed before there was a log
    ASSERT_TRUE(reader) << reader.error().text;
    const auto lines = ReadAll(*reader);
    ASSERT_GE(lines.size(), flushed + 1) << "after kill " << kill;
    ASSERT_EQ(lines, Messages(1, lines.size() - 1, "end")) << "after kill " << kill;
    least = lines.size() - 1;
  }
  EXPECT_GT(least, 100u);
  const auto names = storage.List(folder);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) EXPECT_TRUE(storage.Remove(folder + "/" + name));
  ::rmdir(folder.c_str());
}

}  // namespace
}  // namespace tandem::test
