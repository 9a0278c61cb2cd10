// SPDX-License-Identifier: Apache-2.0
#include "replay/diff.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "replay/log_reader.h"

namespace tandem::replay {
namespace {

/// One of the two logs.
struct Side {
  Storage& storage;
  const std::string& folder;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  proto::Session session;
  LogRole role;

  [[nodiscard]] Result<LogReader> OpenAt(std::uint64_t number) const {
    return LogReader::Open(storage, folder, {.from_number = number, .check_digest = false});
  }

  Status Look() {
    const Result<LogReader> end = OpenAt(ReadOptions::kEnd);
    if (!end) return end.error();
    first = end->first_number();
    last = end->position().number;
    session = end->session();
    role = end->role();
    return {};
  }

  /// The running digest after message `number`.
  [[nodiscard]] Result<std::uint64_t> DigestAt(std::uint64_t number) const {
    const Result<LogReader> reader = OpenAt(number + 1);
    if (!reader) return reader.error();
    return reader->position().digest;
  }

  /// Null bytes if the log ends before it.
  [[nodiscard]] Result<std::vector<std::byte>> MessageAt(std::uint64_t number) const {
    if (number > last) return std::vector<std::byte>();
    Result<LogReader> reader = OpenAt(number);
    if (!reader) return reader.error();
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        break;
      case ReadOutcome::kEnd:
        return Error::Failure("message " + std::to_string(number) + " went away from " + folder);
      case ReadOutcome::kDamaged:
        return reader->error();
    }
    const auto bytes = reader->message().bytes;
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }
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

/// The first number in [first, last] that differs by its bytes; null: none does.
Result<std::optional<std::uint64_t>> Scan(const Side& a, const Side& b, std::uint64_t first,
                                          std::uint64_t last, bool ignore_session) {
  Result<LogReader> reader_a = a.OpenAt(first);
  if (!reader_a) return reader_a.error();
  Result<LogReader> reader_b = b.OpenAt(first);
  if (!reader_b) return reader_b.error();
  for (std::uint64_t number = first; number <= last; ++number) {
    for (LogReader* reader : {&*reader_a, &*reader_b}) {
      const ReadOutcome outcome = reader->Next();
      if (outcome == ReadOutcome::kDamaged) return reader->error();
      if (outcome == ReadOutcome::kEnd) {
        return Error::Failure("message " + std::to_string(number) + " went away while it was read");
      }
    }
    if (!SameBytes(reader_a->message().bytes, reader_b->message().bytes, ignore_session)) {
      return std::optional(number);
    }
  }
  return std::optional<std::uint64_t>();
}

/// The first number in [first, last] with unequal digests; null: none. Digests at n are equal only
/// if all up to n are.
Result<std::optional<std::uint64_t>> Bisect(const Side& a, const Side& b, std::uint64_t first,
                                            std::uint64_t last) {
  std::uint64_t low = first;
  std::uint64_t high = last + 1;
  while (low < high) {
    // The ends first: most pairs are equal or differ from the start.
    const std::uint64_t middle = high == last + 1 ? last : low + (high - low) / 2;
    const Result<std::uint64_t> digest_a = a.DigestAt(middle);
    if (!digest_a) return digest_a.error();
    const Result<std::uint64_t> digest_b = b.DigestAt(middle);
    if (!digest_b) return digest_b.error();
    if (*digest_a == *digest_b) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > last) return std::optional<std::uint64_t>();
  return std::optional(low);
}

std::string Plain(std::uint64_t number) { return std::to_string(number); }

}  // namespace

Result<LogDifference> DiffLogs(Storage& storage, const std::string& a, const std::string& b,
                               const DiffOptions& options) {
  Side side_a{.storage = storage, .folder = a, .session = {}, .role = {}};
  Side side_b{.storage = storage, .folder = b, .session = {}, .role = {}};
  for (Side* side : {&side_a, &side_b}) {
    if (Status status = side->Look(); !status) return status.error();
  }
  LogDifference difference;
  difference.last_a = side_a.last;
  difference.last_b = side_b.last;
  difference.first = std::max(side_a.first, side_b.first);
  if ((side_a.role == kInputRole) != (side_b.role == kInputRole)) {
    difference.verdict = DiffVerdict::kOtherRole;
    difference.text = a + " is an " + side_a.role.str() + " log and " + b + " is an " +
                      side_b.role.str() + " log: they are not copies of one stream";
    return difference;
  }
  if (side_a.session != side_b.session && !options.ignore_session) {
    difference.verdict = DiffVerdict::kOtherSession;
    difference.text = a + " is of session " + side_a.session.str() + " and " + b +
                      " is of session " + side_b.session.str() +
                      ": they are not copies of one stream";
    return difference;
  }
  const std::uint64_t last = std::min(side_a.last, side_b.last);
  if (difference.first > last + 1) {
    difference.verdict = DiffVerdict::kNoOverlap;
    difference.text = a + " has messages " + Plain(side_a.first) + " to " + Plain(side_a.last) +
                      " and " + b + " has " + Plain(side_b.first) + " to " + Plain(side_b.last) +
                      ": there is nothing to compare";
    return difference;
  }

  auto number = Bisect(side_a, side_b, difference.first, last);
  if (!number) return number.error();
  if (!number->has_value() && !options.trust_digests && difference.first <= last) {
    number = Scan(side_a, side_b, difference.first, last, options.ignore_session);
    if (!number) return number.error();
  }
  const std::string range = "messages " + Plain(difference.first) + " to ";
  if (number->has_value()) {
    difference.verdict = DiffVerdict::kDiffers;
    difference.number = **number;
    difference.text = "the logs differ first at message " + Plain(difference.number);
  } else if (side_a.last != side_b.last) {
    difference.verdict = DiffVerdict::kLonger;
    difference.number = last + 1;
    difference.text = (side_a.last < side_b.last ? a : b) + " ends at message " + Plain(last) +
                      " and " + (side_a.last < side_b.last ? b : a) + " goes on to message " +
                      Plain(std::max(side_a.last, side_b.last)) + "; " +
                      (last < difference.first ? "they have none in common"
                                               : range + Plain(last) + " are the same");
  } else {
    difference.number = last;
    difference.text = last < difference.first ? "the logs are the same: both are empty"
                                              : "the logs are the same: " + range + Plain(last);
    return difference;
  }
  auto message_a = side_a.MessageAt(difference.number);
  if (!message_a) return message_a.error();
  auto message_b = side_b.MessageAt(difference.number);
  if (!message_b) return message_b.error();
  difference.a = std::move(*message_a);
  difference.b = std::move(*message_b);
  return difference;
}

}  // namespace tandem::replay
