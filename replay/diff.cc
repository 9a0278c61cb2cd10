// SPDX-License-Identifier: Apache-2.0
#include "replay/diff.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "proto/shown_text.h"
#include "replay/log_seek.h"
#include "replay/log_segment.h"
#include "replay/log_verify.h"

namespace tandem::replay {
namespace {

using Number = std::uint64_t;

/// One of the two logs.
class Side {
 public:
  Side(Storage& storage, const std::string& folder) : storage_(storage), folder_(folder) {}

  Status Look() {
    const Result<LogReader> end = OpenAt(ReadOptions::kEnd);
    if (!end) return end.error();
    first = end->first_number();
    last = end->position();
    session = end->session();
    role = end->role();
    Result<std::vector<std::string>> problems = EndProblems(storage_, folder_, *end);
    if (!problems) return problems.error();
    notes = std::move(*problems);
    const Result<SegmentList> list = ListSegments(storage_, folder_);
    if (!list) return list.error();
    segments_ = list->ids;
    return {};
  }

  [[nodiscard]] Result<LogReader> OpenAt(Number number) const {
    return LogReader::Open(storage_, folder_, {.from_number = number, .check_digest = false});
  }

  /// The running digest after message `number`.
  [[nodiscard]] Result<std::uint64_t> DigestAt(Number number) const {
    if (number == last.number) return last.digest;
    const Result<LogReader> reader = OpenAt(number + 1);
    if (!reader) return reader.error();
    return reader->position().digest;
  }

  /// Null bytes if the log ends before it.
  [[nodiscard]] Result<std::vector<std::byte>> MessageAt(Number number) const {
    if (number > last.number) return std::vector<std::byte>();
    Result<LogReader> reader = OpenAt(number);
    if (!reader) return reader.error();
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        break;
      case ReadOutcome::kEnd:
        return Lacks(*reader, number);
      case ReadOutcome::kDamaged:
        return reader->error();
    }
    const auto bytes = reader->message().bytes;
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }

  /// Why `reader` finds the end before message `number`, which the log has further on.
  [[nodiscard]] Error Lacks(const LogReader& reader, Number number) const {
    const Result<std::vector<std::string>> problems = EndProblems(storage_, folder_, reader);
    if (!problems) return problems.error();
    if (!problems->empty()) return Error::BadInput(problems->front());
    return Error::Failure("message " + std::to_string(number) + " went away from " + folder_ +
                          " while it was read");
  }

  [[nodiscard]] Status CheckBelongs(Number number) const {
    return replay::CheckBelongs(storage_, folder_, number);
  }

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] bool IsEmpty() const { return last.number < first; }
  [[nodiscard]] std::size_t segments() const { return segments_.size(); }
  [[nodiscard]] Result<SegmentHeader> Header(std::size_t index) const {
    return ReadSegmentHeader(storage_, folder_, segments_[index]);
  }

  Number first = 0;
  proto::StreamPosition last;
  proto::Session session;
  LogRole role;
  std::vector<std::string> notes;

 private:
  Storage& storage_;
  const std::string& folder_;
  std::vector<std::uint64_t> segments_;
};

/// Equal but for the session in the header, if that is not to be looked at.
bool SameBytes(std::span<const std::byte> a, std::span<const std::byte> b, bool ignore_session) {
  if (a.size() != b.size()) return false;
  constexpr std::size_t kFrom = offsetof(proto::Header, session);
  constexpr std::size_t kTo = kFrom + sizeof(proto::Session);
  if (!ignore_session) return std::memcmp(a.data(), b.data(), a.size()) == 0;
  return std::memcmp(a.data(), b.data(), kFrom) == 0 &&
         std::memcmp(a.data() + kTo, b.data() + kTo, a.size() - kTo) == 0;
}

/// Numbers `first` to `last`, between which the first difference is looked for.
struct Range {
  Number first;
  Number last;
};

class Search {
 public:
  Search(const Side& a, const Side& b, const DiffOptions& options)
      : a_(a), b_(b), options_(options) {}

  /// The first number in `range` that differs and matters; null: none does.
  Result<std::optional<Number>> Find(Range range) {
    if (range.first > range.last) return std::optional<Number>();
    const Result<bool> equal = Equal(range.last);
    if (!equal) return equal.error();
    if (*equal && options_.trust_digests) {
      // Digests say something of what lies before only where all segments are of the log.
      for (const Side* side : {&a_, &b_}) {
        if (Status status = side->CheckBelongs(range.last); !status) return status.error();
      }
      return std::optional<Number>();
    }
    Range suspect = range;
    if (!*equal) {
      if (Status status = Narrow(a_, suspect); !status) return status.error();
      if (Status status = Narrow(b_, suspect); !status) return status.error();
      if (options_.matters) suspect.last = range.last;
    }
    auto found = Scan(suspect);
    if (!found || found->has_value() || *equal || options_.matters) return found;
    // Segment headers have led to where nothing differs, so some header is not of its log.
    found = Scan(range);
    if (!found || found->has_value()) return found;
    return Error::BadInput("the running digests of " + a_.folder() + " and " + b_.folder() +
                           " differ at message " + std::to_string(range.last) +
                           ", and no message up to there does; `tandem verify` says which of them "
                           "is damaged");
  }

