// SPDX-License-Identifier: Apache-2.0
//
// ZoneWalk: what lies in a zone, by declared names: its pools with their figures, their elements,
// live or free, and the fields of each. Of a zone that is live in this process, or of an image; by
// the description that lies in the zone (layout.h), so the program that made it is not needed.
//
//   auto walk = ZoneWalk::Of(StateView::Of(zone));
//   for (const StatePool& pool : walk->pools()) {
//     for (std::uint64_t i = 0; i < pool.elements.size(); ++i) {
//       if (pool.elements[i] == kLive) Print(walk->ValuesOf(pool, i));
//
// An element is named by its pool and its number in it, `book.FDb.order#17`: the order in which the
// pool carved its elements, which two copies of a state have alike, whatever their chains and
// addresses are. A pool whose type is not described has elements without fields; one that is no
// pool of the described state has figures only.
//
// Good as long as the view is. One thread. Costs: a look at each block and each free element, and
// at each element of a type with pools in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pools/pool_ref.h"
#include "pools/result.h"
#include "pools/state/layout.h"
#include "pools/state/state_access.h"
#include "pools/state/state_view.h"

namespace tandem::state {

/// A field that is no struct and no pool: of an element, by the path to it.
struct Value {
  enum class Form : std::uint8_t { kNumber, kText, kFlag, kPointer, kBytes };
  std::string name = {};  ///< level; side.0.best
  std::string text = {};  ///< 17; a text as it is; Y; book.FDb.level#4; 0a00
  Form form = Form::kNumber;
  friend bool operator==(const Value&, const Value&) = default;
};
/// `name:text`, quoted where it must be.
[[nodiscard]] std::string RecordOf(const std::vector<Value>& values);

struct StatePool {
  std::string name = {};
  pools::PoolKind kind = pools::PoolKind::kNone;
  std::string base = {};  ///< empty: none
  pools::Limit limit = {};
  pools::Figures figures = {};
  std::uint64_t address = 0;            ///< of the pool itself
  const LayoutField* field = nullptr;   ///< as it is described; null: it is not
  const LayoutType* element = nullptr;  ///< of its elements; null: not described
  std::uint64_t element_bytes = 0;      ///< of an element, without links behind it
  bool has_elements = false;            ///< they can be gone through
  Elements memory = {};
  std::uint64_t count = 0;      ///< elements that were ever live; numbers are below
  std::vector<bool> free = {};  ///< by number

  [[nodiscard]] bool IsLive(std::uint64_t number) const { return number < count && !free[number]; }
  /// Of element `number`, which is below count.
  [[nodiscard]] std::uint64_t AddressOf(std::uint64_t number) const;
};

struct Element {
  const StatePool* pool = nullptr;
  std::uint64_t number = 0;
};

/// What lies at an address.
struct Place {
  enum class Kind : std::uint8_t {
    kNothing,  ///< memory that no described pool holds
    kHeader,   ///< of the zone
    kRoot,     ///< the root object, outside of its pools
    kPool,     ///< a pool's own bookkeeping
    kIndex,    ///< an index's own bookkeeping
    kElement,
    kLink,    ///< of an element, for an index
    kBlock,   ///< in front of or behind the elements of a block
    kUnused,  ///< memory of elements that there never were
    kNested,  ///< elements of a pool that is a member of elements
    kBucket
  };
  Kind kind = Kind::kNothing;
  const StatePool* pool = nullptr;     ///< null for kNothing, kHeader and kRoot
  const LayoutIndex* index = nullptr;  ///< for kIndex, kLink and kBucket
  std::uint64_t number = 0;            ///< of the element, or the bucket
  std::uint64_t offset = 0;            ///< in the element; in the root; else in what it is
};

class ZoneWalk {
 public:
  /// An error says what is wrong with the description. What is wrong with pools is in problems().
  static Result<ZoneWalk> Of(const StateView& view);

  [[nodiscard]] const StateView& view() const { return view_; }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  /// In the order in which they were made.
  [[nodiscard]] const std::vector<StatePool>& pools() const { return pools_; }
  /// Null: there is none of that name.
  [[nodiscard]] const StatePool* FindPool(std::string_view name) const;
  /// Sentences about pools whose bookkeeping is damaged.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  [[nodiscard]] std::uint64_t root_address() const;
  /// Of the root: fields that are not pools. Empty: it is not described.
  [[nodiscard]] std::vector<Value> RootValues() const;
  /// Of element `number`, with the elements of pools that are its members. Where the type is not
  /// described, its bytes.
  [[nodiscard]] std::vector<Value> ValuesOf(const StatePool& pool, std::uint64_t number) const;
  /// The field of that path, which may lead through pointers: client.user. Null: there is none.
  [[nodiscard]] std::optional<std::string> FieldOf(const StatePool& pool, std::uint64_t number,
                                                   std::string_view path) const;

  /// What a pointer's text names, book.FDb.level#4. Null: no element, or a place within one.
  [[nodiscard]] std::optional<Element> ElementOf(std::string_view text) const;

  [[nodiscard]] Place Find(std::uint64_t address) const;
  /// An address as text: null, book.FDb.level#4, with +24 behind it if it leads into one, or 0x...
  [[nodiscard]] std::string PointerText(std::uint64_t address) const;
  /// The byte at an address: `book.FDb.level#4 key` where a field has it, else as PointerText.
  [[nodiscard]] std::string ByteText(std::uint64_t address) const;

 private:
  struct Region {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Place::Kind kind = Place::Kind::kNothing;
    std::size_t pool = 0;
    const LayoutIndex* index = nullptr;
    std::uint64_t first = 0;  ///< number at `begin`
    std::uint64_t elements_begin = 0;
    std::uint64_t count = 0;  ///< elements from there on
  };

  ZoneWalk(const StateView& view, Layout layout) : view_(view), layout_(std::move(layout)) {}
  void FindFields(const LayoutType& type, std::uint64_t address);
  void AddPool(const pools::PoolInfo& info);
  void AddElements(std::size_t pool);
  void AddIndexes(std::size_t pool);
  void AddRegion(const Region& region);
  void SortRegions();

  StateView view_;
  Layout layout_;
  std::map<std::uint64_t, const LayoutField*> fields_;  ///< of the root that are pools, by address
  std::map<std::string, LayoutType, std::less<>> plain_;  ///< types of elements that are no structs
  std::vector<StatePool> pools_;
  std::vector<Region> regions_;  ///< by address, not overlapping
  std::vector<std::string> problems_;
};

}  // namespace tandem::state
