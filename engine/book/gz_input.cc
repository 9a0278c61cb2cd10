// SPDX-License-Identifier: Apache-2.0
#include "engine/book/gz_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "pools/ensure.h"

namespace tandem::book {
namespace {

constexpr off_t kBufferSizeMin = 8 << 10;
constexpr off_t kBufferSizeMax = 256 << 10;
/// Of the first bytes of a member (RFC 1952, 2.3.1).
constexpr std::size_t kMagicSize = 2;
constexpr int kGzipOnly = 16;  ///< to inflateInit2, beside the size of the window

Error CannotRead(const std::string& path, const std::string& why) {
  return Error::BadInput("cannot read " + path + ": " + why);
}

}  // namespace

struct GzInput::File {
  enum class Part : std::uint8_t {
    kPlain,  ///< the file is not compressed
    kMember,
    kBehindMember,  ///< where another one may begin
    kPadding,       ///< zeros up to the end
  };

  File(int opened, std::size_t buffer_size)
      : descriptor(opened),
        buffer(std::make_unique_for_overwrite<Bytef[]>(buffer_size)),
        size(buffer_size) {
    stream.next_in = buffer.get();
    ENSURE(inflateInit2(&stream, MAX_WBITS + kGzipOnly) == Z_OK, "inflateInit2 found no memory");
  }
  ~File() {
    inflateEnd(&stream);
    ::close(descriptor);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// Reads until `wanted` bytes lie in the buffer, or all that is left. False: see errno.
  [[nodiscard]] bool Have(std::size_t wanted) {
    while (stream.avail_in < wanted && !ended) {
      std::memmove(buffer.get(), stream.next_in, stream.avail_in);
      stream.next_in = buffer.get();
      const ssize_t got =
          ::read(descriptor, buffer.get() + stream.avail_in, size - stream.avail_in);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return false;
      ended = got == 0;
      stream.avail_in += static_cast<uInt>(got);
      taken += static_cast<std::uint64_t>(got);
    }
    return true;
  }
  [[nodiscard]] bool AtMember() const {
    return stream.avail_in >= kMagicSize && stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
  }
  void Skip(std::size_t bytes) {
    stream.next_in += bytes;
    stream.avail_in -= static_cast<uInt>(bytes);
  }
  /// Of the next byte in the file.
  [[nodiscard]] std::uint64_t offset() const { return taken - stream.avail_in; }

  int descriptor;
  std::unique_ptr<Bytef[]> buffer;
  std::size_t size;
  z_stream stream{};
  Part part = Part::kPlain;
  bool ended = false;
  std::uint64_t taken = 0;  ///< bytes of the file that came into the buffer
};

GzInput::GzInput(std::string path, std::unique_ptr<File> file)
    : path_(std::move(path)), file_(std::move(file)) {}
GzInput::GzInput(GzInput&&) noexcept = default;
GzInput& GzInput::operator=(GzInput&&) noexcept = default;
GzInput::~GzInput() = default;

Result<GzInput> GzInput::Open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return CannotRead(path, std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return CannotRead(path, "it is not a regular file");
  }
  auto file = std::make_unique<File>(
      descriptor,
      static_cast<std::size_t>(std::clamp(status.st_size, kBufferSizeMin, kBufferSizeMax)));
  if (!file->Have(kMagicSize)) return CannotRead(path, std::strerror(errno));
  if (file->AtMember()) file->part = File::Part::kMember;
  return GzInput(path, std::move(file));
}

Result<std::size_t> GzInput::Read(std::span<std::byte> buffer, const std::string& place) {
  using Part = File::Part;
  File& file = *file_;
  z_stream& stream = file.stream;
  const auto cannot = [&](const std::string& why) { return CannotRead(path_ + place, why); };
  for (;;) {
    if (!file.Have(kMagicSize)) return cannot(std::strerror(errno));
    if (stream.avail_in == 0 && file.part != Part::kMember) return std::size_t{0};
    switch (file.part) {
      case Part::kPlain: {
        const std::size_t size = std::min<std::size_t>(stream.avail_in, buffer.size());
        std::memcpy(buffer.data(), stream.next_in, size);
        file.Skip(size);
        return size;
      }
      case Part::kMember: {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        const int code = inflate(&stream, Z_NO_FLUSH);
        ENSURE(code != Z_MEM_ERROR, "inflate found no memory");
        if (code == Z_STREAM_END) {
          file.part = Part::kBehindMember;
        } else if (code == Z_BUF_ERROR) {
          return cannot("the compressed data ends early, the file is truncated");
        } else if (code != Z_OK) {
          const std::string why = stream.msg != nullptr ? stream.msg : "it needs a dictionary";
          return cannot("the compressed data is garbled (" + why + ")");
        }
        const std::size_t size = buffer.size() - stream.avail_out;
        if (size > 0) return size;
        break;
      }
      case Part::kBehindMember:
        if (file.AtMember()) {
          inflateReset(&stream);
          file.part = Part::kMember;
          break;
        }
        if (*stream.next_in != 0) {
          return cannot("at byte " + std::to_string(file.offset()) +
                        " of the compressed file a part of it ends, and what follows begins no "
                        "other one: data may be missing; restore the file, or cut it there if "
                        "what follows does not belong to it");
        }
        file.part = Part::kPadding;
        break;
      case Part::kPadding: {
        const Bytef* const begin = stream.next_in;
        const Bytef* const end = begin + stream.avail_in;
        const Bytef* const other = std::find_if(begin, end, [](Bytef byte) { return byte != 0; });
        file.Skip(static_cast<std::size_t>(other - begin));
        if (other != end) {
          return cannot("at byte " + std::to_string(file.offset()) +
                        " of the compressed file something stands behind the zeros that fill it "
                        "up: data may be missing; restore the file, or cut it there if what "
                        "follows does not belong to it");
        }
        break;
      }
    }
  }
}

}  // namespace tandem::book
