// SPDX-License-Identifier: Apache-2.0
#include "replay/log_seek.h"

#include "replay/log_reader.h"
#include "replay/log_segment.h"

namespace tandem::replay {

Result<std::uint64_t> FirstNumberAt(Storage& storage, const std::string& folder,
                                    std::int64_t time_ns) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  const std::vector<std::uint64_t>& ids = list->ids;
  // The last segment before which every time is earlier. The first one always counts as such.
  std::size_t low = 0;
  std::size_t high = ids.size();
  std::uint64_t first_number = ReadOptions::kFirst;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    const std::string path = SegmentPath(folder, ids[middle]);
    const Result<SegmentHeader> header = ReadSegmentHeader(storage, path);
    if (!header) {
      // A segment that a crash left without a header holds nothing; the reader judges it.
      const Result<bool> blank = SegmentIsBlank(storage, path);
      if (!blank || !*blank) return header.error();
      high = middle;
    } else if (header->time_before_ns < time_ns) {
      low = middle;
      first_number = header->first_number;
    } else {
      high = middle;
    }
  }
  Result<LogReader> reader =
      LogReader::Open(storage, folder, {.from_number = first_number, .check_digest = false});
  if (!reader) return reader.error();
  for (;;) {
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        if (reader->message().header.time_ns < time_ns) break;
        return reader->position().number;
      case ReadOutcome::kEnd:
        return reader->position().number + 1;
      case ReadOutcome::kDamaged:
        return reader->error();
    }
  }
}

}  // namespace tandem::replay
