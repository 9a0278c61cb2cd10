// SPDX-License-Identifier: Apache-2.0
//
// An image: a copy of a zone in one file, which is whole (it has its name only when all of it is on
// the disk) and says so (header, tables and every chunk carry hashes). docs/images.md has the
// format. This file knows zones only; whose state it is stands in the label.
//
//   ImageWriter (zone_image_writer.h)   writes one, behind the back of a zone that goes on
//   ZoneImage                           opens one, looks at it, verifies it, restores a zone from
//   it
//
// What is damaged, foreign or of another build is an Error, and nothing has changed then.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pools/result.h"
#include "pools/zone_view.h"

namespace tandem::pools {

struct ImageHeader;
struct PageSettings;

/// What an image says of itself.
struct ImageAbout {
  std::uint64_t file_bytes = 0;
  std::uint64_t address = 0;      ///< of the zone
  std::uint64_t state_bytes = 0;  ///< that the zone's hash covers
  std::uint64_t zone_hash = 0;    ///< what ZoneView::Hash gave there
  std::uint64_t root = 0;         ///< address of the root
  std::uint64_t root_bytes = 0;
  std::uint64_t layout = 0;     ///< ZoneView::LayoutFingerprint
  std::string build;            ///< build id of who stepped, hexadecimal; "": not known
  std::string label;            ///< the owner's, any bytes
  std::int64_t written_ns = 0;  ///< wall clock, ns since 1970, as it was begun
  std::vector<PoolInfo> pools;
  std::string description;  ///< ZoneView::description
};

/// Who an image must be of.
struct ImageIdentity {
  std::uint64_t layout = 0;
  std::string build;
};

constexpr std::size_t kImageLabelMax = 1024;
constexpr std::size_t kImageBuildMax = 64;

/// An image that lies in a file. Any thread may use the const functions. Who shrinks or writes into
/// the file of an image that a zone was restored from ends that process; remove or rename it.
class ZoneImage {
 public:
  /// Reads and checks header, table of pools and table of chunks, not the state itself.
  static Result<ZoneImage> Open(const std::string& path);
  ZoneImage(ZoneImage&&) noexcept;
  ZoneImage& operator=(ZoneImage&&) noexcept;
  ~ZoneImage();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const ImageAbout& about() const { return about_; }

  /// An error names both sides if the image is of another layout or build.
  [[nodiscard]] Status CheckIdentity(const ImageIdentity& wanted) const;

  /// Reads all of the state from the file and compares it with the hashes of its chunks and of the
  /// zone. At the speed of the disk, at most of memory. `stop`: ends it early, with no error.
  [[nodiscard]] Status Verify(const std::atomic<bool>* stop = nullptr) const;

  /// Copies state bytes as they lay at `address` in the zone. An error if they are not in the image
  /// or their chunks are damaged.
  [[nodiscard]] Status Read(std::uint64_t address, std::span<std::byte> to) const;

  /// The state bytes as memory, read only, wherever they come to lie, on a multiple of 4096; read
  /// as they are touched, not verified. Valid as long as the image. Not to be called by two
  /// threads.
  [[nodiscard]] Result<std::span<const std::byte>> MapBytes();

  /// Makes the zone at `zone_address` what the image holds. The zone is one that the same build has
  /// just made, with its root; limits, links and page settings stay as they were set for it. Maps
  /// the file, so that pages are read as they are touched, and changed ones are the process's own;
  /// copies it (and verifies it) where the settings ask for huge, prefaulted or locked pages.
  /// An error, with the zone as it was: another address, a link or limit that what the image holds
  /// does not allow, pools in other places, a reserve that is too small, a damaged first chunk.
  [[nodiscard]] Status RestoreInto(std::uint64_t zone_address) const;
  /// What of that shows before a byte of the state is read: all but the damage.
  [[nodiscard]] Status CheckZone(std::uint64_t zone_address) const;

 private:
  ZoneImage();
  [[nodiscard]] Error Refused(const std::string& why) const;
  [[nodiscard]] Status ReadHeader();
  [[nodiscard]] Status ReadTables();
  /// Reads chunk `index` to `to`, which has room for it, and compares its hash.
  [[nodiscard]] Status ReadChunk(std::uint64_t index, std::byte* to) const;
  [[nodiscard]] std::uint64_t ChunkSize(std::uint64_t index) const;
  [[nodiscard]] Status CheckPlaces(const ZoneView& zone) const;
  [[nodiscard]] Status CheckSettings(const ZoneView& zone) const;
  /// Memory with all that is stored, to be moved to the zone: the file, or a copy of it.
  [[nodiscard]] Result<void*> Mapped() const;
  [[nodiscard]] Result<void*> Copied(const PageSettings& pages) const;
  [[nodiscard]] Status MoveInto(const ZoneView& zone, void* memory) const;
  void PutControls(const ZoneView& zone) const;

  std::string path_;
  int file_ = -1;
  std::unique_ptr<ImageHeader> header_;
  ImageAbout about_;
  std::vector<std::uint32_t> base_slots_;  ///< of about_.pools
  std::vector<std::uint64_t> chunk_hashes_;
  void* mapped_ = nullptr;  ///< all that is stored, by MapBytes
};

}  // namespace tandem::pools
