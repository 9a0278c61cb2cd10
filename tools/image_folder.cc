// SPDX-License-Identifier: Apache-2.0
#include "tools/image_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

namespace tandem::tools {

Result<std::vector<FoundImage>> ImagesIn(const std::string& folder,
                                         std::vector<PassedBy>* passed_by) {
  std::error_code error;
  std::vector<FoundImage> found;
  std::filesystem::directory_iterator entry(folder, error);
  if (error) {
    return Error::BadInput("cannot look for images in " + folder + ": " + error.message());
  }
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    std::error_code ignored;
    const std::string name = entry->path().filename().string();
    const bool is_being_written = name.find(".tmp.") != name.npos;
    if (name.starts_with('.') || is_being_written || !entry->is_regular_file(ignored)) continue;
    const auto image = replay::StateImage::Open(path);
    if (image) {
      found.push_back({path, image->label(), image->zone().about().written_ns});
    } else if (std::filesystem::exists(path, ignored)) {
      passed_by->push_back({path, image.error().text});
    }
  }
  std::sort(found.begin(), found.end(), [](const FoundImage& a, const FoundImage& b) {
    return std::tie(a.label.input.number, a.written_ns, a.path) <
           std::tie(b.label.input.number, b.written_ns, b.path);
  });
  return found;
}

}  // namespace tandem::tools
