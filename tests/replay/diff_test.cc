// SPDX-License-Identifier: Apache-2.0
//
// Two logs and their first difference; what is read to find it.
#include "replay/diff.h"

#include <gtest/gtest.h>

#include <cstring>

#include "replay/log_seek.h"
#include "replay/log_segment.h"
#include "replay/log_trim.h"
#include "tests/support/log_fixture.h"

namespace tandem::test {
namespace {

using replay::DiffLogs;
using replay::DiffOptions;
using replay::DiffVerdict;
using replay::LogDifference;
using replay::LogReader;

/// Logs in one storage. Message n of a log is MessageOf(n) up to where it begins to differ.
class Diff : public ::testing::Test {
 protected:
  struct Recipe {
    std::uint64_t last = 100;
    std::uint64_t differs_at = UINT64_MAX;
    std::uint64_t segment_bytes = 1'024;
    std::uint64_t first = 1;
  };

  void Write(const std::string& folder, const Recipe& recipe) {
    proto::StreamPosition start{.number = recipe.first - 1};
    if (recipe.first > 1) {
      const auto before = Message(recipe.first - 1, recipe, proto::kDigestStart);
      std::memcpy(&start.digest, before.data(), sizeof start.digest);
    }
    auto writer = replay::LogWriter::Open(storage_, folder,
                                          {.session = proto::Session("TEST"),
                                           .role = replay::kOutputRole,
                                           .schema = "",
                                           .start = start,
                                           .segment_bytes = recipe.segment_bytes,
                                           .check_digest = true});
    ASSERT_TRUE(writer) << writer.error().text;
    while (writer->position().number < recipe.last) {
      writer->Append(Message(writer->position().number + 1, recipe, writer->position().digest));
    }
    ASSERT_TRUE(writer->Close());
  }

  /// A message with another origin than MessageOf from where the recipe differs on.
  static std::vector<std::byte> Message(std::uint64_t number, const Recipe& recipe,
                                        std::uint64_t before) {
    std::vector<std::byte> bytes = MessageOf(number);
    if (number < recipe.differs_at) return bytes;
    const std::uint64_t origin = 7'000 + number;
    std::memcpy(bytes.data() + offsetof(proto::Header, origin), &origin, sizeof origin);
    const std::uint64_t digest = proto::Digest(before, bytes);
    std::memcpy(bytes.data(), &digest, sizeof digest);
    return bytes;
  }

  LogDifference Compare(const std::string& a, const std::string& b,
                        const DiffOptions& options = {}) {
    auto difference = DiffLogs(storage_, a, b, options);
    EXPECT_TRUE(difference) << difference.error().text;
    return difference ? *difference : LogDifference{};
  }

  [[nodiscard]] std::vector<replay::SegmentHeader> Segments(const std::string& folder) {
    std::vector<replay::SegmentHeader> headers;
    const auto list = replay::ListSegments(storage_, folder);
    EXPECT_TRUE(list);
    for (const std::uint64_t id : list->ids) {
      headers.push_back(*replay::ReadSegmentHeader(storage_, folder, id));
    }
    return headers;
  }

  /// Nothing but zeros after the header of a segment: whoever looks there finds damage.
  void Blank(const std::string& folder, std::uint64_t segment_id) {
    auto& bytes = storage_.Bytes(replay::SegmentPath(folder, segment_id));
    std::fill(bytes.begin() + sizeof(replay::SegmentHeader), bytes.end(), std::byte{0});
  }

