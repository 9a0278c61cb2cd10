// SPDX-License-Identifier: Apache-2.0
//
// Single fields of a message, by name: for filters.
#include <google/protobuf/message.h>

#include <array>
#include <charconv>
#include <functional>
#include <utility>

#include "proto/schema.h"
#include "proto/schema_values.h"

namespace tandem::proto {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::array<std::string_view, 15> kHeaderFields{
    "number", "time", "time_ns", "type",  "type_number", "session", "origin",      "user",
    "index",  "last", "flags",   "epoch", "digest",      "version", "payload_size"};

/// "a.b.c" to "a" and "b.c".
std::pair<std::string_view, std::string_view> SplitPath(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return {path, {}};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

const FieldDescriptor* FieldOf(const Descriptor& message, std::string_view name) {
  return message.FindFieldByName(std::string(name));
}

/// The field of `message`, or of a field of it, of this name; null: it has none.
const FieldDescriptor* FindPath(const Descriptor& message, std::string_view path) {
  const auto [name, rest] = SplitPath(path);
  const FieldDescriptor* field = FieldOf(message, name);
  if (field == nullptr || rest.empty()) return field;
  return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
             ? FindPath(*field->message_type(), rest)
             : nullptr;
}

bool HasPath(const Descriptor& message, std::string_view path) {
  return FindPath(message, path) != nullptr;
}

FieldKind KindOfHeader(std::string_view name) {
  if (name == "time") return FieldKind::kTime;
  if (name == "type") return FieldKind::kEnum;
  if (name == "last") return FieldKind::kBool;
  const bool is_text = name == "session" || name == "user" || name == "digest";
  return is_text ? FieldKind::kText : FieldKind::kNumber;
}

/// Appends all values of the field; a repeated one has any number of them.
void CollectValues(const Message& message, std::string_view path,
                   std::vector<std::string>* values) {
  const auto [name, rest] = SplitPath(path);
  const FieldDescriptor* field = FieldOf(*message.GetDescriptor(), name);
  if (field == nullptr) return;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
  if (field->has_presence() && !reflection.HasField(message, field)) return;
  for (int i = 0; i < count; ++i) {
    const FieldValue value(message, *field, field->is_repeated() ? i : -1);
    if (rest.empty()) {
      values->push_back(value.Text());
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      CollectValues(value.Nested(), rest, values);
    }
  }
}

}  // namespace

std::string Schema::HeaderField(const Header& header, std::string_view name) const {
  if (name == "number") return std::to_string(header.number);
  if (name == "time") return TimeText(header.time_ns);
  if (name == "time_ns") return std::to_string(header.time_ns);
  if (name == "type") return NameOf(header.type);
  if (name == "type_number") return std::to_string(header.type);
  if (name == "session") return header.session.str();
  if (name == "origin") return std::to_string(header.origin);
  if (name == "user") return header.user.str();
  if (name == "index") return std::to_string(header.index);
  if (name == "last") return header.last() ? "true" : "false";
  if (name == "flags") return std::to_string(header.flags);
  if (name == "epoch") return std::to_string(header.epoch);
  if (name == "digest") return DigestText(header.digest);
  if (name == "version") return std::to_string(header.version);
  return std::to_string(header.payload_size);
}

bool Schema::IsHeaderField(std::string_view name) {
  for (const std::string_view field : kHeaderFields) {
    if (field == name) return true;
  }
  return false;
}

bool Schema::HasField(std::string_view path) const {
  if (IsHeaderField(path)) return true;
  if (path.ends_with('.')) return false;
  const auto [first, rest] = SplitPath(path);
  for (const auto& [number, name] : names_) {
    const Descriptor& descriptor = *types_[number].descriptor;
    if (HasPath(descriptor, path)) return true;
    if (first == name && !rest.empty() && (HasPath(descriptor, rest) || IsHeaderField(rest))) {
      return true;
    }
  }
  return false;
}

const FieldDescriptor* Schema::FieldAt(std::uint16_t type, std::string_view* path) const {
  const auto [first, rest] = SplitPath(*path);
  if (const auto named = rest.empty() ? std::nullopt : TypeOf(first)) {
    *path = *named == type ? rest : std::string_view();
  }
  const bool known = type < types_.size() && types_[type].descriptor != nullptr;
  return known ? FindPath(*types_[type].descriptor, *path) : nullptr;
}

FieldKind Schema::KindOf(std::uint16_t type, std::string_view path) const {
  const FieldDescriptor* field = FieldAt(type, &path);
  if (field == nullptr) return IsHeaderField(path) ? KindOfHeader(path) : FieldKind::kNone;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return FieldKind::kBool;
    case FieldDescriptor::CPPTYPE_ENUM:
      return FieldKind::kEnum;
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return FieldKind::kText;
    default:
      return FieldKind::kNumber;
  }
}

std::optional<int> Schema::EnumNumber(std::uint16_t type, std::string_view path,
                                      std::string_view value) const {
  const FieldDescriptor* field = FieldAt(type, &path);
  if (field == nullptr) return TypeOf(value);
  const std::string name(value);
  if (const auto* named = field->enum_type()->FindValueByName(name)) return named->number();
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

std::string Schema::EnumNames(std::uint16_t type, std::string_view path) const {
  std::string names;
  const auto add = [&](const std::string& name) { names += (names.empty() ? "" : ", ") + name; };
  if (const FieldDescriptor* field = FieldAt(type, &path)) {
    for (int i = 0; i < field->enum_type()->value_count(); ++i) {
      add(field->enum_type()->value(i)->name());
    }
  } else {
    for (const auto& [number, name] : names_) add(name);
  }
  return names;
}

std::vector<std::string> Schema::ValuesOf(const MessageView& message, std::string_view path) {
  const std::uint16_t type = message.header.type;
  const auto [first, rest] = SplitPath(path);
  if (!rest.empty() && TypeOf(first)) {
    if (TypeOf(first) != type) return {};
    path = rest;
  }
  std::vector<std::string> values;
  const bool known = type < types_.size() && types_[type].descriptor != nullptr;
  if (known && HasPath(*types_[type].descriptor, path)) {
    if (const Message* payload = Decode(message)) CollectValues(*payload, path, &values);
  } else if (IsHeaderField(path)) {
    values.push_back(HeaderField(message.header, path));
  }
  return values;
}

}  // namespace tandem::proto
