// SPDX-License-Identifier: Apache-2.0
#include "replay/log_writer.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "pools/ensure.h"
#include "replay/log_mark.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

/// Full segments that wait for a sync; with one more, the oldest is synced on the way.
constexpr std::size_t kUnsyncedSegmentsMax = 8;

/// CRCs are made of few records at a time: the processor does that while copies wait for the cache.
constexpr std::size_t kUnsealedBytesMax = 1u << 10;

template <class T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string ParentOf(const std::string& folder) {
  const std::size_t slash = folder.find_last_of('/', folder.find_last_not_of('/'));
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : folder.substr(0, slash);
}

}  // namespace

class LogWriter::Impl {
 public:
  Impl(Storage& storage, std::string folder, const LogOptions& options)
      : storage_(storage), folder_(std::move(folder)), options_(options) {}

  Status Open();
  void Append(std::span<const std::byte> message);
  Status Flush();
  Status Sync();
  Status Close();

  /// A place in the log: what a mark says.
  struct Place {
    std::uint64_t segment_id = 0;
    std::uint64_t offset = 0;
    proto::StreamPosition position;
  };

  [[nodiscard]] const Place& appended() const { return appended_; }
  [[nodiscard]] const Place& flushed() const { return flushed_; }
  [[nodiscard]] const Place& synced() const { return synced_; }
  [[nodiscard]] std::size_t buffered_bytes() const { return used_; }
  [[nodiscard]] proto::Session session() const { return segment_.session; }
  [[nodiscard]] std::uint64_t first_number() const { return first_number_; }
  [[nodiscard]] std::int64_t time_ns() const { return time_ns_; }
  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }
  [[nodiscard]] const LogRecovery& recovery() const { return recovery_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  /// Buffered bytes that go to one segment in one write.
  struct Piece {
    SegmentHeader segment;
    std::uint64_t offset = 0;      ///< in the segment
    std::size_t begin = 0;         ///< in the buffer
    bool creates = false;          ///< the segment begins with this piece
    std::optional<Place> ends_at;  ///< the segment ends with this piece
  };
  struct FullSegment {
    std::unique_ptr<File> file;
    Place end;
  };

  Status Create();
  Status Continue(RecoveredLog log, const MarkSlot& mark);
  Status MarkAnew();
  void BeginSegment(std::size_t record_bytes);
  void EndSegment();
  void Put(RecordKind kind, std::span<const std::byte> body);
  void Seal();
  std::byte* Grow(std::size_t bytes);
  Status WritePiece(Piece& piece, std::span<const std::byte> bytes);
  Status SyncOldest();
  Status WriteMark(const Place& place);
  Status Fail(Status status);

  Storage& storage_;
  const std::string folder_;
  const LogOptions options_;
  std::unique_ptr<FileLock> lock_;
  std::optional<MarkFile> mark_file_;
  LogRecovery recovery_;
  std::uint64_t first_number_ = 0;
  std::string schema_;  ///< that segments begin with

  SegmentHeader segment_;      ///< being appended to
  bool segment_open_ = false;  ///< false: the next message begins a new one
  Place appended_;
  std::int64_t time_ns_ = 0;
  std::uint32_t epoch_ = 0;
  std::vector<std::byte> buffer_;  ///< used_ bytes of it are waiting to be written
  std::size_t used_ = 0;
  std::size_t sealed_ = 0;  ///< used_ bytes from here on are records of segment_ without a CRC
  std::vector<Piece> pieces_;

  std::unique_ptr<File> file_;  ///< of the segment that was flushed last; null: it is full
  Place flushed_;
  std::deque<FullSegment> unsynced_;
  bool folder_changed_ = false;
  bool written_ = false;  ///< since the last sync
  Place synced_;
  std::optional<Error> failed_;
  bool closed_ = false;
};

