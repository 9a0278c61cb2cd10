// SPDX-License-Identifier: Apache-2.0
#include "tools/new_log.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "tools/interrupt.h"

namespace tandem::tools {

namespace {

constexpr std::size_t kFlushBytes = 1 << 20;

/// Is there anything at `path`, be it a link that leads nowhere?
bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

/// Is there something at `path` that is not an empty folder?
bool Taken(const std::string& path) {
  if (!Exists(path)) return false;
  std::error_code error;
  return !std::filesystem::is_directory(path, error) || !std::filesystem::is_empty(path, error);
}

}  // namespace

Result<NewLog> NewLog::Create(const std::string& folder, const replay::LogOptions& options) {
  CatchInterrupts();
  if (!proto::IsName(options.session.view(), proto::kSessionSizeMax)) {
    return Error::BadInput("the session name \"" + options.session.str() +
                           "\" is not 1 to 10 letters, digits, '-' or '_'");
  }
  if (folder.empty()) return Error::BadInput("\"\" names no folder for the log");
  std::string place = folder;
  while (place.size() > 1 && place.back() == '/') place.pop_back();
  std::error_code error;
  // What is renamed to its place must not meet a link there.
  if (std::filesystem::is_symlink(place, error) && !Taken(place)) {
    place = std::filesystem::canonical(place, error);
  }
  if (Taken(place)) {
    return Error::BadInput(place + " is there already: remove it or choose another folder");
  }
  const std::string partial = place + ".partial";
  if (Exists(partial)) {
    return Error::BadInput(partial +
                           " is there: another run is writing it, or one was ended before it was "
                           "done; then remove it");
  }
  auto storage = std::make_unique<replay::PosixStorage>();
  Result<replay::LogWriter> writer = replay::LogWriter::Open(*storage, partial, options);
  if (!writer) {
    std::filesystem::remove_all(partial, error);
    return writer.error();
  }
  return NewLog(place, options, std::move(storage), std::move(writer).value());
}

NewLog::NewLog(std::string folder, replay::LogOptions options,
               std::unique_ptr<replay::Storage> storage, replay::LogWriter writer)
    : storage_(std::move(storage)),
      folder_(std::move(folder)),
      partial_(folder_ + ".partial"),
      options_(std::move(options)),
      writer_(std::move(writer)) {}

NewLog::NewLog(NewLog&& other) noexcept
    : storage_(std::move(other.storage_)),
      folder_(std::move(other.folder_)),
      partial_(std::exchange(other.partial_, std::string())),
      options_(std::move(other.options_)),
      writer_(std::move(other.writer_)) {}

NewLog::~NewLog() {
  std::error_code ignored;  // nothing is left to be done about it
  if (!partial_.empty()) std::filesystem::remove_all(partial_, ignored);
}

Status NewLog::Append(std::span<const std::byte> message) {
  if (Interrupted()) return Error::Failure("interrupted; what was written is removed");
  writer_->Append(message);
  return writer_->buffered_bytes() >= kFlushBytes ? writer_->Flush() : Status();
}

Status NewLog::ChangeSchema(const std::string& schema) {
  if (schema == options_.schema) return {};
  options_.schema = schema;
  if (Status closed = writer_->Close(); !closed) return closed;
  writer_.reset();
  Result<replay::LogWriter> writer = replay::LogWriter::Open(*storage_, partial_, options_);
  if (!writer) return writer.error();
  writer_.emplace(std::move(*writer));
  return {};
}

Status NewLog::Finish() {
  if (Interrupted()) return Error::Failure("interrupted; what was written is removed");
  if (const Status closed = writer_->Close(); !closed) return closed;
  if (Taken(folder_)) {
    return Error::BadInput(folder_ + " has come to be while its log was made: remove it");
  }
  if (const Status renamed = storage_->Rename(partial_, folder_); !renamed) return renamed;
  partial_.clear();
  const std::size_t slash = folder_.rfind('/');
  return storage_->SyncFolder(slash == std::string::npos ? "."
                              : slash == 0               ? "/"
                                                         : folder_.substr(0, slash));
}

}  // namespace tandem::tools