  [[nodiscard]] Number ignored() const { return ignored_; }

 private:
  /// Are both the same up to `number`?
  [[nodiscard]] Result<bool> Equal(Number number) const {
    const Result<std::uint64_t> of_a = a_.DigestAt(number);
    if (!of_a) return of_a.error();
    const Result<std::uint64_t> of_b = b_.DigestAt(number);
    if (!of_b) return of_b.error();
    return *of_a == *of_b;
  }

  /// Narrows `range`, at whose end the digests differ, to one segment of `side`.
  Status Narrow(const Side& side, Range& range) const {
    const Side& other = &side == &a_ ? b_ : a_;
    std::size_t low = 0;
    std::size_t high = side.segments();
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      const Result<SegmentHeader> header = side.Header(middle);
      if (!header) return header.error();
      const Number first = header->first_number;
      if (first <= range.first) {
        low = middle;
        continue;
      }
      if (first > range.last) {
        high = middle;
        continue;
      }
      const Result<std::uint64_t> digest = other.DigestAt(first - 1);
      if (!digest) return digest.error();
      if (*digest == header->digest_before) {
        range.first = first;
        low = middle;
      } else {
        range.last = first - 1;
        high = middle;
      }
    }
    return {};
  }

  /// Reads both sides over `range`, up to the first difference that matters.
  Result<std::optional<Number>> Scan(Range range) {
    Result<LogReader> a = a_.OpenAt(range.first);
    if (!a) return a.error();
    Result<LogReader> b = b_.OpenAt(range.first);
    if (!b) return b.error();
    for (Number number = range.first; number <= range.last; ++number) {
      for (LogReader* reader : {&*a, &*b}) {
        const ReadOutcome outcome = reader->Next();
        if (outcome == ReadOutcome::kDamaged) return reader->error();
        if (outcome == ReadOutcome::kEnd) return (reader == &*a ? a_ : b_).Lacks(*reader, number);
      }
      if (SameBytes(a->message().bytes, b->message().bytes, options_.ignore_session)) continue;
      if (!options_.matters || options_.matters(*a, *b)) return std::optional(number);
      if (!OnlyDigestsDiffer(*a, *b)) ++ignored_;
    }
    return std::optional<Number>();
  }

  /// The digests of all that follows a difference differ, though the messages do not.
  [[nodiscard]] bool OnlyDigestsDiffer(const LogReader& a, const LogReader& b) const {
    std::vector<std::byte> of_b(b.message().bytes.begin(), b.message().bytes.end());
    const auto digest = std::as_bytes(std::span(&a.message().header.digest, 1));
    std::ranges::copy(digest, of_b.begin() + offsetof(proto::Header, digest));
    return SameBytes(a.message().bytes, of_b, options_.ignore_session);
  }

  const Side& a_;
  const Side& b_;
  const DiffOptions& options_;
  Number ignored_ = 0;
};

/// Not every log says what it is: who made a copy need not have known.
bool AreInputAndOutputs(LogRole a, LogRole b) {
  return a == kInputRole && (b == kOutputRole || b == kMergedRole);
}

std::string Plain(Number number) { return std::to_string(number); }

/// "messages 1 to 9 are the same", with what was ignored in them.
std::string SameText(Range range, Number ignored) {
  std::string text = "messages " + Plain(range.first) + " to " + Plain(range.last);
  if (ignored == 0) return text;
  return text + " (in " + Plain(ignored) + (ignored == 1 ? " message" : " messages") +
         " what differs is ignored)";
}

/// What cannot be known of what lies before the first message that both have.
std::string BeforeText(Number first) {
  return "; they differ before message " + Plain(first) +
         ", where the later of them begins, for their running digests do, and whether only in what "
         "is ignored cannot be told";
}

/// " has messages 3 to 9"
std::string HasText(const Side& side) {
  if (side.IsEmpty()) {
    return " has no messages yet and begins at message " + Plain(side.first);
  }
  return " has messages " + Plain(side.first) + " to " + Plain(side.last.number);
}

