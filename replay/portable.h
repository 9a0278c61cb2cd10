// SPDX-License-Identifier: Apache-2.0
//
// Portable snapshots: an application's state as messages that it writes and reads itself, so that a
// build with other types, pools or addresses can go on from it. A snapshot is a log of role "state"
// (docs/log-format.md), so every tool that reads logs prints it: first pb::SavedEngine, then the
// timers and the application's own records, last pb::SavedEnd. docs/portable.md says what an
// application does to have one.
//
// Not for the hot path: writes and reads all of the state through Protobuf and the heap, between
// steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/application.h"
#include "replay/storage.h"

namespace tandem::replay {

inline const std::string kPortableRole = "state";

/// Takes the records of a snapshot.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  virtual void Put(std::uint16_t type, std::string_view payload) = 0;
};

/// What an Application also is whose state can be written and read as records.
class PortableState {
 public:
  virtual ~PortableState() = default;
  /// Of the records, as that of messages; empty: there is no such form after all.
  [[nodiscard]] virtual std::string PortableSchema() const = 0;
  /// Puts all that the state is. Between steps only; takes what it likes from the heap.
  virtual void SavePortable(RecordSink& to) = 0;
  /// Takes the next of those records, into a state that began empty. After an error the application
  /// is of no use.
  virtual Status LoadPortable(const proto::MessageView& record) = 0;
};

/// Empty: the application has no portable form.
[[nodiscard]] std::string PortableSchemaOf(const Application& application);
/// What whoever wants a snapshot of such an application is told.
[[nodiscard]] Error HasNoPortableForm(const Application& application);

/// Writes the state of `application`, whose streams are of `session`, into the log `folder`, which
/// must not exist: whole and synced, or not at all. An error says that the application has no
/// portable form, or what the disk refused.
Status WritePortable(Storage& storage, const std::string& folder, proto::Session session,
                     Application& application);

/// What a snapshot says of itself.
struct PortableAbout {
  std::string application{};
  proto::Session session;          ///< of the streams
  proto::StreamPosition input{};   ///< the last that was stepped
  proto::StreamPosition output{};  ///< the last that there was then
  std::uint64_t records = 0;
};

/// Reads all of a snapshot, for no application. An error says that it is none, or what is damaged;
/// whether its records are a state, only an application knows.
Result<PortableAbout> CheckPortable(Storage& storage, const std::string& folder);

/// Reads it into `application`, which must be new. Returns the session of its streams. An error
/// says what is wrong: no such log, damage, another application, a newer form, records that are no
/// state; the application is of no use then.
Result<proto::Session> ReadPortable(Storage& storage, const std::string& folder,
                                    Application& application);

}  // namespace tandem::replay
