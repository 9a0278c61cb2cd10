// SPDX-License-Identifier: Apache-2.0
#include "replay/log_chain.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "replay/log_mark.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

/// The largest message record, so that the last one of a segment is in this many bytes.
constexpr std::uint64_t kMessageRecordMax = RecordBytes(sizeof(proto::Header) + 0xffff);
/// Most messages are small.
constexpr std::uint64_t kFirstLook = 2048;
constexpr std::uint64_t kEndBytes = RecordBytes(0);

/// One segment, opened, with a whole header.
class Ends {
 public:
  static std::optional<Ends> Open(Storage& storage, const std::string& folder, std::uint64_t id) {
    Result<std::unique_ptr<File>> file = storage.OpenToRead(SegmentPath(folder, id));
    if (!file || *file == nullptr) return std::nullopt;
    std::vector<std::byte> bytes(sizeof(SegmentHeader));
    const Result<std::size_t> size = (*file)->Read(0, bytes);
    if (!size) return std::nullopt;
    bytes.resize(*size);
    Ends ends;
    std::string ignored;
    if (ParseSegmentHeader(bytes, id, &ends.header_, &ignored) != HeaderState::kWhole) {
      return std::nullopt;
    }
    ends.file_ = std::move(*file);
    return ends;
  }

  [[nodiscard]] const SegmentHeader& header() const { return header_; }

  /// Where the segment ends, by the end record that closes it; null: it does not.
  [[nodiscard]] std::optional<proto::StreamPosition> Last() const {
    const Result<std::uint64_t> size = file_->Size();
    if (!size) return std::nullopt;
    // The file ends behind it, unless its writer had no time to cut what it had claimed.
    if (*size % kRecordAlignment == 0 && *size >= sizeof(SegmentHeader) + kEndBytes) {
      if (const auto tail = Tail(*size, kFirstLook); tail && EndsWithEndRecord(*tail)) {
        return Before(*size);
      }
    }
    return Walk(std::nullopt);
  }

  /// The last message before `offset`; see PositionAt.
  [[nodiscard]] std::optional<proto::StreamPosition> Before(std::uint64_t offset) const {
    if (offset % kRecordAlignment != 0 || offset < sizeof(SegmentHeader)) return std::nullopt;
    for (const std::uint64_t bytes : {kFirstLook, kMessageRecordMax + kEndBytes}) {
      const auto tail = Tail(offset, bytes);
      if (!tail) return std::nullopt;
      if (const auto found = LastIn(*tail)) return found;
    }
    return Walk(offset);
  }

 private:
  /// Up to `bytes` bytes of records before `end`.
  [[nodiscard]] std::optional<std::vector<std::byte>> Tail(std::uint64_t end,
                                                           std::uint64_t bytes) const {
    const std::uint64_t begin = end - std::min(bytes, end - sizeof(SegmentHeader));
    std::vector<std::byte> tail(end - begin);
    const Result<std::size_t> size = file_->Read(begin, tail);
    if (!size || *size != tail.size()) return std::nullopt;
    return tail;
  }

  [[nodiscard]] bool EndsWithEndRecord(std::span<const std::byte> tail) const {
    Record record;
    const char* ignored = nullptr;
    return tail.size() >= kEndBytes &&
           ReadRecord(tail, tail.size() - kEndBytes, header_.crc, &record, &ignored) ==
               RecordState::kWhole &&
           record.kind == RecordKind::kEnd;
  }

