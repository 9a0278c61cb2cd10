// SPDX-License-Identifier: Apache-2.0
#include "engine/live/log_folder.h"

#include <algorithm>

#include "replay/log_mark.h"
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

}  // namespace tandem::engine
