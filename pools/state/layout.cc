// SPDX-License-Identifier: Apache-2.0
#include "pools/state/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "pools/declarations/record.h"
#include "pools/layout_text.h"
#include "pools/state/state_access.h"

namespace tandem::state {
namespace {

using declarations::Record;
using pools::FieldKind;

Error Bad(const Record& record, const std::string& what) {
  return declarations::ErrorAt(record.place, "the record " + record.head + " " + what);
}

/// Reads the pairs of one record; remembers the first that was missing or wrong.
class Pairs {
 public:
  explicit Pairs(const Record& record) : record_(record) {}

  std::string Text(std::string_view key) {
    const std::string* const value = record_.Find(key);
    if (value == nullptr || value->empty()) Refuse(std::string(key) + " is missing");
    return value != nullptr ? *value : "";
  }
  std::string TextOr(std::string_view key, std::string_view otherwise) const {
    const std::string* const value = record_.Find(key);
    return std::string(value != nullptr ? *value : otherwise);
  }
  std::uint64_t Number(std::string_view key) {
    const std::string text = Text(key);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > kBytesMax) {
      Refuse(std::string(key) + " is no number of bytes or elements");
    }
    return number;
  }
  std::uint64_t NumberOr(std::string_view key, std::uint64_t otherwise) {
    return record_.Find(key) != nullptr ? Number(key) : otherwise;
  }
  void Refuse(const std::string& what) {
    if (status_) status_ = Bad(record_, what);
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  static constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 40;
  const Record& record_;
  Status status_;
};

std::optional<FieldKind> KindOf(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(FieldKind::kOpaque); ++i) {
    if (pools::NameOf(static_cast<FieldKind>(i)) == name) return static_cast<FieldKind>(i);
  }
  return std::nullopt;
}

// "Hash(client,id),List()"
bool ReadIndexes(std::string_view text, LayoutField& field) {
  while (!text.empty()) {
    const std::size_t open = text.find('(');
    const std::size_t close = text.find(')');
    if (open == text.npos || close == text.npos || close < open) return false;
    const IndexBytes* const bytes = BytesOfIndex(text.substr(0, open));
    if (bytes == nullptr) return false;
    field.indexes.push_back({.name = std::string(text.substr(0, close + 1)),
                             .is_hash = bytes->is_hash,
                             .link_bytes = bytes->link,
                             .table_bytes = bytes->index});
    text.remove_prefix(close + 1);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return true;
}

bool IsScalarSize(const LayoutField& field) {
  switch (field.kind) {
    case FieldKind::kUnsigned:
    case FieldKind::kSigned: {
      const std::uint64_t size = field.element_size;
      return size == 1 || size == 2 || size == 4 || size == 8;
    }
    case FieldKind::kBool:
    case FieldKind::kChar:
      return field.element_size == 1;
    case FieldKind::kPointer:
      return field.element_size == sizeof(void*);
    default:
      return field.element_size > 0;
  }
}

// Where the number of an array's elements stands, if that may change; its end otherwise.
std::uint64_t BytesOfArray(const LayoutField& field) {
  const std::uint64_t elements = field.element_size * field.count_max;
  if (field.count_min == field.count_max) return elements;
  return (elements + 7) / 8 * 8 + sizeof(std::uint64_t);
}

Status ReadMember(const Record& record, LayoutField& field) {
  Pairs pairs(record);
  field.arg = pairs.Text("arg");
  field.reftype = pairs.Text("reftype");
  field.offset = pairs.Number("offset");
  field.size = pairs.Number("size");
  field.of = pairs.TextOr("of", "");
  const std::optional<FieldKind> kind = KindOf(pairs.Text("kind"));
  if (!kind) pairs.Refuse("has a kind that this program does not know");
  field.kind = kind.value_or(FieldKind::kOpaque);
  const bool array = field.reftype == "Inlary";
  if (array) {
    field.count_min = pairs.Number("min");
    field.count_max = pairs.Number("max");
  }
  field.element_size = array ? pairs.Number("each") : field.size;
  if (!ReadIndexes(pairs.TextOr("indexes", ""), field)) pairs.Refuse("has indexes of no kind");
  if (!pairs.status()) return pairs.status();
  if (field.kind == FieldKind::kPool) return {};
  if (field.count_min > field.count_max || !IsScalarSize(field) ||
      (field.element_size != 0 && field.count_max > field.size / field.element_size) ||
      BytesOfArray(field) > field.size) {
    return Bad(record, "has numbers that do not fit together");
  }
  return {};
}

}  // namespace

const LayoutType* Layout::Find(std::string_view type) const {
  const auto found = types_.find(std::string(type));
  return found != types_.end() ? found->second.get() : nullptr;
}

const LayoutField* Layout::FindField(std::string_view name) const {
  const std::size_t dot = name.rfind('.');
  const LayoutType* const type = dot != name.npos ? Find(name.substr(0, dot)) : nullptr;
  if (type == nullptr) return nullptr;
  for (const LayoutField& field : type->fields) {
    if (field.name == name.substr(dot + 1)) return &field;
  }
  return nullptr;
}

Result<Layout> Layout::Parse(std::string_view text) {
  Layout layout;
  std::string root;
  LayoutType* type = nullptr;
  declarations::RecordReader reader("the description of the state", 0, text);
  while (true) {
    const Result<bool> next = reader.Next();
    if (!next) return next.error();
    if (!*next) break;
    const Result<Record> record = reader.Read();
    if (!record) return record.error();
    Pairs pairs(*record);
    if (record->head == "tandem.layout") {
      if (pairs.Number("version") != pools::kLayoutTextVersion) {
        return Bad(*record, "has a version that this program does not know");
      }
      root = pairs.Text("root");
      layout.checked_ = pairs.Text("checked") == "Y";
    } else if (record->head == "tandem.type") {
      auto made = std::make_unique<LayoutType>();
      type = made.get();
      type->name = pairs.Text("type");
      type->size = pairs.Number("size");
      if (!layout.types_.emplace(type->name, std::move(made)).second) pairs.Refuse("comes twice");
    } else if (record->head == "tandem.member") {
      const std::string name = pairs.Text("field");
      if (type == nullptr || !name.starts_with(type->name + ".")) {
        return Bad(*record, "does not stand behind its type");
      }
      LayoutField field;
      field.name = name.substr(type->name.size() + 1);
      if (Status status = ReadMember(*record, field); !status) return status.error();
      if (field.size > type->size || field.offset > type->size - field.size) {
        return Bad(*record, "lies outside of its type");
      }
      type->fields.push_back(std::move(field));
    } else {
      return Bad(*record, "is none that this program knows");
    }
    if (!pairs.status()) return pairs.status().error();
  }
  if (text.empty()) return layout;
  layout.root_ = layout.Find(root);
  if (Status status = layout.Link(); !status) return status.error();
  return layout;
}

Status Layout::Link() {
  const auto bad = [](const std::string& what) {
    return Error::BadInput("the description of the state is damaged: " + what);
  };
  if (root_ == nullptr) return bad("it does not say what the root is");
  for (auto& [name, type] : types_) {
    for (LayoutField& field : type->fields) {
      field.element = Find(field.of);
      if (!field.of.empty() && field.element == nullptr)
        return bad("type " + field.of + " is missing");
      if (field.kind == FieldKind::kStruct &&
          (field.element == nullptr || field.element->size != field.element_size)) {
        return bad("field " + name + "." + field.name + " is not of the size of its type");
      }
      if (field.indexes.empty()) continue;
      if (field.element == nullptr || field.kind != FieldKind::kPool) {
        return bad("field " + name + "." + field.name + " has indexes and no rows");
      }
      std::uint64_t link = (field.element->size + 7) / 8 * 8;
      std::uint64_t index = kTpoolBytes;
      for (LayoutIndex& one : field.indexes) {
        one.link_offset = link;
        one.table_offset = index;
        link += one.link_bytes;
        index += one.table_bytes;
      }
      if (index > field.size) return bad("the indexes of " + field.name + " do not fit into it");
    }
  }
  Depths depths;
  for (auto& [name, type] : types_) {
    if (DepthOf(*type, depths) > kDepthMax) {
      return bad("type " + name + " lies within itself, or others too deep within it");
    }
  }
  return {};
}

// How deep types lie within this one; each is looked at once, so one within itself is too deep.
int Layout::DepthOf(LayoutType& type, Depths& depths) {
  const auto [known, is_new] = depths.try_emplace(&type, kDepthMax);
  if (!is_new) return known->second;
  int depth = 0;
  for (const LayoutField& field : type.fields) {
    if (field.kind == FieldKind::kPool) type.holds_pools = true;
    if (field.kind != FieldKind::kStruct) continue;
    LayoutType& nested = *types_.at(field.of);
    depth = std::max(depth, DepthOf(nested, depths) + 1);
    type.holds_pools = type.holds_pools || nested.holds_pools;
  }
  return depths[&type] = std::min(depth, kDepthMax + 1);
}

}  // namespace tandem::state
