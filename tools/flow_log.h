// SPDX-License-Identifier: Apache-2.0
//
// FlowLog: writes made-up or imported order flow as an input log, whole or not at all. The log
// grows in FOLDER.partial beside its place and takes its name when it is complete; a FlowLog that
// goes away before Finish removes what it wrote, and so does SIGINT or SIGTERM. One thread.
#pragma once

#include <memory>
#include <string>

#include "engine/book/flow_stream.h"
#include "pools/result.h"
#include "replay/log_writer.h"
#include "replay/storage.h"

namespace tandem::tools {

class FlowLog {
 public:
  /// `folder` must not exist or be empty.
  static Result<FlowLog> Create(const std::string& folder, const std::string& session);
  FlowLog(FlowLog&& other) noexcept;
  FlowLog& operator=(FlowLog&&) = delete;
  ~FlowLog();

  Status Append(const book::FlowMessage& message);
  Status Finish();

  [[nodiscard]] proto::StreamPosition position() const { return stream_.position(); }

 private:
  FlowLog(std::string folder, proto::Session session, std::unique_ptr<replay::Storage> storage,
          replay::LogWriter writer);

  std::unique_ptr<replay::Storage> storage_;
  std::string folder_;
  std::string partial_;  ///< empty: there is nothing to remove
  book::FlowStream stream_;
  replay::LogWriter writer_;
};

}  // namespace tandem::tools
