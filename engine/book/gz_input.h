// SPDX-License-Identifier: Apache-2.0
//
// GzInput: the bytes of a file, plain or compressed with gzip (RFC 1952), from the first to the
// last. Behind one member of a gzip file there may be another one, the end, or zeros up to the end;
// zlib's own gzread takes whatever is not another member for the end, and so loses what a damaged
// header hides. Owns the file. Any error is one sentence: unreadable, truncated, garbled, going on
// behind its end. One thread.
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

  GzInput(GzInput&&) noexcept;
  GzInput& operator=(GzInput&&) noexcept;
  ~GzInput();

  /// Fills `buffer`, which is not empty, from its front, at most; 0: the file ends. `place`: where
  /// the reader stands, for the sentence of an error, as in " after line 7".
  Result<std::size_t> Read(std::span<std::byte> buffer, const std::string& place);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct File;  ///< zlib.h stays out of this header
  GzInput(std::string path, std::unique_ptr<File> file);

  std::string path_;
  std::unique_ptr<File> file_;
};

}  // namespace tandem::book
