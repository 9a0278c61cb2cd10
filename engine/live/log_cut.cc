// SPDX-License-Identifier: Apache-2.0
#include "engine/live/log_cut.h"

#include <filesystem>

#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::engine {

using replay::LogReader;
using replay::LogWriter;
using replay::ReadOutcome;

namespace {

constexpr std::size_t kFlushAt = 4u << 20;

std::string Trimmed(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}

std::string ParentOf(const std::string& folder) {
  const std::string parent = std::filesystem::path(folder).parent_path().string();
  return parent.empty() ? "." : parent;
}

/// Of a log, whole or not.
Status RemoveFolder(replay::Storage& storage, const std::string& folder) {
  if (!storage.FolderExists(folder)) return {};
  const auto names = storage.List(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (Status status = storage.Remove(folder + "/" + name); !status) return status;
  }
  return storage.Remove(folder);
}

Status Copy(replay::Storage& storage, const std::string& from, const std::string& to,
            std::uint64_t last) {
  auto reader = LogReader::Open(storage, from, {});
  if (!reader) return reader.error();
  const std::uint64_t first = reader->first_number();
  if (last + 1 < first || (first > 1 && last < first)) {
    return Error::BadInput("the log " + from + " begins at message " + std::to_string(first) +
                           ", for it was trimmed; it cannot be cut back to message " +
                           std::to_string(last));
  }
  if (Status status = storage.MakeFolder(to); !status) return status;
  auto log = LogWriter::Open(storage, to,
                             {.session = reader->session(),
                              .role = reader->role(),
                              .schema = reader->schema(),
                              .start = reader->position()});
  if (!log) return log.error();
  while (log->position().number < last) {
    const ReadOutcome outcome = reader->Next(last);
    if (outcome == ReadOutcome::kDamaged) return reader->error();
    if (outcome == ReadOutcome::kEnd) {
      return Error::Failure("the log in " + from + " ends before message " + std::to_string(last));
    }
    log->Append(reader->message().bytes);
    if (log->buffered_bytes() < kFlushAt) continue;
    if (Status status = log->Flush(); !status) return status;
  }
  return log->Close();
}

}  // namespace

Status CutLog(replay::Storage& storage, const std::string& folder_given, std::uint64_t last,
              const std::string& moved_to) {
  const std::string folder = Trimmed(folder_given);
  const std::string cut = folder + ".cut";
  const std::string unfinished = folder + ".cutting";
  if (Status status = RemoveFolder(storage, unfinished); !status) return status;
  if (Status status = Copy(storage, folder, unfinished, last); !status) return status;
  if (Status status = storage.Rename(unfinished, cut); !status) return status;
  if (Status status = storage.SyncFolder(ParentOf(folder)); !status) return status;
  if (Status status = storage.Rename(folder, moved_to); !status) return status;
  if (Status status = storage.SyncFolder(ParentOf(moved_to)); !status) return status;
  return FinishCut(storage, folder);
}

Status FinishCut(replay::Storage& storage, const std::string& folder_given) {
  const std::string folder = Trimmed(folder_given);
  const std::string cut = folder + ".cut";
  if (Status status = RemoveFolder(storage, folder + ".cutting"); !status) return status;
  if (!storage.FolderExists(cut)) return {};
  if (storage.FolderExists(folder)) return RemoveFolder(storage, cut);
  if (Status status = storage.Rename(cut, folder); !status) return status;
  return storage.SyncFolder(ParentOf(folder));
}

}  // namespace tandem::engine
