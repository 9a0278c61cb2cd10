// SPDX-License-Identifier: Apache-2.0
#include "pools/zone_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <utility>

#include "pools/zone_image_format.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

std::string Hex(std::uint64_t number) {
  char text[20];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

std::string OrUnknown(const std::string& build) { return build.empty() ? "not known" : build; }

/// True if it got all of them; else errno, or 0 at the end of the file.
bool ReadAll(int file, std::uint64_t offset, void* to, std::size_t size) {
  auto* place = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(file, place, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      errno = got == 0 ? 0 : errno;
      return false;
    }
    place += got;
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

std::string WhyNotRead() {
  return errno == 0 ? "ends too early: it is cut"
                    : std::string("cannot be read: ") + std::strerror(errno);
}

/// Do the parts follow each other as the writer puts them, and are they all of the file?
bool HasPlan(const ImageHeader& header) {
  constexpr std::uint64_t kCountMax = std::uint64_t{1} << 40;
  if (header.pool_count > kZoneSlots || header.chunk_count > kCountMax ||
      header.chunk_bytes != kImageChunkBytes || header.slots_used > kZoneSlots ||
      header.description_size > kZoneDescriptionBytesMax) {
    return false;
  }
  const std::uint64_t chunks_offset = kImagePageBytes + header.pool_count * sizeof(ImagePool);
  const std::uint64_t description_offset =
      chunks_offset + header.chunk_count * sizeof(std::uint64_t);
  const std::uint64_t tables_end = description_offset + header.description_size;
  return header.pools_offset == kImagePageBytes && header.chunks_offset == chunks_offset &&
         header.description_offset == description_offset &&
         header.state_offset ==
             (tables_end + kImagePageBytes - 1) / kImagePageBytes * kImagePageBytes &&
         header.stored_bytes % kImagePageBytes == 0 && header.stored_bytes <= kCountMax << 20 &&
         header.chunk_count == (header.stored_bytes + kImageChunkBytes - 1) / kImageChunkBytes &&
         header.file_bytes == header.state_offset + header.stored_bytes &&
         header.state_bytes <= header.stored_bytes && header.address % kZonePreludeBytes == 0 &&
         header.build_size <= kImageBuildMax && header.label_size <= kImageLabelMax;
}

}  // namespace

ZoneImage::ZoneImage() : header_(std::make_unique<ImageHeader>()) {}

ZoneImage::ZoneImage(ZoneImage&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      header_(std::move(other.header_)),
      about_(std::move(other.about_)),
      base_slots_(std::move(other.base_slots_)),
      chunk_hashes_(std::move(other.chunk_hashes_)),
      mapped_(std::exchange(other.mapped_, nullptr)) {}

ZoneImage& ZoneImage::operator=(ZoneImage&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(header_, other.header_);
  std::swap(about_, other.about_);
  std::swap(base_slots_, other.base_slots_);
  std::swap(chunk_hashes_, other.chunk_hashes_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

ZoneImage::~ZoneImage() {
  if (mapped_ != nullptr) {
    ::munmap(mapped_, header_->stored_bytes);
  }
  if (file_ >= 0) {
    ::close(file_);
  }
}

Error ZoneImage::Refused(const std::string& why) const {
  return Error::BadInput("the image " + path_ + " " + why);
}

Result<ZoneImage> ZoneImage::Open(const std::string& path) {
  ZoneImage image;
  image.path_ = path;
  image.file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (image.file_ < 0) {
    return image.Refused(std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (Status status = image.ReadHeader(); !status) {
    return status.error();
  }
  if (Status status = image.ReadTables(); !status) {
    return status.error();
  }
  return image;
}

Status ZoneImage::ReadHeader() {
  struct stat file {};
  if (::fstat(file_, &file) != 0) {
    return Refused(std::string("cannot be looked at: ") + std::strerror(errno));
  }
  if (!S_ISREG(file.st_mode)) {
    return Refused("is no file");
  }
  ImageHeader& header = *header_;
  if (!ReadAll(file_, 0, &header, sizeof header)) {
    return Refused(WhyNotRead());
  }
  if (header.magic != kImageMagic) {
    return Refused("is no image of a state");
  }
  if (XXH3_64bits(&header, offsetof(ImageHeader, header_hash)) != header.header_hash) {
    return Refused("is damaged in its header");
  }
  if (header.version != kImageVersion) {
    return Refused("has version " + std::to_string(header.version) +
                   " of the format, and this program knows version " +
                   std::to_string(kImageVersion) + "; use the program that wrote it");
  }
  if (header.zone_layout_version != kZoneLayoutVersion) {
    return Refused("holds a zone of layout version " + std::to_string(header.zone_layout_version) +
                   ", and this program makes zones of version " +
                   std::to_string(kZoneLayoutVersion) + "; use the program that wrote it");
  }
  if (!HasPlan(header)) {
    return Refused("has a header that contradicts itself");
  }
  const auto size = static_cast<std::uint64_t>(file.st_size);
  if (size != header.file_bytes) {
    return Refused("has " + std::to_string(size) + " bytes, and its header tells of " +
                   std::to_string(header.file_bytes) + ": it is cut, or something was added");
  }
  about_.file_bytes = header.file_bytes;
  about_.address = header.address;
  about_.state_bytes = header.state_bytes;
  about_.zone_hash = header.zone_hash;
  about_.root = header.root;
  about_.root_bytes = header.root_bytes;
  about_.layout = header.layout;
  about_.build.assign(header.build, header.build_size);
  about_.label.assign(reinterpret_cast<const char*>(header.label), header.label_size);
  about_.written_ns = header.written_ns;
  return {};
}

Status ZoneImage::ReadTables() {
  const ImageHeader& header = *header_;
  std::vector<ImagePool> pools(header.pool_count);
  chunk_hashes_.resize(header.chunk_count);
  const std::uint64_t pools_bytes = pools.size() * sizeof(ImagePool);
  const std::uint64_t chunks_bytes = chunk_hashes_.size() * sizeof(std::uint64_t);
  // As one piece, for they are hashed as one.
  std::vector<std::byte> tables(pools_bytes + chunks_bytes + header.description_size);
  if (!ReadAll(file_, header.pools_offset, tables.data(), tables.size())) {
    return Refused(WhyNotRead());
  }
  if (XXH3_64bits(tables.data(), tables.size()) != header.tables_hash) {
    return Refused("is damaged in its tables of pools and chunks");
  }
  if (pools_bytes > 0) {
    std::memcpy(pools.data(), tables.data(), pools_bytes);
  }
  if (chunks_bytes > 0) {
    std::memcpy(chunk_hashes_.data(), tables.data() + pools_bytes, chunks_bytes);
  }
  about_.description.assign(
      reinterpret_cast<const char*>(tables.data()) + pools_bytes + chunks_bytes,
      header.description_size);
  std::vector<std::string> names(header.slots_used);
  std::uint64_t next_slot = 0;
  for (ImagePool& pool : pools) {
    const bool is_one = pool.slot >= next_slot && pool.slot < header.slots_used &&
                        pool.name[sizeof pool.name - 1] == '\0' && pool.name[0] != '\0' &&
                        pool.kind > static_cast<std::uint32_t>(PoolKind::kNone) &&
                        pool.kind <= static_cast<std::uint32_t>(PoolKind::kDelptr) &&
                        pool.address >= header.address;
    if (!is_one) {
      return Refused("has a table of pools that contradicts itself");
    }
    next_slot = std::uint64_t{pool.slot} + 1;
    names[pool.slot] = pool.name;
  }
  for (const ImagePool& pool : pools) {
    if (pool.base_slot != kImageNoSlot &&
        (pool.base_slot >= names.size() || names[pool.base_slot].empty())) {
      return Refused("has a table of pools that contradicts itself");
    }
    about_.pools.push_back({.name = pool.name,
                            .kind = static_cast<PoolKind>(pool.kind),
                            .base = pool.base_slot == kImageNoSlot ? "" : names[pool.base_slot],
                            .limit = pool.limit,
                            .figures = pool.figures,
                            .element_bytes = pool.element_bytes,
                            .address = pool.address,
                            .slot = pool.slot});
    base_slots_.push_back(pool.base_slot);
  }
  return {};
}

Status ZoneImage::CheckIdentity(const ImageIdentity& wanted) const {
  if (about_.layout != wanted.layout) {
    return Refused("is of a state of another layout: it has fingerprint " + Hex(about_.layout) +
                   " and build " + OrUnknown(about_.build) + ", this program has fingerprint " +
                   Hex(wanted.layout) + " and build " + OrUnknown(wanted.build) +
                   "; use the build that wrote it, or start from the log");
  }
  if (about_.build != wanted.build) {
    return Refused("was written by another build: it has build " + OrUnknown(about_.build) +
                   ", this program has build " + OrUnknown(wanted.build) +
                   ", both with layout fingerprint " + Hex(wanted.layout) +
                   "; use the build that wrote it, or start from the log");
  }
  return {};
}

std::uint64_t ZoneImage::ChunkSize(std::uint64_t index) const {
  return std::min(kImageChunkBytes, header_->stored_bytes - index * kImageChunkBytes);
}

Status ZoneImage::ReadChunk(std::uint64_t index, std::byte* to) const {
  const std::uint64_t size = ChunkSize(index);
  if (!ReadAll(file_, header_->state_offset + index * kImageChunkBytes, to, size)) {
    return Refused(WhyNotRead());
  }
  if (XXH3_64bits(to, size) == chunk_hashes_[index]) {
    return {};
  }
  const std::uint64_t begin = about_.address + kZoneHeaderOffset + index * kImageChunkBytes;
  return Refused("is damaged: the bytes of the state at 0x" + Hex(begin) + " and the " +
                 std::to_string(size) + " from there on are not what was written");
}

Status ZoneImage::Verify(const std::atomic<bool>* stop) const {
  std::vector<std::byte> chunk(kImageChunkBytes);
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> hash(XXH3_createState(),
                                                                      XXH3_freeState);
  XXH3_64bits_reset(hash.get());
  std::uint64_t left = about_.state_bytes;
  for (std::uint64_t i = 0; i < chunk_hashes_.size(); ++i) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return {};
    }
    if (Status status = ReadChunk(i, chunk.data()); !status) {
      return status;
    }
    const std::uint64_t hashed = std::min(left, ChunkSize(i));
    XXH3_64bits_update(hash.get(), chunk.data(), hashed);
    left -= hashed;
  }
  if (XXH3_64bits_digest(hash.get()) != about_.zone_hash) {
    return Refused("is damaged: its chunks are what was written, and together they are not");
  }
  return {};
}

Result<std::span<const std::byte>> ZoneImage::MapBytes() {
  if (mapped_ == nullptr) {
    void* const mapped = ::mmap(nullptr, header_->stored_bytes, PROT_READ, MAP_PRIVATE, file_,
                                static_cast<off_t>(header_->state_offset));
    if (mapped == MAP_FAILED) {
      return Refused(std::string("cannot be mapped: ") + std::strerror(errno));
    }
    mapped_ = mapped;
  }
  return std::span(static_cast<const std::byte*>(mapped_), about_.state_bytes);
}

Status ZoneImage::Read(std::uint64_t address, std::span<std::byte> to) const {
  const std::uint64_t begin = about_.address + kZoneHeaderOffset;
  if (address < begin || address - begin > header_->stored_bytes ||
      to.size() > header_->stored_bytes - (address - begin)) {
    return Refused("does not hold the " + std::to_string(to.size()) + " bytes at 0x" +
                   Hex(address));
  }
  std::uint64_t offset = address - begin;
  std::vector<std::byte> chunk(kImageChunkBytes);
  while (!to.empty()) {
    const std::uint64_t index = offset / kImageChunkBytes;
    if (Status status = ReadChunk(index, chunk.data()); !status) {
      return status;
    }
    const std::uint64_t from = offset % kImageChunkBytes;
    const std::size_t size = std::min<std::uint64_t>(to.size(), ChunkSize(index) - from);
    std::memcpy(to.data(), chunk.data() + from, size);
    to = to.subspan(size);
    offset += size;
  }
  return {};
}

}  // namespace tandem::pools
