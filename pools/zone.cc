// SPDX-License-Identifier: Apache-2.0
#include "pools/zone.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>

#include "pools/blkpool.h"
#include "pools/checks.h"
#include "pools/heap_controls.h"
#include "pools/lpool.h"
#include "pools/out_of_memory.h"
#include "pools/tpool_core.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

std::string Range(const ZoneOptions& options) {
  char text[64];
  std::snprintf(text, sizeof text, "0x%" PRIxPTR " to 0x%" PRIxPTR, options.address,
                options.address + options.reserve_bytes);
  return text;
}

Status Check(const ZoneOptions& options) {
  if (options.address == 0 || options.address % kZonePreludeBytes != 0) {
    char address[32];
    std::snprintf(address, sizeof address, "0x%" PRIxPTR, options.address);
    return Error::BadInput("The zone address " + std::string(address) +
                           " is not a multiple of 2 MiB above 0; choose one, such as "
                           "0x7e8000000000.");
  }
  if (options.reserve_bytes < kZoneReserveBytesMin ||
      options.reserve_bytes % Sbrk::kPageBytes != 0 ||
      options.reserve_bytes > kNoLimit - options.address) {
    return Error::BadInput("The zone reserve of " + std::to_string(options.reserve_bytes) +
                           " bytes is not a whole number of 4096-byte pages from 4 MiB on that "
                           "fits behind the zone address; choose one.");
  }
  return Status();
}

