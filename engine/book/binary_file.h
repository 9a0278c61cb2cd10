// SPDX-License-Identifier: Apache-2.0
//
// BinaryFileReader: the messages of a BinaryFILE 1.00: before each its length in two bytes, the
// higher one first; a length of zero ends the file. Many files just stop behind a message instead.
// Plain or gzip, without holding it in memory. Any error is one sentence with file and message: cut
// in a message, unreadable, going on behind its end. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/book/gz_input.h"
#include "pools/result.h"

namespace tandem::book {

class BinaryFileReader {
 public:
  static Result<BinaryFileReader> Open(const std::string& path);

  /// True: `message` is the next one, valid until the next call. False: the file ends.
  Result<bool> Next(std::span<const std::byte>& message);

  [[nodiscard]] std::uint64_t messages() const { return messages_; }  ///< given so far
  /// The file has ended with a length of zero, as it should.
  [[nodiscard]] bool ended_properly() const { return ended_properly_; }
  [[nodiscard]] const std::string& path() const { return input_.path(); }

 private:
  /// Two of the longest messages.
  static constexpr std::size_t kBufferSize = 2 << 16;

  explicit BinaryFileReader(GzInput input)
      : input_(std::move(input)),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(kBufferSize)) {}
  /// True if `size` bytes lie in the buffer; false at the end of the file.
  Result<bool> Have(std::size_t size);
  [[nodiscard]] std::string Place() const;

  GzInput input_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  ///< of what was read and not given
  std::size_t end_ = 0;
  std::uint64_t messages_ = 0;
  bool ended_properly_ = false;
};

}  // namespace tandem::book
