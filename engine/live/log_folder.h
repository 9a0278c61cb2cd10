// SPDX-License-Identifier: Apache-2.0
//
// What a role must know of its log's folder, and of a stream, before it begins a log there.
#pragma once

#include <string>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/message.h"
#include "replay/storage.h"

namespace tandem::engine {

/// True if there is a log in `folder`, whole or not; false if a new one may begin there, as after a
/// crash before the first message was written. Makes nothing.
[[nodiscard]] Result<bool> HoldsLog(replay::Storage& storage, const std::string& folder);

/// True if `message` is the one that follows `position`: nobody who talks nonsense gets that right.
[[nodiscard]] inline bool Follows(const proto::MessageView& message,
                                  const proto::StreamPosition& position) {
  return message.header.number == position.number + 1 &&
         message.header.digest == proto::Digest(position.digest, message.bytes);
}

}  // namespace tandem::engine
