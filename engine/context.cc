// SPDX-License-Identifier: Apache-2.0
#include "engine/context.h"

#include <google/protobuf/descriptor.h>

#include <string>

namespace tandem::engine {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Gives every string field of `message` memory that Clear leaves it.
void WarmStrings(Message& message) {
  const auto* const descriptor = message.GetDescriptor();
  const auto* const reflection = message.GetReflection();
  const std::string filler(MessageScratch::kStringSize, ' ');
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* const field = descriptor->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated()) {
      reflection->SetString(&message, field, filler);
    }
  }
  message.Clear();
}

}  // namespace

MessageScratch::MessageScratch(
    std::initializer_list<const google::protobuf::FileDescriptor*> files) {
  auto* const factory = google::protobuf::MessageFactory::generated_factory();
  for (const auto* const file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* const descriptor = file->message_type(i);
      const std::uint32_t type = descriptor->options().GetExtension(pb::type);
      if (type == 0) continue;
      if (messages_.size() <= type) messages_.resize(type + 1u);
      if (messages_[type] != nullptr) continue;
      messages_[type].reset(factory->GetPrototype(descriptor)->New());
      WarmStrings(*messages_[type]);
    }
  }
}

}  // namespace tandem::engine
