// SPDX-License-Identifier: Apache-2.0
#include "pools/state/zone_walk.h"

#include <algorithm>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "pools/checks.h"
#include "pools/state/values.h"

namespace tandem::state {
namespace {

using pools::PoolKind;

std::string Hex(std::uint64_t address) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%" PRIx64, address);
  return text;
}

}  // namespace

std::uint64_t StatePool::AddressOf(std::uint64_t number) const {
  const auto behind =
      std::upper_bound(memory.runs.begin(), memory.runs.end(), number,
                       [](std::uint64_t wanted, const Run& run) { return wanted < run.first; });
  const Run& run = *(behind - 1);
  return run.begin + (number - run.first) * memory.stride;
}

Result<ZoneWalk> ZoneWalk::Of(const StateView& view) {
  Result<Layout> layout = Layout::Parse(view.description());
  if (!layout) return layout.error();
  ZoneWalk walk(view, std::move(*layout));
  const LayoutType* const root = walk.layout_.root();
  if (root != nullptr) {
    if (root->size != view.header().root_bytes ||
        view.At(walk.root_address(), root->size) == nullptr) {
      return Error::BadInput("the zone's root is not of the size that its description says");
    }
    walk.FindFields(*root, walk.root_address());
  }
  walk.AddRegion({.begin = view.begin(),
                  .end = view.address() + pools::kZonePreludeBytes,
                  .kind = Place::Kind::kHeader});
  for (const pools::PoolInfo& info : view.pools()) walk.AddPool(info);
  for (std::size_t i = 0; i < walk.pools_.size(); ++i) walk.AddElements(i);
  walk.SortRegions();  // so that pointers have names
  const std::size_t known = walk.regions_.size();
  for (std::size_t i = 0; i < walk.pools_.size(); ++i) walk.AddIndexes(i);
  if (walk.regions_.size() != known) walk.SortRegions();
  return walk;
}

std::uint64_t ZoneWalk::root_address() const {
  return reinterpret_cast<std::uintptr_t>(view_.header().root);
}

// Pools of the root, also those within structs and arrays in it.
void ZoneWalk::FindFields(const LayoutType& type, std::uint64_t address) {
  for (const LayoutField& field : type.fields) {
    if (field.kind == pools::FieldKind::kPool) fields_.emplace(address + field.offset, &field);
    if (field.kind != pools::FieldKind::kStruct || !field.element->holds_pools) continue;
    for (std::uint64_t i = 0; i < field.count_min; ++i) {
      FindFields(*field.element, address + field.offset + i * field.element_size);
    }
  }
}

void ZoneWalk::AddPool(const pools::PoolInfo& info) {
  StatePool pool{.name = info.name,
                 .kind = info.kind,
                 .base = info.base,
                 .limit = info.limit,
                 .figures = FiguresOf(view_, info.kind, info.address),
                 .address = info.address};
  if (const auto found = fields_.find(pool.address); found != fields_.end()) {
    pool.field = found->second;
  }
  const bool is_array = pool.kind == PoolKind::kLary || pool.kind == PoolKind::kTary ||
                        pool.kind == PoolKind::kDelptr;
  if (pool.kind == PoolKind::kTpool) {
    const auto* const core = view_.Get<pools::TpoolCore>(pool.address);
    pool.has_elements = core != nullptr;
    if (core != nullptr) pool.memory = ElementsOfTpool(view_, *core, layout_.checked());
    pool.element_bytes = pool.memory.stride;
  } else if (is_array && pool.field != nullptr &&
             pool.field->size == BytesOfArray(pool.kind, false)) {
    pool.has_elements = true;
    pool.memory = ElementsOfArray(view_, pool.kind, pool.address, false);
    pool.element_bytes = pool.memory.stride;
  }
  if (pool.field != nullptr) {
    pool.element = pool.field->element;
    if (pool.element == nullptr && pool.element_bytes != 0) {
      pool.element = &plain_.try_emplace(pool.name, PlainType(pool.field->arg, pool.element_bytes))
                          .first->second;
    }
  }
  if (pool.element != nullptr && pool.has_elements) {
    if (pool.element->size > pool.memory.stride) {
      problems_.push_back("pool " + pool.name + " has elements of " +
                          std::to_string(pool.memory.stride) + " bytes, and their type has " +
                          std::to_string(pool.element->size));
      pool.element = nullptr;
    } else {
      pool.element_bytes = pool.element->size;
    }
  }
  if (pool.memory.damaged || (pool.kind == PoolKind::kTpool && !pool.has_elements)) {
    problems_.push_back("pool " + pool.name +
                        ": its bookkeeping is damaged; elements may be missing, or shown as live");
  }
  pools_.push_back(std::move(pool));
}

