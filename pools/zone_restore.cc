// SPDX-License-Identifier: Apache-2.0
//
// Restoring a zone from an image. Everything is looked at before anything is changed.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pools/checks.h"
#include "pools/zone_image.h"
#include "pools/zone_image_format.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

PoolControl* SlotsOf(const ZoneView& zone) {
  return reinterpret_cast<PoolControl*>(zone.address() + kZoneSlotsOffset);
}

std::string AddressText(std::uint64_t address) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%zx", static_cast<std::size_t>(address));
  return text;
}

}  // namespace

Status ZoneImage::CheckZone(std::uint64_t zone_address) const {
  const ZoneView zone(zone_address);
  if (Status status = CheckPlaces(zone); !status) {
    return status;
  }
  return CheckSettings(zone);
}

Status ZoneImage::RestoreInto(std::uint64_t zone_address) const {
  const ZoneView zone(zone_address);
  if (Status status = CheckZone(zone_address); !status) {
    return status;
  }
  // What lies at the beginning is used at once: the header, and most of the time the root.
  std::vector<std::byte> chunk(kImageChunkBytes);
  if (Status status = ReadChunk(0, chunk.data()); !status) {
    return status;
  }
  const PageSettings& pages = zone.control().pages;
  const bool copies = pages.huge || pages.prefault || pages.lock;
  Result<void*> memory = copies ? Copied(pages) : Mapped();
  if (!memory) {
    return memory.error();
  }
  if (Status status = MoveInto(zone, *memory); !status) {
    return status;
  }
  PutControls(zone);
  return {};
}

Status ZoneImage::CheckPlaces(const ZoneView& zone) const {
  if (about_.address != zone.address()) {
    return Refused("is of a zone at " + AddressText(about_.address) + ", and this one is at " +
                   AddressText(zone.address()) + "; give --zone-address " +
                   AddressText(about_.address));
  }
  const std::uint64_t room = zone.control().reserve_end - zone.address() - kZoneHeaderOffset;
  if (header_->stored_bytes > room) {
    return Refused("holds " + std::to_string(header_->stored_bytes) + " bytes and the zone has " +
                   std::to_string(room) + "; reserve more for it");
  }
  const bool same_root =
      reinterpret_cast<std::uintptr_t>(zone.header().root) == about_.root &&
      zone.header().root_bytes == about_.root_bytes && header_->stored_bytes > 0 &&
      about_.root - zone.address() - kZoneHeaderOffset + about_.root_bytes <= about_.state_bytes;
  if (!same_root) {
    return Refused("has its root elsewhere, or of another size; use the build that wrote it");
  }
  auto at = about_.pools.begin();
  for (const PoolInfo& pool : zone.Pools()) {
    at = std::find_if(at, about_.pools.end(),
                      [&pool](const PoolInfo& other) { return other.slot >= pool.slot; });
    const bool is_it = at != about_.pools.end() && at->slot == pool.slot && at->kind == pool.kind &&
                       at->address == pool.address && at->element_bytes == pool.element_bytes &&
                       (at->name == pool.name || pool.kind == PoolKind::kSbrk);
    if (!is_it) {
      return Refused("has another pool where this program has " + pool.name +
                     "; use the build that wrote it");
    }
  }
  return {};
}

Status ZoneImage::CheckSettings(const ZoneView& zone) const {
  const PoolControl* const slots = SlotsOf(zone);
  std::size_t at = 0;
  for (const PoolInfo& pool : zone.Pools()) {
    while (about_.pools[at].slot != pool.slot) {
      ++at;
    }
    const PoolInfo& had = about_.pools[at];
    const bool too_low = pool.limit.elements < had.figures.live_peak ||
                         pool.limit.bytes < had.figures.taken_peak_bytes;
    if (too_low) {
      return Refused(
          "holds a pool " + pool.name + " that has held " + std::to_string(had.figures.live_peak) +
          " elements or blocks and " + std::to_string(had.figures.taken_peak_bytes) +
          " bytes, which is above the limit that is set now; raise the limit, or start from "
          "the log, for a state under that limit lies otherwise");
    }
    const PoolControl* const base = slots[pool.slot].base;
    const std::uint32_t base_slot =
        base == nullptr ? kImageNoSlot : static_cast<std::uint32_t>(base - slots);
    if (base_slot != base_slots_[at] && had.figures.taken_bytes != 0) {
      return Refused("holds a pool " + pool.name + " that has memory of " + had.base +
                     ", and its base is set to " + pool.base +
                     " now; set it back, or start from the log");
    }
  }
  return {};
}