  MemoryStorage storage_;
};

TEST_F(Diff, FindsTheFirstDifferenceWhereverItIsAndHoweverTheLogsAreCut) {
  Write("a", {});
  for (const std::uint64_t segment_bytes : {512u, 1'024u, 1'500u, 100'000u}) {
    for (std::uint64_t at = 1; at <= 100; ++at) {
      std::string name = "b";
      name.append(std::to_string(segment_bytes)).append("_").append(std::to_string(at));
      Write(name, {.differs_at = at, .segment_bytes = segment_bytes});
      const LogDifference difference = Compare("a", name);
      ASSERT_EQ(difference.verdict, DiffVerdict::kDiffers) << at;
      ASSERT_EQ(difference.number, at);
      ASSERT_EQ(difference.a, MessageOf(at));
      ASSERT_EQ(difference.b.size(), difference.a.size());
    }
  }
}

TEST_F(Diff, ReadsNoSegmentButTheOneThatDiffersAndTheLastOnes) {
  Write("a", {.last = 600});
  Write("b", {.last = 600, .differs_at = 333});
  const auto segments = Segments("a");
  ASSERT_GT(segments.size(), 60u);
  std::uint64_t blanked = 0;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    if (segments[i].first_number <= 333 && segments[i + 1].first_number > 333) continue;
    Blank("a", segments[i].segment_id);
    Blank("b", segments[i].segment_id);
    ++blanked;
  }
  ASSERT_EQ(blanked, segments.size() - 2);
  const LogDifference difference = Compare("a", "b");
  EXPECT_EQ(difference.verdict, DiffVerdict::kDiffers);
  EXPECT_EQ(difference.number, 333u);
}

TEST_F(Diff, ReadsFewSegmentsOfLogsThatAreCutInOtherPlaces) {
  Write("a", {.last = 600});
  Write("b", {.last = 600, .differs_at = 333, .segment_bytes = 1'500});
  // A segment that is needed cannot be missed, so each that can be blanked was not.
  std::uint64_t needed = 0;
  for (const std::string folder : {"a", "b"}) {
    for (const auto& segment : Segments(folder)) {
      auto& bytes = storage_.Bytes(replay::SegmentPath(folder, segment.segment_id));
      const std::vector<std::byte> kept = bytes;
      Blank(folder, segment.segment_id);
      const auto difference = DiffLogs(storage_, "a", "b");
      if (!difference || difference->number != 333) ++needed;
      bytes = kept;
    }
  }
  EXPECT_LE(needed, 20u) << "of " << Segments("a").size() + Segments("b").size();
  EXPECT_GE(needed, 4u);
}

TEST_F(Diff, EqualLogsAreReadToTheLastByte) {
  Write("a", {});
  Write("b", {.segment_bytes = 1'500});
  EXPECT_EQ(Compare("a", "b").verdict, DiffVerdict::kSame);
  // A message that differs while all digests are alike: only reading it shows that.
  auto& bytes = storage_.Bytes("b/00000002.segment");
  const std::uint64_t at = sizeof(replay::SegmentHeader) + sizeof(replay::RecordHeader);
  bytes[at + offsetof(proto::Header, epoch)] ^= std::byte{1};
  replay::SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::uint32_t words[2];
  std::memcpy(words, bytes.data() + sizeof header, sizeof words);
  words[0] = replay::Crc32c(
      header.crc, std::span(bytes).subspan(sizeof header + 4,
                                           replay::RecordBytes(replay::BodySize(words[1])) - 4));
  std::memcpy(bytes.data() + sizeof header, words, sizeof words);
  const LogDifference difference = Compare("a", "b");
  EXPECT_EQ(difference.verdict, DiffVerdict::kDiffers);
  EXPECT_EQ(difference.number, header.first_number);
  EXPECT_EQ(Compare("a", "b", {.trust_digests = true}).verdict, DiffVerdict::kSame);
}

TEST_F(Diff, ComparesWhatBothHave) {
  Write("whole", {});
  Write("late", {.last = 80, .first = 40});
  Write("late_other", {.differs_at = 70, .first = 60});
  Write("none_yet", {.last = 80, .first = 81});
  LogDifference difference = Compare("whole", "late");
  EXPECT_EQ(difference.verdict, DiffVerdict::kLonger);
  EXPECT_EQ(difference.first, 40u);
  EXPECT_EQ(difference.number, 81u);
  EXPECT_EQ(difference.text,
            "late ends at message 80 and whole goes on to message 100; messages 40 to 80 are the "
            "same");
  difference = Compare("late", "late_other");
  EXPECT_EQ(difference.verdict, DiffVerdict::kDiffers);
  EXPECT_EQ(difference.number, 70u);
  EXPECT_EQ(Compare("late", "none_yet").verdict, DiffVerdict::kSame);
  Write("other", {.differs_at = 20});
  difference = Compare("late", "other");
  EXPECT_EQ(difference.verdict, DiffVerdict::kDiffersEarlier);
  EXPECT_EQ(difference.number, 40u);
  EXPECT_EQ(difference.text,
            "the logs differ before message 40, where the later of them begins: their running "
            "digests say so");
  Write("later", {.last = 130, .first = 120});
  difference = Compare("whole", "later");
  EXPECT_EQ(difference.verdict, DiffVerdict::kNoOverlap);
}

TEST_F(Diff, PassesOverDifferencesThatDoNotMatter) {
  Write("a", {});
  Write("b", {.last = 90, .differs_at = 50});
  std::vector<std::uint64_t> asked;
  DiffOptions options;
  options.matters = [&](const LogReader& a, const LogReader& b) {
    EXPECT_EQ(a.message().header.number, b.message().header.number);
    asked.push_back(a.message().header.number);
    return a.message().header.number == 53;
  };
  LogDifference difference = Compare("a", "b", options);
  EXPECT_EQ(difference.verdict, DiffVerdict::kDiffers);
  EXPECT_EQ(difference.number, 53u);
  EXPECT_EQ(difference.ignored, 3u);
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{50, 51, 52, 53}));
  options.matters = [](const LogReader&, const LogReader&) { return false; };
  difference = Compare("a", "b", options);
  EXPECT_EQ(difference.verdict, DiffVerdict::kLonger);
  EXPECT_EQ(difference.text,
            "b ends at message 90 and a goes on to message 100; messages 1 to 90 (in 41 messages "
            "what differs is ignored) are the same");
}

TEST_F(Diff, DoesNotCallTheSameWhatDiffersBeforeItBeginsThoughNothingElseMatters) {
  // From message 40 on both have the same, but for digests that come from what lies before.
  Write("whole", {.last = 60});
  Write("other", {.last = 60, .differs_at = 20});
  const auto digest_at = [&](const std::string& name, std::uint64_t number) {
    auto reader = LogReader::Open(storage_, name, {.from_number = number + 1});
    EXPECT_TRUE(reader);
    return reader->position().digest;
  };
  ASSERT_NE(digest_at("whole", 39), digest_at("other", 39));
  DiffOptions options;
  options.matters = [](const LogReader&, const LogReader&) { return false; };
  EXPECT_EQ(Compare("whole", "other", options).verdict, DiffVerdict::kSame);
  Write("late", {.last = 60, .first = 40});
  const LogDifference difference = Compare("other", "late", options);
  EXPECT_EQ(difference.verdict, DiffVerdict::kUnproven);
  EXPECT_TRUE(difference.differs_before);
  EXPECT_EQ(difference.first, 40u);
  EXPECT_EQ(difference.number, 60u);
  EXPECT_TRUE(difference.a.empty() && difference.b.empty());
  EXPECT_TRUE(difference.text.ends_with(
      " are the same; they differ before message 40, where the later of them begins, for their "
      "running digests do, and whether only in what is ignored cannot be told"))
      << difference.text;
  options.matters = [](const LogReader& a, const LogReader&) {
    return a.message().header.number == 50;
  };
  const LogDifference at_50 = Compare("other", "late", options);
  EXPECT_EQ(at_50.verdict, DiffVerdict::kDiffers);
  EXPECT_EQ(at_50.number, 50u);
  EXPECT_TRUE(at_50.differs_before);
  EXPECT_TRUE(at_50.text.starts_with(
      "the logs differ first at message 50; they differ before message 40, "))
      << at_50.text;
}

TEST_F(Diff, SaysOfALogWithoutMessagesThatItHasNone) {
  Write("whole", {.last = 9});
  Write("none_yet", {.last = 0});
  EXPECT_EQ(Compare("none_yet", "whole").text,
            "none_yet has no messages yet and whole has messages up to 9");
  EXPECT_EQ(Compare("whole", "none_yet").text,
            "none_yet has no messages yet and whole has messages up to 9");
  EXPECT_EQ(Compare("none_yet", "none_yet").text,
            "the logs are the same: neither has a message yet");
  Write("far", {.last = 119, .first = 120});
  EXPECT_EQ(
      Compare("whole", "far").text,
      "whole has messages 1 to 9 and far has no messages yet and begins at message 120: there "
      "is nothing to compare");
}

TEST_F(Diff, CallsTheLogsWhatItIsTold) {
  Write("a", {.last = 3});
  Write("b", {.last = 5});
  EXPECT_EQ(
      Compare("a", "b", {.name_a = "host:1", .name_b = "host:2"}).text,
      "host:1 ends at message 3 and host:2 goes on to message 5; messages 1 to 3 are the same");
}

/// Logs into which a segment of another branch of the same session was put.
class LogsWithAForeignSegment : public Diff {
 protected:
  static constexpr std::uint64_t kBranchesAt = 33;

  LogsWithAForeignSegment() {
    Write("a", {});
    Write("branch", {.differs_at = kBranchesAt});
    headers_ = Segments("a");
  }

  [[nodiscard]] std::string Mixed(std::uint64_t id) const { return "mixed" + std::to_string(id); }
  /// Log a with segment `id` of the branch; false if that is the same in both.
  bool Mix(std::uint64_t id) {
    Write(Mixed(id), {});
    auto& own = storage_.Bytes(replay::SegmentPath(Mixed(id), id));
    own = storage_.Bytes(replay::SegmentPath("branch", id));
    return own != storage_.Bytes(replay::SegmentPath("a", id));
  }
  [[nodiscard]] std::uint64_t FirstOf(std::uint64_t id) const {
    return id > headers_.size() ? 101 : headers_[id - 1].first_number;
  }
  /// "" or the error's text.
  std::string Belongs(const std::string& folder, std::uint64_t number) {
    const Status status = replay::CheckBelongs(storage_, folder, number);
    return status ? "" : status.error().text;
  }

  std::vector<replay::SegmentHeader> headers_;
};

TEST_F(LogsWithAForeignSegment, AreNeverTheSameAsAWholeOne) {
  ASSERT_GT(headers_.size(), 8u);
  for (std::uint64_t id = 1; id <= headers_.size(); ++id) {
    const bool differs = Mix(id);
    ASSERT_EQ(differs, FirstOf(id + 1) > kBranchesAt) << id;
    for (const auto& [a, b] :
         {std::pair{std::string("a"), Mixed(id)}, std::pair{Mixed(id), std::string("a")}}) {
      const auto difference = DiffLogs(storage_, a, b);
      if (!difference) {
        ASSERT_NE(difference.error().text.find(Mixed(id) + " is damaged in segment "),
                  std::string::npos)
            << difference.error().text;
        continue;
      }
      ASSERT_EQ(difference->verdict, differs ? DiffVerdict::kDiffers : DiffVerdict::kSame)
          << id << " " << difference->text;
      if (differs) {
        ASSERT_GE(difference->number, kBranchesAt);
      }
    }
  }
}

TEST_F(LogsWithAForeignSegment, AreNotBegunWithinIt) {
  for (std::uint64_t id = 1; id <= headers_.size(); ++id) {
    const bool differs = Mix(id);
    for (std::uint64_t number = 1; number <= 100; ++number) {
      ASSERT_EQ(Belongs("a", number), "");
      // From where one of two does not go on from the other, nobody knows which is the foreign one.
      const std::uint64_t breaks_at = FirstOf(FirstOf(id) > kBranchesAt ? id : id + 1);
      const bool expected = differs && number >= breaks_at && breaks_at <= 100;
      ASSERT_EQ(
          Belongs(Mixed(id), number).find("one of the two is of another log") != std::string::npos,
          expected)
          << id << " " << number << " " << Belongs(Mixed(id), number);
    }
  }
}

TEST_F(LogsWithAForeignSegment, AreNotTrimmedThere) {
  for (std::uint64_t id = 2; id <= headers_.size(); ++id) {
    const bool differs = Mix(id);
    const bool last_differs = differs && id == headers_.size();
    const auto look = [&](std::uint64_t number) {
      return replay::TrimLog(storage_, Mixed(id), number, /*look_only=*/true);
    };
    EXPECT_EQ(look(FirstOf(id)).ok(), FirstOf(id) <= kBranchesAt && !last_differs) << id;
    if (id + 1 < headers_.size()) {
      EXPECT_EQ(look(FirstOf(id + 1)).ok(), !differs) << id;
    }
  }
}

TEST_F(LogsWithAForeignSegment, ThatBeginsElsewhereAreNotTrimmedOrBegunThere) {
  // Of a log with larger segments, so that it begins before the one in front of it ends.
  Write("small", {.segment_bytes = 600});
  const std::uint64_t begins = Segments("small")[5].first_number;
  ASSERT_LT(begins, FirstOf(6));
  storage_.Bytes(replay::SegmentPath("a", 6)) = storage_.Bytes(replay::SegmentPath("small", 6));
  EXPECT_NE(Belongs("a", FirstOf(6)).find("its header names another first number"),
            std::string::npos);
  EXPECT_FALSE(replay::TrimLog(storage_, "a", FirstOf(6) + 1, /*look_only=*/true));
}

TEST_F(LogsWithAForeignSegment, AreNotBegunInAnotherSession) {
  replay::SegmentHeader header = headers_[4];
  header.session = proto::Session("OTHER");
  header.crc = replay::CrcOf(header);
  std::memcpy(storage_.Bytes(replay::SegmentPath("a", 5)).data(), &header, sizeof header);
  EXPECT_EQ(Belongs("a", FirstOf(5)),
            "the log a is damaged in segment 5 at offset 0, where message " +
                std::to_string(FirstOf(5)) +
                " should be: its header names another session than segment 4, so one of the two is "
                "of another log; restore 00000005.segment, or take the stream from another copy");
  EXPECT_EQ(Belongs("a", FirstOf(8)), Belongs("a", FirstOf(5))) << "it is not the own one there";
  EXPECT_EQ(Belongs("a", FirstOf(4)), "");
}

TEST_F(LogsWithAForeignSegment, AreNotBegunBehindTwoOfThem) {
  for (const std::uint64_t count : {2, 3}) {
    for (std::uint64_t id = 2; id + count < headers_.size(); ++id) {
      const std::string folder = Mixed(id) + "_" + std::to_string(count);
      Write(folder, {});
      for (std::uint64_t each = id; each < id + count; ++each) {
        storage_.Bytes(replay::SegmentPath(folder, each)) =
            storage_.Bytes(replay::SegmentPath("branch", each));
      }
      if (FirstOf(id + count) <= kBranchesAt) continue;  // nothing differs
      for (const bool trust : {false, true}) {
        const auto difference = DiffLogs(storage_, "a", folder, {.trust_digests = trust});
        EXPECT_TRUE(!difference || difference->verdict == DiffVerdict::kDiffers)
            << id << " " << count << " " << difference->text;
      }
      const std::uint64_t branch = headers_.size();
      std::uint64_t wrong = id;
      while (wrong < branch && FirstOf(wrong) <= kBranchesAt) ++wrong;
      if (id < wrong) wrong = id + count;  // where the own ones go on
      for (std::uint64_t number = 1; number <= 100; ++number) {
        EXPECT_EQ(Belongs(folder, number)
                          .find("damaged in segment " + std::to_string(wrong) + " at offset 0") !=
                      std::string::npos,
                  number >= FirstOf(wrong))
            << id << " " << count << " " << number << " " << Belongs(folder, number);
      }
    }
  }
}

}  // namespace
}  // namespace tandem::test
