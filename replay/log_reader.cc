// SPDX-License-Identifier: Apache-2.0
#include "replay/log_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "replay/log_chain.h"
#include "replay/log_mark.h"
#include "replay/log_segment.h"

namespace tandem::replay {

class LogReader::Impl {
 public:
  Impl(Storage& storage, std::string folder, bool check_digest)
      : storage_(storage), folder_(std::move(folder)), check_digest_(check_digest) {}

  Status Open(std::uint64_t from_number);

  ReadOutcome Next(std::uint64_t up_to) {
    if (damaged_) return ReadOutcome::kDamaged;
    if (position_.number >= up_to) return ReadOutcome::kEnd;
    for (;;) {
      Record record;
      const char* why = nullptr;
      const RecordState state = ReadRecord(bytes_, offset_, segment_.header.crc, &record, &why);
      if (state == RecordState::kWhole) [[likely]] {
        if (record.kind == RecordKind::kMessage) [[likely]]
          return Take(record);
        if (record.kind == RecordKind::kEnd) {
          if (const auto outcome = EnterNextSegment(record)) return *outcome;
        } else {
          TakeMeta(record);
        }
      } else if (const auto outcome = Stop(state, why)) {
        return *outcome;
      }
    }
  }

  [[nodiscard]] const proto::MessageView& message() const { return message_; }
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] bool unreadable() const { return unreadable_; }
  [[nodiscard]] proto::StreamPosition position() const { return position_; }
  [[nodiscard]] const SegmentHeader& header() const { return segment_.header; }
  [[nodiscard]] bool stands() const { return segment_.mapping != nullptr; }
  [[nodiscard]] std::uint64_t first_number() const { return first_number_; }
  [[nodiscard]] const std::string& schema() const { return schema_; }
  [[nodiscard]] std::uint32_t schema_generation() const { return schema_generation_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  [[nodiscard]] Result<MarkState> ReadMark() const { return ReadMarkFile(storage_, folder_); }

  [[nodiscard]] Result<LogTail> ReadTail() const {
    LogTail tail;
    tail.segment_id = segment_.header.segment_id;
    tail.offset = offset_;
    Record record;
    const char* why = nullptr;
    const bool ended =
        ReadRecord(bytes_, offset_, segment_.header.crc, &record, &why) == RecordState::kWhole &&
        record.kind == RecordKind::kEnd;
    if (ended) tail.offset = record.end;
    const Result<std::uint64_t> used = BytesUsedAfter(*segment_.file, tail.offset);
    if (!used) return used.error();
    tail.bytes = *used;
    if (ended) return tail;
    const Result<std::uint64_t> size = segment_.file->Size();
    if (!size) return size.error();
    tail.cut = *size < segment_.header.segment_bytes;
    const Result<bool> follows = WholeFollows(*used);
    if (!follows) return follows.error();
    tail.whole_follows = *follows;
    return tail;
  }

 private:
  struct Segment {
    SegmentHeader header;
    std::unique_ptr<FileLock> lock;  ///< against TrimLog, as long as the reader stands here
    std::unique_ptr<File> file;
    std::unique_ptr<Mapping> mapping;
  };
  enum class Loaded : std::uint8_t {
    kYes,
    kNotThere,    ///< as at the end of a log
    kDamaged,     ///< missing, or its header is not whole
    kUnreadable,  ///< nobody knows whether it is whole
  };

  Loaded Load(std::uint64_t segment_id, Segment* segment, Error* error);
  [[nodiscard]] Result<bool> WholeFollows(std::uint64_t used) const;
  void Adopt(Segment segment);
  bool EnterFirst(std::uint64_t segment_id);
  std::optional<ReadOutcome> EnterNextSegment(const Record& end_record);
  [[nodiscard]] std::optional<Error> IsForeign() const {
    return segment_.header.segment_id == first_id_ ? FirstIsForeign(storage_, folder_, first_id_)
                                                   : std::nullopt;
  }
  std::optional<ReadOutcome> Stop(RecordState state, const char* why);
  bool MapAgain();
  ReadOutcome Take(const Record& record);
  void TakeMeta(const Record& record);
  void TakeLeadingMeta();
  bool Hop(std::uint64_t to_number);
  bool TakeDigestAt(std::uint64_t offset);
  ReadOutcome Damaged(std::string_view why) {
    return Fail(Damage(folder_, segment_.header.segment_id, offset_, position_.number + 1, why));
  }
  ReadOutcome Fail(Error error) {
    damaged_ = true;
    error_ = std::move(error);
    return ReadOutcome::kDamaged;
  }

  Storage& storage_;
  std::string folder_;
  bool check_digest_;
  bool damaged_ = false;
  std::uint32_t schema_generation_ = 0;

  Segment segment_;                   ///< where the reader stands
  std::span<const std::byte> bytes_;  ///< of it
  std::uint64_t offset_ = 0;          ///< of the next record
  proto::StreamPosition position_;
  proto::MessageView message_;

  MarkState mark_;
  std::string schema_;
  std::uint64_t first_id_ = 0;  ///< of the log's segments, when it was opened
  std::uint64_t first_number_ = 0;
  std::uint64_t missing_ = 0;  ///< the segment between others that is not there; 0: none
  Error error_;
  bool unreadable_ = false;
};

ReadOutcome LogReader::Impl::Take(const Record& record) {
  const char* wrong =
      CheckMessage(record, position_.number + 1, segment_.header.session, &message_);
  if (wrong != nullptr) return Damaged(wrong);
  if (check_digest_ && proto::Digest(position_.digest, record.body) != message_.header.digest) {
    return Damaged("its running digest does not follow from the messages before it");
  }
  offset_ = record.end;
  position_ = {.number = message_.header.number, .digest = message_.header.digest};
  return ReadOutcome::kMessage;
}

void LogReader::Impl::TakeMeta(const Record& record) {
  offset_ = record.end;
  if (record.kind != RecordKind::kSchema) return;
  const std::string_view text{reinterpret_cast<const char*>(record.body.data()),
                              record.body.size()};
  if (text == schema_) return;
  schema_ = text;
  ++schema_generation_;
}

// No whole record at offset_. Null: look again. What lies below the mark is damage; above it, it
// may be a record that is just being written, unless a whole one follows it.
std::optional<ReadOutcome> LogReader::Impl::Stop(RecordState state, const char* why) {
  if (state == RecordState::kNothing && offset_ + sizeof(RecordHeader) <= bytes_.size()) {
    if (mark_.Covers(segment_.header.segment_id, offset_)) return Damaged("there are only zeros");
    return ReadOutcome::kEnd;
  }
  if (state == RecordState::kForeign) return Damaged(why);
  if (MapAgain()) return std::nullopt;
  Result<MarkState> mark = ReadMarkFile(storage_, folder_);
  if (!mark) return Fail(mark.error());
  mark_ = std::move(*mark);
  if (mark_.Covers(segment_.header.segment_id, offset_)) {
    return Damaged(why != nullptr ? why : "the segment ends too early");
  }
  if (state == RecordState::kNothing) return ReadOutcome::kEnd;

  std::uint32_t size_and_kind = 0;
  std::memcpy(&size_and_kind, bytes_.data() + offset_ + 4, sizeof size_and_kind);
  const std::uint64_t next = offset_ + RecordBytes(BodySize(size_and_kind));
  Record record;
  const char* ignored = nullptr;
  if (ReadRecord(bytes_, next, segment_.header.crc, &record, &ignored) == RecordState::kWhole) {
    state = ReadRecord(bytes_, offset_, segment_.header.crc, &record, &ignored);
    if (state != RecordState::kWhole) return Damaged(why);
    return std::nullopt;
  }
  return ReadOutcome::kEnd;
}

// True if the file has grown since it was mapped.
bool LogReader::Impl::MapAgain() {
  const Result<std::uint64_t> size = segment_.file->Size();
  if (!size || *size <= bytes_.size()) return false;
  auto mapping = segment_.file->Map();
  if (!mapping) return false;
  segment_.mapping = std::move(*mapping);
  bytes_ = segment_.mapping->bytes();
  return true;
}

// Does something whole lie in the `used` bytes behind offset_, where nothing whole is, or a segment
// behind them? A writer may go on meanwhile: so the file is read, not the mapping, for it may be
// cut behind an end record, and the place itself is looked at last.
Result<bool> LogReader::Impl::WholeFollows(std::uint64_t used) const {
  bool follows = false;
  if (used > 0) {
    const Result<std::uint64_t> end = segment_.file->Size();
    if (!end) return end.error();
    const std::uint64_t left = *end - std::min(*end, offset_);
    std::vector<std::byte> bytes(std::min(left, used + RecordBytes(kRecordBodySizeMax)));
    const Result<std::size_t> size = segment_.file->Read(offset_, bytes);
    if (!size) return size.error();
    bytes.resize(*size);
    follows = FindRecord(bytes, 0, used, segment_.header) < bytes.size();
  }
  if (!follows) {
    const std::string next = SegmentPath(folder_, segment_.header.segment_id + 1);
    const Result<std::unique_ptr<File>> file = storage_.OpenToRead(next);
    if (!file) return file.error();
    const Result<bool> blank = *file == nullptr ? true : SegmentIsBlank(storage_, next);
    if (!blank) return blank.error();
    follows = !*blank;
  }
  Record record;
  const char* ignored = nullptr;
  return follows &&
         ReadRecord(bytes_, offset_, segment_.header.crc, &record, &ignored) != RecordState::kWhole;
}

// Opens a segment and looks at its header. One whose header is still zero is not there yet, as
// after a crash of the host, unless the mark says otherwise. `error`: why it cannot be read, or as
// its text what the damage is.
LogReader::Impl::Loaded LogReader::Impl::Load(std::uint64_t segment_id, Segment* segment,
                                              Error* error) {
  const std::string path = SegmentPath(folder_, segment_id);
  const auto unreadable = [error](const Error& why) {
    *error = why;
    return Loaded::kUnreadable;
  };
  // The lock first: a name that is there afterwards stays.
  Result<std::unique_ptr<FileLock>> lock = storage_.LockShared(path);
  if (!lock) return unreadable(lock.error());
  Result<std::unique_ptr<File>> file = storage_.OpenToRead(path);
  if (!file) return unreadable(file.error());
  if (*file == nullptr || *lock == nullptr) {
    error->text = "the segment is missing";
    const bool missing = segment_id == missing_ || mark_.Covers(segment_id, 0);
    return missing ? Loaded::kDamaged : Loaded::kNotThere;
  }
  Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return unreadable(mapping.error());
  const HeaderState state =
      ParseSegmentHeader((*mapping)->bytes(), segment_id, &segment->header, &error->text);
  if (state == HeaderState::kZero && !mark_.Covers(segment_id, 0)) return Loaded::kNotThere;
  if (state != HeaderState::kWhole) return Loaded::kDamaged;
  segment->lock = std::move(*lock);
  segment->file = std::move(*file);
  segment->mapping = std::move(*mapping);
  return Loaded::kYes;
}

void LogReader::Impl::Adopt(Segment segment) {
  segment_ = std::move(segment);
  bytes_ = segment_.mapping->bytes();
  offset_ = sizeof(SegmentHeader);
}

// The record at offset_ is the last one of its segment. Null: the reader stands in the next one.
std::optional<ReadOutcome> LogReader::Impl::EnterNextSegment(const Record& end_record) {
  if (mark_.mark.segment_id == segment_.header.segment_id && mark_.mark.offset > end_record.end) {
    return Damaged(EndsBeforeMark(mark_.mark));
  }
  Segment next;
  const std::uint64_t next_id = segment_.header.segment_id + 1;
  const auto damaged = [&](std::string_view why) {
    return Fail(Damage(folder_, next_id, 0, position_.number + 1, why));
  };
  Error error;
  switch (Load(next_id, &next, &error)) {
    case Loaded::kUnreadable:
      unreadable_ = true;
      error.text = "the log " + folder_ + " cannot be read in segment " + std::to_string(next_id) +
                   " at offset 0, where message " + std::to_string(position_.number + 1) +
                   " should be: " + error.text;
      return Fail(std::move(error));
    case Loaded::kNotThere:
      return ReadOutcome::kEnd;
    case Loaded::kDamaged:
      return damaged(error.text);
    case Loaded::kYes:
      break;
  }
  const Result<std::uint64_t> used = BytesUsedAfter(*segment_.file, end_record.end);
  if (!used) return Fail(used.error());
  if (*used > 0) return Damaged("bytes follow the last record of the segment");
  if (const char* wrong = CheckFollows(next.header, segment_.header, position_)) {
    auto foreign = IsForeign();
    return foreign ? Fail(std::move(*foreign)) : damaged(wrong);
  }
  Adopt(std::move(next));
  return std::nullopt;
}

Status LogReader::Impl::Open(std::uint64_t from_number) {
  const Result<SegmentList> list = ListSegments(storage_, folder_);
  if (!list) return list.error();
  const std::vector<std::uint64_t>& ids = list->ids;
  Result<MarkState> mark = ReadMarkFile(storage_, folder_);
  if (!mark) return mark.error();
  mark_ = std::move(*mark);
  if (!list->after_gap.empty()) missing_ = ids.back() + 1;
  first_id_ = ids.front();
  const Result<SegmentHeader> first = ReadSegmentHeader(storage_, folder_, ids.front());
  const bool from_an_end = from_number == ReadOptions::kFirst || from_number == ReadOptions::kEnd;
  if (!first && (from_an_end || ids.size() == 1)) return first.error();
  // Damage at the beginning is in nobody's way who begins behind it.
  const Result<SegmentHeader> known = first ? first : ReadSegmentHeader(storage_, folder_, ids[1]);
  if (!known || (!first && from_number < known->first_number)) return first.error();
  first_number_ = known->first_number;
  if (from_number == ReadOptions::kFirst) {
    return EnterFirst(ids.front()) ? Status{} : Status(error_);
  }
  if (from_number < first_number_) {
    return Error::BadInput("the log " + folder_ + " begins at message " +
                           std::to_string(first_number_) + "; message " +
                           std::to_string(from_number) + " is not in it");
  }

  // Who asks for the end wants to know what keeps a reader from it.
  const auto over_damage = from_number == ReadOptions::kEnd ? OverDamage::kStop : OverDamage::kGoOn;
  const std::uint64_t segment_id =
      ids[FindSegment(storage_, folder_, ids, over_damage, [&](const SegmentHeader& header) {
        return header.first_number <= from_number;
      })];
  if (!EnterFirst(segment_id)) return error_;
  if (!Hop(from_number)) {
    // What the record lengths led to is not right: find out with every check.
    damaged_ = false;
    unreadable_ = false;
    error_ = {};
    if (!EnterFirst(segment_id)) return error_;
    while (position_.number + 1 < from_number) {
      const ReadOutcome outcome = Next(std::numeric_limits<std::uint64_t>::max());
      if (outcome == ReadOutcome::kDamaged) return error_;
      if (outcome == ReadOutcome::kEnd) break;
    }
  }
  TakeLeadingMeta();
  if (from_number != ReadOptions::kEnd && position_.number + 1 != from_number) {
    return Error::BadInput("the log " + folder_ + " ends at message " +
                           std::to_string(position_.number) + "; message " +
                           std::to_string(from_number) + " is not in it");
  }
  return {};
}

bool LogReader::Impl::EnterFirst(std::uint64_t segment_id) {
  Segment segment;
  Error error;
  switch (Load(segment_id, &segment, &error)) {
    case Loaded::kUnreadable:
      unreadable_ = true;
      Fail(std::move(error));
      return false;
    case Loaded::kDamaged:
      Fail(HeaderDamage(storage_, folder_, segment_id, error.text));
      return false;
    case Loaded::kNotThere:
      Fail(Error::BadInput(SegmentPath(folder_, segment_id) + " is not there any more; try again"));
      return false;
    case Loaded::kYes:
      position_ = {.number = segment.header.first_number - 1,
                   .digest = segment.header.digest_before};
      Adopt(std::move(segment));
      TakeLeadingMeta();
      if (auto foreign = IsForeign()) Fail(std::move(*foreign));
  }
  return !damaged_;
}

// The meta records before the next message, so that schema() is known before the first Next.
// Whatever is wrong with them is left for Next to find.
void LogReader::Impl::TakeLeadingMeta() {
  Record record;
  const char* ignored = nullptr;
  while (ReadRecord(bytes_, offset_, segment_.header.crc, &record, &ignored) ==
             RecordState::kWhole &&
         record.kind != RecordKind::kMessage && record.kind != RecordKind::kEnd) {
    TakeMeta(record);
  }
}

// Goes to just before message `to_number` by record lengths alone, or to the end of the log.
// Checks the message before it and all meta records; false if anything is odd.
bool LogReader::Impl::Hop(std::uint64_t to_number) {
  std::uint64_t last_offset = 0;
  Record record;
  const char* why = nullptr;
  while (position_.number + 1 < to_number) {
    std::uint32_t words[2] = {0, 0};
    if (offset_ + sizeof words <= bytes_.size()) {
      std::memcpy(words, bytes_.data() + offset_, sizeof words);
    }
    const std::uint64_t end = offset_ + RecordBytes(BodySize(words[1]));
    if (end > bytes_.size()) return false;
    if (Kind(words[1]) == RecordKind::kMessage) {
      last_offset = offset_;
      offset_ = end;
      ++position_.number;
      continue;
    }
    if (words[0] == 0 && words[1] == 0) break;
    if (ReadRecord(bytes_, offset_, segment_.header.crc, &record, &why) != RecordState::kWhole) {
      return false;
    }
    if (record.kind != RecordKind::kEnd) {
      TakeMeta(record);
      continue;
    }
    if (!TakeDigestAt(last_offset)) return false;
    last_offset = 0;
    if (const auto outcome = EnterNextSegment(record)) return *outcome == ReadOutcome::kEnd;
  }
  return TakeDigestAt(last_offset);
}

// Takes the digest of position_ from the message at `offset`; 0: there is none, keep what is known.
bool LogReader::Impl::TakeDigestAt(std::uint64_t offset) {
  if (offset == 0) return true;
  Record record;
  const char* why = nullptr;
  if (ReadRecord(bytes_, offset, segment_.header.crc, &record, &why) != RecordState::kWhole ||
      CheckMessage(record, position_.number, segment_.header.session, &message_) != nullptr) {
    return false;
  }
  position_.digest = message_.header.digest;
  return true;
}

LogReader::LogReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

Result<LogReader> LogReader::Open(Storage& storage, const std::string& folder,
                                  const ReadOptions& options) {
  return OpenFor(storage, folder, options, /*damaged_too=*/false);
}

Result<LogReader> LogReader::OpenFor(Storage& storage, const std::string& folder,
                                     const ReadOptions& options, bool damaged_too) {
  for (;;) {
    const Result<SegmentList> before = ListSegments(storage, folder);
    if (!before) return before.error();
    auto impl = std::make_unique<Impl>(storage, folder, options.check_digest);
    const Status status = impl->Open(options.from_number);
    if (status) return LogReader(std::move(impl));
    // What fails because the log is just being trimmed is tried again.
    const Result<SegmentList> after = ListSegments(storage, folder);
    if (after && after->ids.front() > before->ids.front()) continue;
    if (damaged_too && impl->stands()) return LogReader(std::move(impl));
    return status.error();
  }
}

Result<proto::StreamPosition> LogReader::LastPosition(Storage& storage, const std::string& folder) {
  const Result<LogEnd> end = FindEnd(storage, folder);
  if (!end || end->damage) return end ? *end->damage : end.error();
  return end->last;
}

Result<LogEnd> LogReader::FindEnd(Storage& storage, const std::string& folder) {
  Result<LogReader> reader =
      OpenFor(storage, folder, {.from_number = ReadOptions::kEnd, .check_digest = false},
              /*damaged_too=*/true);
  if (!reader) return reader.error();
  LogEnd end{.last = reader->position(), .damage = {}};
  if (reader->impl_->damaged()) end.damage = reader->error();
  return end;
}

ReadOutcome LogReader::Next(std::uint64_t up_to) { return impl_->Next(up_to); }
const proto::MessageView& LogReader::message() const { return impl_->message(); }
const Error& LogReader::error() const { return impl_->error(); }
bool LogReader::unreadable() const { return impl_->unreadable(); }
proto::StreamPosition LogReader::position() const { return impl_->position(); }
proto::Session LogReader::session() const { return impl_->header().session; }
LogRole LogReader::role() const { return impl_->header().role; }
std::uint64_t LogReader::first_number() const { return impl_->first_number(); }
const std::string& LogReader::schema() const { return impl_->schema(); }
std::uint32_t LogReader::schema_generation() const { return impl_->schema_generation(); }
std::uint64_t LogReader::segment_id() const { return impl_->header().segment_id; }
std::uint64_t LogReader::offset() const { return impl_->offset(); }
Result<MarkState> LogReader::ReadMark() const { return impl_->ReadMark(); }
Result<LogTail> LogReader::ReadTail() const { return impl_->ReadTail(); }

}  // namespace tandem::replay
