// SPDX-License-Identifier: Apache-2.0
//
// Where declarations are read from: files, and folders with everything below them in the order of
// their names. In a folder, hidden files, *.md and *~ are passed over, and links to folders are not
// followed. Limits: kFileBytesMax a file, kFilesMax files, kDepthMax folders deep.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pools/result.h"

namespace tandem::declarations {

inline constexpr std::size_t kFileBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kFilesMax = 100'000;
inline constexpr std::size_t kDepthMax = 32;

/// The files that `paths` name, folders unfolded. An error names a path that cannot be read.
Result<std::vector<std::string>> ListFiles(const std::vector<std::string>& paths);

/// All of a file.
Result<std::string> ReadFile(const std::string& path);

}  // namespace tandem::declarations
