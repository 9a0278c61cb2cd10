// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <utility>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"
#include "replay/skips.h"
#include "tandem/control.pb.h"

namespace tandem::replay {

namespace {

/// Calls `found` with the number of each message of `type` that a segment seems to have. Gives
/// where that ends: behind the end record, or at what is no record.
template <class Found>
std::uint64_t FindType(std::span<const std::byte> segment, std::uint16_t type, Found found) {
  std::uint64_t offset = sizeof(SegmentHeader);
  while (offset + sizeof(RecordHeader) <= segment.size()) {
    RecordHeader record;
    std::memcpy(&record, segment.data() + offset, sizeof record);
    const RecordKind kind = Kind(record.size_and_kind);
    const std::size_t size = BodySize(record.size_and_kind);
    const std::uint64_t end = offset + RecordBytes(size);
    if (kind == RecordKind::kNone || end > segment.size()) return offset;
    if (kind == RecordKind::kEnd) return size == 0 ? end : offset;
    if (kind == RecordKind::kMessage) {
      if (size < sizeof(proto::Header)) return offset;
      const std::byte* const body = segment.data() + offset + sizeof record;
      std::uint16_t type_of = 0;
      std::memcpy(&type_of, body + offsetof(proto::Header, type), sizeof type_of);
      if (type_of == type) [[unlikely]] {
        std::uint64_t number = 0;
        std::memcpy(&number, body + offsetof(proto::Header, number), sizeof number);
        found(number);
      }
    }
    offset = end;
  }
  return offset;
}

/// Goes over one segment after the other.
class Search {
 public:
  Search(Storage& storage, const std::string& folder) : storage_(storage), folder_(folder) {}

  Status Segment(std::uint64_t id, bool is_last);
  [[nodiscard]] Skips& skips() { return skips_; }

  void Tell(std::uint64_t id, std::uint64_t offset, const std::string& why) {
    skips_.TellNotRead("the log " + folder_ + " was not searched for Skips in segment " +
                       std::to_string(id) + " from offset " + std::to_string(offset) +
                       " on: " + why + "; inputs that a Skip there names are not passed over");
  }

 private:
  Status Look(std::uint64_t id, File& file, bool is_last);

  Storage& storage_;
  const std::string& folder_;
  const std::uint16_t type_ =
      static_cast<std::uint16_t>(proto::TypeNumberOf(*pb::Skip::descriptor()));
  Skips skips_;
};

Status Search::Segment(std::uint64_t id, bool is_last) {
  const std::string path = SegmentPath(folder_, id);
  // The lock first, against a trim, as whoever reads a segment does.
  const auto lock = storage_.LockShared(path);
  auto file = storage_.OpenToRead(path);
  const bool is_there = (!lock || *lock != nullptr) && (!file || *file != nullptr);
  if (!is_there) return {};  // trimmed meanwhile
  const Status status = file ? Look(id, **file, is_last) : Status(file.error());
  if (status || status.error().code != ExitCode::kBadInput) return status;
  Tell(id, 0, status.error().text);
  return {};
}

Status Search::Look(std::uint64_t id, File& file, bool is_last) {
  const auto mapping = file.Map();
  if (!mapping) return mapping.error();
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  SegmentHeader header;
  std::string why;
  const HeaderState state = ParseSegmentHeader(bytes, id, &header, &why);
  if (state == HeaderState::kZero && is_last) return {};
  if (state != HeaderState::kWhole) return Error::BadInput(why);
  const std::uint64_t end = FindType(bytes, type_, [&](std::uint64_t number) {
    auto reader =
        LogReader::Open(storage_, folder_, {.from_number = number, .check_digest = false});
    if (reader && reader->Next() == ReadOutcome::kMessage) return skips_.Take(reader->message());
    skips_.TellNotRead("message " + std::to_string(number) + " of the log " + folder_ +
                       ", which seems to be a Skip, cannot be read: " +
                       (reader ? reader->error() : reader.error()).text);
  });
  Record record;
  const char* ignored = nullptr;
  const auto is_whole = [&](std::uint64_t offset) {
    return ReadRecord(bytes, offset, header.crc, &record, &ignored) == RecordState::kWhole;
  };
  constexpr std::uint64_t kEndBytes = RecordBytes(0);
  if (end >= sizeof header + kEndBytes && is_whole(end - kEndBytes) &&
      record.kind == RecordKind::kEnd) {
    return {};
  }
  // The last one has no end record while it is written, and nothing behind where it ends.
  if (is_last) {
    const Result<std::uint64_t> used = BytesUsedAfter(file, end);
    if (!used) return used.error();
    if (*used == 0 || FindRecord(bytes, end, end + *used, header) == bytes.size()) return {};
    if (is_whole(end)) return {};  // written just now
  }
  Tell(id, end, "no record is there, and others follow");
  return {};
}

}  // namespace

Result<Skips> ReadSkips(Storage& storage, const std::string& folder) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  Search search(storage, folder);
  for (const std::uint64_t id : list->ids) {
    const bool is_last = id == list->ids.back() && list->after_gap.empty();
    if (Status status = search.Segment(id, is_last); !status) return status.error();
  }
  if (!list->after_gap.empty()) {
    search.Tell(list->ids.back() + 1, 0, "the segment is missing, and others follow");
  }
  return std::move(search.skips());
}

}  // namespace tandem::replay
