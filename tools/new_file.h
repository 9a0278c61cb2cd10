// SPDX-License-Identifier: Apache-2.0
//
// NewFile: what an export writes, whole or not at all: FILE.partial takes the name FILE when all is
// written and synced, and is removed if that is not reached. Or standard output. One thread.
#pragma once

#include <string>

#include "pools/result.h"

namespace tandem::tools {

class NewFile {
 public:
  /// `path` must not exist; empty: standard output.
  static Result<NewFile> Create(const std::string& path);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  /// Append here; call MayFlush after each piece.
  std::string text;

  Status MayFlush() { return text.size() < kFlushBytes ? Status() : Flush(); }
  Status Flush();
  Status Finish();

 private:
  static constexpr std::size_t kFlushBytes = 1u << 16;
  NewFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  [[nodiscard]] std::string partial() const { return path_ + ".partial"; }

  std::string path_;
  int descriptor_;  ///< -1: nothing is open
};

}  // namespace tandem::tools
