// SPDX-License-Identifier: Apache-2.0
#include "tools/field_filter.h"

#include <algorithm>

#include "proto/shown_text.h"
#include "tools/json_text.h"

namespace tandem::tools {
namespace {

bool HasPayload(const std::vector<proto::FieldDifference>& differences) {
  return std::any_of(differences.begin(), differences.end(),
                     [](const auto& difference) { return difference.path == "payload_hex"; });
}

/// "legs[1].size" to "legs.size".
std::string WithoutPlaces(const std::string& path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) text += c;
    if (c == ']') inside = false;
  }
  return text;
}

/// Is `path` the field `field`, or within it?
bool IsOrIsWithin(std::string_view path, std::string_view field) {
  return path.starts_with(field) && (path.size() == field.size() || path[field.size()] == '.');
}

/// The second name that JSON has for a field of the header; empty: it has only one. `difference`
/// may be of a field of the payload that is called like one of the header.
std::string SecondName(const proto::FieldDifference& difference, const proto::Header& a,
                       const proto::Header& b) {
  if (difference.path == "type" && a.type != b.type) return "type_number";
  const bool is_time = difference.path == "time" && difference.a == proto::TimeText(a.time_ns) &&
                       difference.b == proto::TimeText(b.time_ns);
  return is_time ? "time_ns" : "";
}

}  // namespace

Status FieldFilter::Check(const std::vector<proto::Schema>& schemas) const {
  for (const std::string& field : ignored_) {
    const auto has_field = [&](const proto::Schema& schema) { return schema.HasField(field); };
    if (field == "payload_hex" || std::ranges::any_of(schemas, has_field)) continue;
    return Error::BadInput("no message of these logs has a field \"" + field +
                           "\"; give it as in `tandem cat --json`, with a dot between a field and "
                           "one within it, or with the type before it, as in Trade.price");
  }
  return {};
}

std::vector<proto::FieldDifference> FieldFilter::Differences(proto::Schema& schema_a,
                                                             const proto::MessageView& a,
                                                             proto::Schema& schema_b,
                                                             const proto::MessageView& b) const {
  std::vector<proto::FieldDifference> differences = schema_b.Compare(a, b);
  if (HasPayload(differences) && &schema_a != &schema_b) {
    std::vector<proto::FieldDifference> by_a = schema_a.Compare(a, b);
    if (!HasPayload(by_a)) differences = std::move(by_a);
  }
  if (ignored_.empty()) return differences;
  const std::string type = schema_b.NameOf(b.header.type);
  std::erase_if(differences, [&](const auto& difference) {
    if (difference.path == "digest" || difference.path == "payload_size") return true;
    if (Ignores(WithoutPlaces(difference.path), type)) return true;
    const std::string second = SecondName(difference, a.header, b.header);
    return !second.empty() && Ignores(second, type);
  });
  return differences;
}

bool FieldFilter::Ignores(const std::string& path, const std::string& type) const {
  return std::any_of(ignored_.begin(), ignored_.end(), [&](const std::string& field) {
    return IsOrIsWithin(path, field) || IsOrIsWithin(type + "." + path, field);
  });
}

std::string TextOf(const std::vector<proto::FieldDifference>& differences,
                   const std::string& indent, const std::string& a, const std::string& b) {
  std::string text;
  for (const proto::FieldDifference& field : differences) {
    text += indent + "differs: " + field.path + ": " + a + " " + proto::Escaped(field.a) + ", " +
            b + " " + proto::Escaped(field.b) + "\n";
  }
  return text;
}

std::string JsonOf(const std::vector<proto::FieldDifference>& differences) {
  std::string text = "[";
  for (const proto::FieldDifference& field : differences) {
    text += text.size() == 1 ? "{\"path\":" : ",{\"path\":";
    AppendJsonText(field.path, &text);
    text += ",\"a\":";
    AppendJsonText(field.a, &text);
    text += ",\"b\":";
    AppendJsonText(field.b, &text);
    text += '}';
  }
  return text + "]";
}

}  // namespace tandem::tools