Status LogWriter::Impl::Open() {
  if (options_.segment_bytes < 2 * sizeof(SegmentHeader)) {
    return Error::BadInput("a segment of " + std::to_string(options_.segment_bytes) +
                           " bytes is too small; take 65536 or more");
  }
  if (options_.segment_bytes > kSegmentBytesMax) {
    return Error::BadInput("a segment of " + std::to_string(options_.segment_bytes) +
                           " bytes is too large; take " + std::to_string(kSegmentBytesMax) +
                           " or less");
  }
  if (Status status = storage_.MakeFolder(folder_); !status) return status;
  const std::string mark_path = folder_ + "/" + std::string(kMarkFileName);
  Result<std::unique_ptr<FileLock>> lock = storage_.Lock(mark_path);
  if (!lock) return lock.error();
  if (*lock == nullptr) {
    return Error::BadInput("the log " + folder_ +
                           " is being written already; stop its writer or take another folder");
  }
  lock_ = std::move(*lock);
  Result<std::unique_ptr<File>> mark = storage_.OpenToWrite(mark_path);
  if (!mark) return mark.error();
  if (*mark == nullptr) return Error::Failure(mark_path + " went away while it was opened");
  const Result<MarkState> state = ReadMarkFile(storage_, folder_);
  if (!state) return state.error();
  mark_file_.emplace(std::move(*mark), *state, storage_.BootId());
  const Result<std::vector<std::string>> names = storage_.List(folder_);
  if (!names) return names.error();
  if (std::none_of(names->begin(), names->end(),
                   [](const std::string& name) { return SegmentIdOf(name).has_value(); })) {
    if (state->mark.generation > 0) {
      return Error::BadInput("the log " + folder_ +
                             " is damaged: all its segments are missing and only "
                             "its mark is left; restore them, or remove the folder");
    }
    return Create();
  }
  const Result<SegmentList> list = ListSegments(storage_, folder_);
  if (!list) return list.error();
  if (list->ids.size() == 1 && list->ids.front() == 1 && state->mark.generation == 0) {
    const Result<bool> blank = SegmentIsBlank(storage_, SegmentPath(folder_, 1));
    if (!blank) return blank.error();
    if (*blank) return Create();
  }
  Result<RecoveredLog> log = RecoverLog(storage_, folder_, *list, *state);
  if (!log) return log.error();
  if (state->damaged) {
    if (Status status = mark_file_->ClearNextSlot(); !status) return status;
    if (Status status = mark_file_->Sync(); !status) return status;
  }
  if (Status status = Continue(std::move(*log), state->mark); !status) return status;
  // A mark of this start of the host: from now on a gap is damage and nothing else. One beside a
  // mark that was lost, so that both are there.
  const bool is_sound = state->text.empty() && state->WrittenInBoot(storage_.BootId());
  return is_sound ? Status{} : MarkAnew();
}

Status LogWriter::Impl::Create() {
  if (options_.start.number > kMessageNumberMax) {
    return Error::BadInput("no log can begin after message " +
                           std::to_string(options_.start.number) + ", for no message has a " +
                           "larger number than " + std::to_string(kMessageNumberMax));
  }
  if (options_.session.empty()) {
    return Error::BadInput("there is no log at " + folder_ + " and no session to begin one with");
  }
  recovery_.created = true;
  segment_.session = options_.session;
  segment_.role = options_.role;
  schema_ = options_.schema;
  first_number_ = options_.start.number + 1;
  appended_.position = options_.start;
  BeginSegment(0);
  if (Status status = Sync(); !status) return status;
  return Fail(storage_.SyncFolder(ParentOf(folder_)));
}

