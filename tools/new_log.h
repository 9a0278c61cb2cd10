// SPDX-License-Identifier: Apache-2.0
//
// NewLog: writes a log that is made up or imported, whole or not at all. The log grows in
// FOLDER.partial beside its place and takes its name when it is complete; a NewLog that goes away
// before Finish removes what it wrote, and so does SIGINT or SIGTERM. One thread.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "pools/result.h"
#include "replay/log_writer.h"
#include "replay/storage.h"

namespace tandem::tools {

class NewLog {
 public:
  /// `folder` must not exist or be empty.
  static Result<NewLog> Create(const std::string& folder, const replay::LogOptions& options);
  NewLog(NewLog&& other) noexcept;
  NewLog& operator=(NewLog&&) = delete;
  ~NewLog();

  /// The next message, which must follow.
  Status Append(std::span<const std::byte> message);
  /// From here on messages are described by another schema.
  Status ChangeSchema(const std::string& schema);
  Status Finish();

  [[nodiscard]] proto::StreamPosition position() const { return writer_->position(); }
  [[nodiscard]] proto::Session session() const { return options_.session; }

 private:
  NewLog(std::string folder, replay::LogOptions options, std::unique_ptr<replay::Storage> storage,
         replay::LogWriter writer);

  std::unique_ptr<replay::Storage> storage_;
  std::string folder_;
  std::string partial_;  ///< empty: there is nothing to remove
  replay::LogOptions options_;
  std::optional<replay::LogWriter> writer_;
};

}  // namespace tandem::tools
