// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/sources.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

namespace tandem::declarations {
namespace {

namespace fs = std::filesystem;

Error CannotRead(const std::string& path, const std::string& reason) {
  return Error::BadInput("Cannot read declarations from " + path + ": " + reason +
                         "; name a file or a folder of files that can be read.");
}

bool IsPassedOver(const std::string& name) {
  return name.starts_with('.') || name.ends_with('~') || name.ends_with(".md");
}

Status AddFolder(const std::string& folder, std::size_t depth, std::vector<std::string>& files) {
  if (depth > kDepthMax) {
    return CannotRead(folder, "it is more than " + std::to_string(kDepthMax) + " folders deep");
  }
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!IsPassedOver(it->path().filename().string())) entries.push_back(*it);
    if (entries.size() > kFilesMax) break;  // said below
  }
  if (error) return CannotRead(folder, error.message());
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    const std::string path = entry.path().string();
    if (entry.is_directory(error)) {
      if (entry.is_symlink(error)) continue;
      if (Status status = AddFolder(path, depth + 1, files); !status) return status;
    } else if (entry.is_regular_file(error)) {
      files.push_back(path);
    }
    if (files.size() > kFilesMax) {
      return CannotRead(folder, "there are more than " + std::to_string(kFilesMax) + " files");
    }
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> ListFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) return CannotRead(path, std::strerror(ENOENT));
    if (!fs::is_directory(status)) {
      files.push_back(path);
      continue;
    }
    const std::size_t before = files.size();
    if (Status added = AddFolder(path, 0, files); !added) return added.error();
    if (files.size() == before) return CannotRead(path, "the folder has no files");
  }
  return files;
}

Result<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return CannotRead(path, std::strerror(errno));
  std::string text;
  char piece[65536];
  for (;;) {
    const std::size_t size = std::fread(piece, 1, sizeof piece, file.get());
    text.append(piece, size);
    if (text.size() > kFileBytesMax) {
      return CannotRead(path, "it has more than " + std::to_string(kFileBytesMax) + " bytes");
    }
    if (size == sizeof piece) continue;
    if (std::ferror(file.get()) != 0) return CannotRead(path, std::strerror(errno));
    return text;
  }
}

}  // namespace tandem::declarations
