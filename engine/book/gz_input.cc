// SPDX-License-Identifier: Apache-2.0
#include "engine/book/gz_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "pools/ensure.h"

namespace tandem::book {
namespace {

constexpr off_t kBufferSizeMin = 8 << 10;
constexpr off_t kBufferSizeMax = 256 << 10;

Error CannotRead(const std::string& path, const std::string& why) {
  return Error::BadInput("cannot read " + path + ": " + why);
}

}  // namespace

void GzInput::Close::operator()(void* file) const { gzclose_r(static_cast<gzFile>(file)); }

Result<GzInput> GzInput::Open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return CannotRead(path, std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return CannotRead(path, "it is not a regular file");
  }
  const gzFile file = gzdopen(descriptor, "rb");
  ENSURE(file != nullptr, "gzdopen found no memory");
  gzbuffer(file, static_cast<unsigned>(std::clamp(status.st_size, kBufferSizeMin, kBufferSizeMax)));
  return GzInput(path, file);
}

Result<std::size_t> GzInput::Read(std::span<std::byte> buffer, const std::string& place) {
  const gzFile file = static_cast<gzFile>(file_.get());
  const int size = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()));
  int code = Z_OK;
  const char* const text = gzerror(file, &code);
  if (code == Z_BUF_ERROR) {
    return CannotRead(path_ + place, "the compressed data ends early, the file is truncated");
  }
  if (code == Z_ERRNO) return CannotRead(path_ + place, std::strerror(errno));
  if (size < 0 || code != Z_OK) {
    return CannotRead(path_ + place, std::string("the compressed data is garbled (") + text + ")");
  }
  return static_cast<std::size_t>(size);
}

}  // namespace tandem::book
