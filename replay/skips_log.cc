// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"
#include "replay/skips.h"
#include "tandem/control.pb.h"

namespace tandem::replay {

namespace {

/// Calls `found` with the number of each message of `type` that a segment seems to have.
template <class Found>
void FindType(std::span<const std::byte> segment, std::uint16_t type, Found found) {
  std::uint64_t offset = sizeof(SegmentHeader);
  while (offset + sizeof(RecordHeader) <= segment.size()) {
    RecordHeader record;
    std::memcpy(&record, segment.data() + offset, sizeof record);
    const RecordKind kind = Kind(record.size_and_kind);
    if (kind == RecordKind::kNone || kind == RecordKind::kEnd) return;
    const std::size_t size = BodySize(record.size_and_kind);
    const std::byte* const body = segment.data() + offset + sizeof record;
    offset += RecordBytes(size);
    if (kind != RecordKind::kMessage) continue;
    if (offset > segment.size() || size < sizeof(proto::Header)) return;
    std::uint16_t type_of = 0;
    std::memcpy(&type_of, body + offsetof(proto::Header, type), sizeof type_of);
    if (type_of != type) [[likely]]
      continue;
    std::uint64_t number = 0;
    std::memcpy(&number, body + offsetof(proto::Header, number), sizeof number);
    found(number);
  }
}

}  // namespace

Result<Skips> ReadSkips(Storage& storage, const std::string& folder) {
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list) return list.error();
  const auto type = static_cast<std::uint16_t>(proto::TypeNumberOf(*pb::Skip::descriptor()));
  Skips skips;
  for (const std::uint64_t id : list->ids) {
    const std::string path = SegmentPath(folder, id);
    // The lock first, against a trim, as whoever reads a segment does.
    const auto lock = storage.LockShared(path);
    if (!lock || *lock == nullptr) continue;
    // What is no file is for whoever gets there to tell.
    auto file = storage.OpenToRead(path);
    if (!file && file.error().code == ExitCode::kBadInput) continue;
    if (!file) return file.error();
    if (*file == nullptr) continue;
    const auto mapping = (*file)->Map();
    if (!mapping && mapping.error().code == ExitCode::kBadInput) continue;
    if (!mapping) return mapping.error();
    FindType((*mapping)->bytes(), type, [&](std::uint64_t number) {
      auto reader =
          LogReader::Open(storage, folder, {.from_number = number, .check_digest = false});
      if (reader && reader->Next() == ReadOutcome::kMessage) skips.Take(reader->message());
    });
  }
  return skips;
}

}  // namespace tandem::replay
