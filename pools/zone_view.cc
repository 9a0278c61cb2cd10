// SPDX-License-Identifier: Apache-2.0
#include "pools/zone_view.h"

#include <xxhash.h>

#include "pools/ensure.h"
#include "pools/pool_account.h"
#include "pools/tpool_core.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

std::uint64_t ElementBytes(const PoolControl& control) {
  if (control.kind == PoolKind::kTpool) {
    return static_cast<const TpoolCore*>(control.pool)->stride();
  }
  return ServesAnySize(control.kind)
             ? 0
             : static_cast<const PoolAccount*>(control.pool)->element_bytes();
}

void Append(std::string& bytes, std::uint64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

ZoneView::ZoneView(std::uint64_t address) : address_(address) {
  ENSURE(control().magic == kZoneMagic && control().address == address &&
             header().magic == kZoneMagic && header().layout_version == kZoneLayoutVersion,
         "there is no zone at 0x%zx", static_cast<std::size_t>(address));
}

ZoneControl& ZoneView::control() const { return *reinterpret_cast<ZoneControl*>(address_); }

ZoneHeader& ZoneView::header() const {
  return *reinterpret_cast<ZoneHeader*>(address_ + kZoneHeaderOffset);
}

std::vector<PoolInfo> ZoneView::Pools() const {
  std::vector<PoolInfo> pools;
  auto* const slots = reinterpret_cast<PoolControl*>(address_ + kZoneSlotsOffset);
  for (std::uint64_t i = 0; i < control().slots_used; ++i) {
    PoolControl& slot = slots[i];
    if (slot.kind == PoolKind::kNone) {
      continue;
    }
    pools.push_back({.name = slot.name,
                     .kind = slot.kind,
                     .base = slot.base == nullptr ? "" : slot.base->name,
                     .limit = slot.limit,
                     .figures = PoolRef(slot).GetFigures(),
                     .element_bytes = ElementBytes(slot),
                     .address = reinterpret_cast<std::uintptr_t>(slot.pool),
                     .slot = static_cast<std::uint32_t>(i)});
  }
  return pools;
}

std::span<const std::byte> ZoneView::state_bytes() const {
  const std::uint64_t begin = address_ + kZoneHeaderOffset;
  return {reinterpret_cast<const std::byte*>(begin), header().sbrk.break_address() - begin};
}

std::span<const std::byte> ZoneView::image_bytes() const {
  const std::uint64_t begin = address_ + kZoneHeaderOffset;
  return {reinterpret_cast<const std::byte*>(begin), header().sbrk.fresh_from() - begin};
}

std::uint64_t ZoneView::Hash() const {
  const std::span<const std::byte> bytes = state_bytes();
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string_view ZoneView::description() const {
  return {reinterpret_cast<const char*>(address_ + kZoneDescriptionOffset),
          control().description_bytes};
}

std::uint64_t ZoneView::LayoutFingerprint(std::string_view owner) const {
  std::string facts(owner);
  facts += '\0';
  facts += description();
  Append(facts, kZoneLayoutVersion);
  Append(facts, header().root_bytes);
  for (const PoolInfo& pool : Pools()) {
    // An installation may name what the chains end in.
    facts += pool.kind == PoolKind::kSbrk ? "" : pool.name;
    Append(facts, static_cast<std::uint64_t>(pool.kind));
    Append(facts, pool.element_bytes);
    Append(facts, pool.address - address_);
  }
  return XXH3_64bits(facts.data(), facts.size());
}

}  // namespace tandem::pools