Status LogWriter::Impl::Continue(RecoveredLog log, const MarkSlot& mark) {
  if (!options_.session.empty() && options_.session != log.segment.session) {
    return Error::BadInput("the log " + folder_ + " is of session " + log.segment.session.str() +
                           ", not " + options_.session.str() + "; take another folder");
  }
  if (options_.role != log.segment.role) {
    return Error::BadInput("the log " + folder_ + " has the role " + log.segment.role.str() +
                           ", not " + options_.role.str() + "; take another folder");
  }
  recovery_ = std::move(log.report);
  first_number_ = log.first_number;
  schema_ = std::move(log.schema);
  segment_ = log.segment;
  segment_open_ = !log.ended;
  appended_ = {.segment_id = segment_.segment_id, .offset = log.offset, .position = log.position};
  time_ns_ = log.time_ns;
  epoch_ = log.epoch;
  flushed_ = appended_;
  synced_ = {.segment_id = mark.segment_id,
             .offset = mark.offset,
             .position = {.number = mark.number, .digest = mark.digest}};
  written_ = synced_.segment_id != flushed_.segment_id || synced_.offset != flushed_.offset;
  // Whoever made the segments after the mark may have died before it synced their names.
  folder_changed_ = segment_.segment_id > mark.segment_id;

  for (std::uint64_t id = log.first_unsynced_segment; id <= segment_.segment_id; ++id) {
    Result<std::unique_ptr<File>> file = storage_.OpenToWrite(SegmentPath(folder_, id));
    if (!file) return file.error();
    if (*file == nullptr) return Error::Failure(SegmentPath(folder_, id) + " went away");
    if (id == segment_.segment_id && segment_open_) {
      file_ = std::move(*file);
    } else {
      unsynced_.push_back({std::move(*file), {}});
    }
  }
  if (!options_.schema.empty() && options_.schema != schema_) {
    schema_ = options_.schema;
    if (segment_open_) {
      const auto bytes = std::as_bytes(std::span(schema_));
      if (appended_.offset + RecordBytes(bytes.size()) + sizeof(RecordHeader) <=
          segment_.segment_bytes) {
        Put(RecordKind::kSchema, bytes);
      } else {
        EndSegment();
      }
    }
  }
  return {};
}

inline std::byte* LogWriter::Impl::Grow(std::size_t bytes) {
  if (used_ + bytes > buffer_.size()) {
    buffer_.resize(std::max({2 * buffer_.size(), used_ + bytes, std::size_t{1} << 16}));
  }
  std::byte* at = buffer_.data() + used_;
  used_ += bytes;
  appended_.offset += bytes;
  return at;
}

[[gnu::always_inline]] inline void LogWriter::Impl::Put(RecordKind kind,
                                                        std::span<const std::byte> body) {
  ENSURE(body.size() <= kRecordBodySizeMax, "a record of %zu bytes", body.size());
  if (pieces_.empty()) pieces_.push_back({segment_, appended_.offset, used_, false, {}});
  const std::size_t bytes = RecordBytes(body.size());
  std::byte* at = Grow(bytes);
  // The last word first: it holds the zeros after the body.
  std::memset(at + bytes - kRecordAlignment, 0, kRecordAlignment);
  RecordHeader header{.crc = 0, .size_and_kind = SizeAndKind(body.size(), kind)};
  std::memcpy(at, &header, sizeof header);
  if (!body.empty()) std::memcpy(at + sizeof header, body.data(), body.size());
  if (used_ - sealed_ >= kUnsealedBytesMax) Seal();
}

void LogWriter::Impl::Append(std::span<const std::byte> message) {
  if (failed_.has_value()) return;
  ENSURE(!closed_, "a message for the closed log %s", folder_.c_str());
  ENSURE(message.size() >= sizeof(proto::Header), "a message of %zu bytes", message.size());
  // Fields one by one: a copy of the whole header would cost more than all that is done with it.
  const std::byte* const from = message.data();
  // Messages mostly come one behind the other.
  __builtin_prefetch(from + 1024);
  __builtin_prefetch(from + 1088);
  const auto number = Load<std::uint64_t>(from + offsetof(proto::Header, number));
  const auto digest = Load<std::uint64_t>(from + offsetof(proto::Header, digest));
  const auto payload_size = Load<std::uint16_t>(from + offsetof(proto::Header, payload_size));
  const auto session = Load<proto::Session>(from + offsetof(proto::Header, session));
  ENSURE(message.size() == sizeof(proto::Header) + payload_size,
         "message %llu has %zu bytes and its header says %zu",
         static_cast<unsigned long long>(number), message.size(),
         sizeof(proto::Header) + payload_size);
  if (number > kMessageNumberMax) [[unlikely]] {
    (void)Fail(Error::BadInput("message " + std::to_string(number) +
                               " would follow the last that a stream can have, " +
                               std::to_string(kMessageNumberMax) + "; begin a new session"))
        .ok();
    return;
  }
  ENSURE(number == appended_.position.number + 1, "message %llu after %llu",
         static_cast<unsigned long long>(number),
         static_cast<unsigned long long>(appended_.position.number));
  ENSURE(session == segment_.session, "a message of session %.10s in a log of %.10s",
         session.bytes.data(), segment_.session.bytes.data());
  ENSURE(digest != 0, "message %llu has no digest", static_cast<unsigned long long>(number));
  ENSURE(!options_.check_digest || digest == proto::Digest(appended_.position.digest, message),
         "message %llu has a digest that does not follow from the one before",
         static_cast<unsigned long long>(number));

  const std::size_t bytes = RecordBytes(message.size());
  if (!segment_open_ || appended_.offset + bytes + sizeof(RecordHeader) > segment_.segment_bytes) {
    if (segment_open_) EndSegment();
    BeginSegment(bytes);
  }
  Put(RecordKind::kMessage, message);
  appended_.position = {.number = number, .digest = digest};
  time_ns_ = Load<std::int64_t>(from + offsetof(proto::Header, time_ns));
  epoch_ = Load<std::uint32_t>(from + offsetof(proto::Header, epoch));
}

