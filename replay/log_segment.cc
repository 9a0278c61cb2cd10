// SPDX-License-Identifier: Apache-2.0
#include "replay/log_segment.h"

#include <algorithm>
#include <cstring>

namespace tandem::replay {
namespace {

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

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

RecordState ReadRecord(std::span<const std::byte> segment, std::uint64_t offset,
                       std::uint32_t segment_crc, Record* record, const char** why) {
  if (offset + sizeof(RecordHeader) > segment.size()) return RecordState::kNothing;
  const std::byte* at = segment.data() + offset;
  // Another process may be writing here, so the word is read once, before what it describes.
  const auto* words = reinterpret_cast<const std::uint32_t*>(at);
  const std::uint32_t size_and_kind = __atomic_load_n(words + 1, __ATOMIC_ACQUIRE);
  if (size_and_kind == 0 && words[0] == 0) return RecordState::kNothing;
  const std::size_t size = BodySize(size_and_kind);
  const std::size_t bytes = RecordBytes(size);
  if (bytes > segment.size() - offset) {
    *why = "a record reaches beyond the end of the segment";
    return RecordState::kBroken;
  }
  if (Crc32c(segment_crc, {at + 4, bytes - 4}) != words[0]) {
    *why = "the CRC does not match";
    return RecordState::kBroken;
  }
  record->kind = Kind(size_and_kind);
  record->body = {at + sizeof(RecordHeader), size};
  record->end = offset + bytes;
  if ((static_cast<unsigned>(record->kind) & 1) != 0 && record->kind != RecordKind::kMessage &&
      record->kind != RecordKind::kEnd) {
    *why = "a record of a kind that this build does not know";
    return RecordState::kForeign;
  }
  return RecordState::kWhole;
}

std::uint64_t FindRecord(std::span<const std::byte> segment, std::uint64_t offset,
                         const SegmentHeader& header) {
  for (; offset + sizeof(RecordHeader) <= segment.size(); ++offset) {
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

const char* CheckMessage(const Record& record, std::uint64_t number, proto::Session session,
                         proto::MessageView* message) {
  if (record.body.size() < sizeof(proto::Header)) return "a message shorter than its header";
  message->bytes = record.body;
  std::memcpy(&message->header, record.body.data(), sizeof(proto::Header));
  const proto::Header& header = message->header;
  if (header.version != proto::kHeaderVersion) return "a message with an unknown header version";
  if (record.body.size() != sizeof(proto::Header) + header.payload_size) {
    return "a message whose size is not what its header says";
  }
  if (header.number != number) return "a message with another number";
  if (!SameSession(header.session, session)) return "a message of another session";
  return nullptr;
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
  for (std::uint64_t at = offset;;) {
    const Result<std::size_t> size = file.Read(at, block);
    if (!size) return size.error();
    if (*size == 0) return used;
    std::size_t last = *size;
    // Blocks of zeros, nearly all of them, are passed at the speed of memory.
    if (block[0] == std::byte{0} && std::memcmp(block.data(), block.data() + 1, *size - 1) == 0) {
      last = 0;
    }
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