void ZoneWalk::AddElements(std::size_t number) {
  StatePool& pool = pools_[number];
  for (const Run& run : pool.memory.runs) {
    pool.count = std::max(pool.count, run.first + run.count);
    AddRegion({.begin = run.block,
               .end = run.block + run.block_bytes,
               .kind = Place::Kind::kElement,
               .pool = number,
               .first = run.first,
               .elements_begin = run.begin,
               .count = run.count});
  }
  pool.free.assign(pool.count, false);
  std::vector<Run> runs = pool.memory.runs;
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.begin < b.begin; });
  std::uint64_t strange = 0;
  for (const std::uint64_t address : pool.memory.free) {
    const auto behind =
        std::upper_bound(runs.begin(), runs.end(), address,
                         [](std::uint64_t wanted, const Run& run) { return wanted < run.begin; });
    const std::uint64_t offset = behind == runs.begin() ? 0 : address - (behind - 1)->begin;
    const std::uint64_t place = offset / pool.memory.stride;
    if (behind == runs.begin() || offset % pool.memory.stride != 0 ||
        place >= (behind - 1)->count) {
      ++strange;
    } else {
      pool.free[(behind - 1)->first + place] = true;
    }
  }
  if (strange != 0) {
    problems_.push_back("pool " + pool.name + ": " + std::to_string(strange) +
                        " entries of its free list are no elements of it");
  }
}

void ZoneWalk::AddIndexes(std::size_t number) {
  const StatePool& pool = pools_[number];
  if (pool.field != nullptr) {
    for (const LayoutIndex& index : pool.field->indexes) {
      if (!index.is_hash) continue;
      const Elements buckets = BucketsOf(view_, pool.address + index.table_offset);
      if (buckets.damaged) {
        problems_.push_back("pool " + pool.name + ": index " + index.name +
                            " has buckets outside of the zone");
      }
      for (const Run& run : buckets.runs) {
        AddRegion({.begin = run.block,
                   .end = run.block + run.block_bytes,
                   .kind = Place::Kind::kBucket,
                   .pool = number,
                   .index = &index,
                   .first = run.first,
                   .elements_begin = run.begin,
                   .count = run.count});
      }
    }
  }
  if (pool.element == nullptr || !pool.element->holds_pools) return;
  std::vector<Value> values;
  for (std::uint64_t i = 0; i < pool.count; ++i) {
    if (!pool.IsLive(i)) continue;
    values.clear();
    AddValues(*this, *pool.element, pool.AddressOf(i), values, [&](const Elements& elements) {
      for (const Run& run : elements.runs) {
        AddRegion({.begin = run.block,
                   .end = run.block + run.block_bytes,
                   .kind = Place::Kind::kNested,
                   .pool = number,
                   .first = i,
                   .elements_begin = run.begin,
                   .count = run.count * elements.stride});
      }
    });
  }
}

void ZoneWalk::AddRegion(const Region& region) {
  if (region.begin < region.end) regions_.push_back(region);
}

// A damaged zone may have two owners of the same memory: the first one keeps it.
void ZoneWalk::SortRegions() {
  std::stable_sort(regions_.begin(), regions_.end(),
                   [](const Region& a, const Region& b) { return a.begin < b.begin; });
  std::uint64_t end = 0;
  std::erase_if(regions_, [&end](const Region& region) {
    if (region.begin < end) return true;
    end = region.end;
    return false;
  });
}

const StatePool* ZoneWalk::FindPool(std::string_view name) const {
  for (const StatePool& pool : pools_) {
    if (pool.name == name) return &pool;
  }
  return nullptr;
}

