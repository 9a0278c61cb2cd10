// SPDX-License-Identifier: Apache-2.0
#include "pools/state/compare.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <utility>

namespace tandem::state {
namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);

std::string NameOf(const StatePool& pool, std::uint64_t number) {
  return pool.name + '#' + std::to_string(number);
}

std::string HexWord(std::uint64_t word) {
  char text[24];
  std::snprintf(text, sizeof text, "%016" PRIx64, word);
  return text;
}

class Comparer {
 public:
  Comparer(const ZoneWalk& a, const ZoneWalk& b, std::uint64_t max) : a_(a), b_(b), max_(max) {}

  Comparison Run(bool only_fields) {
    result_.by_bytes = !only_fields && a_.view().address() == b_.view().address() &&
                       a_.view().description() == b_.view().description();
    CompareValues("", "root", a_.RootValues(), b_.RootValues());
    root_differs_ = result_.count != 0;
    for (const StatePool& pool : a_.pools()) ComparePools(&pool, b_.FindPool(pool.name));
    for (const StatePool& pool : b_.pools()) {
      if (a_.FindPool(pool.name) == nullptr) ComparePools(nullptr, &pool);
    }
    result_.fields = result_.count;
    if (result_.by_bytes) CompareBytes();
    return std::move(result_);
  }

 private:
  using Key = std::pair<std::string, std::string>;  ///< whose, and what

  void Add(Difference difference) {
    if (++result_.count <= max_) result_.differences.push_back(std::move(difference));
  }

  void ComparePools(const StatePool* a, const StatePool* b) {
    const std::string& name = (a != nullptr ? a : b)->name;
    if (a == nullptr || b == nullptr) {
      return Add({.pool = name,
                  .field = "the pool itself",
                  .a = a != nullptr ? "is there" : "",
                  .b = b != nullptr ? "is there" : ""});
    }
    if (!a->has_elements || !b->has_elements) return;
    const std::uint64_t count = std::max(a->count, b->count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool in_a = a->IsLive(i);
      const bool in_b = b->IsLive(i);
      if (!in_a && !in_b) continue;
      if (in_a && in_b) {
        if (MayDiffer(*a, *b, i)) {
          CompareValues(name, NameOf(*a, i), a_.ValuesOf(*a, i), b_.ValuesOf(*b, i));
        }
        continue;
      }
      differ_.insert(NameOf(*a, i));
      Add({.pool = name,
           .element = NameOf(*a, i),
           .a = in_a ? RecordOf(a_.ValuesOf(*a, i)) : "",
           .b = in_b ? RecordOf(b_.ValuesOf(*b, i)) : ""});
    }
  }

  // Equal bytes are equal values, unless pools are among them.
  [[nodiscard]] bool MayDiffer(const StatePool& a, const StatePool& b, std::uint64_t number) const {
    if (!result_.by_bytes || (a.element != nullptr && a.element->holds_pools)) return true;
    const std::uint64_t size = a.element_bytes;
    const std::byte* const in_a = a_.view().At(a.AddressOf(number), size);
    const std::byte* const in_b = b_.view().At(b.AddressOf(number), size);
    return in_a == nullptr || in_b == nullptr || std::memcmp(in_a, in_b, size) != 0;
  }

  void CompareValues(const std::string& pool, const std::string& element,
                     const std::vector<Value>& a, const std::vector<Value>& b) {
    if (a == b) return;
    differ_.insert(element);
    std::map<std::string_view, const Value*> in_b;
    for (const Value& value : b) in_b.emplace(value.name, &value);
    for (const Value& value : a) {
      const auto other = in_b.find(value.name);
      const bool is_there = other != in_b.end();
      if (!is_there || other->second->text != value.text) {
        Add({.pool = pool,
             .element = element,
             .field = value.name,
             .a = Shown(value),
             .b = is_there ? Shown(*other->second) : ""});
      }
      if (is_there) in_b.erase(other);
    }
    for (const Value& value : b) {
      if (in_b.contains(value.name)) {
        Add({.pool = pool, .element = element, .field = value.name, .b = Shown(value)});
      }
    }
  }
  // So that an empty text is not taken for none.
  static std::string Shown(const Value& value) { return value.text.empty() ? "\"\"" : value.text; }

