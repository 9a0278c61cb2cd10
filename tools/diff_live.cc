// SPDX-License-Identifier: Apache-2.0
#include "tools/diff_live.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "engine/live/record_role.h"
#include "engine/live/stream_compare.h"
#include "proto/shown_text.h"
#include "replay/log_reader.h"

namespace tandem::tools {
namespace {

using replay::LogReader;

/// One side: a live stream, or a log.
class LiveSide {
 public:
  LiveSide(replay::Storage& storage, const std::string& text) : storage_(storage), text_(text) {
    if (IsStream(text)) {
      side_.stream = engine::ParseEndpoint(text).value();
    } else {
      side_.folder = text;
    }
  }

  /// Learns session, role and ends.
  Status Look() {
    if (side_.stream) {
      const auto probe = engine::ProbeStream(*side_.stream, 0);
      if (!probe) return probe.error();
      session = probe->session;
      is_input = probe->role == "sequencer" || probe->role == "replica";
      is_outputs = !is_input;
      last = probe->last;
      return {};
    }
    const auto reader = LogReader::Open(
        storage_, side_.folder, {.from_number = replay::ReadOptions::kEnd, .check_digest = false});
    if (!reader) return reader.error();
    session = reader->session();
    is_input = reader->role() == replay::kInputRole;
    is_outputs = reader->role() == replay::kOutputRole || reader->role() == replay::kMergedRole;
    first = reader->first_number();
    last = reader->position().number;
    return {};
  }

  /// The running digest at `number`, which the side has, or after which it begins.
  [[nodiscard]] Result<std::uint64_t> DigestAt(std::uint64_t number) const {
    if (number == 0) return proto::kDigestStart;
    if (side_.stream) {
      const auto probe = engine::ProbeStream(*side_.stream, number);
      if (!probe) return probe.error();
      return probe->digest;
    }
    const auto reader =
        LogReader::Open(storage_, side_.folder, {.from_number = number + 1, .check_digest = false});
    if (!reader) return reader.error();
    return reader->position().digest;
  }

  /// The folder of a log that has messages `from` to `to`.
  Result<std::string> Log(const std::string& folder, std::uint64_t from, std::uint64_t to) const {
    if (!side_.stream) return side_.folder;
    engine::RecordRole role(
        {.folder = folder, .from = *side_.stream, .first = from, .last = to, .limits = {}},
        storage_);
    if (role.Run() != ExitCode::kYes || role.position().number < to) {
      return Error::Failure("cannot read messages " + std::to_string(from) + " to " +
                            std::to_string(to) + " from " + text_);
    }
    return folder;
  }

  [[nodiscard]] const engine::ComparedSide& side() const { return side_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  /// "a ends at message 5"
  [[nodiscard]] std::string EndText() const {
    if (last < first) {
      return text_ + " has no messages yet" +
             (first > 1 ? " and begins at message " + std::to_string(first) : std::string());
    }
    return text_ + " ends at message " + std::to_string(last);
  }

  proto::Session session;
  bool is_input = false;  ///< neither: who made the log did not know
  bool is_outputs = false;
  std::uint64_t first = 1;  ///< of a log; a stream says it when it is asked for less
  std::uint64_t last = 0;

 private:
  replay::Storage& storage_;
  const std::string text_;
  engine::ComparedSide side_;
};

std::string Plain(std::uint64_t number) { return std::to_string(number); }

class Comparison {
 public:
  Comparison(replay::Storage& storage, const LiveDiffOptions& options)
      : storage_(storage), options_(options), a_(storage, options.a), b_(storage, options.b) {}

