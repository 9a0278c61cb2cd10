// SPDX-License-Identifier: Apache-2.0
#include "replay/log_segment.h"

#include <algorithm>
#include <cstring>

namespace tandem::replay {
namespace {

Result<HeaderState> ReadHeader(Storage& storage, const std::string& path, SegmentHeader* header,
                               Error* error) {
  Result<std::unique_ptr<File>> file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return Error::BadInput(path + " is missing; restore the file");
  std::array<std::byte, sizeof(SegmentHeader)> bytes;
  const Result<std::size_t> size = (*file)->Read(0, bytes);
  if (!size) return size.error();
  return ParseSegmentHeader(std::span(bytes).first(*size), path, header, error);
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
      if (!SameSession(message.session, header.session)) continue;
    } else if (size != 0) {
      continue;
    }
    if (Crc32c(header.crc, segment.subspan(offset + 4, bytes - 4)) == head.crc) return offset;
  }
  return segment.size();
}

const char* CheckFollows(const SegmentHeader& next, const SegmentHeader& before,
                         proto::StreamPosition position) {
  if (next.session != before.session) return "its header names another session";
  if (next.role != before.role) return "its header names another role";
  if (next.first_number != position.number + 1) return "its header names another first number";
  if (next.digest_before != position.digest) return "its header names another digest before it";
  return nullptr;
}

HeaderState ParseSegmentHeader(std::span<const std::byte> bytes, const std::string& path,
                               SegmentHeader* header, Error* error) {
  if (AllZero(bytes.first(std::min(bytes.size(), sizeof(SegmentHeader))))) {
    *error = Error::BadInput(path + " is not a segment of a log: it begins with nothing but zeros");
    return HeaderState::kZero;
  }
  const auto broken = [&](const std::string& text) {
    *error = Error::BadInput(path + " " + text);
    return HeaderState::kBroken;
  };
  if (bytes.size() < kSegmentMagic.size() ||
      std::memcmp(bytes.data(), kSegmentMagic.data(), kSegmentMagic.size()) != 0) {
    return broken("is not a segment of a log: it does not begin with TANDEMLG");
  }
  if (bytes.size() < sizeof(SegmentHeader)) {
    return broken("is cut short: it has " + std::to_string(bytes.size()) +
                  " bytes and not even a whole segment header");
  }
  std::memcpy(header, bytes.data(), sizeof(SegmentHeader));
  if (header->version != kLogFormatVersion) {
    return broken("has log format version " + std::to_string(header->version) +
                  " and this build reads version " + std::to_string(kLogFormatVersion) +
                  "; use a build that knows it");
  }
  if (header->crc != CrcOf(*header) || header->size != sizeof(SegmentHeader)) {
    return broken("has a damaged segment header: its CRC does not match; restore the file");
  }
  if (header->segment_bytes < sizeof(SegmentHeader) || header->segment_bytes > kSegmentBytesMax) {
    return broken("has a wrong segment header: it says that the segment was made " +
                  std::to_string(header->segment_bytes) + " bytes long, and none has more than " +
                  std::to_string(kSegmentBytesMax) + "; restore the file");
  }
  if (header->first_number == 0) {
    return broken("has a wrong segment header: it begins at number 0, and numbers begin at 1");
  }
  return HeaderState::kWhole;
}

Result<SegmentHeader> ReadSegmentHeader(Storage& storage, const std::string& path) {
  SegmentHeader header;
  Error error;
  const Result<HeaderState> state = ReadHeader(storage, path, &header, &error);
  if (!state) return state.error();
  if (*state != HeaderState::kWhole) return error;
  return header;
}

Result<bool> SegmentIsBlank(Storage& storage, const std::string& path) {
  SegmentHeader header;
  Error error;
  const Result<HeaderState> state = ReadHeader(storage, path, &header, &error);
  if (!state) return state.error();
  return *state == HeaderState::kZero;
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

Error MissingSegment(const std::string& folder, std::uint64_t segment_id) {
  return Error::BadInput("the log " + folder + " is damaged: " + SegmentFileName(segment_id) +
                         " is missing; restore the file");
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
  return Error::BadInput("the log " + folder + " is damaged in segment " +
                         std::to_string(segment_id) + " at offset " + std::to_string(offset) +
                         ", where message " + std::to_string(number) +
                         " should be: " + std::string(why) + "; restore " +
                         SegmentFileName(segment_id) + ", or take the stream from another copy");
}

}  // namespace tandem::replay
