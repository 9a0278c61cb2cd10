// SPDX-License-Identifier: Apache-2.0
#include "pools/state/values.h"

#include <algorithm>
#include <cstring>

#include "pools/declarations/describe.h"
#include "pools/declarations/record.h"

namespace tandem::state {
namespace {

using pools::FieldKind;
using pools::PoolKind;

constexpr int kDepthMax = 16;              ///< of pools within elements of pools
constexpr std::uint64_t kBytesShown = 64;  ///< of what nothing is known about

PoolKind ArrayKind(std::string_view reftype) {
  if (reftype == "Lary") return PoolKind::kLary;
  if (reftype == "Tary") return PoolKind::kTary;
  if (reftype == "Delptr") return PoolKind::kDelptr;
  return PoolKind::kNone;
}

class Adder {
 public:
  Adder(const ZoneWalk& walk, std::vector<Value>& values, const OnNested& on_nested)
      : walk_(walk), values_(values), on_nested_(on_nested) {}

  void AddType(const LayoutType& type, std::uint64_t address, const std::string& prefix,
               int depth) {
    for (const LayoutField& field : type.fields) {
      if (values_.size() >= kValuesMax) return;
      std::string name = prefix;
      if (!prefix.empty() && !field.name.empty()) name += '.';
      name += field.name;
      if (name.empty()) name = "value";
      if (field.kind == FieldKind::kPool) {
        AddPool(field, address + field.offset, name, depth);
      } else {
        AddField(field, address + field.offset, name, depth);
      }
    }
  }

 private:
  void AddField(const LayoutField& field, std::uint64_t address, const std::string& name,
                int depth) {
    if (field.reftype != "Inlary") return AddValue(field, address, name, depth);
    const std::uint64_t count = CountOf(field, address);
    for (std::uint64_t i = 0; i < count && values_.size() < kValuesMax; ++i) {
      AddValue(field, address + i * field.element_size, name + '.' + std::to_string(i), depth);
    }
  }

  void AddValue(const LayoutField& field, std::uint64_t address, const std::string& name,
                int depth) {
    if (field.kind == FieldKind::kStruct) return AddType(*field.element, address, name, depth);
    const std::byte* const bytes = walk_.view().At(address, field.element_size);
    if (bytes == nullptr) return Add(name, "(outside of the zone)", Value::Form::kBytes);
    switch (field.kind) {
      case FieldKind::kPointer: {
        std::uint64_t to = 0;
        std::memcpy(&to, bytes, sizeof to);
        return Add(name, walk_.PointerText(to), Value::Form::kPointer);
      }
      case FieldKind::kStr:
      case FieldKind::kChar: {
        std::string_view text(reinterpret_cast<const char*>(bytes), field.element_size);
        text = text.substr(0, text.find_last_not_of(" \0", std::string::npos, 2) + 1);
        return Add(name, std::string(text), Value::Form::kText);
      }
      case FieldKind::kUnsigned:
      case FieldKind::kSigned:
        return Add(name, declarations::ScalarText(field.kind, bytes, field.element_size),
                   Value::Form::kNumber);
      case FieldKind::kBool: {
        const std::string text = declarations::ScalarText(field.kind, bytes, 1);
        return Add(name, text,
                   text == "Y" || text == "N" ? Value::Form::kFlag : Value::Form::kBytes);
      }
      default: {
        const std::uint64_t shown = std::min(field.element_size, kBytesShown);
        std::string text = declarations::ScalarText(FieldKind::kOpaque, bytes, shown);
        if (shown < field.element_size) text += "...";
        return Add(name, std::move(text), Value::Form::kBytes);
      }
    }
  }

  // Behind elements that may come and go stands their number.
  [[nodiscard]] std::uint64_t CountOf(const LayoutField& field, std::uint64_t address) const {
    if (field.count_min == field.count_max) return field.count_max;
    const std::uint64_t at = (field.element_size * field.count_max + 7) / 8 * 8;
    const std::byte* const bytes = walk_.view().At(address + at, sizeof(std::uint64_t));
    if (bytes == nullptr) return 0;
    std::uint64_t count = 0;
    std::memcpy(&count, bytes, sizeof count);
    return std::min(count, field.count_max);
  }

