// SPDX-License-Identifier: Apache-2.0
//
// Reads a text file line by line, plain or compressed with gzip, without holding it in memory.
// Owns the file. Any error is one sentence with file and line: unreadable, truncated, garbled, a
// line too long. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/book/gz_input.h"
#include "pools/result.h"

namespace tandem::book {

class LineReader {
 public:
  static constexpr std::size_t kLineSizeMax = 4096;

  static Result<LineReader> Open(const std::string& path);

  /// True: `line` is the next one, without its end ("\n" or "\r\n"), valid until the next call.
  /// False: the file ends.
  Result<bool> Next(std::string_view& line);

  [[nodiscard]] std::uint64_t line_number() const { return line_number_; }  ///< from 1
  [[nodiscard]] const std::string& path() const { return input_.path(); }

 private:
  explicit LineReader(GzInput input);
  Status Fill();

  GzInput input_;
  std::unique_ptr<char[]> buffer_;
  std::size_t begin_ = 0;  ///< of what has been read and not handed out
  std::size_t end_ = 0;
  bool ended_ = false;
  std::uint64_t line_number_ = 0;
};

}  // namespace tandem::book
