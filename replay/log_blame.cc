// SPDX-License-Identifier: Apache-2.0
#include "replay/log_blame.h"

#include <memory>
#include <span>

#include "replay/log_chain.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

/// Goes over segments one after the other, with every check.
class Walk {
 public:
  enum class Found : std::uint8_t {
    kEnd,           ///< of the segment, where the next one begins
    kNothingMore,   ///< the end of the log, or something that is not whole
    kContradiction  ///< to the mark, or to what comes before
  };

  Walk(Storage& storage, const std::string& folder, const MarkSlot& mark)
      : storage_(storage), folder_(folder), mark_(mark) {}

  Found Segment(std::uint64_t id);

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] proto::StreamPosition position() const { return position_; }
  [[nodiscard]] std::uint64_t segments() const { return segments_; }
  [[nodiscard]] bool mark_agrees() const { return mark_agrees_; }
  /// How the segment that was tried last does not follow; null: it does.
  [[nodiscard]] const char* wrong() const { return wrong_; }

 private:
  Found Records(std::span<const std::byte> bytes);

  Storage& storage_;
  const std::string& folder_;
  const MarkSlot& mark_;
  SegmentHeader header_;  ///< of the segment that the walk is in
  proto::StreamPosition position_;
  std::uint64_t segments_ = 0;
  bool mark_agrees_ = false;
  const char* wrong_ = nullptr;
};

Walk::Found Walk::Segment(std::uint64_t id) {
  const Result<std::unique_ptr<File>> file = storage_.OpenToRead(SegmentPath(folder_, id));
  if (!file || *file == nullptr) return Found::kNothingMore;
  const Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return Found::kNothingMore;
  SegmentHeader header;
  std::string ignored;
  if (ParseSegmentHeader((*mapping)->bytes(), id, &header, &ignored) != HeaderState::kWhole) {
    return Found::kNothingMore;
  }
  if (segments_ > 0) wrong_ = CheckFollows(header, header_, position_);
  if (wrong_ != nullptr) return Found::kContradiction;
  header_ = header;
  position_ = {.number = header.first_number - 1, .digest = header.digest_before};
  ++segments_;
  return Records((*mapping)->bytes());
}

Walk::Found Walk::Records(std::span<const std::byte> bytes) {
  std::uint64_t offset = sizeof(SegmentHeader);
  Record record;
  for (;;) {
    if (mark_.segment_id == header_.segment_id && mark_.offset == offset) {
      mark_agrees_ = mark_.number == position_.number && mark_.digest == position_.digest;
      if (!mark_agrees_) return Found::kContradiction;
    }
    if (record.kind == RecordKind::kEnd) return Found::kEnd;
    const char* ignored = nullptr;
    if (ReadRecord(bytes, offset, header_.crc, &record, &ignored) != RecordState::kWhole) {
      return Found::kNothingMore;
    }
    offset = record.end;
    if (record.kind != RecordKind::kMessage) continue;
    proto::MessageView message;
    if (CheckMessage(record, position_.number + 1, header_.session, &message) != nullptr ||
        proto::Digest(position_.digest, record.body) != message.header.digest) {
      return Found::kContradiction;
    }
    position_ = {.number = message.header.number, .digest = message.header.digest};
  }
}

}  // namespace

std::optional<SoundRest> FindSoundRest(Storage& storage, const std::string& folder,
                                       std::uint64_t first_segment_id, const MarkSlot& mark) {
  Walk whole(storage, folder, mark);
  if (whole.Segment(first_segment_id) != Walk::Found::kEnd) return std::nullopt;
  if (whole.Segment(first_segment_id + 1) != Walk::Found::kContradiction) return std::nullopt;
  if (whole.wrong() == nullptr) return std::nullopt;

  Walk rest(storage, folder, mark);
  SoundRest sound;
  Walk::Found found = Walk::Found::kEnd;
  for (std::uint64_t id = first_segment_id + 1; found == Walk::Found::kEnd; ++id) {
    found = rest.Segment(id);
    if (sound.first_number == 0) sound.first_number = rest.header().first_number;
  }
  const bool tells = mark.generation > 0 ? rest.mark_agrees() : rest.segments() > 1;
  if (found == Walk::Found::kContradiction || !tells) return std::nullopt;
  sound.damage = ForeignFirst(storage, folder, first_segment_id, rest.mark_agrees(), whole.wrong());
  sound.last = rest.position();
  sound.segments = rest.segments();
  return sound;
}

std::string EmptyBesideSegments(const MarkState& mark, const std::string& folder) {
  if (mark.mark.generation > 0 || !mark.text.empty()) return "";
  return folder + "/" + std::string(kMarkFileName) +
         " is empty beside a complete segment, so nothing says how far the log was synced";
}

}  // namespace tandem::replay
