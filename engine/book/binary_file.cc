// SPDX-License-Identifier: Apache-2.0
#include "engine/book/binary_file.h"

#include <cstring>
#include <utility>

namespace tandem::book {

Result<BinaryFileReader> BinaryFileReader::Open(const std::string& path) {
  Result<GzInput> input = GzInput::Open(path);
  if (!input) return input.error();
  return BinaryFileReader(std::move(*input));
}

std::string BinaryFileReader::Place() const {
  return " after message " + std::to_string(messages_);
}

Result<bool> BinaryFileReader::Have(std::size_t size) {
  while (end_ - begin_ < size) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    const Result<std::size_t> read =
        input_.Read({buffer_.get() + end_, kBufferSize - end_}, Place());
    if (!read) return read.error();
    if (*read == 0) return false;
    end_ += *read;
  }
  return true;
}

Result<bool> BinaryFileReader::Next(std::span<const std::byte>& message) {
  if (ended_properly_) return false;
  const Result<bool> has_length = Have(2);
  if (!has_length) return has_length.error();
  if (!*has_length && end_ == begin_) return false;
  const auto cut = [this] {
    return Error::BadInput(path() + Place() + ": the file ends within a message, it is cut");
  };
  if (!*has_length) return cut();
  const std::size_t size = std::to_integer<std::size_t>(buffer_[begin_]) << 8 |
                           std::to_integer<std::size_t>(buffer_[begin_ + 1]);
  if (size == 0) {
    begin_ += 2;
    ended_properly_ = true;
    const Result<bool> more = Have(1);
    if (!more) return more.error();
    if (!*more) return false;
    return Error::BadInput(path() + Place() +
                           ": the file goes on behind the length of zero that ends it");
  }
  const Result<bool> whole = Have(2 + size);
  if (!whole) return whole.error();
  if (!*whole) return cut();
  message = {buffer_.get() + begin_ + 2, size};
  begin_ += 2 + size;
  ++messages_;
  return true;
}

}  // namespace tandem::book
