// SPDX-License-Identifier: Apache-2.0
#include "replay/log_segment.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace tandem::replay {
namespace {

/// The first bytes of a file, as many as a header has; fewer if it is shorter.
Result<std::vector<std::byte>> ReadBeginning(File& file) {
  std::vector<std::byte> bytes(sizeof(SegmentHeader));
  const Result<std::size_t> size = file.Read(0, bytes);
  if (!size) return size.error();
  bytes.resize(*size);
  return bytes;
}

/// Where messages should be, for a sentence: "where message 17 should be".
std::string WhereMessage(std::uint64_t number) {
  return "where message " + std::to_string(number) + " should be";
}

Error DamageAt(const std::string& folder, std::uint64_t segment_id, std::uint64_t offset,
               const std::string& where, std::string_view why) {
  return Error::BadInput("the log " + folder + " is damaged in segment " +
                         std::to_string(segment_id) + " at offset " + std::to_string(offset) +
                         ", " + where + ": " + std::string(why) + "; restore " +
                         SegmentFileName(segment_id) + ", or take the stream from another copy");
}

/// kBroken: missing, unreadable or damaged.
HeaderState LookAtHeader(Storage& storage, const std::string& folder, std::uint64_t segment_id,
                         SegmentHeader* header) {
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(SegmentPath(folder, segment_id));
  if (!file || *file == nullptr) return HeaderState::kBroken;
  const Result<std::vector<std::byte>> bytes = ReadBeginning(**file);
  if (!bytes) return HeaderState::kBroken;
  std::string ignored;
  return ParseSegmentHeader(*bytes, segment_id, header, &ignored);
}

/// The number after the last whole message of a segment; null if its header is not whole.
std::optional<std::uint64_t> NumberAfter(Storage& storage, const std::string& folder,
                                         std::uint64_t segment_id) {
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(SegmentPath(folder, segment_id));
  if (!file || *file == nullptr) return std::nullopt;
  const Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return std::nullopt;
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  SegmentHeader header;
  std::string ignored;
  if (ParseSegmentHeader(bytes, segment_id, &header, &ignored) != HeaderState::kWhole) {
    return std::nullopt;
  }
  std::uint64_t number = header.first_number;
  std::uint64_t offset = sizeof header;
  Record record;
  const char* why = nullptr;
  while (ReadRecord(bytes, offset, header.crc, &record, &why) == RecordState::kWhole) {
    offset = record.end;
    if (record.kind == RecordKind::kMessage) ++number;
  }
  return number;
}

}  // namespace

std::uint64_t FindRecord(std::span<const std::byte> segment, std::uint64_t offset,
                         std::uint64_t end, const SegmentHeader& header) {
  for (; offset < end && offset + sizeof(RecordHeader) <= segment.size(); ++offset) {
    RecordHeader head;
    std::memcpy(&head, segment.data() + offset, sizeof head);
    const RecordKind kind = Kind(head.size_and_kind);
    if (kind != RecordKind::kMessage && kind != RecordKind::kEnd) continue;
    const std::size_t size = BodySize(head.size_and_kind);
    const std::size_t bytes = RecordBytes(size);
    if (bytes > segment.size() - offset) continue;
    if (kind == RecordKind::kMessage) {
      // Few places look like a message of the session, so few checksums are made.
      if (size < sizeof(proto::Header)) continue;
      proto::Header message;
      std::memcpy(&message, segment.data() + offset + sizeof head, sizeof message);
      if (message.session != header.session) continue;
    } else if (size != 0) {
      continue;
    }
    if (Crc32c(header.crc, segment.subspan(offset + 4, bytes - 4)) == head.crc) return offset;
  }
  return segment.size();
}

