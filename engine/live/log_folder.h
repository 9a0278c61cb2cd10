// SPDX-License-Identifier: Apache-2.0
//
// What a role must know of its log's folder, and of a stream, before it begins a log there.
#pragma once

#include <string>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"
#include "replay/log_writer.h"
#include "replay/storage.h"

namespace tandem::engine {

/// True if there is a log in `folder`, whole or not; false if a new one may begin there, as after a
/// crash before the first message was written. Makes nothing.
[[nodiscard]] Result<bool> HoldsLog(replay::Storage& storage, const std::string& folder);

/// A folder where a new log may begin, as it is before. A start that fails takes back what it made.
class NewLogFolder {
 public:
  NewLogFolder(replay::Storage& storage, std::string folder);

  /// Removes the folders and the files of a log that were not there before, unless there is a log
  /// with messages now or somebody writes one. Files of others stay.
  void TakeBack();

 private:
  [[nodiscard]] bool HoldsMessages();

  replay::Storage& storage_;
  std::string folder_;
  std::vector<std::string> names_before_;
  std::vector<std::string> missing_folders_;  ///< the folder itself first, then what it is in
};

/// An error if the beginning of the log was trimmed; `why` says what for it is needed.
[[nodiscard]] Status CheckHasBeginning(const replay::LogWriter& log, const std::string& why);

/// Message `number` of the log in `folder`, which must have it.
[[nodiscard]] Result<std::vector<std::byte>> ReadOne(replay::Storage& storage,
                                                     const std::string& folder,
                                                     std::uint64_t number);

/// True if `message` is the one that follows `position`: nobody who talks nonsense gets that right.
[[nodiscard]] inline bool Follows(const proto::MessageView& message,
                                  const proto::StreamPosition& position) {
  return message.header.number == position.number + 1 &&
         message.header.digest == proto::Digest(position.digest, message.bytes);
}

}  // namespace tandem::engine