void LogWriter::Impl::Seal() {
  SealRecords(segment_.crc, {buffer_.data() + sealed_, used_ - sealed_});
  sealed_ = used_;
}

void LogWriter::Impl::BeginSegment(std::size_t record_bytes) {
  const std::vector<std::byte> checkpoint =
      options_.checkpoint ? options_.checkpoint() : std::vector<std::byte>();
  const std::size_t checkpoint_bytes = checkpoint.empty() ? 0 : RecordBytes(checkpoint.size());
  const std::size_t schema_bytes = schema_.empty() ? 0 : RecordBytes(schema_.size());
  const std::size_t needed =
      sizeof(SegmentHeader) + schema_bytes + checkpoint_bytes + record_bytes + sizeof(RecordHeader);
  SegmentHeader header;
  header.segment_id = appended_.segment_id + 1;
  header.segment_bytes = std::max<std::uint64_t>(options_.segment_bytes, needed);
  header.first_number = appended_.position.number + 1;
  header.digest_before = appended_.position.digest;
  header.time_before_ns = time_ns_;
  header.epoch = epoch_;
  header.session = segment_.session;
  header.role = segment_.role;
  header.crc = CrcOf(header);
  segment_ = header;
  segment_open_ = true;
  appended_.segment_id = header.segment_id;
  appended_.offset = 0;
  pieces_.push_back({segment_, 0, used_, true, {}});
  std::memcpy(Grow(sizeof header), &header, sizeof header);
  sealed_ = used_;
  if (!schema_.empty()) Put(RecordKind::kSchema, std::as_bytes(std::span(schema_)));
  if (!checkpoint.empty()) Put(RecordKind::kCheckpoint, checkpoint);
}

void LogWriter::Impl::EndSegment() {
  Put(RecordKind::kEnd, {});
  Seal();
  pieces_.back().ends_at = appended_;
  segment_open_ = false;
}

Status LogWriter::Impl::Flush() {
  if (failed_.has_value()) return *failed_;
  if (used_ == 0) return {};
  Seal();
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const std::size_t begin = pieces_[i].begin;
    const std::size_t end = i + 1 < pieces_.size() ? pieces_[i + 1].begin : used_;
    Status status = WritePiece(pieces_[i], std::span(buffer_).subspan(begin, end - begin));
    if (!status) return Fail(std::move(status));
    if (pieces_[i].ends_at) flushed_ = *pieces_[i].ends_at;
  }
  pieces_.clear();
  used_ = 0;
  sealed_ = 0;
  flushed_ = appended_;
  written_ = true;
  return {};
}

// A new segment gets its name only when its first bytes are there, so no reader sees it without.
Status LogWriter::Impl::WritePiece(Piece& piece, std::span<const std::byte> bytes) {
  if (piece.creates) {
    const std::string path = SegmentPath(folder_, piece.segment.segment_id);
    Result<std::unique_ptr<File>> file = storage_.Create(path + ".new");
    if (!file) return file.error();
    file_ = std::move(*file);
    if (Status status = file_->Preallocate(piece.segment.segment_bytes); !status) return status;
    if (Status status = file_->Write(0, bytes); !status) return status;
    if (Status status = storage_.Rename(path + ".new", path); !status) return status;
    file_->HasName(path);
    folder_changed_ = true;
  } else {
    if (Status status = file_->Write(piece.offset, bytes); !status) return status;
  }
  if (!piece.ends_at.has_value()) return {};
  if (Status status = file_->Truncate(piece.ends_at->offset); !status) return status;
  unsynced_.push_back({std::move(file_), *piece.ends_at});
  if (unsynced_.size() <= kUnsyncedSegmentsMax) return {};
  return SyncOldest();
}

