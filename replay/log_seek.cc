// SPDX-License-Identifier: Apache-2.0
#include "replay/log_seek.h"

#include <limits>
#include <optional>

#include "replay/log_reader.h"
#include "replay/log_segment.h"

namespace tandem::replay {

namespace {

struct Found {
  std::uint64_t number = 0;
  std::optional<Error> damage;  ///< stands at `number`, before a message of the time
};

Result<Found> Find(Storage& storage, const std::string& folder, std::int64_t time_ns) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  // The last segment before which every time is earlier. The first one always counts as such.
  std::uint64_t first_number = ReadOptions::kFirst;
  FindSegment(storage, folder, list->ids, OverDamage::kGoOn, [&](const SegmentHeader& header) {
    const bool is_before = header.time_before_ns < time_ns;
    if (is_before) first_number = header.first_number;
    return is_before;
  });
  Result<LogReader> reader =
      LogReader::Open(storage, folder, {.from_number = first_number, .check_digest = false});
  if (!reader) return reader.error();
  for (;;) {
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        if (reader->message().header.time_ns < time_ns) break;
        return Found{.number = reader->position().number, .damage = {}};
      case ReadOutcome::kEnd:
        return Found{.number = reader->position().number + 1, .damage = {}};
      case ReadOutcome::kDamaged:
        return Found{.number = reader->position().number + 1, .damage = reader->error()};
    }
  }
}

}  // namespace

Result<std::uint64_t> FirstNumberAt(Storage& storage, const std::string& folder,
                                    std::int64_t time_ns) {
  const Result<Found> found = Find(storage, folder, time_ns);
  if (!found) return found.error();
  if (found->damage) return *found->damage;
  return found->number;
}

Result<std::uint64_t> LastNumberAt(Storage& storage, const std::string& folder,
                                   std::int64_t time_ns) {
  constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  if (time_ns == std::numeric_limits<std::int64_t>::max()) return kAll;
  const Result<Found> found = Find(storage, folder, time_ns + 1);
  if (!found) return found.error();
  return found->damage ? kAll : found->number - 1;
}

Status CheckBelongs(Storage& storage, const std::string& folder, std::uint64_t number) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  const std::vector<std::uint64_t>& ids = list->ids;
  const std::size_t at =
      FindSegment(storage, folder, ids, OverDamage::kGoOn,
                  [&](const SegmentHeader& header) { return header.first_number <= number; });
  const Result<SegmentHeader> header = ReadSegmentHeader(storage, folder, ids[at]);
  if (!header) return {};
  const auto foreign = [&](const std::string& why) {
    return Damage(folder, ids[at], 0, header->first_number, why);
  };
  for (const std::uint64_t id : {ids.front(), ids.back()}) {
    const Result<SegmentHeader> other = ReadSegmentHeader(storage, folder, id);
    if (!other) continue;
    if (other->session != header->session || other->role != header->role) {
      return foreign("its header names another " +
                     std::string(other->session != header->session ? "session" : "role") +
                     " than that of segment " + std::to_string(id) +
                     ", so one of the two is of another log");
    }
  }
  if (at == 0) return {};
  const Result<SegmentHeader> before = ReadSegmentHeader(storage, folder, ids[at - 1]);
  if (!before) return {};
  const char* wrong = "its header names another first number";
  if (before->first_number == header->first_number) {  // nothing was written into that
    wrong = CheckFollows(*header, *before,
                         {.number = before->first_number - 1, .digest = before->digest_before});
  } else if (before->first_number < header->first_number) {
    auto reader = LogReader::Open(storage, folder,
                                  {.from_number = header->first_number - 1, .check_digest = false});
    if (!reader || reader->Next() != ReadOutcome::kMessage) return {};
    const char* const does_not_follow = CheckFollows(*header, *before, reader->position());
    // The segment before may go on beyond where this one begins.
    const bool overlaps =
        reader->Next() == ReadOutcome::kMessage && reader->segment_id() != ids[at];
    if (!overlaps) wrong = does_not_follow;
  }
  if (wrong == nullptr) return {};
  return foreign(wrong + (" than segment " + std::to_string(ids[at - 1])) +
                 ", so one of the two is of another log");
}

}  // namespace tandem::replay
