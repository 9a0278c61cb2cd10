// SPDX-License-Identifier: Apache-2.0
//
// Every way into a log that was harmed: opened at each number and each time, followed, compared,
// searched for Skips, trimmed. What comes out is right as far as it goes, and where it is not all,
// or not right, somebody says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "replay/diff.h"
#include "replay/log_mark.h"
#include "replay/log_seek.h"
#include "replay/log_trim.h"
#include "replay/log_verify.h"
#include "replay/skips.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::ReadOptions;

constexpr std::uint64_t kMessages = 8;
constexpr std::int64_t kSecond = 1'000'000'000;  ///< message n has the time of n seconds

/// A log of three segments; closed, or left by a crash, with its mark in the second one.
void Fill(TestLog& log, bool closed) {
  log.Write(kMessages / 2);
  if (!closed) log.Sync();
  log.Write(kMessages - kMessages / 2);
  closed ? log.Close() : log.Crash();
}

struct Harm {
  std::string what;
  std::function<void(TestLog&)> run;
};

class LogReaders : public ::testing::Test {
 protected:
  void ExpectSafe(bool closed, const Harm& harm) {
    TestLog log;
    Fill(log, closed);
    auto follower = LogReader::Open(log.storage, log.folder, {});
    ASSERT_TRUE(follower);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(follower->Next(), replay::ReadOutcome::kMessage);
    harm.run(log);
    what_ = harm.what + (closed ? ", closed" : ", crashed");
    is_told_ = log.Verify() != "whole";
    bool all_there = true;
    for (std::uint64_t from = 0; from <= kMessages; ++from) {
      const Status belongs = replay::CheckBelongs(log.storage, log.folder, from);
      auto reader = LogReader::Open(log.storage, log.folder, {.from_number = from});
      // As the tools do, which begin in the middle only if what lies there belongs to the log.
      if (!reader || (from > 0 && !belongs)) {
        EXPECT_TRUE(is_told_) << what_ << ": refused, and nobody else says why";
        all_there = false;
      } else {
        all_there &= Take(log, *reader, std::max<std::uint64_t>(from, 1));
      }
      Seek(log, from);
    }
    Take(log, *follower, 3);
    End(log, all_there);
    Compare(log, all_there);
    EXPECT_TRUE(is_told_ || all_there) << what_ << ": verify calls it whole";
    (void)replay::ReadSkips(log.storage, log.folder);
    (void)replay::TrimLog(log.storage, log.folder, kMessages, /*look_only=*/true);
  }

  static std::vector<std::string> Paths(bool closed) {
    TestLog log;
    Fill(log, closed);
    return log.storage.Paths();
  }
  static std::size_t SizeOf(const std::string& path, bool closed) {
    TestLog log;
    Fill(log, closed);
    return log.storage.Bytes(path).size();
  }

 private:
  /// Reads on from message `from`; true if all was there and right. If not, that is told.
  bool Take(TestLog& log, LogReader& reader, std::uint64_t from) {
    const std::vector<std::string> lines = ReadAll(reader);
    if (lines == Messages(from, kMessages, "end")) return true;
    const auto problems = replay::EndProblems(log.storage, log.folder, reader);
    // Without a mark, where the end is gone with it, only who asks for that learns that it is gone.
    const bool is_told = is_told_ && !log.storage.Exists("log/mark");
    EXPECT_TRUE(lines.back() != "end" || !problems || !problems->empty() || is_told)
        << what_ << " from " << from << ": " << lines.size() - 1 << " messages, and silence";
    if (lines.back() != "end") {
      EXPECT_TRUE(lines.back().find(" in segment ") != std::string::npos ||
                  lines.back().find("/mark") != std::string::npos)
          << what_ << ": " << lines.back();
    }
    if (!is_foreign_) {
      const std::uint64_t last = from + lines.size() - 2;
      EXPECT_LE(last, kMessages) << what_;
      EXPECT_EQ(std::vector(lines.begin(), lines.end() - 1), Messages(from, last)) << what_;
    }
    return false;
  }

  /// Looks for the time of message `number`.
  void Seek(TestLog& log, std::uint64_t number) const {
    const auto time = static_cast<std::int64_t>(number) * kSecond;
    const auto first = replay::FirstNumberAt(log.storage, log.folder, time);
    const auto last = replay::LastNumberAt(log.storage, log.folder, time);
    if (is_told_ && is_foreign_) return;
    if (first && *first != std::max<std::uint64_t>(number, 1)) {
      EXPECT_TRUE(is_told_) << what_ << ": time of " << number << " is at " << *first;
      EXPECT_LE(*first, number) << what_ << ": passes over messages";
    }
    if (last && *last < number) {
      EXPECT_TRUE(is_told_) << what_;
    }
  }

  void End(TestLog& log, bool all_there) const {
    const auto end = LogReader::FindEnd(log.storage, log.folder);
    if (!end || end->damage) {
      EXPECT_TRUE(is_told_) << what_;
      return;
    }
    if (all_there) {
      EXPECT_EQ(end->last.number, kMessages) << what_;
    }
  }

