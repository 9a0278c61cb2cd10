// SPDX-License-Identifier: Apache-2.0
#include "replay/log_recovery.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "replay/log_blame.h"
#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

/// What a disk writes as a whole or not at all. A larger unit consists of these.
constexpr std::uint64_t kSector = 512;

/// True if a crash of the host may have left this place as it is, up to `end`: of one write, each
/// sector's part is there or is still zeros.
bool LooksLost(std::span<const std::byte> segment, std::uint64_t offset, std::uint64_t end) {
  if (end > segment.size()) return true;  // The size of the file was lost.
  while (offset < end) {
    const std::uint64_t part_end = std::min(end, (offset / kSector + 1) * kSector);
    const auto part = segment.subspan(offset, part_end - offset);
    if (AllZero(part)) return true;
    offset = part_end;
  }
  return false;
}

class Recovery {
 public:
  enum class Mode : std::uint8_t { kRecovers, kLooksOnly };

  Recovery(Storage& storage, const std::string& folder, const MarkState& mark, Mode mode)
      : storage_(storage),
        folder_(folder),
        mark_(mark),
        changes_(mode == Mode::kRecovers),
        host_stopped_(!mark.WrittenInBoot(storage.BootId())) {}

  Result<RecoveredLog> Run(const SegmentList& segments);

 private:
  enum class Scan : std::uint8_t { kOpen, kEnded, kNotThere };

  Result<Scan> ScanSegment(std::uint64_t id);
  Status ScanRecords(File& file, std::span<const std::byte> bytes, Scan* scan);
  Status CheckMark();
  [[nodiscard]] Error Wrong(std::string_view why) const;
  Status CheckMayCut(File& file, std::span<const std::byte> bytes, const char* why) const;
  Status Cut(File& file, std::span<const std::byte> bytes);
  Status CutAfterEnd(File& file);
  Status Clear(File& file);
  Result<std::uint64_t> MessagesOf(std::uint64_t id);
  Status SetAside(const std::vector<std::uint64_t>& ids);

  Storage& storage_;
  const std::string& folder_;
  const MarkState& mark_;
  const bool changes_;          ///< what a crash left; else looks only
  const bool host_stopped_;     ///< since the mark was written, as far as is known
  std::uint64_t first_id_ = 0;  ///< of the log's segments
  bool entered_ = false;        ///< the first segment that is scanned
  bool mark_met_ = false;       ///< a record begins where the mark stands
  bool more_follow_ = false;    ///< segments, after the one that is being scanned
  RecoveredLog log_;
};

Result<RecoveredLog> Recovery::Run(const SegmentList& segments) {
  const std::vector<std::uint64_t>& ids = segments.ids;
  if (mark_.mark.segment_id > ids.back()) {
    return MissingSegment(storage_, folder_, ids.back() + 1);
  }
  const Result<SegmentHeader> first = ReadSegmentHeader(storage_, folder_, ids.front());
  if (!first) return first.error();
  first_id_ = ids.front();
  log_.first_number = first->first_number;
  const std::uint64_t from = std::max(mark_.mark.segment_id, ids.front());
  log_.first_unsynced_segment = from;

  // Names reach the disk in any order, so a crash of the host may leave a gap above the mark.
  if (!host_stopped_ && !segments.after_gap.empty()) {
    return MissingSegment(storage_, folder_, ids.back() + 1);
  }
  if (Status status = SetAside(segments.after_gap); !status) return status.error();
  for (auto id = std::find(ids.begin(), ids.end(), from); id != ids.end(); ++id) {
    more_follow_ = *id != ids.back();
    const Result<Scan> scan = ScanSegment(*id);
    if (!scan) return scan.error();
    if (*scan == Scan::kEnded) continue;
    // What is not the end of a segment is the end of the log; segments after it hang in the air.
    if (*scan == Scan::kOpen) ++id;
    if (Status status = SetAside({id, ids.end()}); !status) return status.error();
    break;
  }
  if (log_.report.bytes_cut > 0 || log_.report.segments_set_aside > 0) {
    log_.report.text = "the log " + folder_ + " did not end cleanly: after message " +
                       std::to_string(log_.position.number) + " (segment " +
                       std::to_string(log_.segment.segment_id) + ", offset " +
                       std::to_string(log_.offset) + ") " + std::to_string(log_.report.bytes_cut) +
                       " bytes were cut" + AmongThemWhole(log_.report.messages_cut);
    if (log_.report.segments_set_aside > 0) {
      log_.report.text += " and " + std::to_string(log_.report.segments_set_aside) +
                          " later segments were set aside as *.cut, with " +
                          std::to_string(log_.report.messages_set_aside) + " whole messages";
    }
  }
  std::string about_mark = mark_.text;
  if (log_.ended || log_.segment.segment_id > first_id_) {
    about_mark += EmptyBesideSegments(mark_, folder_);
  }
  if (!about_mark.empty()) log_.report.text += (log_.report.text.empty() ? "" : "; ") + about_mark;
  return std::move(log_);
}