std::uint64_t CountMessages(std::span<const std::byte> segment, std::uint64_t offset,
                            std::uint64_t end, const SegmentHeader& header) {
  std::uint64_t count = 0;
  Record record;
  const char* ignored = nullptr;
  for (;;) {
    // One behind the other, as they mostly are; else by a search.
    if (offset % kRecordAlignment != 0 ||
        ReadRecord(segment, offset, header.crc, &record, &ignored) != RecordState::kWhole) {
      offset = FindRecord(segment, offset, end, header);
      if (offset >= std::min<std::uint64_t>(end, segment.size())) return count;
      RecordHeader head;
      std::memcpy(&head, segment.data() + offset, sizeof head);
      record.kind = Kind(head.size_and_kind);
      record.end = offset + RecordBytes(BodySize(head.size_and_kind));
    }
    if (record.kind == RecordKind::kMessage) ++count;
    offset = record.end;
  }
}

const char* CheckFollows(const SegmentHeader& next, const SegmentHeader& before,
                         proto::StreamPosition position) {
  if (next.session != before.session) return "its header names another session";
  if (next.role != before.role) return "its header names another role";
  if (next.first_number != position.number + 1) return "its header names another first number";
  if (next.digest_before != position.digest) return "its header names another digest before it";
  return nullptr;
}

HeaderState ParseSegmentHeader(std::span<const std::byte> bytes, std::uint64_t segment_id,
                               SegmentHeader* header, std::string* why) {
  if (AllZero(bytes.first(std::min(bytes.size(), sizeof(SegmentHeader))))) {
    *why = bytes.empty() ? "the file is empty" : "the file begins with nothing but zeros";
    return HeaderState::kZero;
  }
  const auto broken = [&](std::string text) {
    *why = std::move(text);
    return HeaderState::kBroken;
  };
  if (bytes.size() < kSegmentMagic.size() ||
      std::memcmp(bytes.data(), kSegmentMagic.data(), kSegmentMagic.size()) != 0) {
    return broken("the file is no segment of a log: it does not begin with TANDEMLG");
  }
  if (bytes.size() < sizeof(SegmentHeader)) {
    return broken("the file was cut: it has " + std::to_string(bytes.size()) +
                  " bytes and not even a whole segment header");
  }
  std::memcpy(header, bytes.data(), sizeof(SegmentHeader));
  if (header->version != kLogFormatVersion) {
    return broken("its header says log format version " + std::to_string(header->version) +
                  ", and this build reads version " + std::to_string(kLogFormatVersion) +
                  ": use a build that knows it if that is true");
  }
  if (header->crc != CrcOf(*header) || header->size != sizeof(SegmentHeader)) {
    return broken("the CRC of its header does not match");
  }
  if (header->segment_bytes < sizeof(SegmentHeader) || header->segment_bytes > kSegmentBytesMax) {
    return broken("its header says that the segment was made " +
                  std::to_string(header->segment_bytes) + " bytes long, and none has more than " +
                  std::to_string(kSegmentBytesMax));
  }
  if (header->first_number == 0) {
    return broken("its header says that it begins at number 0, and numbers begin at 1");
  }
  if (header->segment_id != segment_id) {
    return broken("it is segment " + std::to_string(header->segment_id) +
                  " by its header; it was renamed or swapped");
  }
  return HeaderState::kWhole;
}

Result<SegmentHeader> ReadSegmentHeader(Storage& storage, const std::string& folder,
                                        std::uint64_t segment_id) {
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(SegmentPath(folder, segment_id));
  if (!file) return file.error();
  if (*file == nullptr) return MissingSegment(storage, folder, segment_id);
  const Result<std::vector<std::byte>> bytes = ReadBeginning(**file);
  if (!bytes) return bytes.error();
  SegmentHeader header;
  std::string why;
  if (ParseSegmentHeader(*bytes, segment_id, &header, &why) != HeaderState::kWhole) {
    return HeaderDamage(storage, folder, segment_id, why);
  }
  return header;
}

