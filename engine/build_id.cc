// SPDX-License-Identifier: Apache-2.0
#include "engine/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tandem::engine {
namespace {

std::string HexOf(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// The build id among the notes, if it is there.
std::string BuildIdIn(std::span<const std::byte> notes) {
  constexpr std::size_t kHeader = sizeof(ElfW(Nhdr));
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= kHeader) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), kHeader);
    const std::size_t name = padded(note.n_namesz);
    const std::size_t size = kHeader + name + padded(note.n_descsz);
    if (size > notes.size()) break;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes.data() + kHeader, "GNU", 4) == 0) {
      return HexOf(notes.subspan(kHeader + name, note.n_descsz));
    }
    notes = notes.subspan(size);
  }
  return "";
}

struct Wanted {
  std::uintptr_t code;
  std::string id;
};

bool Holds(const dl_phdr_info& object, std::uintptr_t code) {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object.dlpi_phdr[i];
    const std::uintptr_t begin = object.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && code >= begin && code - begin < header.p_memsz) return true;
  }
  return false;
}

/// Called for each object, the program first; 1 ends the walk.
int FindBuildId(dl_phdr_info* object, std::size_t /*size*/, void* to) {
  auto& wanted = *static_cast<Wanted*>(to);
  if (wanted.code != 0 && !Holds(*object, wanted.code)) return 0;
  for (int i = 0; i < object->dlpi_phnum && wanted.id.empty(); ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* const notes =
        reinterpret_cast<const std::byte*>(object->dlpi_addr + header.p_vaddr);
    wanted.id = BuildIdIn({notes, header.p_memsz});
  }
  return 1;
}

}  // namespace

std::string BuildIdOf(const void* code) {
  Wanted wanted{.code = reinterpret_cast<std::uintptr_t>(code), .id = {}};
  ::dl_iterate_phdr(FindBuildId, &wanted);
  return wanted.id;
}

}  // namespace tandem::engine