Result<Recovery::Scan> Recovery::ScanSegment(std::uint64_t id) {
  const std::string path = SegmentPath(folder_, id);
  Result<std::unique_ptr<File>> file =
      changes_ ? storage_.OpenToWrite(path) : storage_.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) return MissingSegment(storage_, folder_, id);
  const Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return mapping.error();
  const std::span<const std::byte> bytes = (*mapping)->bytes();

  SegmentHeader header;
  std::string why;
  const HeaderState state = ParseSegmentHeader(bytes, id, &header, &why);
  if (state == HeaderState::kZero && entered_ && host_stopped_ && !mark_.Covers(id, 0)) {
    return Scan::kNotThere;
  }
  if (state != HeaderState::kWhole) {
    return entered_ ? Damage(folder_, id, 0, log_.position.number + 1, why)
                    : HeaderDamage(storage_, folder_, id, why);
  }
  const char* wrong = entered_ ? CheckFollows(header, log_.segment, log_.position) : nullptr;
  if (wrong != nullptr) {
    const auto rest = log_.segment.segment_id == first_id_
                          ? FindSoundRest(storage_, folder_, first_id_, mark_.mark)
                          : std::nullopt;
    return rest ? rest->damage : Damage(folder_, id, 0, log_.position.number + 1, wrong);
  }

  log_.segment = header;
  log_.ended = false;
  log_.offset = sizeof(SegmentHeader);
  log_.position = {.number = header.first_number - 1, .digest = header.digest_before};
  if (!entered_) {
    log_.time_ns = header.time_before_ns;
    log_.epoch = header.epoch;
  }
  entered_ = true;
  Scan scan = Scan::kOpen;
  if (const Status status = ScanRecords(**file, bytes, &scan); !status) return status.error();
  return scan;
}

Status Recovery::ScanRecords(File& file, std::span<const std::byte> bytes, Scan* scan) {
  for (;;) {
    if (Status status = CheckMark(); !status) return status;
    if (log_.ended) {
      *scan = Scan::kEnded;
      return CutAfterEnd(file);
    }
    Record record;
    const char* why = "there are only zeros";
    const RecordState state = ReadRecord(bytes, log_.offset, log_.segment.crc, &record, &why);
    const char* wrong = state == RecordState::kWhole ? nullptr : why;
    proto::MessageView message;
    if (wrong == nullptr && record.kind == RecordKind::kMessage) {
      wrong = CheckMessage(record, log_.position.number + 1, log_.segment.session, &message);
      if (wrong == nullptr &&
          proto::Digest(log_.position.digest, record.body) != message.header.digest) {
        wrong = "its running digest does not follow from the messages before it";
      }
    }
    if (wrong != nullptr) {
      *scan = Scan::kOpen;
      if (Status status =
              state == RecordState::kForeign ? Wrong(wrong) : CheckMayCut(file, bytes, wrong);
          !status) {
        return status;
      }
      return Cut(file, bytes);
    }
    log_.offset = record.end;
    if (record.kind == RecordKind::kMessage) {
      log_.position = {.number = message.header.number, .digest = message.header.digest};
      log_.time_ns = message.header.time_ns;
      log_.epoch = message.header.epoch;
    } else if (record.kind == RecordKind::kSchema) {
      log_.schema.assign(reinterpret_cast<const char*>(record.body.data()), record.body.size());
    } else if (record.kind == RecordKind::kEnd) {
      log_.ended = true;
    }
  }
}

