// SPDX-License-Identifier: Apache-2.0
#include "engine/book/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::book {

namespace {

constexpr std::size_t kBufferSize = 256 << 10;
static_assert(kBufferSize > 2 * LineReader::kLineSizeMax);

Error CannotRead(const std::string& path, const std::string& why) {
  return Error::BadInput("cannot read " + path + ": " + why);
}

}  // namespace

void LineReader::Close::operator()(void* file) const { gzclose_r(static_cast<gzFile>(file)); }

LineReader::LineReader(std::string path, void* file)
    : path_(std::move(path)), file_(file), buffer_(std::make_unique<char[]>(kBufferSize)) {}

Result<LineReader> LineReader::Open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return CannotRead(path, std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return CannotRead(path, "it is not a regular file");
  }
  const gzFile file = gzdopen(descriptor, "rb");
  ENSURE(file != nullptr, "gzdopen found no memory");
  gzbuffer(file, kBufferSize);
  return LineReader(path, file);
}

/// Moves what is left to the front and reads behind it.
Status LineReader::Fill() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const gzFile file = static_cast<gzFile>(file_.get());
  const int size = gzread(file, buffer_.get() + end_, static_cast<unsigned>(kBufferSize - end_));
  int code = Z_OK;
  const char* const text = gzerror(file, &code);
  const std::string where = path_ + " after line " + std::to_string(line_number_);
  if (code == Z_BUF_ERROR) {
    return CannotRead(where, "the compressed data ends early, the file is truncated");
  }
  if (code == Z_ERRNO) return CannotRead(where, std::strerror(errno));
  if (size < 0 || code != Z_OK) {
    return CannotRead(where, std::string("the compressed data is garbled (") + text + ")");
  }
  if (size == 0) ended_ = true;
  end_ += static_cast<std::size_t>(size);
  return {};
}

Result<bool> LineReader::Next(std::string_view& line) {
  for (;;) {
    const char* const start = buffer_.get() + begin_;
    const auto* const newline = static_cast<const char*>(std::memchr(start, '\n', end_ - begin_));
    const std::size_t size =
        newline != nullptr ? static_cast<std::size_t>(newline - start) : end_ - begin_;
    if (size > kLineSizeMax) {
      return Error::BadInput(path_ + " line " + std::to_string(line_number_ + 1) +
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
