// SPDX-License-Identifier: Apache-2.0
#include "pools/zone_settings.h"

#include <algorithm>
#include <limits>

#include "pools/blkpool.h"
#include "pools/lpool.h"
#include "pools/out_of_memory.h"
#include "pools/perturbation.h"
#include "pools/sbrk.h"
#include "pools/tpool_core.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

std::uint64_t DivideUp(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

/// Does a pool of that kind ask its base for a block for each few elements, so that whole pages
/// would be wasted?
bool TakesSmallBlocks(PoolKind kind) {
  return kind == PoolKind::kLary || kind == PoolKind::kTary || kind == PoolKind::kDelptr;
}

/// One of the pools of the zone that could be the base of `control`, mostly another than it has.
PoolControl* DrawnBase(const PoolControl& control, std::uint64_t chain_seed) {
  auto* const slots = reinterpret_cast<PoolControl*>(control.zone->address + kZoneSlotsOffset);
  const auto place = static_cast<std::uint64_t>(&control - slots);
  Shuffler shuffler(chain_seed + place);
  const bool may_stay = shuffler.Below(4) == 0;
  std::vector<PoolControl*> bases;
  for (std::uint64_t i = 0; i < control.zone->slots_used; ++i) {
    PoolControl& base = slots[i];
    if (base.kind == PoolKind::kNone || !CheckBase(control, base).ok() ||
        (base.kind == PoolKind::kSbrk && TakesSmallBlocks(control.kind)) ||
        (&base == control.base && !may_stay)) {
      continue;
    }
    bases.push_back(&base);
  }
  return bases.empty() ? control.base : bases[shuffler.Below(bases.size())];
}

}  // namespace

PoolControl* FindControl(const ZoneControl& zone, std::string_view name) {
  auto* slots = reinterpret_cast<PoolControl*>(zone.address + kZoneSlotsOffset);
  auto* const end = slots + zone.slots_used;
  auto* const found = std::find_if(slots, end, [name](const PoolControl& slot) {
    return slot.kind != PoolKind::kNone && slot.name == name;
  });
  return found == end ? nullptr : found;
}

Status CheckBase(const PoolControl& control, const PoolControl& base) {
  const std::string subject = "Pool " + std::string(control.name) +
                              " cannot take its memory from " + std::string(base.name) + ": ";
  if (control.base == nullptr) {
    return Error::BadInput(subject + "it has no base; leave it out.");
  }
  if (!ServesAnySize(base.kind)) {
    return Error::BadInput(subject + "a " + KindName(base.kind) +
                           " serves one size only; choose an Lpool or sbrk.");
  }
  for (const PoolControl* link = &base; link != nullptr; link = link->base) {
    if (link == &control) {
      return Error::BadInput(subject + "the chain would lead back to it; choose another base.");
    }
  }
  return Status();
}

void SettingsInForce::Apply(PoolControl& control) {
  ApplySetting(control);
  if (chain_seed_ != 0 && control.zone != nullptr && control.base != nullptr) {
    control.base = DrawnBase(control, chain_seed_);
  }
}

void SettingsInForce::ApplySetting(PoolControl& control) {
  const auto setting =
      std::find_if(settings_.begin(), settings_.end(),
                   [&control](const PoolSetting& s) { return s.pool == control.name; });
  if (setting == settings_.end()) {
    return;
  }
  applied_[static_cast<std::size_t>(setting - settings_.begin())] = true;
  control.limit = setting->limit;
  if (setting->base.empty() || (control.base != nullptr && control.base->name == setting->base)) {
    return;
  }
  PoolControl* const base =
      control.zone == nullptr ? nullptr : FindControl(*control.zone, setting->base);
  Status status = base != nullptr
                      ? CheckBase(control, *base)
                      : Error::BadInput("Pool " + setting->pool + " cannot take its memory from " +
                                        setting->base +
                                        ": there is no such pool in the zone, or it is made "
                                        "later; choose a base that is declared before it.");
  if (status.ok()) {
    control.base = base;
  } else if (refused_.ok()) {
    refused_ = std::move(status);
  }
}

Status SettingsInForce::Check() const {
  if (!refused_.ok()) {
    return refused_;
  }
  const auto unused = std::find(applied_.begin(), applied_.end(), false);
  if (unused == applied_.end()) {
    return Status();
  }
  const PoolSetting& setting = settings_[static_cast<std::size_t>(unused - applied_.begin())];
  return Error::BadInput("There is no pool " + setting.pool +
                         " in the state of this program; leave it out.");
}

Status Reserve(PoolControl& control, std::uint64_t elements, std::uint64_t bytes) {
  if (elements == 0 && bytes == 0) {
    return Status();
  }
  if (elements != 0 && ServesAnySize(control.kind)) {
    return Error::BadInput("Pool " + std::string(control.name) +
                           " serves blocks of any size; reserve bytes, not elements.");
  }
  bool done = false;
  switch (control.kind) {
    case PoolKind::kSbrk:
      done = static_cast<Sbrk*>(control.pool)->TryReserve(bytes);
      break;
    case PoolKind::kTpool: {
      auto& pool = *static_cast<TpoolCore*>(control.pool);
      elements = std::max(elements, DivideUp(bytes, pool.stride()));
      done = pool.TryReserve(elements);
      break;
    }
    case PoolKind::kLpool:
      done = static_cast<Lpool*>(control.pool)
                 ->ReserveBuffers(DivideUp(bytes, Lpool::kBaseRequestBytes),
                                  Lpool::kBaseRequestBytes - kFenceBytes);
      break;
    case PoolKind::kBlkpool: {
      auto& pool = *static_cast<Blkpool*>(control.pool);
      done = pool.ReserveBuffers(DivideUp(bytes, pool.buffer_bytes()), kMinAlignment);
      break;
    }
    default:
      return Error::BadInput("Pool " + std::string(control.name) + " is a " +
                             KindName(control.kind) +
                             ", which takes memory as its elements come; reserve in its base.");
  }
  if (!done) {
    EndOutOfMemory(control, std::max(bytes, elements));
  }
  return Status();
}

}  // namespace tandem::pools
