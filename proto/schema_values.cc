// SPDX-License-Identifier: Apache-2.0
#include "proto/schema_values.h"

namespace tandem::proto {

using google::protobuf::FieldDescriptor;

int FieldValue::EnumNumber() const {
  return index_ < 0 ? reflection_.GetEnumValue(message_, &field_)
                    : reflection_.GetRepeatedEnumValue(message_, &field_, index_);
}

bool FieldValue::HasEnumName() const {
  return field_.enum_type()->FindValueByNumber(EnumNumber()) != nullptr;
}

const std::string& FieldValue::String() const {
  return index_ < 0 ? reflection_.GetStringReference(message_, &field_, &scratch_)
                    : reflection_.GetRepeatedStringReference(message_, &field_, index_, &scratch_);
}

const google::protobuf::Message& FieldValue::Nested() const {
  return index_ < 0 ? reflection_.GetMessage(message_, &field_)
                    : reflection_.GetRepeatedMessage(message_, &field_, index_);
}

void FieldValue::AppendTo(std::string* out) const {
  const bool one = index_ < 0;
  switch (field_.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      *out += std::to_string(one ? reflection_.GetInt32(message_, &field_)
                                 : reflection_.GetRepeatedInt32(message_, &field_, index_));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      *out += std::to_string(one ? reflection_.GetUInt32(message_, &field_)
                                 : reflection_.GetRepeatedUInt32(message_, &field_, index_));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      *out += std::to_string(one ? reflection_.GetInt64(message_, &field_)
                                 : reflection_.GetRepeatedInt64(message_, &field_, index_));
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      *out += std::to_string(one ? reflection_.GetUInt64(message_, &field_)
                                 : reflection_.GetRepeatedUInt64(message_, &field_, index_));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      *out += (one ? reflection_.GetBool(message_, &field_)
                   : reflection_.GetRepeatedBool(message_, &field_, index_))
                  ? "true"
                  : "false";
      break;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = field_.enum_type()->FindValueByNumber(EnumNumber());
      *out += value != nullptr ? value->name() : std::to_string(EnumNumber());
      break;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      *out += String();
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      *out += Nested().ShortDebugString();
      break;
    default:
      break;  // floating point: refused when a schema is loaded
  }
}

}  // namespace tandem::proto
