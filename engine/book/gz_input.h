// SPDX-License-Identifier: Apache-2.0
//
// GzInput: the bytes of a file, plain or compressed with gzip, from the first to the last. Owns the
// file. Any error is one sentence: unreadable, truncated, garbled. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "pools/result.h"

namespace tandem::book {

class GzInput {
 public:
  static Result<GzInput> Open(const std::string& path);

  /// Fills `buffer` from its front, at most; 0: the file ends. `place`: where the reader stands,
  /// for the sentence of an error, as in " after line 7".
  Result<std::size_t> Read(std::span<std::byte> buffer, const std::string& place);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(void* file) const;
  };
  GzInput(std::string path, void* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<void, Close> file_;  ///< a gzFile; zlib.h stays out of this header
};

}  // namespace tandem::book
