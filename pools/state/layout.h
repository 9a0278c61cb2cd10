// SPDX-License-Identifier: Apache-2.0
//
// Layout: the types of a state as its zone's description has them (pools/layout_text.h), read. What
// it says is checked, so that whoever walks a state by it stays inside of the elements.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pools/fields.h"
#include "pools/result.h"

namespace tandem::state {

struct LayoutType;

/// An index of a Table.
struct LayoutIndex {
  std::string name = {};           ///< Hash(client,id)
  bool is_hash = false;            ///< Hash or HashMulti
  std::uint64_t link_offset = 0;   ///< of its link, from the begin of an element
  std::uint64_t link_bytes = 0;    ///< pointers
  std::uint64_t table_offset = 0;  ///< of the index itself, from the begin of the table
  std::uint64_t table_bytes = 0;
};

/// See pools::FieldInfo.
struct LayoutField {
  std::string name = {};
  std::string arg = {};
  std::string reftype = {};
  pools::FieldKind kind = pools::FieldKind::kOpaque;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t count_min = 1;
  std::uint64_t count_max = 1;
  std::uint64_t element_size = 0;
  std::string of = {};                  ///< name of the type of its elements; empty: not described
  const LayoutType* element = nullptr;  ///< that type
  std::vector<LayoutIndex> indexes = {};
};

struct LayoutType {
  std::string name = {};
  std::uint64_t size = 0;
  std::vector<LayoutField> fields = {};
  bool holds_pools = false;  ///< some of its fields, or of those of types within, are pools
};

class Layout {
 public:
  /// Of an empty text: nothing is described. An error says what is wrong, with the line.
  static Result<Layout> Parse(std::string_view text);

  /// Null: nothing is described.
  [[nodiscard]] const LayoutType* root() const { return root_; }
  /// Null: there is none of that name.
  [[nodiscard]] const LayoutType* Find(std::string_view type) const;
  /// The field `ns.Type.name`, or null.
  [[nodiscard]] const LayoutField* FindField(std::string_view name) const;
  /// Was the state made by a checked build, with fences behind elements?
  [[nodiscard]] bool checked() const { return checked_; }

 private:
  static constexpr int kDepthMax = 64;  ///< of types within types
  using Depths = std::unordered_map<const LayoutType*, int>;

  Status Link();
  int DepthOf(LayoutType& type, Depths& depths);

  std::unordered_map<std::string, std::unique_ptr<LayoutType>> types_;
  const LayoutType* root_ = nullptr;
  bool checked_ = false;
};

}  // namespace tandem::state
