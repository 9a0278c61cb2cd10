// SPDX-License-Identifier: Apache-2.0
#include "pools/pool_ref.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "pools/blkpool.h"
#include "pools/ensure.h"
#include "pools/heap_controls.h"
#include "pools/lpool.h"
#include "pools/malloc_pool.h"
#include "pools/out_of_memory.h"
#include "pools/pool_account.h"
#include "pools/sbrk.h"
#include "pools/tpool_core.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

// Calls `function` with the pool behind a control that serves blocks of any size.
template <class Function>
auto WithBase(const PoolControl& control, Function&& function) {
  switch (control.kind) {
    case PoolKind::kSbrk:
      return function(*static_cast<Sbrk*>(control.pool));
    case PoolKind::kMalloc:
      return function(*static_cast<Malloc*>(control.pool));
    case PoolKind::kLpool:
      return function(*static_cast<Lpool*>(control.pool));
    case PoolKind::kBlkpool:
      return function(*static_cast<Blkpool*>(control.pool));
    case PoolKind::kNone:
    case PoolKind::kTpool:
    case PoolKind::kLary:
    case PoolKind::kTary:
    case PoolKind::kDelptr:
      break;
  }
  EnsureFailed(__FILE__, __LINE__, "kind", "a pool of kind %s was asked for memory as a base",
               KindName(control.kind));
}

PoolControl* FindSlot(ZoneControl& zone, const char* name) {
  auto* slots = reinterpret_cast<PoolControl*>(zone.address + kZoneSlotsOffset);
  PoolControl* free_slot = nullptr;
  for (std::uint64_t i = 0; i < zone.slots_used; ++i) {
    if (slots[i].kind == PoolKind::kNone) {
      free_slot = free_slot == nullptr ? &slots[i] : free_slot;
    } else {
      ENSURE(std::strcmp(slots[i].name, name) != 0, "two pools of one zone are named %s", name);
    }
  }
  if (free_slot == nullptr) {
    ENSURE(zone.slots_used < kZoneSlots, "pool %s is one too many: a zone has room for %zu", name,
           static_cast<std::size_t>(kZoneSlots));
    free_slot = &slots[zone.slots_used++];
  }
  return free_slot;
}

}  // namespace

const char* KindName(PoolKind kind) {
  switch (kind) {
    case PoolKind::kNone:
      return "none";
    case PoolKind::kSbrk:
      return "Sbrk";
    case PoolKind::kMalloc:
      return "Malloc";
    case PoolKind::kLpool:
      return "Lpool";
    case PoolKind::kTpool:
      return "Tpool";
    case PoolKind::kBlkpool:
      return "Blkpool";
    case PoolKind::kLary:
      return "Lary";
    case PoolKind::kTary:
      return "Tary";
    case PoolKind::kDelptr:
      return "Delptr";
  }
  return "unknown";
}

bool ServesAnySize(PoolKind kind) {
  return kind == PoolKind::kSbrk || kind == PoolKind::kMalloc || kind == PoolKind::kLpool ||
         kind == PoolKind::kBlkpool;
}

void* PoolRef::TryAllocMem(std::uint64_t size) {
  return WithBase(*control_, [size](auto& pool) { return pool.TryAllocMem(size); });
}

void* PoolRef::AllocMem(std::uint64_t size) {
  return NullOnlyOutsideSteps(TryAllocMem(size), *control_, size);
}

void* PoolRef::AllocMemOrEnd(std::uint64_t size) {
  return NeverNull(TryAllocMem(size), *control_, size);
}

void PoolRef::FreeMem(void* memory, std::uint64_t size) {
  WithBase(*control_, [memory, size](auto& pool) { pool.FreeMem(memory, size); });
}

std::uint64_t PoolRef::RealSize(std::uint64_t size) const {
  return WithBase(*control_, [size](auto& pool) { return pool.RealSize(size); });
}

Figures PoolRef::GetFigures() const {
  if (control_->kind == PoolKind::kTpool) {
    return static_cast<TpoolCore*>(control_->pool)->GetFigures();
  }
  if (!ServesAnySize(control_->kind)) {
    return static_cast<PoolAccount*>(control_->pool)->GetFigures();
  }
  return WithBase(*control_, [](auto& pool) { return pool.GetFigures(); });
}

PoolControl* MakeControl(const char* name, PoolKind kind, void* pool, PoolControl* base,
                         ZoneControl* zone) {
  const std::size_t length = std::strlen(name);
  ENSURE(length != 0 && length < PoolControl::kNameSize,
         "a pool's name has 1 to %zu characters: \"%s\"", PoolControl::kNameSize - 1, name);
  PoolControl made;
  std::copy_n(name, length, made.name);
  made.kind = kind;
  made.pool = pool;
  made.base = base;
  made.zone = zone;
  if (zone == nullptr) {
    return HeapControls::New(made);
  }
  auto* const control = ::new (FindSlot(*zone, name)) PoolControl(made);
  if (zone->settings != nullptr) {
    zone->settings->Apply(*control);
  }
  return control;
}

void DropControl(PoolControl* control) {
  if (control->zone == nullptr) {
    HeapControls::Delete(control);
  } else {
    *control = PoolControl();
  }
}

Status ApplyLimit(PoolControl& control, const Limit& limit) {
  const Figures held = PoolRef(control).GetFigures();
  const auto refuse = [&control](std::uint64_t bound, std::uint64_t held_at_most,
                                 const char* unit) {
    return Error::BadInput("Pool " + std::string(control.name) + " cannot be limited to " +
                           std::to_string(bound) + " " + unit + ": it has held " +
                           std::to_string(held_at_most) + "; choose that or more.");
  };
  if (limit.elements < held.live_peak) {
    return refuse(limit.elements, held.live_peak, "elements");
  }
  if (limit.bytes < held.taken_peak_bytes) {
    return refuse(limit.bytes, held.taken_peak_bytes, "bytes");
  }
  control.limit = limit;
  return Status();
}

}  // namespace tandem::pools
