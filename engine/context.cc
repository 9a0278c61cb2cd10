// SPDX-License-Identifier: Apache-2.0
#include "engine/context.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <string>

#include "engine/timers.h"

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

void Context::SetTimer(std::uint64_t id, std::int64_t deadline_ns) {
  ENSURE(timers_ != nullptr,
         "a timer is set by an application that has no OnTimer(const engine::Timer&, "
         "engine::Context&)");
  timers_->Set({.deadline_ns = std::max(deadline_ns, time_ns() + 1), .id = id});
}

bool Context::CancelTimer(std::uint64_t id) { return timers_ != nullptr && timers_->Cancel(id); }

void Timers::Set(const Timer& timer) {
  Timer* const waiting = table_.Find<&Timer::id>(timer.id);
  if (waiting == nullptr) {
    table_.InsertNew(timer);
    return;
  }
  const bool moved = table_.Set<&Timer::deadline_ns>(*waiting, timer.deadline_ns);
  ENSURE(moved, "two timers wait under one id");
}

}  // namespace tandem::engine