  void Compare(TestLog& log, bool all_there) const {
    TestLog other;
    Fill(other, /*closed=*/true);
    for (const std::string& path : other.storage.Paths()) {
      const std::string to = "other" + path.substr(path.find('/'));
      ASSERT_TRUE(log.storage.MakeFolder("other"));
      ASSERT_TRUE(log.storage.Create(to));
      log.storage.Bytes(to) = other.storage.Bytes(path);
    }
    for (const auto& [a, b] : {std::pair{log.folder, std::string("other")},
                               std::pair{std::string("other"), log.folder}}) {
      const auto diff = replay::DiffLogs(log.storage, a, b);
      if (!diff) {
        EXPECT_TRUE(is_told_) << what_ << ": " << diff.error().text;
      } else if (diff->verdict == replay::DiffVerdict::kDiffers) {
        EXPECT_TRUE(is_foreign_) << what_ << ": " << diff->text;
      } else if (is_foreign_ && !all_there) {
        EXPECT_NE(diff->verdict, replay::DiffVerdict::kSame) << what_;
      } else if (all_there) {
        EXPECT_EQ(diff->verdict, replay::DiffVerdict::kSame) << what_;
      }
    }
  }

  std::string what_;
  bool is_told_ = false;  ///< by verify

 protected:
  bool is_foreign_ = false;  ///< segments of another log may be in this one
};

TEST_F(LogReaders, GiveNothingWrongOfALogInWhichAByteWasFlipped) {
  for (const bool closed : {true, false}) {
    for (const std::string& path : Paths(closed)) {
      const std::size_t size = SizeOf(path, closed);
      for (std::size_t offset = 0; offset < size; ++offset) {
        if (path == "log/mark" && offset % 4096 >= 64 && offset % 512 != 0) continue;
        ExpectSafe(closed, {"flip " + path + " at " + std::to_string(offset), [&](TestLog& log) {
                              log.storage.Bytes(path)[offset] ^= std::byte{0x21};
                            }});
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(LogReaders, GiveNothingWrongOfALogInWhichAFileWasCut) {
  for (const bool closed : {true, false}) {
    for (const std::string& path : Paths(closed)) {
      if (path == "log/mark") continue;
      const std::size_t size = SizeOf(path, closed);
      for (std::size_t left = 0; left < size; ++left) {
        ExpectSafe(closed, {"cut " + path + " to " + std::to_string(left),
                            [&](TestLog& log) { log.storage.Bytes(path).resize(left); }});
        if (HasFailure()) return;
      }
    }
  }
}

TEST_F(LogReaders, GiveNothingWrongOfALogInWhichABlockIsThereTwiceOrNotAtAll) {
  for (const std::string& path : Paths(/*closed=*/true)) {
    if (path == "log/mark") continue;
    const std::size_t size = SizeOf(path, /*closed=*/true);
    for (const std::size_t block : {8, 64, 128}) {
      for (std::size_t at = 0; at + block <= size; at += 8) {
        const auto begin = static_cast<std::ptrdiff_t>(at);
        const auto end = static_cast<std::ptrdiff_t>(at + block);
        const std::string where = " " + path + " at " + std::to_string(at);
        ExpectSafe(true, {"double" + where, [&](TestLog& log) {
                            auto& bytes = log.storage.Bytes(path);
                            const std::vector<std::byte> copy(bytes.begin() + begin,
                                                              bytes.begin() + end);
                            bytes.insert(bytes.begin() + begin, copy.begin(), copy.end());
                          }});
        ExpectSafe(true, {"drop" + where, [&](TestLog& log) {
                            auto& bytes = log.storage.Bytes(path);
                            bytes.erase(bytes.begin() + begin, bytes.begin() + end);
                          }});
        ExpectSafe(true, {"zero" + where, [&](TestLog& log) {
                            auto& bytes = log.storage.Bytes(path);
                            std::fill(bytes.begin() + begin, bytes.begin() + end, std::byte{0});
                          }});
        if (HasFailure()) return;
      }
    }
  }
}

/// Every choice of own and other files for the three segments and the mark.
TEST_F(LogReaders, GiveNothingWrongUnsaidOfALogWithFilesOfOthers) {
  is_foreign_ = true;
  TestLog branch;
  branch.Reopen();
  for (std::uint64_t number = 1; number <= kMessages; ++number) {
    std::vector<std::byte> message = MessageOf(number, number > 2 ? 1 : 0);
    const std::uint64_t digest = proto::Digest(branch.writer->position().digest, message);
    std::memcpy(message.data(), &digest, sizeof digest);
    branch.writer->Append(message);
  }
  branch.Close();
  TestLog role;
  role.options.role = replay::kOutputRole;
  Fill(role, /*closed=*/true);
  enum From { kOwn, kBranch, kRole, kGone, kCount };
  const auto take = [&](TestLog& log, const std::string& path, int from) {
    if (from == kBranch) log.storage.Bytes(path) = branch.storage.Bytes(path);
    if (from == kRole) log.storage.Bytes(path) = role.storage.Bytes(path);
    if (from == kGone) {
      ASSERT_TRUE(log.storage.Remove(path));
    }
  };
  for (int choice = 1; choice < kCount * kCount * kCount * kCount; ++choice) {
    const int first = choice % kCount;
    const int second = choice / kCount % kCount;
    const int third = choice / kCount / kCount % kCount;
    const int mark = choice / kCount / kCount / kCount;
    if (first == kGone) continue;  // as of a log that was trimmed
    // Another log, and whole; of another role the messages and the mark are the same.
    if (first == second && second == third && (third == mark || third == kRole)) continue;
    ExpectSafe(/*closed=*/true,
               {"segments and mark of " + std::to_string(first) + std::to_string(second) +
                    std::to_string(third) + std::to_string(mark),
                [&](TestLog& log) {
                  take(log, log.Path(1), first);
                  take(log, log.Path(2), second);
                  take(log, log.Path(3), third);
                  take(log, "log/mark", mark);
                }});
  }
}

}  // namespace
}  // namespace tandem::test
