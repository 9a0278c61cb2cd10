// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/zone_options.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "pools/declarations/load.h"
#include "pools/declarations/resolve.h"

namespace tandem::declarations {
namespace {

using pools::PoolSetting;

/// Elements that live in their parents have no memory of their own, and no control.
bool HasMemory(const Field& field) {
  return field.reftype != Reftype::kVal && field.reftype != Reftype::kInlary;
}

Result<const Field*> TheSbrk(const Resolution& resolution) {
  const Field* sbrk = nullptr;
  for (const ResolvedPool& pool : resolution.pools) {
    if (pool.field->reftype != Reftype::kSbrk) continue;
    if (sbrk != nullptr) {
      return ErrorAt(pool.field->place, pool.field->name + ": a state lives in one zone, and " +
                                            sbrk->name + " is its Sbrk already; declare one.");
    }
    sbrk = pool.field;
  }
  if (sbrk == nullptr) {
    return Error::BadInput(
        "The declarations of a state name no Sbrk, the zone that it lives in; declare one.");
  }
  return sbrk;
}

/// Of the record that lets a chain end on the heap with `last`, its last pool but a Malloc.
const Place& HeapPlace(const Declarations& declarations, const ResolvedPool& last) {
  if (last.rule_place != nullptr) return *last.rule_place;
  const Namespace* const ns = declarations.FindNamespace(last.field->ns());
  return ns != nullptr ? ns->place : last.field->place;
}

/// Follows each chain to its end.
Status CheckChains(const Declarations& declarations, const Resolution& resolution,
                   const Field& sbrk) {
  std::unordered_map<const Field*, const ResolvedPool*> pools;
  for (const ResolvedPool& pool : resolution.pools) pools[pool.field] = &pool;
  for (const ResolvedPool& pool : resolution.pools) {
    if (!HasMemory(*pool.field) || pool.field->reftype == Reftype::kMalloc) continue;
    const ResolvedPool* link = &pool;
    const ResolvedPool* last = link;
    while (link->base != nullptr) {
      last = link;
      link = pools.at(link->base);
    }
    if (link->field == &sbrk) continue;
    if (link->field->reftype != Reftype::kMalloc) last = link;
    return ErrorAt(HeapPlace(declarations, *last),
                   "The chain of pool " + pool.field->name +
                       " ends on the heap, so an image of the zone would not hold what is "
                       "in it; give it a base whose chain ends in " +
                       sbrk.name + ".");
  }
  return {};
}

PoolSetting SettingOf(const ResolvedPool& pool, const Tuning* tuning) {
  PoolSetting setting;
  setting.pool = pool.field->name;
  if (pool.base != nullptr) setting.base = pool.base->name;
  if (tuning != nullptr) {
    setting.limit.elements = tuning->limit_elems.value_or(pools::kNoLimit);
    setting.limit.bytes = tuning->limit_bytes.value_or(pools::kNoLimit);
    setting.reserve_elements = tuning->reserve_elems.value_or(0);
    setting.reserve_bytes = tuning->reserve_bytes.value_or(0);
  }
  return setting;
}

pools::PageSettings PagesOf(const Tuning* tuning) {
  if (tuning == nullptr) return {};
  return {.huge = tuning->huge_pages.value_or(false),
          .huge_limit_bytes = tuning->huge_page_limit.value_or(pools::kNoLimit),
          .prefault = tuning->prefault.value_or(false),
          .lock = tuning->mlock.value_or(false),
          .zero = tuning->zero.value_or(false)};
}

}  // namespace

Result<pools::ZoneOptions> ZoneOptionsOf(std::string_view declared, const Declarations* site,
                                         pools::ZoneOptions options) {
  Result<Declarations> declarations = LoadText(declared, "the declarations of the program");
  if (!declarations) return declarations.error();
  if (site != nullptr) {
    if (Status status = Override(*declarations, *site); !status) return status.error();
  }
  const Resolution resolution = Resolve(*declarations);
  if (Status status = resolution.status(); !status) return status.error();
  const Result<const Field*> sbrk = TheSbrk(resolution);
  if (!sbrk) return sbrk.error();
  if (Status status = CheckChains(*declarations, resolution, **sbrk); !status)
    return status.error();

  options.sbrk_name = (*sbrk)->name;
  options.pages = PagesOf(declarations->FindTuning((*sbrk)->name));
  for (const ResolvedPool& pool : resolution.pools) {
    if (!HasMemory(*pool.field) || pool.field->reftype == Reftype::kMalloc) continue;
    options.pools.push_back(SettingOf(pool, declarations->FindTuning(pool.field->name)));
  }
  return options;
}

}  // namespace tandem::declarations
