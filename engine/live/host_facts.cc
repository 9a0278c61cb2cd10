// SPDX-License-Identifier: Apache-2.0
#include "engine/live/host_facts.h"

#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <span>

#include "engine/live/sheet.h"
#include "engine/transport/printable.h"
#include "tandem/status.pb.h"

namespace tandem::engine {
namespace {

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

/// Called with the program itself first; 1 ends the walk.
int FindBuildId(dl_phdr_info* program, std::size_t /*size*/, void* found) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = program->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* const notes =
        reinterpret_cast<const std::byte*>(program->dlpi_addr + header.p_vaddr);
    std::string id = BuildIdIn({notes, header.p_memsz});
    if (id.empty()) continue;
    *static_cast<std::string*>(found) = std::move(id);
    break;
  }
  return 1;
}

std::string ReadCpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != line.npos) return line.substr(colon + 2, 100);
  }
  return "";
}

std::string ReadHostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0
             ? std::string(name.data(), ::strnlen(name.data(), 64))
             : "";
}

}  // namespace

const std::string& BuildId() {
  static const std::string id = [] {
    std::string found;
    ::dl_iterate_phdr(FindBuildId, &found);
    return found;
  }();
  return id;
}

std::string BuildOf(const EngineAbout& about) {
  return about.library.empty() ? BuildId() : BuildId() + "+" + about.library;
}

const std::string& CpuModel() {
  static const std::string model = ReadCpuModel();
  return model;
}

const std::string& HostName() {
  static const std::string name = ReadHostName();
  return name;
}

void FillAbout(const EngineAbout& about, pb::Status* status) {
  // A string of a status must be text; these come from files that anybody may have written.
  status->set_build(BuildOf(about));
  status->set_cpu(Printable(CpuModel()));
  status->set_host(Printable(HostName()));
  status->set_application(about.application);
  status->set_zone_address(about.zone_address);
  status->set_pools(Printable(about.pools));
}

}  // namespace tandem::engine