Result<void*> ZoneImage::Mapped() const {
  void* const memory =
      ::mmap(nullptr, header_->stored_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
             file_, static_cast<off_t>(header_->state_offset));
  if (memory == MAP_FAILED) {
    return Refused(std::string("cannot be mapped: ") + std::strerror(errno));
  }
  return memory;
}

Result<void*> ZoneImage::Copied(const PageSettings& pages) const {
  // Where it is moved to it lies a page before a multiple of 2 MiB, and huge pages stay huge only
  // if it lies so here too.
  const std::uint64_t bytes = header_->stored_bytes;
  const std::uint64_t room = bytes + 2 * kZonePreludeBytes;
  void* const anywhere = ::mmap(nullptr, room, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (anywhere == MAP_FAILED) {
    return Refused(std::string("needs memory that the system refuses: ") + std::strerror(errno));
  }
  const auto begin = reinterpret_cast<std::uintptr_t>(anywhere);
  const std::uintptr_t place =
      (begin + kZonePreludeBytes - 1) / kZonePreludeBytes * kZonePreludeBytes + kZoneHeaderOffset;
  if (place > begin) {
    ::munmap(anywhere, place - begin);
  }
  if (place + bytes < begin + room) {
    ::munmap(reinterpret_cast<void*>(place + bytes), begin + room - place - bytes);
  }
  auto* const memory = reinterpret_cast<std::byte*>(place);
  const auto fail = [&](Error error) {
    ::munmap(memory, bytes);
    return error;
  };
  if (pages.huge && pages.huge_limit_bytes >= bytes &&
      ::madvise(memory, bytes, MADV_HUGEPAGE) != 0) {
    return fail(Refused(std::string("cannot have huge pages: ") + std::strerror(errno)));
  }
  for (std::uint64_t i = 0; i < chunk_hashes_.size(); ++i) {
    if (Status status = ReadChunk(i, memory + i * kImageChunkBytes); !status) {
      return fail(status.error());
    }
  }
  if (pages.lock && ::mlock(memory, bytes) != 0) {
    return fail(Refused(std::string("cannot be kept in memory (mlock): ") + std::strerror(errno)));
  }
  return memory;
}

Status ZoneImage::MoveInto(const ZoneView& zone, void* memory) const {
  const std::uint64_t bytes = header_->stored_bytes;
  const std::uint64_t begin = zone.address() + kZoneHeaderOffset;
  const std::uint64_t end = begin + bytes;
  ZoneControl& control = zone.control();
  // What the zone has beyond it becomes fresh again, before the rest is changed: this may fail.
  if (control.committed_end > end) {
    void* const rest = reinterpret_cast<void*>(end);
    const std::uint64_t rest_bytes = control.committed_end - end;
    void* const fresh =
        ::mmap(nullptr, rest_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (fresh == MAP_FAILED) {
      const int reason = errno;
      ::munmap(memory, bytes);
      return Refused(std::string("needs memory that the system refuses: ") + std::strerror(reason));
    }
    if (control.pages.huge) {
      (void)::madvise(fresh, rest_bytes, MADV_HUGEPAGE);
    }
    ENSURE(::mremap(fresh, rest_bytes, rest_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, rest) == rest,
           "%zu bytes of the zone cannot be made anew: %s", static_cast<std::size_t>(rest_bytes),
           std::strerror(errno));
  }
  void* const target = reinterpret_cast<void*>(begin);
  ENSURE(::mremap(memory, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target,
         "%zu bytes cannot be moved into the zone: %s", static_cast<std::size_t>(bytes),
         std::strerror(errno));
  control.committed_end = end;
  Unpoison(target, bytes);
  return {};
}

void ZoneImage::PutControls(const ZoneView& zone) const {
  ZoneControl& control = zone.control();
  PoolControl* const slots = SlotsOf(zone);
  for (std::uint64_t i = header_->slots_used; i < control.slots_used; ++i) {
    slots[i] = PoolControl();
  }
  for (std::size_t i = 0, slot = 0; i < about_.pools.size(); ++i, ++slot) {
    const PoolInfo& pool = about_.pools[i];
    for (; slot < pool.slot; ++slot) {
      slots[slot] = PoolControl();
    }
    if (slot < control.slots_used && slots[slot].kind != PoolKind::kNone) {
      continue;  // as it was set for this zone
    }
    PoolControl made;
    made.limit = pool.limit;
    made.kind = pool.kind;
    made.pool = reinterpret_cast<void*>(pool.address);
    made.base = base_slots_[i] == kImageNoSlot ? nullptr : slots + base_slots_[i];
    made.zone = &control;
    std::copy_n(pool.name.c_str(), pool.name.size() + 1, made.name);
    slots[slot] = made;
  }
  control.slots_used = header_->slots_used;
}

}  // namespace tandem::pools
