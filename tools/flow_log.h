// SPDX-License-Identifier: Apache-2.0
//
// FlowLog: writes made-up or imported order flow for `book` as an input log, whole or not at all.
// One thread.
#pragma once

#include <string>
#include <utility>

#include "engine/book/flow_stream.h"
#include "pools/result.h"
#include "tools/new_log.h"

namespace tandem::tools {

class FlowLog {
 public:
  /// `folder` must not exist or be empty.
  static Result<FlowLog> Create(const std::string& folder, const std::string& session);

  Status Append(const book::FlowMessage& message) { return log_.Append(stream_.Next(message)); }
  Status Finish() { return log_.Finish(); }

  [[nodiscard]] proto::StreamPosition position() const { return stream_.position(); }

 private:
  explicit FlowLog(NewLog log) : log_(std::move(log)), stream_(log_.session()) {}

  NewLog log_;
  book::FlowStream stream_;
};

}  // namespace tandem::tools