  /// The message whose record ends where `tail` does, or before an end record there.
  [[nodiscard]] std::optional<proto::StreamPosition> LastIn(std::span<const std::byte> tail) const {
    if (EndsWithEndRecord(tail)) tail = tail.first(tail.size() - kEndBytes);
    for (std::size_t bytes = RecordBytes(sizeof(proto::Header)); bytes <= tail.size();
         bytes += kRecordAlignment) {
      const std::size_t at = tail.size() - bytes;
      RecordHeader head;
      std::memcpy(&head, tail.data() + at, sizeof head);
      if (Kind(head.size_and_kind) != RecordKind::kMessage ||
          RecordBytes(BodySize(head.size_and_kind)) != bytes) {
        continue;
      }
      if (const auto found = MessageAt(tail, at)) return found;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<proto::StreamPosition> MessageAt(std::span<const std::byte> bytes,
                                                               std::uint64_t offset) const {
    Record record;
    const char* ignored = nullptr;
    if (ReadRecord(bytes, offset, header_.crc, &record, &ignored) != RecordState::kWhole ||
        record.kind != RecordKind::kMessage || record.body.size() < sizeof(proto::Header)) {
      return std::nullopt;
    }
    proto::Header message;
    std::memcpy(&message, record.body.data(), sizeof message);
    if (message.session != header_.session) return std::nullopt;
    return proto::StreamPosition{.number = message.number, .digest = message.digest};
  }

  /// By record lengths, to `end` or else to the end record.
  [[nodiscard]] std::optional<proto::StreamPosition> Walk(std::optional<std::uint64_t> end) const {
    const Result<std::unique_ptr<Mapping>> mapping = file_->Map();
    if (!mapping) return std::nullopt;
    const std::span<const std::byte> bytes = (*mapping)->bytes();
    std::uint64_t last = 0;
    std::uint64_t offset = sizeof(SegmentHeader);
    while (!end || offset < *end) {
      if (offset + sizeof(RecordHeader) > bytes.size()) return std::nullopt;
      RecordHeader head;
      std::memcpy(&head, bytes.data() + offset, sizeof head);
      const RecordKind kind = Kind(head.size_and_kind);
      if (kind == RecordKind::kNone) return std::nullopt;
      if (kind == RecordKind::kMessage) last = offset;
      if (kind == RecordKind::kEnd && !end) {
        if (!EndsWithEndRecord(bytes.first(offset + kEndBytes))) return std::nullopt;
        break;
      }
      offset += RecordBytes(BodySize(head.size_and_kind));
    }
    if (end && offset != *end) return std::nullopt;
    if (last != 0) return MessageAt(bytes, last);
    return proto::StreamPosition{.number = header_.first_number - 1,
                                 .digest = header_.digest_before};
  }

  SegmentHeader header_;
  std::unique_ptr<File> file_;
};

/// How `next` does not follow from `before`; null: it does, or nothing tells.
const char* WhyNot(const Ends& before, const SegmentHeader& next) {
  const SegmentHeader& header = before.header();
  if (next.segment_id == header.segment_id + 1) {
    if (const auto last = before.Last()) return CheckFollows(next, header, *last);
  }
  // What lies between is not known.
  const char* why =
      CheckFollows(next, header, {.number = next.first_number - 1, .digest = next.digest_before});
  if (why != nullptr) return why;
  return next.first_number < header.first_number ? "its header names another first number"
                                                 : nullptr;
}

}  // namespace

std::optional<LogBreak> FindBreak(Storage& storage, const std::string& folder,
                                  const std::vector<std::uint64_t>& ids) {
  std::optional<Ends> before;
  for (const std::uint64_t id : ids) {
    std::optional<Ends> next = Ends::Open(storage, folder, id);
    if (!next) continue;
    if (before) {
      if (const char* why = WhyNot(*before, next->header())) {
        return LogBreak{
            .header = next->header(), .before_id = before->header().segment_id, .why = why};
      }
    }
    before = std::move(next);
  }
  return std::nullopt;
}

std::optional<proto::StreamPosition> PositionAt(Storage& storage, const std::string& folder,
                                                std::uint64_t segment_id, std::uint64_t offset) {
  const std::optional<Ends> segment = Ends::Open(storage, folder, segment_id);
  return segment ? segment->Before(offset) : std::nullopt;
}

std::optional<Error> FirstIsForeign(Storage& storage, const std::string& folder, std::uint64_t id) {
  const auto wrong = FindBreak(storage, folder, {id, id + 1});
  if (!wrong) return std::nullopt;
  const Result<SegmentList> list = ListSegments(storage, folder);
  if (!list || list->ids.front() != id) return std::nullopt;  // trimmed meanwhile
  const std::vector<std::uint64_t> rest(list->ids.begin() + 1, list->ids.end());
  if (FindBreak(storage, folder, rest)) return std::nullopt;
  const Result<MarkState> state = ReadMarkFile(storage, folder);
  if (!state) return std::nullopt;
  const MarkSlot& mark = state->mark;
  const bool is_marked = mark.generation > 0;
  if (is_marked) {
    const auto position = PositionAt(storage, folder, mark.segment_id, mark.offset);
    if (mark.segment_id <= id || !position || position->number != mark.number ||
        position->digest != mark.digest) {
      return std::nullopt;
    }
  } else if (rest.size() < 2) {
    return std::nullopt;
  }
  return ForeignFirst(storage, folder, id, is_marked, wrong->why);
}

Error ForeignFirst(Storage& storage, const std::string& folder, std::uint64_t id, bool mark_agrees,
                   const char* why) {
  return HeaderDamage(storage, folder, id,
                      std::string("the segment after it agrees with what follows") +
                          (mark_agrees ? " and with the mark" : "") +
                          ", and does not follow from it: " + why);
}

}  // namespace tandem::replay