  void CompareBytes() {
    const std::span<const std::byte> a = a_.view().bytes();
    const std::span<const std::byte> b = b_.view().bytes();
    const std::size_t common = std::min(a.size(), b.size());
    constexpr std::size_t kBlock = 4096;
    for (std::size_t block = 0; block < common; block += kBlock) {
      const std::size_t size = std::min(kBlock, common - block);
      if (std::memcmp(a.data() + block, b.data() + block, size) == 0) continue;
      for (std::size_t at = block; at + kWord <= block + size; at += kWord) {
        const std::uint64_t word_a = LoadWord(a.data() + at);
        const std::uint64_t word_b = LoadWord(b.data() + at);
        if (word_a != word_b) AddWord(a_.view().begin() + at, word_a, word_b);
      }
    }
    result_.bytes += std::max(a.size(), b.size()) - common;
    for (auto& [key, difference] : rest_) Add(std::move(difference));
    if (a.size() != b.size()) {
      Add({.field = "the size of the state",
           .a = std::to_string(a.size()),
           .b = std::to_string(b.size()),
           .bytes = std::max(a.size(), b.size()) - common});
    }
  }

  void AddWord(std::uint64_t address, std::uint64_t a, std::uint64_t b) {
    std::uint64_t bytes = 0;
    for (std::uint64_t left = a ^ b; left != 0; left >>= 8) bytes += (left & 0xff) != 0 ? 1 : 0;
    result_.bytes += bytes;
    const Place in_a = a_.Find(address);
    const bool nobody = in_a.kind == Place::Kind::kNothing || in_a.kind == Place::Kind::kUnused;
    const Place place = nobody ? b_.Find(address) : in_a;
    const std::string pool = place.pool != nullptr ? place.pool->name : "";
    const std::string element =
        place.pool != nullptr ? NameOf(*place.pool, place.number) : std::string();
    const std::string index = place.index != nullptr ? place.index->name : "";
    const auto rest = [&](const std::string& what, const std::string& which = "") {
      const auto [known, is_new] = rest_.try_emplace({pool + ' ' + which, what});
      if (is_new) known->second = {pool, which, what, HexWord(a), HexWord(b), 0};
      known->second.bytes += bytes;
    };
    switch (place.kind) {
      case Place::Kind::kNothing:
        return rest("memory that no described pool holds");
      case Place::Kind::kHeader:
        return rest("the zone's header: which pages are handed out");
      case Place::Kind::kRoot:
        if (!root_differs_) rest("bytes of the root that no field has");
        return;
      case Place::Kind::kPool:
        return rest("bookkeeping of the pool: its free list and figures");
      case Place::Kind::kIndex:
        return rest("bookkeeping of index " + index);
      case Place::Kind::kElement:
      case Place::Kind::kNested:
        if (differ_.contains(element)) return;
        if (!place.pool->IsLive(place.number)) return rest("elements that are free");
        return rest("bytes that no field has", element);
      case Place::Kind::kLink:
        if (!place.pool->IsLive(place.number)) return rest("elements that are free");
        return Add(
            {pool, element, "link of index " + index, a_.PointerText(a), b_.PointerText(b), bytes});
      case Place::Kind::kBlock:
        return rest("memory between its elements");
      case Place::Kind::kUnused:
        return rest("memory of elements that there never were");
      case Place::Kind::kBucket:
        return Add({pool, "", "bucket " + std::to_string(place.number) + " of index " + index,
                    BucketText(a_, a), BucketText(b_, b), bytes});
    }
  }

  // The first element, and which hashes are in the bucket.
  static std::string BucketText(const ZoneWalk& walk, std::uint64_t bucket) {
    constexpr int kAddressBits = 48;
    const std::uint64_t address = bucket & ((std::uint64_t{1} << kAddressBits) - 1);
    return walk.PointerText(address) + " sieve " + std::to_string(bucket >> kAddressBits);
  }

  const ZoneWalk& a_;
  const ZoneWalk& b_;
  const std::uint64_t max_;
  Comparison result_;
  bool root_differs_ = false;
  std::set<std::string> differ_;  ///< elements
  std::map<Key, Difference> rest_;
};

}  // namespace

std::string TextOf(const Difference& difference) {
  std::string text = !difference.element.empty() ? difference.element
                     : !difference.pool.empty()  ? difference.pool
                                                 : "zone";
  if (difference.field.empty()) {
    return text +
           (difference.b.empty() ? " only in A: " + difference.a : " only in B: " + difference.b);
  }
  text += ' ' + difference.field + ": ";
  text += difference.a.empty() ? "(none)" : difference.a;
  text += " | ";
  text += difference.b.empty() ? "(none)" : difference.b;
  if (difference.bytes != 0) text += "  (" + std::to_string(difference.bytes) + " bytes)";
  return text;
}

Comparison Compare(const ZoneWalk& a, const ZoneWalk& b, std::uint64_t max, bool only_fields) {
  return Comparer(a, b, max).Run(only_fields);
}

}  // namespace tandem::state
