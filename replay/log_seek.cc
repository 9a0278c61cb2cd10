// SPDX-License-Identifier: Apache-2.0
#include "replay/log_seek.h"

#include <limits>
#include <optional>

#include "replay/log_chain.h"
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

/// Does the header of segment `id` name another session or role than that of the last one?
bool DiffersFromLast(Storage& storage, const std::string& folder,
                     const std::vector<std::uint64_t>& ids, std::uint64_t id) {
  const Result<SegmentHeader> header = ReadSegmentHeader(storage, folder, id);
  const Result<SegmentHeader> last = ReadSegmentHeader(storage, folder, ids.back());
  return header && last && (header->session != last->session || header->role != last->role);
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
  const std::optional<LogBreak> wrong = FindBreak(storage, folder, ids);
  if (!wrong) return {};
  if (auto foreign = FirstIsForeign(storage, folder, ids.front())) return std::move(*foreign);
  const std::size_t at =
      FindSegment(storage, folder, ids, OverDamage::kGoOn,
                  [&](const SegmentHeader& header) { return header.first_number <= number; });
  if (ids[at] < wrong->header.segment_id && !DiffersFromLast(storage, folder, ids, ids[at])) {
    return {};
  }
  return Damage(folder, wrong->header.segment_id, 0, wrong->header.first_number,
                std::string(wrong->why) + " than segment " + std::to_string(wrong->before_id) +
                    ", so one of the two is of another log");
}

}  // namespace tandem::replay
