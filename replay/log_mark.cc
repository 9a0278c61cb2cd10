// SPDX-License-Identifier: Apache-2.0
#include "replay/log_mark.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "replay/log_segment.h"

namespace tandem::replay {
namespace {

constexpr std::size_t kMarkFileSize = kMarkSlotStride + sizeof(MarkSlot);

std::size_t OffsetOf(int slot) { return static_cast<std::size_t>(slot) * kMarkSlotStride; }

}  // namespace

Result<MarkState> ReadMarkFile(Storage& storage, const std::string& folder) {
  const std::string path = folder + "/" + std::string(kMarkFileName);
  MarkState state;
  Result<std::unique_ptr<File>> file = storage.OpenToRead(path);
  if (!file) return file.error();
  if (*file == nullptr) {
    state.missing = true;
    state.text = path + " is missing, so nothing says how far the log was synced";
    return state;
  }
  std::vector<std::byte> bytes(kMarkFileSize + 1);
  const Result<std::size_t> size = (*file)->Read(0, bytes);
  if (!size) return size.error();
  if (*size > kMarkFileSize) state.text = path + " is longer than a mark file";
  if (*size < kMarkFileSize && *size != sizeof(MarkSlot) && *size != 0) {
    state.text = path + " was cut to " + std::to_string(*size) +
                 " bytes, so it may not say how far the log was synced";
  }
  bytes.resize(kMarkFileSize);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(*size, kMarkFileSize)),
            bytes.end(), std::byte{0});

  int damaged = 0;
  for (const int index : {0, 1}) {
    MarkSlot slot;
    const auto slot_bytes = std::span(bytes).subspan(OffsetOf(index), sizeof slot);
    if (AllZero(slot_bytes)) continue;
    std::memcpy(&slot, slot_bytes.data(), sizeof slot);
    if (slot.magic != kMarkMagic || slot.crc != CrcOf(slot)) {
      state.text = path + ": one of the two marks is damaged; the other one counts";
      state.damaged = true;
      if (state.mark.generation == 0) state.next_slot = index;
      ++damaged;
      continue;
    }
    if (slot.version != kLogFormatVersion) {
      return Error::BadInput(path + " has log format version " + std::to_string(slot.version) +
                             " and this build reads version " + std::to_string(kLogFormatVersion) +
                             "; use a build that knows it");
    }
    if (slot.generation > state.mark.generation) {
      state.mark = slot;
      state.next_slot = 1 - index;
    }
  }
  if (damaged == 2) {
    return Error::BadInput(path +
                           ": both marks are damaged; restore the file, or remove it to go on "
                           "without knowing how far the log was synced");
  }
  // The first mark goes to the first slot and the second one behind it.
  if (*size == sizeof(MarkSlot) && state.mark.generation > 1) {
    state.text =
        path + " was cut to " + std::to_string(*size) + " bytes, which hold mark " +
        std::to_string(state.mark.generation) +
        " and not the one before or after it, so it may not say how far the log was synced";
  }
  if (!AllZero(std::span(bytes).subspan(sizeof(MarkSlot), kMarkSlotStride - sizeof(MarkSlot)))) {
    state.text = path + " has bytes between the two marks that should be zero";
  }
  return state;
}

std::string EndsBeforeMark(const MarkSlot& mark) {
  return "the segment ends here, and the mark says that it was synced up to message " +
         std::to_string(mark.number) + " at offset " + std::to_string(mark.offset);
}

Status MarkFile::Write(MarkSlot slot) {
  slot.boot_id = boot_id_;
  slot.generation = ++generation_;
  slot.crc = CrcOf(slot);
  const int index = std::exchange(next_slot_, 1 - next_slot_);
  return file_->Write(OffsetOf(index), std::as_bytes(std::span(&slot, 1)));
}

Status MarkFile::ClearNextSlot() {
  constexpr std::array<std::byte, sizeof(MarkSlot)> kEmpty{};
  return file_->Write(OffsetOf(next_slot_), kEmpty);
}

}  // namespace tandem::replay
