// SPDX-License-Identifier: Apache-2.0
#include "engine/live/log_folder.h"

#include <algorithm>
#include <filesystem>

#include "replay/log_mark.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"

namespace tandem::engine {

Result<bool> HoldsLog(replay::Storage& storage, const std::string& folder) {
  if (!storage.FolderExists(folder)) {
    const auto file = storage.OpenToRead(folder);
    if (!file) return file.error();
    if (*file == nullptr) return false;
    return Error::BadInput(folder + " is a file; give the folder of a log or a new one");
  }
  const auto names = storage.List(folder);
  if (!names) return names.error();
  const auto mark = replay::ReadMarkFile(storage, folder);
  if (!mark) return mark.error();
  if (mark->mark.generation > 0) return true;
  const auto segments = std::count_if(names->begin(), names->end(), [](const std::string& name) {
    return replay::SegmentIdOf(name).has_value();
  });
  if (segments != 1) return segments > 0;
  const std::string first = replay::SegmentPath(folder, 1);
  const auto file = storage.OpenToRead(first);
  if (!file) return file.error();
  if (*file == nullptr) return true;
  const auto blank = replay::SegmentIsBlank(storage, first);
  if (!blank) return blank.error();
  return !*blank;
}

NewLogFolder::NewLogFolder(replay::Storage& storage, std::string folder)
    : storage_(storage), folder_(std::move(folder)) {
  while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
  if (storage_.FolderExists(folder_)) {
    if (auto names = storage_.List(folder_)) names_before_ = std::move(*names);
    return;
  }
  std::filesystem::path path = folder_;
  while (!path.empty() && !storage_.FolderExists(path.string())) {
    missing_folders_.push_back(path.string());
    path = path.parent_path();
  }
}

/// Could a writer of a log have made it?
bool IsOfALog(const std::string& name) {
  std::string_view of(name);
  if (of.ends_with(".new")) of.remove_suffix(4);
  return of == replay::kMarkFileName || replay::SegmentIdOf(std::string(of)).has_value();
}

// Of what cannot be read nobody knows, so it stays.
bool NewLogFolder::HoldsMessages() {
  const auto holds = HoldsLog(storage_, folder_);
  if (!holds) return true;
  if (!*holds) return false;
  if (!names_before_.empty()) return true;
  auto reader = replay::LogReader::Open(storage_, folder_, {});
  return !reader || reader->Next() != replay::ReadOutcome::kEnd;
}

void NewLogFolder::TakeBack() {
  if (!storage_.FolderExists(folder_) || HoldsMessages()) return;
  if (storage_.Locked(folder_ + "/" + std::string(replay::kMarkFileName))) return;
  // What cannot be removed stays: the failure that brought us here is what counts.
  const auto names = storage_.List(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    if (std::ranges::find(names_before_, name) != names_before_.end()) continue;
    if (!IsOfALog(name)) continue;
    if (!storage_.Remove(folder_ + "/" + name)) return;
  }
  for (const std::string& missing : missing_folders_) {
    if (!storage_.Remove(missing)) return;
  }
}

Status CheckHasBeginning(const replay::LogWriter& log, const std::string& why) {
  if (log.first_number() == 1) return {};
  return Error::BadInput("the log " + log.folder() + " begins at message " +
                         std::to_string(log.first_number()) + ", for it was trimmed, and " + why +
                         "; put the segments that were taken back into the folder");
}

Result<std::vector<std::byte>> ReadOne(replay::Storage& storage, const std::string& folder,
                                       std::uint64_t number) {
  auto reader = replay::LogReader::Open(storage, folder, {.from_number = number});
  if (!reader) return reader.error();
  switch (reader->Next()) {
    case replay::ReadOutcome::kMessage:
      return std::vector<std::byte>(reader->message().bytes.begin(), reader->message().bytes.end());
    case replay::ReadOutcome::kDamaged:
      return reader->error();
    case replay::ReadOutcome::kEnd:
      break;
  }
  return Error::Failure("the log in " + folder + " ends before message " + std::to_string(number));
}

}  // namespace tandem::engine
