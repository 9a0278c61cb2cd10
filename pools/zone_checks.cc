// SPDX-License-Identifier: Apache-2.0
//
// What a zone says about the pools in it: whether their chains are ones of state, and what is left.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "pools/blkpool.h"
#include "pools/heap_controls.h"
#include "pools/zone.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

std::span<PoolControl> SlotsOf(const ZoneControl& zone) {
  return {reinterpret_cast<PoolControl*>(zone.address + kZoneSlotsOffset), zone.slots_used};
}

std::string Describe(const PoolControl& control) {
  return std::string(control.name) + " (" + KindName(control.kind) + ")";
}

// "a (Tpool) > b (Lpool) > c (Malloc)"
std::string DescribeChain(const PoolControl& control) {
  std::string chain = Describe(control);
  for (const PoolControl* link = control.base; link != nullptr; link = link->base) {
    chain += " > " + Describe(*link);
  }
  return chain;
}

const PoolControl& EndOf(const PoolControl& control) {
  const PoolControl* link = &control;
  while (link->base != nullptr) {
    link = link->base;
  }
  return *link;
}

}  // namespace

Status Zone::CheckChains() const {
  const PoolControl& sbrk = header().sbrk.control();
  for (const PoolControl& slot : SlotsOf(control())) {
    if (slot.kind == PoolKind::kNone) {
      continue;
    }
    if (!Contains(slot.pool)) {
      return Error::BadInput("Pool " + std::string(slot.name) +
                             " takes its memory from the zone but is no part of the state in it; "
                             "make it a member of the state, or give it a base outside.");
    }
    if (&EndOf(slot) != &sbrk) {
      return Error::BadInput("The chain " + DescribeChain(slot) +
                             " does not end in the zone's sbrk, so an image would not hold what "
                             "is in it; give it a base whose chain does.");
    }
  }

  const PoolControl* misplaced =
      HeapControls::FindIf([this](const PoolControl& control) { return Contains(control.pool); });
  if (misplaced != nullptr) {
    return Error::BadInput("The chain " + DescribeChain(*misplaced) +
                           " is part of the state but ends on the heap, so an image would not "
                           "hold what is in it; give it a base whose chain ends in the zone's "
                           "sbrk.");
  }

  // A reference that is no pool, of an index or a Text: a word that is the address of a control.
  const std::span<const std::uintptr_t> root{static_cast<const std::uintptr_t*>(header().root),
                                             header().root_bytes / sizeof(std::uintptr_t)};
  const PoolControl* referred = HeapControls::FindIf([root](const PoolControl& control) {
    return std::find(root.begin(), root.end(), reinterpret_cast<std::uintptr_t>(&control)) !=
           root.end();
  });
  if (referred != nullptr) {
    return Error::BadInput("The state refers to the pool " + DescribeChain(*referred) +
                           " on the heap, so an image would not hold what is in it; let it refer "
                           "to a pool whose chain ends in the zone's sbrk.");
  }
  return Status();
}

std::vector<Leak> Zone::Leaks() const {
  std::vector<Leak> leaks;
  const std::span<PoolControl> slots = SlotsOf(control());
  for (PoolControl& slot : slots) {
    if (slot.kind == PoolKind::kNone) {
      continue;
    }
    const Figures figures = PoolRef(slot).GetFigures();
    if (!ServesAnySize(slot.kind)) {
      if (figures.live != 0) {
        leaks.push_back({slot.name, slot.kind, figures.live, figures.live_bytes});
      }
      continue;
    }
    std::uint64_t held = 0;
    if (slot.kind == PoolKind::kSbrk && header().root != nullptr) {
      held += Sbrk::RealSize(header().root_bytes);
    }
    for (PoolControl& other : slots) {
      if (other.kind != PoolKind::kNone && other.base == &slot) {
        held += PoolRef(other).GetFigures().taken_bytes;
      }
    }
    if (slot.kind == PoolKind::kBlkpool) {
      held += figures.live * Blkpool::kOverheadBytes;
    }
    if (figures.live_bytes > held) {
      leaks.push_back({slot.name, slot.kind, 0, figures.live_bytes - held});
    }
  }
  return leaks;
}

}  // namespace tandem::pools