  void AddPool(const LayoutField& field, std::uint64_t address, const std::string& name,
               int depth) {
    if (field.arg == "Text" && field.reftype == "Val") return AddText(address, name);
    const PoolKind kind = ArrayKind(field.reftype);
    if (kind == PoolKind::kNone || field.size != BytesOfArray(kind, true)) return;
    const Elements elements = ElementsOfArray(walk_.view(), kind, address, true);
    if (elements.damaged || depth == kDepthMax) {
      return Add(name, "(damaged)", Value::Form::kBytes);
    }
    if (on_nested_) on_nested_(elements);
    const LayoutType plain =
        field.element == nullptr ? PlainType(field.arg, elements.stride) : LayoutType();
    const LayoutType& type = field.element != nullptr ? *field.element : plain;
    std::uint64_t number = 0;
    for (const Run& run : elements.runs) {
      for (std::uint64_t i = 0; i < run.count && values_.size() < kValuesMax; ++i, ++number) {
        const std::string own =
            kind == PoolKind::kDelptr ? name : name + '.' + std::to_string(number);
        AddType(type, run.begin + i * elements.stride, own, depth + 1);
      }
    }
  }

  void AddText(std::uint64_t address, const std::string& name) {
    const TextMemory text = MemoryOfText(walk_.view(), address);
    const std::byte* const bytes = walk_.view().At(text.begin, text.size);
    if (text.size == 0) return Add(name, "", Value::Form::kText);
    if (bytes == nullptr || text.capacity < text.size ||
        walk_.view().At(text.begin, text.capacity) == nullptr) {
      return Add(name, "(damaged)", Value::Form::kBytes);
    }
    if (on_nested_) {
      Elements elements{.stride = 1};
      elements.runs.push_back({.block = text.begin,
                               .block_bytes = text.capacity,
                               .begin = text.begin,
                               .count = text.size});
      on_nested_(elements);
    }
    Add(name, std::string(reinterpret_cast<const char*>(bytes), text.size), Value::Form::kText);
  }

  void Add(const std::string& name, std::string text, Value::Form form) {
    values_.push_back({name, std::move(text), form});
  }

  const ZoneWalk& walk_;
  std::vector<Value>& values_;
  const OnNested& on_nested_;
};

}  // namespace

void AddValues(const ZoneWalk& walk, const LayoutType& type, std::uint64_t address,
               std::vector<Value>& values, const OnNested& on_nested) {
  Adder(walk, values, on_nested).AddType(type, address, "", 0);
}

std::string FieldAt(const LayoutType& type, std::uint64_t offset) {
  for (const LayoutField& field : type.fields) {
    if (offset - field.offset >= field.size) continue;
    std::string path = field.name;
    std::uint64_t within = offset - field.offset;
    if (field.reftype == "Inlary" && field.element_size != 0) {
      path += '.' + std::to_string(within / field.element_size);
      within %= field.element_size;
    }
    if (field.kind != FieldKind::kStruct) return path;
    const std::string nested = FieldAt(*field.element, within);
    return nested.empty() ? path : path + '.' + nested;
  }
  return "";
}

LayoutType PlainType(const std::string& arg, std::uint64_t size) {
  LayoutType type{.name = arg, .size = size};
  LayoutField field{.arg = arg, .reftype = "Val", .size = size, .element_size = size};
  const bool is_integer = (size == 1 || size == 2 || size == 4 || size == 8) && arg.size() >= 2 &&
                          arg.size() <= 3 && arg.find_first_not_of("0123456789", 1) == arg.npos;
  if (is_integer && (arg[0] == 'u' || arg[0] == 'i')) {
    field.kind = arg[0] == 'u' ? FieldKind::kUnsigned : FieldKind::kSigned;
  } else if (arg == "bool" && size == 1) {
    field.kind = FieldKind::kBool;
  } else if (arg.starts_with("Str<") || arg == "char") {
    field.kind = FieldKind::kStr;
  }
  type.fields.push_back(std::move(field));
  return type;
}

std::string RecordOf(const std::vector<Value>& values) {
  std::string record;
  for (const Value& value : values) {
    if (!record.empty()) record += "  ";
    record += value.name;
    record += ':';
    record += value.form == Value::Form::kText ? declarations::Quoted(value.text) : value.text;
  }
  return record;
}

}  // namespace tandem::state
