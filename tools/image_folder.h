// SPDX-License-Identifier: Apache-2.0
//
// The images in a folder, by the input after which they stand.
#pragma once

#include <string>
#include <vector>

#include "pools/result.h"
#include "replay/image.h"

namespace tandem::tools {

struct FoundImage {
  std::string path;
  replay::ImageLabel label;
  std::int64_t written_ns = 0;
};

/// A file that is no image, or one that is damaged.
struct PassedBy {
  std::string path;
  std::string why;
};

/// Oldest input first; of two at one input the one written first. What is no image, or one that is
/// damaged in its header, is put behind `passed_by`. An error: there is no such
/// folder.
Result<std::vector<FoundImage>> ImagesIn(const std::string& folder,
                                         std::vector<PassedBy>* passed_by);

}  // namespace tandem::tools