/// "a ends at message 5 and b goes on to message 9"
std::string LongerText(const Side& shorter, const std::string& shorter_name, const Side& longer,
                       const std::string& longer_name) {
  const std::string end = Plain(longer.last.number);
  if (shorter.IsEmpty()) {
    return shorter_name + " has no messages yet and " + longer_name + " has messages up to " + end;
  }
  return shorter_name + " ends at message " + Plain(shorter.last.number) + " and " + longer_name +
         " goes on to message " + end;
}

}  // namespace

Result<LogDifference> DiffLogs(Storage& storage, const std::string& a, const std::string& b,
                               const DiffOptions& options) {
  Side side_a(storage, a);
  Side side_b(storage, b);
  for (Side* side : {&side_a, &side_b}) {
    if (Status status = side->Look(); !status) return status.error();
  }
  const std::string& name_a = options.name_a.empty() ? a : options.name_a;
  const std::string& name_b = options.name_b.empty() ? b : options.name_b;
  LogDifference difference;
  difference.notes = std::move(side_a.notes);
  std::ranges::move(side_b.notes, std::back_inserter(difference.notes));
  difference.last_a = side_a.last.number;
  difference.last_b = side_b.last.number;
  difference.first = std::max(side_a.first, side_b.first);
  if (AreInputAndOutputs(side_a.role, side_b.role) ||
      AreInputAndOutputs(side_b.role, side_a.role)) {
    difference.verdict = DiffVerdict::kOtherRole;
    difference.text = name_a + " is of role \"" + proto::Escaped(side_a.role.view()) + "\" and " +
                      name_b + " of role \"" + proto::Escaped(side_b.role.view()) +
                      "\": they are not copies of one stream";
    return difference;
  }
  if (side_a.session != side_b.session && !options.ignore_session) {
    difference.verdict = DiffVerdict::kOtherSession;
    difference.text = name_a + " is of session " + proto::Escaped(side_a.session.view()) + " and " +
                      name_b + " is of session " + proto::Escaped(side_b.session.view()) +
                      ": they are not copies of one stream";
    return difference;
  }
  const Range both{difference.first, std::min(difference.last_a, difference.last_b)};
  if (both.first > both.last + 1) {
    difference.verdict = DiffVerdict::kNoOverlap;
    difference.text = name_a + HasText(side_a) + " and " + name_b + HasText(side_b) +
                      ": there is nothing to compare";
    return difference;
  }

  const auto before_a = side_a.DigestAt(both.first - 1);
  if (!before_a) return before_a.error();
  const auto before_b = side_b.DigestAt(both.first - 1);
  if (!before_b) return before_b.error();
  difference.differs_before = *before_a != *before_b;
  const bool differs_earlier = difference.differs_before && !options.matters;
  Search search(side_a, side_b, options);
  std::optional<Number> number = both.first;
  if (!differs_earlier || both.first > both.last) {
    const auto found = search.Find(both);
    if (!found) return found.error();
    number = *found;
  }
  difference.ignored = search.ignored();
  if (differs_earlier) {
    difference.verdict = DiffVerdict::kDiffersEarlier;
    difference.number = both.first;
    difference.text = "the logs differ before message " + Plain(both.first) +
                      ", where the later of them begins: their running digests say so";
    if (both.first > both.last) return difference;
  } else if (number.has_value()) {
    difference.verdict = DiffVerdict::kDiffers;
    difference.number = *number;
    difference.text = "the logs differ first at message " + Plain(difference.number);
  } else if (difference.last_a != difference.last_b) {
    const bool a_ends = difference.last_a < difference.last_b;
    difference.verdict = DiffVerdict::kLonger;
    difference.number = both.last + 1;
    difference.text = a_ends ? LongerText(side_a, name_a, side_b, name_b)
                             : LongerText(side_b, name_b, side_a, name_a);
    if (both.last >= both.first) {
      difference.text += "; " + SameText(both, difference.ignored) + " are the same";
    }
  } else if (difference.differs_before) {
    difference.verdict = DiffVerdict::kUnproven;
    difference.number = both.last;
    difference.text =
        (both.last < both.first ? "the logs have no message in common"
                                : SameText(both, difference.ignored) + " are the same") +
        BeforeText(both.first);
    return difference;
  } else {
    difference.number = both.last;
    difference.text =
        "the logs are the same: " + (both.last >= both.first ? SameText(both, difference.ignored)
                                     : side_a.IsEmpty() && side_b.IsEmpty()
                                         ? "neither has a message yet"
                                         : "where the one ends the other begins");
    return difference;
  }
  if (difference.differs_before && !differs_earlier) difference.text += BeforeText(both.first);
  auto message_a = side_a.MessageAt(difference.number);
  if (!message_a) return message_a.error();
  auto message_b = side_b.MessageAt(difference.number);
  if (!message_b) return message_b.error();
  difference.a = std::move(*message_a);
  difference.b = std::move(*message_b);
  return difference;
}

}  // namespace tandem::replay