Place ZoneWalk::Find(std::uint64_t address) const {
  if (address - root_address() < view_.header().root_bytes) {
    Place place{.kind = Place::Kind::kRoot, .offset = address - root_address()};
    for (const StatePool& pool : pools_) {
      if (pool.field == nullptr || address - pool.address >= pool.field->size) continue;
      place = {.kind = Place::Kind::kPool, .pool = &pool, .offset = address - pool.address};
      for (const LayoutIndex& index : pool.field->indexes) {
        if (place.offset - index.table_offset >= index.table_bytes) continue;
        place.kind = Place::Kind::kIndex;
        place.index = &index;
        place.offset -= index.table_offset;
        break;
      }
      break;
    }
    return place;
  }
  auto region =
      std::upper_bound(regions_.begin(), regions_.end(), address,
                       [](std::uint64_t wanted, const Region& one) { return wanted < one.begin; });
  if (region == regions_.begin() || address >= (--region)->end) return {};
  Place place{.kind = region->kind, .offset = address - region->begin};
  if (place.kind == Place::Kind::kHeader) return place;
  const StatePool& pool = pools_[region->pool];
  place.pool = &pool;
  place.index = region->index;
  if (place.kind == Place::Kind::kBucket) {
    place.number = region->first + place.offset / sizeof(std::uint64_t);
    place.offset %= sizeof(std::uint64_t);
    return place;
  }
  if (place.kind == Place::Kind::kNested) {
    place.number = region->first;
    if (place.offset >= region->count) place.kind = Place::Kind::kUnused;
    return place;
  }
  const std::uint64_t stride = pool.memory.stride;
  if (address < region->elements_begin) {
    place.kind = Place::Kind::kBlock;
    return place;
  }
  place.number = region->first + (address - region->elements_begin) / stride;
  place.offset = (address - region->elements_begin) % stride;
  if (place.number >= region->first + region->count) {
    place.kind = Place::Kind::kUnused;
  } else if (pool.field != nullptr) {
    for (const LayoutIndex& index : pool.field->indexes) {
      if (place.offset - index.link_offset >= index.link_bytes) continue;
      place.kind = Place::Kind::kLink;
      place.index = &index;
    }
  }
  return place;
}

std::string ZoneWalk::PointerText(std::uint64_t address) const {
  if (address == 0) return "null";
  const Place place = Find(address);
  std::string text;
  switch (place.kind) {
    case Place::Kind::kElement:
      text = place.pool->name + '#' + std::to_string(place.number);
      break;
    case Place::Kind::kLink:  // the element and its links are one
      text = place.pool->name + '#' + std::to_string(place.number);
      break;
    case Place::Kind::kRoot:
      text = "root";
      break;
    case Place::Kind::kPool:
    case Place::Kind::kIndex:
      return place.pool->name + '+' + std::to_string(address - place.pool->address);
    default:
      return Hex(address);
  }
  return place.offset == 0 ? text : text + '+' + std::to_string(place.offset);
}

std::string ZoneWalk::ByteText(std::uint64_t address) const {
  const Place place = Find(address);
  std::string name;
  std::string field;
  if (place.kind == Place::Kind::kElement && place.pool->element != nullptr) {
    name = place.pool->name + '#' + std::to_string(place.number);
    field = FieldAt(*place.pool->element, place.offset);
  } else if (place.kind == Place::Kind::kRoot && layout_.root() != nullptr) {
    name = "root";
    field = FieldAt(*layout_.root(), place.offset);
  }
  return field.empty() ? PointerText(address) : name + ' ' + field;
}

std::vector<Value> ZoneWalk::RootValues() const {
  std::vector<Value> values;
  if (layout_.root() != nullptr) AddValues(*this, *layout_.root(), root_address(), values);
  return values;
}

std::vector<Value> ZoneWalk::ValuesOf(const StatePool& pool, std::uint64_t number) const {
  std::vector<Value> values;
  const std::uint64_t address = pool.AddressOf(number);
  if (pool.element != nullptr) {
    AddValues(*this, *pool.element, address, values);
  } else {
    AddValues(*this, PlainType("bytes", pool.element_bytes), address, values);
  }
  return values;
}

std::optional<Element> ZoneWalk::ElementOf(std::string_view text) const {
  const std::size_t hash = text.find('#');
  if (hash == std::string_view::npos) return std::nullopt;
  Element element{.pool = FindPool(text.substr(0, hash))};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + hash + 1, end, element.number);
  if (element.pool == nullptr || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return element;
}

std::optional<std::string> ZoneWalk::FieldOf(const StatePool& pool, std::uint64_t number,
                                             std::string_view path) const {
  Element at{.pool = &pool, .number = number};
  for (int hops = 0; hops < 16; ++hops) {
    const Value* through = nullptr;
    const std::vector<Value> values = ValuesOf(*at.pool, at.number);
    for (const Value& value : values) {
      if (value.name == path) return value.text;
      if (value.form == Value::Form::kPointer && path.size() > value.name.size() &&
          path.starts_with(value.name) && path[value.name.size()] == '.') {
        through = &value;
      }
    }
    const auto next = through != nullptr ? ElementOf(through->text) : std::nullopt;
    if (!next) return std::nullopt;
    at = *next;
    path.remove_prefix(through->name.size() + 1);
  }
  return std::nullopt;
}

}  // namespace tandem::state
