// SPDX-License-Identifier: Apache-2.0
#include "replay/portable.h"

#include <cstring>
#include <optional>
#include <vector>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tandem/saved.pb.h"

namespace tandem::replay {

namespace {

constexpr std::size_t kFlushBytes = 1u << 20;

std::uint16_t EndType() {
  return static_cast<std::uint16_t>(proto::TypeNumberOf(*pb::SavedEnd::descriptor()));
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
  sink.Put(EndType(), end.SerializeAsString());
  if (!sink.status()) return sink.status();
  return log->Close();
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
    return status;
  }
  return storage.Rename(partial, folder);
}

Result<proto::Session> ReadPortable(Storage& storage, const std::string& folder,
                                    Application& application) {
  const auto wrong = [&folder](const std::string& what) {
    return Error::BadInput("cannot begin with the portable snapshot " + folder + ": " + what);
  };
  if (PortableSchemaOf(application).empty()) {
    return wrong("the application \"" + application.info().name + "\" has no portable form");
  }
  auto log = LogReader::Open(storage, folder, {.from_number = 1});
  if (!log) return log.error();
  if (log->role() != LogRole(kPortableRole)) {
    return wrong("it is a log of role \"" + log->role().str() + "\", and a snapshot has role \"" +
                 kPortableRole + "\"");
  }
  auto& state = dynamic_cast<PortableState&>(application);
  const std::uint16_t end_type = EndType();
  for (;;) {
    switch (log->Next()) {
      case ReadOutcome::kDamaged:
        return log->error();
      case ReadOutcome::kEnd:
        return wrong("it is cut short after record " + std::to_string(log->position().number));
      case ReadOutcome::kMessage:
        break;
    }
    const proto::MessageView& record = log->message();
    if (record.header.type != end_type) {
      if (Status status = state.LoadPortable(record); !status) {
        return wrong("record " + std::to_string(record.header.number) + ": " + status.error().text);
      }
      continue;
    }
    pb::SavedEnd end;
    if (!end.ParseFromString(std::string(record.payload_text())) ||
        end.records() != record.header.number - 1) {
      return wrong("its last record is not that of so many records");
    }
    if (application.resume_point().input.number == 0) return wrong("it says of no input");
    return log->session();
  }
}

}  // namespace tandem::replay
