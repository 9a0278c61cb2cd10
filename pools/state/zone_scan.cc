// SPDX-License-Identifier: Apache-2.0
#include "pools/state/zone_scan.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace tandem::state {

namespace {

std::string Hex(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%" PRIx64, value);
  return text;
}

/// What a line of /proc/self/maps is, by its rights and the name behind them.
std::string WhatIs(const std::string& rights, const std::string& name) {
  if (name == "[heap]") return "the heap";
  if (name == "[stack]") return "a stack";
  if (name.empty()) return "the heap, a stack or other memory of the process";
  return (rights[2] == 'x' ? "code of " : "data of ") + name;
}

/// A sanitizer's account of the other memory: terabytes, in which no object ever lies. Where that
/// of ThreadSanitizer is says tsan_platform.h of GCC 12.
bool IsShadow([[maybe_unused]] const ProcessMemory::Range& range) {
#if defined(__SANITIZE_ADDRESS__)
  std::size_t scale = 0;
  std::size_t begin = 0;
  __asan_get_shadow_mapping(&scale, &begin);
  return range.begin >= begin && range.end <= begin + ((std::uint64_t{1} << 47) >> scale);
#elif defined(__SANITIZE_THREAD__)
  const bool is_program = range.begin >= 0x550000000000 && range.end <= 0x568000000000;
  return range.begin >= 0x008000000000 && range.end <= 0x7b0000000000 && !is_program;
#else
  return false;
#endif
}

/// The path of the field at `offset` of an element; empty: none is described there.
std::string FieldAt(const LayoutType& type, std::uint64_t offset) {
  for (const LayoutField& field : type.fields) {
    if (offset < field.offset || offset - field.offset >= field.size) continue;
    const std::uint64_t within = offset - field.offset;
    const bool is_struct = field.kind == pools::FieldKind::kStruct && field.element != nullptr &&
                           field.element_size != 0;
    if (!is_struct) return field.name;
    const std::string below = FieldAt(*field.element, within % field.element_size);
    return below.empty() ? field.name : field.name + "." + below;
  }
  return "";
}

std::string PlaceText(const ZoneWalk& walk, std::uint64_t address, bool& is_free) {
  const Place place = walk.Find(address);
  const LayoutType* type = nullptr;
  std::string text = walk.PointerText(address);
  if (place.kind == Place::Kind::kElement) {
    type = place.pool->element;
    is_free = !place.pool->IsLive(place.number);
  } else if (place.kind == Place::Kind::kRoot) {
    type = walk.layout().root();
  } else if (place.pool != nullptr && text.starts_with("0x")) {
    text = text + " of pool " + place.pool->name;
  }
  const std::string field = type != nullptr ? FieldAt(*type, place.offset) : "";
  return field.empty() ? text : text + " (" + field + ")";
}

}  // namespace

ProcessMemory::ProcessMemory(std::vector<Range> ranges) : ranges_(std::move(ranges)) {}

Result<ProcessMemory> ProcessMemory::OfThisProcess() {
  std::ifstream file("/proc/self/maps");
  std::vector<Range> ranges;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Range range;
    char dash = 0;
    std::string rights;
    std::string offset;
    std::string device;
    std::string inode;
    std::string name;
    words >> std::hex >> range.begin >> dash >> range.end >> rights >> offset >> device >> inode;
    if (!words || rights.size() < 4) {
      return Error::Failure("cannot make sense of a line of /proc/self/maps: " + line);
    }
    std::getline(words >> std::ws, name);
    // Address space with nothing in it, or nothing that can be pointed at.
    if (rights.starts_with("---") || IsShadow(range)) continue;
    range.what = WhatIs(rights, name);
    ranges.push_back(std::move(range));
  }
  if (ranges.empty()) {
    return Error::Failure("cannot read /proc/self/maps, which says where this process has memory");
  }
  return ProcessMemory(std::move(ranges));
}

// Documentation/arch/x86/x86_64/mm.rst and the kernel's ELF loader: programs that are position
// independent begin at 2/3 of the 47 bits, moved by up to 2^40, and the heap lies behind them;
// libraries and mappings lie below the stack, moved by up to 2^40, and so does the stack itself.
// Under AddressSanitizer and ThreadSanitizer the heap lies where their allocators say
// (asan_allocator.h, tsan_platform.h of GCC 12).
ProcessMemory ProcessMemory::OfAnyProcess() {
  constexpr std::uint64_t kTop = std::uint64_t{1} << 47;
  constexpr std::uint64_t kProgram = std::uint64_t{0x555555554000};
  constexpr std::uint64_t kSpread = std::uint64_t{1} << 40;
  constexpr std::uint64_t kAsanHeap = std::uint64_t{0x600000000000};
  constexpr std::uint64_t kTsanHeap = std::uint64_t{0x7b0000000000};
  constexpr std::uint64_t kStack = kTop - 3 * (kSpread / 64);
  return ProcessMemory({{kProgram, kProgram + 2 * kSpread, "a program or its heap, usually"},
                        {kAsanHeap, kAsanHeap + 4 * kSpread, "the heap under AddressSanitizer"},
                        {kTsanHeap, kTsanHeap + kSpread, "the heap under ThreadSanitizer"},
                        {kTop - 2 * kSpread, kStack, "a library or mapped memory, usually"},
                        {kStack, kTop, "a library or a stack, usually"}});
}

const ProcessMemory::Range* ProcessMemory::Find(std::uint64_t address) const {
  const auto behind =
      std::upper_bound(ranges_.begin(), ranges_.end(), address,
                       [](std::uint64_t at, const Range& range) { return at < range.begin; });
  if (behind == ranges_.begin()) return nullptr;
  const Range& range = *std::prev(behind);
  return address < range.end ? &range : nullptr;
}

std::string TextOf(const StrayWord& stray) {
  return stray.place + (stray.is_free ? ", which is deleted," : "") + " holds " + Hex(stray.value) +
         ", an address of " + stray.what;
}

std::vector<StrayWord> ScanZone(const ZoneWalk& walk, const ProcessMemory& memory,
                                std::size_t count_max) {
  const StateView& view = walk.view();
  const std::span<const std::byte> bytes = view.bytes();
  const std::uint64_t end = view.begin() + bytes.size();
  std::vector<StrayWord> found;
  for (std::size_t offset = 0; offset + sizeof(std::uint64_t) <= bytes.size();
       offset += sizeof(std::uint64_t)) {
    const std::uint64_t value = LoadWord(bytes.data() + offset);
    if (value >= view.address() && value <= end) continue;
    const ProcessMemory::Range* const range = memory.Find(value);
    if (range == nullptr) [[likely]] {
      continue;
    }
    if (found.size() == count_max) break;
    StrayWord stray{.address = view.begin() + offset, .value = value, .what = range->what};
    stray.place = PlaceText(walk, stray.address, stray.is_free);
    found.push_back(std::move(stray));
  }
  return found;
}

}  // namespace tandem::state
