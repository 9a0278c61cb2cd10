// SPDX-License-Identifier: Apache-2.0
//
// Two messages, field by field.
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstring>

#include "proto/schema.h"
#include "proto/schema_values.h"

namespace tandem::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr const char* kAbsent = "(absent)";

class Comparison {
 public:
  void Messages(const std::string& prefix, const Message& a, const Message& b) {
    const google::protobuf::Descriptor& descriptor = *a.GetDescriptor();
    for (int i = 0; i < descriptor.field_count(); ++i) {
      Fields(prefix + descriptor.field(i)->name(), a, b, *descriptor.field(i));
    }
  }

  void Add(std::string path, std::string a, std::string b) {
    if (a != b) differences.push_back({std::move(path), std::move(a), std::move(b)});
  }

  std::vector<FieldDifference> differences;

 private:
  void Fields(const std::string& path, const Message& a, const Message& b,
              const FieldDescriptor& field) {
    const Reflection& of_a = *a.GetReflection();
    const Reflection& of_b = *b.GetReflection();
    if (!field.is_repeated()) {
      const bool in_a = !field.has_presence() || of_a.HasField(a, &field);
      const bool in_b = !field.has_presence() || of_b.HasField(b, &field);
      Values(path, a, b, field, -1, in_a, in_b);
      return;
    }
    const int size_a = of_a.FieldSize(a, &field);
    const int size_b = of_b.FieldSize(b, &field);
    for (int i = 0; i < std::max(size_a, size_b); ++i) {
      Values(path + "[" + std::to_string(i) + "]", a, b, field, i, i < size_a, i < size_b);
    }
  }

  void Values(const std::string& path, const Message& a, const Message& b,
              const FieldDescriptor& field, int index, bool in_a, bool in_b) {
    const FieldValue of_a(a, field, index);
    const FieldValue of_b(b, field, index);
    if (in_a && in_b && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Messages(path + ".", of_a.Nested(), of_b.Nested());
      return;
    }
    Add(path, in_a ? of_a.Text() : kAbsent, in_b ? of_b.Text() : kAbsent);
  }
};

std::string Hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace

std::vector<FieldDifference> Schema::Compare(const MessageView& a, const MessageView& b) {
  Comparison comparison;
  const Header& of_a = a.header;
  const Header& of_b = b.header;
  comparison.Add("type", NameOf(of_a.type), NameOf(of_b.type));
  const auto payload_a = a.payload();
  const auto payload_b = b.payload();
  if (!std::equal(payload_a.begin(), payload_a.end(), payload_b.begin(), payload_b.end())) {
    const std::size_t before = comparison.differences.size();
    const Message* decoded_a = of_a.type == of_b.type ? Decode(a) : nullptr;
    const Message* decoded_b = decoded_a != nullptr ? Decode(b, /*other=*/true) : nullptr;
    if (decoded_b != nullptr) comparison.Messages("", *decoded_a, *decoded_b);
    // Another type, or what the schema does not show: unknown fields, another order of fields.
    if (comparison.differences.size() == before) {
      comparison.Add("payload_hex", Hex(payload_a), Hex(payload_b));
    }
  }
  const auto number = [](auto value) { return std::to_string(value); };
  comparison.Add("user", of_a.user.str(), of_b.user.str());
  comparison.Add("origin", number(of_a.origin), number(of_b.origin));
  comparison.Add("index", number(of_a.index), number(of_b.index));
  comparison.Add("last", of_a.last() ? "true" : "false", of_b.last() ? "true" : "false");
  comparison.Add("time", TimeText(of_a.time_ns), TimeText(of_b.time_ns));
  comparison.Add("epoch", number(of_a.epoch), number(of_b.epoch));
  comparison.Add("session", of_a.session.str(), of_b.session.str());
  comparison.Add("number", number(of_a.number), number(of_b.number));
  comparison.Add("version", number(of_a.version), number(of_b.version));
  comparison.Add("flags", number(of_a.flags & ~kLast), number(of_b.flags & ~kLast));
  comparison.Add("payload_size", number(of_a.payload_size), number(of_b.payload_size));
  comparison.Add("digest", DigestText(of_a.digest), DigestText(of_b.digest));
  return std::move(comparison.differences);
}

}  // namespace tandem::proto
