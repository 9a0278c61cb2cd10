// SPDX-License-Identifier: Apache-2.0
#include "replay/portable.h"

#include <cstring>
#include <functional>
#include <optional>
#include <vector>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tandem/saved.pb.h"

namespace tandem::replay {

namespace {

constexpr std::size_t kFlushBytes = 1u << 20;

template <class Record>
std::uint16_t TypeOf() {
  return static_cast<std::uint16_t>(proto::TypeNumberOf(*Record::descriptor()));
}

/// Appends records to a log, as a chained stream of their own.
class LogSink final : public RecordSink {
 public:
  LogSink(LogWriter& log, const ResumePoint& point) : log_(log) {
    header_.session = log.session();
    header_.time_ns = point.time_ns;
    header_.epoch = point.epoch;
    header_.flags = proto::kLast;
  }

  void Put(std::uint16_t type, std::string_view payload) override {
    ENSURE(payload.size() <= proto::kMessageSizeMax - sizeof header_, "a record of %zu bytes",
           payload.size());
    header_.type = type;
    header_.payload_size = static_cast<std::uint16_t>(payload.size());
    header_.number = log_.position().number + 1;
    header_.digest = 0;
    bytes_.resize(sizeof header_ + payload.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
    if (!payload.empty()) {
      std::memcpy(bytes_.data() + sizeof header_, payload.data(), payload.size());
    }
    header_.digest = proto::Digest(log_.position().digest, bytes_);
    std::memcpy(bytes_.data(), &header_.digest, sizeof header_.digest);
    log_.Append(bytes_);
    if (status_.ok() && log_.buffered_bytes() >= kFlushBytes) status_ = log_.Flush();
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  LogWriter& log_;
  proto::Header header_;
  std::vector<std::byte> bytes_;
  Status status_;
};

Status WriteRecords(Storage& storage, const std::string& folder, proto::Session session,
                    const std::string& schema, Application& application) {
  auto log = LogWriter::Open(
      storage, folder, {.session = session, .role = LogRole(kPortableRole), .schema = schema});
  if (!log) return log.error();
  LogSink sink(*log, application.resume_point());
  dynamic_cast<PortableState&>(application).SavePortable(sink);
  pb::SavedEnd end;
  end.set_records(log->position().number);
  sink.Put(TypeOf<pb::SavedEnd>(), end.SerializeAsString());
  if (!sink.status()) return sink.status();
  return log->Close();
}

Error Wrong(const std::string& folder, const std::string& what) {
  return Error::BadInput("cannot begin with the portable snapshot " + folder + ": " + what);
}

/// Gives `take` all records but the last, which says that they are all.
Result<PortableAbout> ReadRecords(Storage& storage, const std::string& folder,
                                  const std::function<Status(const proto::MessageView&)>& take) {
  auto log = LogReader::Open(storage, folder, {.from_number = 1});
  if (!log) return log.error();
  if (log->role() != LogRole(kPortableRole)) {
    return Wrong(folder, "it is a log of role \"" + log->role().str() +
                             "\", and a snapshot has role \"" + kPortableRole + "\"");
  }
  const std::uint16_t end_type = TypeOf<pb::SavedEnd>();
  PortableAbout about;
  about.session = log->session();
  for (;;) {
    switch (log->Next()) {
      case ReadOutcome::kDamaged:
        return log->error();
      case ReadOutcome::kEnd:
        return Wrong(folder,
                     "it is cut short after record " + std::to_string(log->position().number));
      case ReadOutcome::kMessage:
        break;
    }
    const proto::MessageView& record = log->message();
    if (record.header.type == end_type) break;
    if (Status status = take(record); !status) {
      return Wrong(folder,
                   "record " + std::to_string(record.header.number) + ": " + status.error().text);
    }
    pb::SavedEngine engine;
    if (record.header.type == TypeOf<pb::SavedEngine>() &&
        engine.ParseFromString(std::string(record.payload_text()))) {
      about.application = engine.application();
      about.input = {.number = engine.input_number(), .digest = engine.input_digest()};
      about.output = {.number = engine.output_number(), .digest = engine.output_digest()};
    }
    ++about.records;
  }
  pb::SavedEnd end;
  if (!end.ParseFromString(std::string(log->message().payload_text())) ||
      end.records() != about.records) {
    return Wrong(folder, "its last record is not that of so many records");
  }
  if (about.input.number == 0) return Wrong(folder, "it says of no input");
  return about;
}

/// What remains of it if that fails is in the way of the next one, which says so.
void RemoveFolder(Storage& storage, const std::string& folder) {
  const auto names = storage.List(folder);
  if (!names) return;
  for (const std::string& name : *names) (void)storage.Remove(folder + "/" + name);
  (void)storage.Remove(folder);
}

}  // namespace

std::string PortableSchemaOf(const Application& application) {
  const auto* const state = dynamic_cast<const PortableState*>(&application);
  return state != nullptr ? state->PortableSchema() : "";
}

Error HasNoPortableForm(const Application& application) {
  return Error::BadInput("the application \"" + application.info().name +
                         "\" has no portable form of its state; docs/portable.md says how it gets "
                         "one");
}

Status WritePortable(Storage& storage, const std::string& folder, proto::Session session,
                     Application& application) {
  const std::string schema = PortableSchemaOf(application);
  if (schema.empty()) return HasNoPortableForm(application);
  const std::string partial = folder + ".partial";
  for (const std::string& taken : {folder, partial}) {
    if (storage.FolderExists(taken)) {
      return Error::BadInput(taken + " is there already: remove it or choose another folder");
    }
  }
  if (Status status = WriteRecords(storage, partial, session, schema, application); !status) {
    RemoveFolder(storage, partial);
    return status;
  }
  return storage.Rename(partial, folder);
}

Result<PortableAbout> CheckPortable(Storage& storage, const std::string& folder) {
  return ReadRecords(storage, folder, [](const proto::MessageView&) { return Status(); });
}

Result<proto::Session> ReadPortable(Storage& storage, const std::string& folder,
                                    Application& application) {
  if (PortableSchemaOf(application).empty()) {
    return Wrong(folder,
                 "the application \"" + application.info().name + "\" has no portable form");
  }
  auto& state = dynamic_cast<PortableState&>(application);
  const auto read = ReadRecords(storage, folder, [&state](const proto::MessageView& record) {
    return state.LoadPortable(record);
  });
  if (!read) return read.error();
  return read->session;
}

}  // namespace tandem::replay
