// SPDX-License-Identifier: Apache-2.0
#include "tests/live/power_loss.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include "pools/ensure.h"
#include "replay/log_format.h"

namespace tandem::test {

namespace {

using replay::MarkSlot;

constexpr std::size_t kSector = 512;

/// A file, changed in place. Any failure is the test's own.
class Disk {
 public:
  explicit Disk(const std::string& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    ENSURE(descriptor_ >= 0, "cannot open %s", path.c_str());
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() { ::close(descriptor_); }

  [[nodiscard]] std::size_t size() const {
    struct stat about {};
    ENSURE(::fstat(descriptor_, &about) == 0, "cannot look at a file");
    return static_cast<std::size_t>(about.st_size);
  }
  std::size_t Read(std::size_t offset, std::span<std::byte> bytes) const {
    const ssize_t size =
        ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }
  void Write(std::size_t offset, std::span<const std::byte> bytes) {
    ENSURE(::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset)) ==
               static_cast<ssize_t>(bytes.size()),
           "cannot write a file");
  }

 private:
  int descriptor_;
};

enum class Loss { kNothing, kAll, kTail, kSectors };

/// How much of `file` from `offset` on is not zeros. Logs have no holes of a megabyte.
std::size_t UsedFrom(const Disk& file, std::size_t offset) {
  std::vector<std::byte> bytes(1u << 20);
  std::size_t used = offset;
  for (std::size_t at = offset;; at += bytes.size()) {
    const std::size_t size = file.Read(at, bytes);
    std::size_t last = size;
    while (last > 0 && bytes[last - 1] == std::byte{0}) --last;
    if (last == 0) return used;
    used = at + last;
  }
}

std::size_t LoseFrom(Disk& file, std::size_t offset, Loss loss, std::mt19937_64& random) {
  const std::size_t end = UsedFrom(file, offset);
  if (loss == Loss::kNothing || end <= offset) return 0;
  const std::size_t kept = loss == Loss::kTail ? random() % (end - offset) : 0;
  const std::array<std::byte, kSector> zeros{};
  std::size_t lost = 0;
  for (std::size_t at = offset + kept; at < end;) {
    const std::size_t part = std::min(end, (at / kSector + 1) * kSector) - at;
    if (loss != Loss::kSectors || random() % 2 == 0) {
      file.Write(at, std::span(zeros).first(part));
      lost += part;
    }
    at += part;
  }
  return lost;
}

/// What counts as synced: the newest whole mark. It may itself be lost, and is of another boot.
MarkSlot LoseMarks(const std::string& path, std::mt19937_64& random) {
  MarkSlot newest;
  Disk file(path);
  std::array<MarkSlot, 2> slots;
  std::array<bool, 2> whole{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto bytes = std::as_writable_bytes(std::span(&slots[i], 1));
    whole[i] = file.Read(i * replay::kMarkSlotStride, bytes) == sizeof(MarkSlot) &&
               slots[i].magic == replay::kMarkMagic && slots[i].crc == CrcOf(slots[i]);
    if (whole[i] && slots[i].generation > newest.generation) newest = slots[i];
  }
  const bool lose_newest = whole[0] && whole[1] && random() % 4 == 0;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!whole[i]) continue;
    if (lose_newest && slots[i].generation == newest.generation) {
      slots[i] = MarkSlot{};
      std::memset(static_cast<void*>(&slots[i]), 0, sizeof slots[i]);
    } else {
      slots[i].boot_id = static_cast<std::uint32_t>(random()) | 1;
      slots[i].crc = CrcOf(slots[i]);
    }
    file.Write(i * replay::kMarkSlotStride, std::as_bytes(std::span(&slots[i], 1)));
  }
  return newest;
}

}  // namespace

std::string LosePower(const std::string& folder, std::mt19937_64& random) {
  namespace fs = std::filesystem;
  if (!fs::exists(folder)) return folder + ": there is no log";
  std::map<std::uint64_t, std::string> segments;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto id = replay::SegmentIdOf(entry.path().filename().string());
    if (id) segments[*id] = entry.path().string();
  }
  const std::string mark_path = folder + "/" + std::string(replay::kMarkFileName);
  MarkSlot mark = fs::exists(mark_path) ? LoseMarks(mark_path, random) : MarkSlot{};
  // A mark that was lost before: what it stood for is on the disk still.
  const std::string remembered = folder + ".synced";
  std::uint64_t segment_id = 0;
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  if (std::ifstream(remembered) >> segment_id >> offset >> number &&
      std::pair(segment_id, offset) > std::pair(mark.segment_id, mark.offset)) {
    mark.segment_id = segment_id;
    mark.offset = offset;
    mark.number = number;
  }
  if (mark.segment_id > 0) {
    std::ofstream(remembered) << mark.segment_id << " " << mark.offset << " " << mark.number;
  } else {
    // Nothing was ever synced, so not even the names need to be there.
    fs::remove_all(folder);
    return folder + ": all of it";
  }
  const Loss loss = static_cast<Loss>(random() % 4);
  std::size_t lost = 0;
  std::size_t files = 0;
  for (const auto& [id, path] : segments) {
    if (id < mark.segment_id) continue;
    if (id > mark.segment_id && loss != Loss::kNothing && random() % 2 == 0) {
      fs::remove(path);
      ++files;
      continue;
    }
    Disk file(path);
    lost += LoseFrom(file, id == mark.segment_id ? mark.offset : 0, loss, random);
  }
  return folder + ": " + std::to_string(lost) + " bytes and " + std::to_string(files) +
         " segments after message " + std::to_string(mark.number);
}

}  // namespace tandem::test
