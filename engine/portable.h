// SPDX-License-Identifier: Apache-2.0
//
// What an application adds to have portable snapshots (replay/portable.h): which records its state
// is written as, and how it writes and reads them.
//
//   struct Ledger : engine::Application<Ledger, State, pb::Open, pb::Transfer> {
//     using Portable = engine::Portable</*version*/ 1, pb::SavedAccount, pb::SavedHold>;
//     void Save(engine::PortableWriter& to) const {
//       for (const Account& account : ...) to.Put(record);   // in an order that follows from
//       inputs
//     }
//     Status Load(const pb::SavedAccount& record);            // one for each type of record
//     Status Load(const pb::SavedHold& record);
//   };
//
// Timers, random generator and resume point are saved without further ado. Load gets the records as
// Save put them, into a new state, and returns an error if they cannot be one. The version is
// raised when an older build could not read what is written; records that are the same but for new
// fields need no new version, for old fields keep their numbers.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <type_traits>

#include "engine/context.h"
#include "engine/timers.h"
#include "proto/schema.h"
#include "replay/application.h"
#include "replay/portable.h"
#include "tandem/saved.pb.h"

namespace tandem::engine {

template <std::uint32_t kFormVersion, class... Records>
struct Portable {
  static constexpr std::uint32_t kVersion = kFormVersion;
  [[nodiscard]] static std::string Schema() {
    return proto::SchemaOf({tandem::pb::SavedEngine::descriptor(), Records::descriptor()...});
  }
  /// Calls `application.Load` with the record, if it is one of Records.
  template <class App>
  static Status Load(const proto::MessageView& record, App& application) {
    Status status = Error::BadInput("a record of type " + std::to_string(record.header.type) +
                                    ", which the application does not know");
    (void)((record.header.type == TypeOf<Records>() &&
            (status = LoadOne<Records>(record, application), true)) ||
           ...);
    return status;
  }

 private:
  template <class Record, class App>
  static Status LoadOne(const proto::MessageView& record, App& application) {
    const std::string_view payload = record.payload_text();
    Record parsed;
    if (!parsed.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return Error::BadInput("it is no " + Record::descriptor()->name());
    }
    return application.Load(parsed);
  }
};

class PortableWriter {
 public:
  explicit PortableWriter(replay::RecordSink& to) : to_(to) {}
  /// At most 64 KiB.
  template <class Record>
  void Put(const Record& record) {
    record.SerializeToString(&payload_);
    to_.Put(TypeOf<Record>(), payload_);
  }

 private:
  replay::RecordSink& to_;
  std::string payload_;
};

/// Has the application a portable form?
template <class Derived>
constexpr bool HasPortable() {
  return requires { typename Derived::Portable; };
}

/// What every state has, wherever it lies. `timers`: null, if it has none.
struct EngineState {
  const replay::ApplicationInfo& info;
  std::uint32_t form_version = 0;
  replay::ResumePoint& resume_point;
  Random& random;
  Timers* timers = nullptr;

  void Save(PortableWriter& to) const;
  /// Is the record of a type that is Tandem's own? Then `status` says whether it could be taken.
  [[nodiscard]] bool Load(const proto::MessageView& record, Status& status) const;

 private:
  [[nodiscard]] Status Load(const tandem::pb::SavedEngine& saved) const;
};

}  // namespace tandem::engine