  Result<LiveDiff> Run() {
    for (LiveSide* side : {&a_, &b_}) {
      if (Status status = side->Look(); !status) return status.error();
    }
    LiveDiff diff;
    diff.last_a = a_.last;
    diff.last_b = b_.last;
    if ((a_.is_input && b_.is_outputs) || (b_.is_input && a_.is_outputs)) {
      diff.text = (a_.is_input ? a_ : b_).text() + " has an input stream and " +
                  (a_.is_input ? b_ : a_).text() + " outputs: they are not copies of one stream";
      return diff;
    }
    if (a_.session != b_.session && !options_.ignore_session) {
      diff.text = a_.text() + " is of session " + proto::Escaped(a_.session.view()) + " and " +
                  b_.text() + " is of session " + proto::Escaped(b_.session.view()) +
                  ": they are not copies of one stream";
      return diff;
    }
    const std::uint64_t before = std::max(a_.first, b_.first) - 1;
    std::uint64_t both = std::min(a_.last, b_.last);
    if (both < before) {
      diff.text = "there is no number that both have: " + a_.EndText() + " and " + b_.EndText();
      return diff;
    }
    if (before > 0) {
      const auto same = Same(before);
      if (!same) return same.error();
      // The logs tell what they have in common but for what is ignored.
      if (!*same && options_.ignores && both > before) return Record(diff, before + 1);
      if (!*same) {
        diff.number = before;
        diff.text = "they differ before message " + Plain(before + 1) +
                    ", where the later of them begins: their running digests say so";
        return diff;
      }
    }
    const auto same = Same(both);
    if (!same) return same.error();
    if (!*same) return Differ(diff, before, both);
    if (options_.follow) {
      const auto end = engine::FollowBoth(
          storage_, a_.side(), b_.side(), both,
          [](std::uint64_t so_far, std::uint64_t a, std::uint64_t b) {
            if (::isatty(STDERR_FILENO) == 0) return;
            std::fprintf(stderr, "\rthe same up to message %llu (A %llu, B %llu)  ",
                         static_cast<unsigned long long>(so_far),
                         static_cast<unsigned long long>(a), static_cast<unsigned long long>(b));
          });
      if (!end) return end.error();
      both = end->same_to;
      if (end->differs_at) {
        // Each has gone on; what is recorded of it ends where it stands now.
        for (LiveSide* side : {&a_, &b_}) {
          if (Status status = side->Look(); !status) return status.error();
        }
        diff.last_a = a_.last;
        diff.last_b = b_.last;
        return Record(diff, *end->differs_at);
      }
      diff.last_a = std::max(diff.last_a, both);
      diff.last_b = std::max(diff.last_b, both);
    }
    diff.same = true;
    diff.number = both;
    diff.text = both == 0 ? "both have nothing yet"
                          : "messages " + Plain(before + 1) + " to " + Plain(both) +
                                " are the same by their running digests";
    if (a_.last != b_.last && !options_.follow) {
      diff.text += "; " + a_.EndText() + " and " + b_.EndText();
    }
    return diff;
  }

 private:
  Result<bool> Same(std::uint64_t number) const {
    const auto a = a_.DigestAt(number);
    if (!a) return a.error();
    const auto b = b_.DigestAt(number);
    if (!b) return b.error();
    return *a == *b;
  }

  /// They are the same at `low` and not at `high`.
  Result<LiveDiff> Differ(LiveDiff diff, std::uint64_t low, std::uint64_t high) {
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      const auto same = Same(middle);
      if (!same) return same.error();
      (*same ? low : high) = middle;
    }
    return Record(diff, high);
  }

  Result<LiveDiff> Record(LiveDiff diff, std::uint64_t number) {
    diff.number = number;
    std::string folder = std::filesystem::temp_directory_path() / "tandem-diff-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) {
      return Error::Failure("cannot make a folder below " +
                            std::filesystem::temp_directory_path().string() +
                            " for what is recorded of the streams");
    }
    diff.keeps = std::shared_ptr<void>(nullptr, [folder](void*) {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    });
    const std::uint64_t from = number - std::min(number - 1, options_.context + 1);
    const auto to = [&](const LiveSide& side) {
      const std::uint64_t last = std::max(side.last, number);
      return options_.to_the_end ? last : std::min(last, number + options_.context);
    };
    const auto a = a_.Log(folder + "/a", std::max(from, b_.first), to(a_));
    if (!a) return a.error();
    const auto b = b_.Log(folder + "/b", std::max(from, a_.first), to(b_));
    if (!b) return b.error();
    diff.a = *a;
    diff.b = *b;
    return diff;
  }

  replay::Storage& storage_;
  const LiveDiffOptions& options_;
  LiveSide a_;
  LiveSide b_;
};

}  // namespace

bool IsStream(const std::string& side) {
  std::error_code ignored;
  return !std::filesystem::exists(side, ignored) && engine::ParseEndpoint(side).ok();
}

Result<LiveDiff> CompareLive(replay::Storage& storage, const LiveDiffOptions& options) {
  // What recorders say as they come and go is not what was asked.
  spdlog::set_level(spdlog::level::err);
  return Comparison(storage, options).Run();
}

}  // namespace tandem::tools