Status LogWriter::Impl::SyncOldest() {
  if (Status status = unsynced_.front().file->Sync(); !status) return status;
  const Place end = unsynced_.front().end;
  unsynced_.pop_front();
  if (folder_changed_) {
    if (Status status = storage_.SyncFolder(folder_); !status) return status;
    folder_changed_ = false;
  }
  return end.segment_id == 0 ? Status{} : WriteMark(end);
}

Status LogWriter::Impl::WriteMark(const Place& place) {
  MarkSlot slot;
  slot.segment_id = place.segment_id;
  slot.offset = place.offset;
  slot.number = place.position.number;
  slot.digest = place.position.digest;
  if (Status status = mark_file_->Write(slot); !status) return status;
  synced_ = place;
  return {};
}

Status LogWriter::Impl::MarkAnew() {
  written_ = true;
  return Sync();
}

Status LogWriter::Impl::Sync() {
  if (Status status = Flush(); !status) return status;
  if (!written_) return {};
  for (const FullSegment& full : unsynced_) {
    if (Status status = full.file->Sync(); !status) return Fail(std::move(status));
  }
  unsynced_.clear();
  if (file_ != nullptr) {
    if (Status status = file_->Sync(); !status) return Fail(std::move(status));
  }
  if (folder_changed_) {
    if (Status status = storage_.SyncFolder(folder_); !status) return Fail(std::move(status));
    folder_changed_ = false;
  }
  if (Status status = WriteMark(flushed_); !status) return Fail(std::move(status));
  written_ = false;
  return {};
}

Status LogWriter::Impl::Close() {
  if (failed_.has_value()) return *failed_;
  if (closed_) return {};
  if (segment_open_) EndSegment();
  if (Status status = Sync(); !status) return status;
  if (Status status = mark_file_->Sync(); !status) return Fail(std::move(status));
  closed_ = true;
  lock_.reset();
  return {};
}

Status LogWriter::Impl::Fail(Status status) {
  if (!status) {
    const std::uint64_t last = flushed_.position.number;
    failed_ = Error{
        status.error().code,
        status.error().text +
            (last < first_number_
                 ? "; no message was written to the log " + folder_ + " before that"
                 : "; messages up to " + std::to_string(last) + " are in the log " + folder_) +
            ", and nothing more is written to it"};
    return *failed_;
  }
  return {};
}

LogWriter::LogWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LogWriter::LogWriter(LogWriter&&) noexcept = default;
LogWriter& LogWriter::operator=(LogWriter&&) noexcept = default;
LogWriter::~LogWriter() = default;

Result<LogWriter> LogWriter::Open(Storage& storage, const std::string& folder,
                                  const LogOptions& options) {
  auto impl = std::make_unique<Impl>(storage, folder, options);
  if (const Status status = impl->Open(); !status) return status.error();
  return LogWriter(std::move(impl));
}

void LogWriter::Append(std::span<const std::byte> message) { impl_->Append(message); }
Status LogWriter::Flush() { return impl_->Flush(); }
Status LogWriter::Sync() { return impl_->Sync(); }
Status LogWriter::Close() { return impl_->Close(); }
proto::StreamPosition LogWriter::position() const { return impl_->appended().position; }
proto::StreamPosition LogWriter::flushed_position() const { return impl_->flushed().position; }
proto::StreamPosition LogWriter::synced_position() const { return impl_->synced().position; }
std::size_t LogWriter::buffered_bytes() const { return impl_->buffered_bytes(); }
proto::Session LogWriter::session() const { return impl_->session(); }
std::uint64_t LogWriter::first_number() const { return impl_->first_number(); }
std::int64_t LogWriter::time_ns() const { return impl_->time_ns(); }
std::uint32_t LogWriter::epoch() const { return impl_->epoch(); }
const LogRecovery& LogWriter::recovery() const { return impl_->recovery(); }
const std::string& LogWriter::folder() const { return impl_->folder(); }

}  // namespace tandem::replay