Result<bool> SegmentIsBlank(Storage& storage, const std::string& path) {
  const Result<std::unique_ptr<File>> file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return Error::Failure(path + " went away");
  const Result<std::vector<std::byte>> bytes = ReadBeginning(**file);
  if (!bytes) return bytes.error();
  return AllZero(*bytes);
}

Result<SegmentList> ListSegments(Storage& storage, const std::string& folder) {
  if (!storage.FolderExists(folder)) {
    const Result<std::unique_ptr<File>> file = storage.OpenToRead(folder);
    const bool is_file = !file || *file != nullptr;
    return Error::BadInput(
        "there is no log at " + folder +
        (is_file ? ": it is no folder; a log is a folder of segments" : ": no such folder"));
  }
  const Result<std::vector<std::string>> names = storage.List(folder);
  if (!names) return names.error();
  std::vector<std::uint64_t> ids;
  for (const std::string& name : *names) {
    if (const auto id = SegmentIdOf(name)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  if (ids.empty()) {
    return Error::BadInput(folder + " is not a log: it holds no segment (" + SegmentFileName(1) +
                           " and so on)");
  }
  SegmentList list;
  for (const std::uint64_t id : ids) {
    const bool follows = list.ids.empty() || id == list.ids.back() + 1;
    (follows && list.after_gap.empty() ? list.ids : list.after_gap).push_back(id);
  }
  return list;
}

std::size_t FindSegment(Storage& storage, const std::string& folder,
                        const std::vector<std::uint64_t>& ids, OverDamage over_damage,
                        const std::function<bool(const SegmentHeader&)>& is_before) {
  std::size_t low = 0;
  std::size_t high = ids.size();
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    std::size_t at = middle;
    SegmentHeader header;
    HeaderState state = LookAtHeader(storage, folder, ids[at], &header);
    while (over_damage == OverDamage::kGoOn && state == HeaderState::kBroken && at + 1 < high) {
      state = LookAtHeader(storage, folder, ids[++at], &header);
    }
    if (state == HeaderState::kWhole && is_before(header)) {
      low = at;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<std::uint64_t> BytesUsedAfter(File& file, std::uint64_t offset) {
  std::vector<std::byte> block(1u << 16);
  std::uint64_t used = 0;
  const Result<std::uint64_t> end = file.WrittenEnd(offset);
  if (!end) return end.error();
  for (std::uint64_t at = offset;;) {
    const Result<std::size_t> size = file.Read(at, block);
    if (!size) return size.error();
    if (*size == 0 || at >= *end) return used;
    // Nearly all blocks are zeros.
    std::size_t last = AllZero(std::span(block).first(*size)) ? 0 : *size;
    while (last > 0 && block[last - 1] == std::byte{0}) --last;
    if (last > 0) used = at + last - offset;
    at += *size;
  }
}

std::string SegmentPath(const std::string& folder, std::uint64_t segment_id) {
  return folder + "/" + SegmentFileName(segment_id);
}

Error Damage(const std::string& folder, std::uint64_t segment_id, std::uint64_t offset,
             std::uint64_t number, std::string_view why) {
  return DamageAt(folder, segment_id, offset, WhereMessage(number), why);
}

Error HeaderDamage(Storage& storage, const std::string& folder, std::uint64_t segment_id,
                   std::string_view why) {
  std::string where = "where its first message should be";
  if (const auto number = NumberAfter(storage, folder, segment_id - 1)) {
    where = WhereMessage(*number);
  } else if (SegmentHeader next;
             LookAtHeader(storage, folder, segment_id + 1, &next) == HeaderState::kWhole) {
    where = "where the messages before number " + std::to_string(next.first_number) + " should be";
  }
  return DamageAt(folder, segment_id, 0, where, why);
}

Error MissingSegment(Storage& storage, const std::string& folder, std::uint64_t segment_id) {
  return HeaderDamage(storage, folder, segment_id, "the segment is missing");
}

}  // namespace tandem::replay