// The mark must stand between two records and agree with the message before it.
Status Recovery::CheckMark() {
  const MarkSlot& mark = mark_.mark;
  if (mark_met_ || mark.segment_id != log_.segment.segment_id) return {};
  if (mark.offset == log_.offset) {
    mark_met_ = true;
    if (mark.number == log_.position.number && mark.digest == log_.position.digest) return {};
    return Wrong("the mark says that message " + std::to_string(mark.number) +
                 " with another digest is the last one here");
  }
  if (mark.offset < log_.offset) {
    return Wrong("the mark says that a record begins at offset " + std::to_string(mark.offset) +
                 ", and none does");
  }
  if (log_.ended) return Wrong(EndsBeforeMark(mark));
  return {};
}

Error Recovery::Wrong(std::string_view why) const {
  return Damage(folder_, log_.segment.segment_id, log_.offset, log_.position.number + 1, why);
}

// The message that should be at log_.offset is not there. A write that the end of the process tore
// has left the beginning of one record, zeros behind it, and the file as long as it was made. What
// the end of the host lost may have left more, if it looks like lost sectors.
Status Recovery::CheckMayCut(File& file, std::span<const std::byte> bytes, const char* why) const {
  if (mark_.Covers(log_.segment.segment_id, log_.offset)) return Wrong(why);
  const Result<std::uint64_t> written_end = file.WrittenEnd(log_.offset);
  if (!written_end) return written_end.error();
  const std::uint64_t next = FindRecord(bytes, log_.offset, *written_end, log_.segment);
  const bool whole_follows = next < bytes.size();
  std::uint64_t end = bytes.size();  // of the record, as far as its header can be believed
  if (RecordHeader head; log_.offset + sizeof head <= bytes.size()) {
    std::memcpy(&head, bytes.data() + log_.offset, sizeof head);
    end = log_.offset + RecordBytes(BodySize(head.size_and_kind));
  }
  if (whole_follows || more_follow_) {
    const bool looks_lost =
        LooksLost(bytes, log_.offset, whole_follows ? std::min(end, next) : end);
    if (host_stopped_ && looks_lost) return {};
    return Wrong(std::string(why) + ", and whole " + (whole_follows ? "messages" : "segments") +
                 " follow it");
  }
  if (host_stopped_) return {};
  if (bytes.size() < log_.segment.segment_bytes) {
    return Wrong("the file ends here at " + std::to_string(bytes.size()) + " bytes, but was made " +
                 std::to_string(log_.segment.segment_bytes) + " bytes long; it was cut");
  }
  const auto written = bytes.first(std::min<std::uint64_t>(bytes.size(), *written_end));
  const auto after = written.subspan(std::min<std::uint64_t>(end, written.size()));
  if (!AllZero(after)) return Wrong(std::string(why) + ", and something else follows it");
  return {};
}

// Nothing whole begins at log_.offset: zeros from here to the end of the file, and the file as long
// as it was meant to be.
Status Recovery::Cut(File& file, std::span<const std::byte> bytes) {
  if (host_stopped_) {
    const Result<std::uint64_t> end = file.WrittenEnd(log_.offset);
    if (!end) return end.error();
    log_.report.messages_cut = CountMessages(bytes, log_.offset, *end, log_.segment);
  }
  if (Status status = Clear(file); !status) return status;
  return changes_ ? file.Preallocate(log_.segment.segment_bytes) : Status();
}