// Nobody falls back to small pages in silence.
Status AskForHugePages(const ZoneOptions& options) {
  if (!options.pages.huge) {
    return Status();
  }
  const auto refused = [](const std::string& why) {
    return Error::Failure("The system refuses huge pages for the zone: " + why +
                          "; allow them in /sys/kernel/mm/transparent_hugepage/enabled, or "
                          "configure the pools without.");
  };
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string mode;
  std::getline(file, mode);
  if (mode.find("[never]") != std::string::npos) {
    return refused("they are switched off");
  }
  const std::uint64_t bytes =
      std::min(options.reserve_bytes - kZonePreludeBytes, options.pages.huge_limit_bytes);
  if (madvise(reinterpret_cast<void*>(options.address + kZonePreludeBytes), bytes, MADV_HUGEPAGE) !=
      0) {
    return refused(std::strerror(errno));
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<Zone>> Zone::Map(const ZoneOptions& options) {
  if (Status status = Check(options); !status.ok()) {
    return status.error();
  }
  void* const wanted = reinterpret_cast<void*>(options.address);
  void* const mapped =
      mmap(wanted, options.reserve_bytes, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapped == MAP_FAILED && errno != EEXIST) {
    return Error{errno == ENOMEM ? ExitCode::kOutOfMemory : ExitCode::kFailure,
                 "Cannot map the zone at " + Range(options) + ": " + std::strerror(errno) +
                     "; choose another zone address or a smaller reserve, or raise the limit "
                     "of address space (ulimit -v)."};
  }
  if (mapped != wanted) {
    if (mapped != MAP_FAILED) {  // a kernel that does not know the flag went elsewhere
      munmap(mapped, options.reserve_bytes);
    }
    return Error::BadInput("Cannot map the zone at " + Range(options) +
                           ": the range is taken in this process; choose another zone address.");
  }
  if (mprotect(wanted, kZonePreludeBytes, PROT_READ | PROT_WRITE) != 0) {
    const int reason = errno;
    munmap(wanted, options.reserve_bytes);
    return Error{reason == ENOMEM ? ExitCode::kOutOfMemory : ExitCode::kFailure,
                 "Cannot use the first pages of the zone at " + Range(options) + ": " +
                     std::strerror(reason) + "; give the host more memory."};
  }
  std::unique_ptr<Zone> zone(new Zone(options));
  auto* control = ::new (wanted) ZoneControl;
  control->pages = options.pages;
  control->settings = &zone->settings_;
  control->fill = options.perturbation.fill;
  control->address = options.address;
  control->reserve_end = options.address + options.reserve_bytes;
  control->committed_end = options.address + kZonePreludeBytes;
  ::new (reinterpret_cast<void*>(options.address + kZoneHeaderOffset))
      ZoneHeader(*control, options.address + kZonePreludeBytes, options.sbrk_name.c_str());
  if (options.limit_bytes != 0) {
    std::uint64_t& limit = zone->sbrk().control().limit.bytes;
    limit = std::min(limit, options.limit_bytes);
  }
  if (Status status = AskForHugePages(options); !status.ok()) {
    return status.error();
  }
  return zone;
}

Zone::Zone(const ZoneOptions& options)
    : address_(options.address),
      reserve_bytes_(options.reserve_bytes),
      settings_(options.pools, options.perturbation.chain_seed),
      report_leaks_(options.report_leaks) {}

Zone::~Zone() {
  if (report_leaks_) {
    for (const Leak& leak : Leaks()) {
      std::fprintf(stderr,
                   "tandem: leak in pool %s (%s): %" PRIu64 " elements, %" PRIu64 " bytes\n",
                   leak.pool.c_str(), KindName(leak.kind), leak.elements, leak.bytes);
    }
  }
  // Pools in the zone whose chains end on the heap are not destroyed; another zone here knows
  // nothing of them.
  while (const PoolControl* const stray = HeapControls::FindIf(
             [this](const PoolControl& control) { return Contains(control.pool); })) {
    HeapControls::Delete(const_cast<PoolControl*>(stray));
  }
  void* const memory = reinterpret_cast<void*>(address_);
  Unpoison(memory, control().committed_end - address_);
  munmap(memory, reserve_bytes_);
}

ZoneControl& Zone::control() const { return *reinterpret_cast<ZoneControl*>(address_); }

ZoneHeader& Zone::header() const {
  return *reinterpret_cast<ZoneHeader*>(address_ + kZoneHeaderOffset);
}

Sbrk& Zone::sbrk() { return header().sbrk; }

void* Zone::AllocRoot(std::size_t size) {
  ZoneHeader& header = this->header();
  ENSURE(header.root == nullptr, "a zone has one root, and this one has it already");
  header.root = NeverNull(header.sbrk.TryAllocMem(size), header.sbrk.control(), size);
  header.root_bytes = size;
  return header.root;
}

void* Zone::FindRoot(std::size_t size) {
  const ZoneHeader& header = this->header();
  ENSURE(header.root != nullptr, "this zone has no root yet");
  ENSURE(header.root_bytes == size, "the root of this zone has %zu bytes, not the %zu asked for",
         static_cast<std::size_t>(header.root_bytes), size);
  return header.root;
}

void Zone::Describe(std::string_view layout) {
  ENSURE(control().description_bytes == 0, "a zone is described once");
  ENSURE(layout.size() <= kZoneDescriptionBytesMax,
         "the description of a state has %zu bytes, and there is room for %zu", layout.size(),
         static_cast<std::size_t>(kZoneDescriptionBytesMax));
  std::memcpy(reinterpret_cast<void*>(address_ + kZoneDescriptionOffset), layout.data(),
              layout.size());
  control().description_bytes = layout.size();
}

std::string_view Zone::description() const { return view().description(); }

std::span<const std::byte> Zone::state_bytes() const { return view().state_bytes(); }

std::uint64_t Zone::Hash() const { return view().Hash(); }

std::uint64_t Zone::used_bytes() const {
  return header().sbrk.break_address() - address_ - kZonePreludeBytes;
}

bool Zone::Contains(const void* memory) const {
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  return address >= address_ && address - address_ < reserve_bytes_;
}

std::vector<PoolInfo> Zone::Pools() const { return view().Pools(); }

Result<PoolControl*> Zone::FindPool(std::string_view name) const {
  auto* slots = reinterpret_cast<PoolControl*>(address_ + kZoneSlotsOffset);
  std::string known;
  for (std::uint64_t i = 0; i < control().slots_used; ++i) {
    if (slots[i].kind == PoolKind::kNone) {
      continue;
    }
    if (name == slots[i].name) {
      return &slots[i];
    }
    known += (known.empty() ? "" : ", ") + std::string(slots[i].name);
  }
  return Error::BadInput("There is no pool " + std::string(name) + " in the zone; choose one of " +
                         known + ".");
}

Status Zone::SetLimit(std::string_view pool, const Limit& limit) {
  const Result<PoolControl*> found = FindPool(pool);
  if (!found.ok()) {
    return found.error();
  }
  return ApplyLimit(**found, limit);
}

Status Zone::SetBase(std::string_view pool, std::string_view base) {
  const Result<PoolControl*> found = FindPool(pool);
  const Result<PoolControl*> found_base = FindPool(base);
  if (!found.ok() || !found_base.ok()) {
    return found.ok() ? found_base.error() : found.error();
  }
  PoolControl& control = **found;
  PoolControl& base_control = **found_base;
  if (Status status = CheckBase(control, base_control); !status.ok()) {
    return status;
  }
  if (PoolRef(control).GetFigures().taken_bytes != 0) {
    return Error::BadInput("Pool " + std::string(pool) + " cannot take its memory from " +
                           std::string(base) + ": it already holds memory of " +
                           control.base->name + "; set the base before the first message.");
  }
  control.base = &base_control;
  return Status();
}

std::uint64_t Zone::ShuffleFree(std::uint64_t seed) {
  Shuffler shuffler(seed);
  auto* slots = reinterpret_cast<PoolControl*>(address_ + kZoneSlotsOffset);
  for (std::uint64_t i = 0; i < control().slots_used; ++i) {
    void* const pool = slots[i].pool;
    switch (slots[i].kind) {
      case PoolKind::kTpool:
        static_cast<TpoolCore*>(pool)->ShuffleFree(shuffler);
        break;
      case PoolKind::kLpool:
        static_cast<Lpool*>(pool)->ShuffleFree(shuffler);
        break;
      case PoolKind::kBlkpool:
        static_cast<Blkpool*>(pool)->ShuffleFree(shuffler);
        break;
      default:  // keeps no free blocks, or, as Sbrk, in the order of their addresses
        break;
    }
  }
  return shuffler.shuffled();
}

Status Zone::Settle() {
  control().settings = nullptr;
  if (Status status = settings_.Check(); !status.ok()) {
    return status;
  }
  if (Status status = CheckChains(); !status.ok()) {
    return status;
  }
  for (const PoolSetting& setting : settings_.settings()) {
    PoolControl* const pool = FindControl(control(), setting.pool);
    ENSURE(pool != nullptr, "pool %s was made and is not there", setting.pool.c_str());
    if (Status status = Reserve(*pool, setting.reserve_elements, setting.reserve_bytes);
        !status.ok()) {
      return status;
    }
  }
  return Status();
}

}  // namespace tandem::pools
