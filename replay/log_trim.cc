// SPDX-License-Identifier: Apache-2.0
#include "replay/log_trim.h"

#include <memory>
#include <vector>

#include "replay/log_mark.h"
#include "replay/log_reader.h"
#include "replay/log_seek.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// The last segment that begins at or before `number`: its place in `ids`, and its header.
Result<std::size_t> FindSegment(Storage& storage, const std::string& folder,
                                const std::vector<std::uint64_t>& ids, std::uint64_t number,
                                SegmentHeader* header) {
  std::size_t low = 0;
  std::size_t high = ids.size();
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    const Result<SegmentHeader> found = ReadSegmentHeader(storage, folder, ids[middle]);
    if (!found) {
      const Result<bool> blank = SegmentIsBlank(storage, SegmentPath(folder, ids[middle]));
      if (!blank || !*blank) return found.error();
      high = middle;
      continue;
    }
    (found->first_number <= number ? low : high) = middle;
  }
  const Result<SegmentHeader> found = ReadSegmentHeader(storage, folder, ids[low]);
  if (!found) return found.error();
  *header = *found;
  return low;
}

Result<std::uint64_t> FileBytes(Storage& storage, const std::string& path) {
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return Error::Failure(path + " went away");
  return (*file)->Size();
}

Status CheckMark(Storage& storage, const std::string& folder, std::uint64_t last_taken,
                 const SegmentHeader& first_kept) {
  const Result<MarkState> mark = ReadMarkFile(storage, folder);
  if (!mark) return mark.error();
  if (mark->mark.generation == 0) {
    return Error::BadInput("the log " + folder +
                           " has no mark that says how far it was synced, and without one all of "
                           "it is read when it is continued; continue and close it first");
  }
  if (mark->mark.segment_id > last_taken) {
    const auto at_mark = LogReader::Open(
        storage, folder, {.from_number = mark->mark.number + 1, .check_digest = false});
    if (!at_mark) return at_mark.error();
    if (at_mark->position().digest == mark->mark.digest) return {};
    return Error::BadInput("the log " + folder + " has another digest at message " +
                           Plain(mark->mark.number) +
                           " than its mark says, so some of it is of another log, and nothing was "
                           "taken; `tandem verify` says more");
  }
  return Error::BadInput("the mark of the log " + folder + " stands in " +
                         SegmentFileName(mark->mark.segment_id) + " at message " +
                         Plain(mark->mark.number) + ", and to begin at message " +
                         Plain(first_kept.first_number) +
                         " that segment would have to go; sync or close the log first, or keep "
                         "more of it");
}

/// What goes must be what the headers say: one of another log would say something else.
Status CheckTaken(Storage& storage, const std::string& folder,
                  const std::vector<std::uint64_t>& ids, std::size_t taken,
                  const SegmentHeader& kept) {
  std::uint64_t next = kept.first_number;
  for (std::size_t i = taken; i-- > 0;) {
    const Result<SegmentHeader> header = ReadSegmentHeader(storage, folder, ids[i]);
    if (!header) return header.error();
    if (header->session != kept.session || header->role != kept.role ||
        header->first_number > next) {
      return Damage(folder, ids[i + 1], 0, next,
                    "its header does not go on from that of segment " + Plain(ids[i]) +
                        ", so one of the two is of another log");
    }
    next = header->first_number;
  }
  return CheckBelongs(storage, folder, kept.first_number);
}

}  // namespace

Result<LogTrim> TrimLog(Storage& storage, const std::string& folder, std::uint64_t number,
                        bool look_only) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  if (!list->after_gap.empty()) return MissingSegment(storage, folder, list->ids.back() + 1);
  const Result<SegmentHeader> first = ReadSegmentHeader(storage, folder, list->ids.front());
  if (!first) return first.error();
  LogTrim trim{.first_number = first->first_number, .digest_before = first->digest_before};
  if (number <= first->first_number) return trim;

  SegmentHeader kept;
  const Result<std::size_t> taken = FindSegment(storage, folder, list->ids, number, &kept);
  if (!taken) return taken.error();
  if (*taken == 0) return trim;
  if (Status status = CheckMark(storage, folder, list->ids[*taken - 1], kept); !status) {
    return status.error();
  }
  if (Status status = CheckTaken(storage, folder, list->ids, *taken, kept); !status) {
    return status.error();
  }
  std::vector<std::unique_ptr<FileLock>> locks;
  for (std::size_t i = 0; i < *taken; ++i) {
    const std::string path = SegmentPath(folder, list->ids[i]);
    const Result<std::uint64_t> bytes = FileBytes(storage, path);
    if (!bytes) return bytes.error();
    trim.bytes += *bytes;
    Result<std::unique_ptr<FileLock>> lock = storage.Lock(path);
    if (!lock) return lock.error();
    if (*lock == nullptr) {
      return Error::BadInput("somebody reads the log " + folder + " in " +
                             SegmentFileName(list->ids[i]) +
                             ", which would have to go; try again when that reader is further on, "
                             "or keep more of the log");
    }
    locks.push_back(std::move(*lock));
  }
  trim.segments = *taken;
  trim.first_taken = trim.first_number;
  trim.last_taken = kept.first_number - 1;
  trim.first_number = kept.first_number;
  trim.digest_before = kept.digest_before;
  if (look_only) return trim;
  for (std::size_t i = 0; i < *taken; ++i) {
    if (Status status = storage.Remove(SegmentPath(folder, list->ids[i])); !status) {
      return status.error();
    }
  }
  if (Status status = storage.SyncFolder(folder); !status) return status.error();
  return trim;
}

}  // namespace tandem::replay
