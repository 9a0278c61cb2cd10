// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/describe.h"

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "pools/declarations/record.h"

namespace tandem::declarations {
namespace {

using pools::FieldInfo;
using pools::FieldKind;
using pools::TypeInfo;

struct NamedValue {
  std::string name;
  std::string text;
};

template <class T>
T Read(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

std::uint64_t ReadUnsigned(const std::byte* bytes, std::uint64_t size) {
  switch (size) {
    case 1:
      return Read<std::uint8_t>(bytes);
    case 2:
      return Read<std::uint16_t>(bytes);
    case 4:
      return Read<std::uint32_t>(bytes);
    default:
      return Read<std::uint64_t>(bytes);
  }
}

std::int64_t ReadSigned(const std::byte* bytes, std::uint64_t size) {
  switch (size) {
    case 1:
      return Read<std::int8_t>(bytes);
    case 2:
      return Read<std::int16_t>(bytes);
    case 4:
      return Read<std::int32_t>(bytes);
    default:
      return Read<std::int64_t>(bytes);
  }
}

std::string Hex(const std::byte* bytes, std::uint64_t size) {
  std::string text;
  for (std::uint64_t i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(bytes[i]));
    text += digits;
  }
  return text;
}

// How many elements an array has now: behind those that may come and go stands their number.
std::uint64_t CountOf(const FieldInfo& field, const std::byte* bytes) {
  if (field.count_min == field.count_max) return field.count_max;
  constexpr std::uint64_t kWord = sizeof(std::uint64_t);
  const std::uint64_t at = (field.element_size * field.count_max + kWord - 1) / kWord * kWord;
  return std::min(Read<std::uint64_t>(bytes + at), field.count_max);
}

void AddValues(const TypeInfo& type, const std::byte* bytes, const std::string& prefix,
               std::vector<NamedValue>& values) {
  for (const FieldInfo& field : type.fields) {
    if (field.kind == FieldKind::kPool) continue;
    const std::byte* at = bytes + field.offset;
    const bool array = field.reftype == "Inlary";
    const std::uint64_t count = CountOf(field, at);
    for (std::uint64_t i = 0; i < count; ++i, at += field.element_size) {
      std::string name = prefix;
      name += field.name;
      if (array) {
        name += '.';
        name += std::to_string(i);
      }
      const TypeInfo* nested = field.kind == FieldKind::kStruct ? field.element() : nullptr;
      if (nested != nullptr) {
        AddValues(*nested, at, name + ".", values);
      } else {
        values.push_back({name, ScalarText(field.kind, at, field.element_size)});
      }
    }
  }
}

std::vector<NamedValue> ValuesOf(const TypeInfo& type, const void* value) {
  std::vector<NamedValue> values;
  AddValues(type, static_cast<const std::byte*>(value), "", values);
  return values;
}

void AddDeclarations(const TypeInfo& type, std::unordered_set<std::string_view>& known,
                     std::string& out) {
  if (!known.insert(type.name).second) return;
  for (const FieldInfo& field : type.fields) {
    if (const TypeInfo* element = field.element()) AddDeclarations(*element, known, out);
  }
  const auto pair = [&out](std::string_view key, std::string_view value) {
    out += "  ";
    out += key;
    out += ':';
    out += Quoted(value);
  };
  out += "dmmeta.ctype";
  pair("ctype", type.name);
  out += '\n';
  for (const FieldInfo& field : type.fields) {
    std::string name(type.name);
    name += '.';
    name += field.name;
    out += "dmmeta.field";
    pair("field", name);
    pair("arg", field.type);
    pair("reftype", field.reftype);
    out += '\n';
    if (field.reftype != "Inlary") continue;
    out += "  dmmeta.inlary";
    pair("field", name);
    pair("min", std::to_string(field.count_min));
    pair("max", std::to_string(field.count_max));
    out += '\n';
  }
}

}  // namespace

std::string ScalarText(FieldKind kind, const std::byte* bytes, std::uint64_t size) {
  const auto* const characters = reinterpret_cast<const char*>(bytes);
  switch (kind) {
    case FieldKind::kUnsigned:
      return std::to_string(ReadUnsigned(bytes, size));
    case FieldKind::kSigned:
      return std::to_string(ReadSigned(bytes, size));
    case FieldKind::kBool:  // of an image, so perhaps neither
      return ReadUnsigned(bytes, 1) == 0 ? "N" : ReadUnsigned(bytes, 1) == 1 ? "Y" : Hex(bytes, 1);
    case FieldKind::kChar:
      return Quoted({characters, 1});
    case FieldKind::kStr:
      return Quoted({characters, strnlen(characters, size)});
    case FieldKind::kPointer: {
      char address[24];
      std::snprintf(address, sizeof address, "0x%" PRIx64, Read<std::uint64_t>(bytes));
      return address;
    }
    case FieldKind::kStruct:
    case FieldKind::kPool:
    case FieldKind::kOpaque:
      break;
  }
  return Hex(bytes, size);
}

std::string RecordOf(const TypeInfo& type, const void* value) {
  std::string record(type.name);
  for (const NamedValue& one : ValuesOf(type, value)) {
    record += "  ";
    record += one.name;
    record += ':';
    record += one.text;
  }
  return record;
}

std::vector<FieldDifference> Differences(const TypeInfo& type, const void* a, const void* b) {
  const std::vector<NamedValue> values_a = ValuesOf(type, a);
  const std::vector<NamedValue> values_b = ValuesOf(type, b);
  std::vector<FieldDifference> differences;
  // Arrays may have different lengths, so that the names differ from some place on.
  std::size_t i = 0;
  std::size_t k = 0;
  const auto has = [](const std::vector<NamedValue>& values, std::size_t from,
                      const std::string& name) {
    for (; from < values.size(); ++from) {
      if (values[from].name == name) return true;
    }
    return false;
  };
  while (i < values_a.size() || k < values_b.size()) {
    if (i < values_a.size() && k < values_b.size() && values_a[i].name == values_b[k].name) {
      if (values_a[i].text != values_b[k].text) {
        differences.push_back({values_a[i].name, values_a[i].text, values_b[k].text});
      }
      ++i;
      ++k;
    } else if (i < values_a.size() && !has(values_b, k, values_a[i].name)) {
      differences.push_back({values_a[i].name, values_a[i].text, ""});
      ++i;
    } else {
      differences.push_back({values_b[k].name, "", values_b[k].text});
      ++k;
    }
  }
  return differences;
}

std::string DeclarationsOf(std::span<const TypeInfo* const> types) {
  std::unordered_set<std::string_view> known;
  std::string out;
  for (const TypeInfo* type : types) AddDeclarations(*type, known, out);
  return out;
}

}  // namespace tandem::declarations
