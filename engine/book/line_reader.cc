// SPDX-License-Identifier: Apache-2.0
#include "engine/book/line_reader.h"

#include <cstring>
#include <utility>

namespace tandem::book {

namespace {

constexpr std::size_t kBufferSize = 128 << 10;
static_assert(kBufferSize > 2 * LineReader::kLineSizeMax);

}  // namespace

LineReader::LineReader(GzInput input)
    : input_(std::move(input)), buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)) {}

Result<LineReader> LineReader::Open(const std::string& path) {
  Result<GzInput> input = GzInput::Open(path);
  if (!input) return input.error();
  return LineReader(std::move(*input));
}

/// Moves what is left to the front and reads behind it.
Status LineReader::Fill() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto room = std::as_writable_bytes(std::span(buffer_.get() + end_, kBufferSize - end_));
  const Result<std::size_t> size = input_.Read(room, " after line " + std::to_string(line_number_));
  if (!size) return size.error();
  if (*size == 0) ended_ = true;
  end_ += *size;
  return {};
}

Result<bool> LineReader::Next(std::string_view& line) {
  for (;;) {
    const char* const start = buffer_.get() + begin_;
    const auto* const newline = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
    const std::size_t size =
        newline != nullptr ? static_cast<std::size_t>(newline - start) : end_ - begin_;
    if (size > kLineSizeMax) {
      return Error::BadInput(path() + " line " + std::to_string(line_number_ + 1) +
                             ": longer than " + std::to_string(kLineSizeMax) +
                             " characters, this is not a text table");
    }
    if (newline == nullptr && !ended_) {
      if (const Status filled = Fill(); !filled) return filled.error();
      continue;
    }
    if (newline == nullptr && size == 0) return false;
    line = {start, size};
    begin_ += size + (newline != nullptr ? 1 : 0);
    ++line_number_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
  }
}

}  // namespace tandem::book
