// SPDX-License-Identifier: Apache-2.0
//
// FieldValue: one value of a message by reflection, whatever its type and whether it is repeated.
// Serves schema_print.cc and schema_compare.cc. Looks at the message; one thread.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

namespace tandem::proto {

class FieldValue {
 public:
  /// `index`: place in a repeated field, -1 for a field that is not.
  FieldValue(const google::protobuf::Message& message,
             const google::protobuf::FieldDescriptor& field, int index)
      : message_(message), reflection_(*message.GetReflection()), field_(field), index_(index) {}

  /// Numbers in decimal, true or false, an enum's name or number, a string as it is.
  void AppendTo(std::string* out) const;
  [[nodiscard]] std::string Text() const {
    std::string text;
    AppendTo(&text);
    return text;
  }
  [[nodiscard]] bool HasEnumName() const;
  [[nodiscard]] const std::string& String() const;
  [[nodiscard]] const google::protobuf::Message& Nested() const;

 private:
  [[nodiscard]] int EnumNumber() const;

  const google::protobuf::Message& message_;
  const google::protobuf::Reflection& reflection_;
  const google::protobuf::FieldDescriptor& field_;
  int index_;
  mutable std::string scratch_;
};

}  // namespace tandem::proto