// The end record has been read; nothing may follow it in the file.
Status Recovery::CutAfterEnd(File& file) {
  const Result<std::uint64_t> used = BytesUsedAfter(file, log_.offset);
  if (!used) return used.error();
  if (*used == 0) return {};
  if (mark_.mark.segment_id > log_.segment.segment_id) {
    return Wrong("bytes follow the last record of the segment");
  }
  return Clear(file);
}

// Zeros from log_.offset to the last byte that is not zero.
Status Recovery::Clear(File& file) {
  const Result<std::uint64_t> used = BytesUsedAfter(file, log_.offset);
  if (!used) return used.error();
  log_.report.bytes_cut += *used;
  if (!changes_) return {};
  const std::vector<std::byte> zeros(1u << 16);
  for (std::uint64_t done = 0; done < *used;) {
    const std::uint64_t size = std::min<std::uint64_t>(*used - done, zeros.size());
    if (Status status = file.Write(log_.offset + done, std::span(zeros).first(size)); !status) {
      return status;
    }
    done += size;
  }
  return *used > 0 ? file.Sync() : Status{};
}

// Whole messages in a segment; one whose header is not whole has none.
Result<std::uint64_t> Recovery::MessagesOf(std::uint64_t id) {
  const Result<std::unique_ptr<File>> file = storage_.OpenToRead(SegmentPath(folder_, id));
  if (!file) return file.error();
  if (*file == nullptr) return MissingSegment(storage_, folder_, id);
  const Result<std::unique_ptr<Mapping>> mapping = (*file)->Map();
  if (!mapping) return mapping.error();
  const std::span<const std::byte> bytes = (*mapping)->bytes();
  SegmentHeader header;
  std::string ignored;
  if (ParseSegmentHeader(bytes, id, &header, &ignored) != HeaderState::kWhole) return 0;
  const Result<std::uint64_t> end = (*file)->WrittenEnd(sizeof header);
  if (!end) return end.error();
  return CountMessages(bytes, sizeof header, *end, header);
}

Status Recovery::SetAside(const std::vector<std::uint64_t>& ids) {
  if (ids.empty()) return {};
  log_.report.segments_set_aside += ids.size();
  for (const std::uint64_t id : ids) {
    const Result<std::uint64_t> messages = MessagesOf(id);
    if (!messages) return messages.error();
    log_.report.messages_set_aside += *messages;
  }
  if (!changes_) return {};
  // The last one first: a crash in between leaves no new gap.
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    const std::string path = SegmentPath(folder_, *id);
    if (Status status = storage_.Rename(path, path + ".cut"); !status) return status;
  }
  return storage_.SyncFolder(folder_);
}

}  // namespace

Result<RecoveredLog> RecoverLog(Storage& storage, const std::string& folder,
                                const SegmentList& segments, const MarkState& mark) {
  return Recovery(storage, folder, mark, Recovery::Mode::kRecovers).Run(segments);
}

Result<LogRecovery> MayRecoverLog(Storage& storage, const std::string& folder) {
  const Result<SegmentList> segments = ListSegments(storage, folder);
  if (!segments) return segments.error();
  const Result<MarkState> mark = ReadMarkFile(storage, folder);
  if (!mark) return mark.error();
  const auto log = Recovery(storage, folder, *mark, Recovery::Mode::kLooksOnly).Run(*segments);
  if (!log) return log.error();
  return log->report;
}

std::string AmongThemWhole(std::uint64_t messages) {
  if (messages == 0) return "";
  return ", among them " + std::to_string(messages) + " whole message" +
         (messages == 1 ? "" : "s") + " beyond a hole";
}

}  // namespace tandem::replay
