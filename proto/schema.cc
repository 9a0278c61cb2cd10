// SPDX-License-Identifier: Apache-2.0
#include "proto/schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>

#include <charconv>
#include <set>

#include "tandem/control.pb.h"
#include "tandem/options.pb.h"

namespace tandem::proto {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

/// Imports first, each file once, in the order in which they are named.
void AddFile(const FileDescriptor& file, std::set<std::string>& done, FileDescriptorSet& set) {
  if (!done.insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), done, set);
  file.CopyTo(set.add_file());
}

/// Keeps what is wrong with a file as one sentence instead of a log line.
class FirstError : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message* /*descriptor*/, ErrorLocation /*location*/,
                const std::string& message) override {
    if (text.empty()) text = file + ", " + element + ": " + message;
  }
  std::string text;
};

/// Says which field a payload may not have, or "".
std::string FindForbidden(const Descriptor& message, std::set<const Descriptor*>& done) {
  if (!done.insert(&message).second) return "";
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (field.is_map()) return field.full_name() + " is a map";
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
        return field.full_name() + " is a floating-point number";
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (std::string text = FindForbidden(*field.message_type(), done); !text.empty()) {
          return text;
        }
        break;
      default:
        break;
    }
  }
  return "";
}

void Collect(const Descriptor& message, std::vector<const Descriptor*>& messages) {
  messages.push_back(&message);
  for (int i = 0; i < message.nested_type_count(); ++i) Collect(*message.nested_type(i), messages);
}

}  // namespace

std::string SchemaOf(const std::vector<const Descriptor*>& messages) {
  FileDescriptorSet set;
  std::set<std::string> done;
  AddFile(*pb::Tick::descriptor()->file(), done, set);
  for (const Descriptor* message : messages) AddFile(*message->file(), done, set);
  return set.SerializeAsString();
}

std::uint32_t TypeNumberOf(const Descriptor& message) {
  return message.options().GetExtension(pb::type);
}

Schema::Schema()
    : pool_(std::make_unique<DescriptorPool>()),
      factory_(std::make_unique<google::protobuf::DynamicMessageFactory>(pool_.get())) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&& other) noexcept {
  // Messages before the factory that made them, the factory before its descriptors.
  types_ = std::move(other.types_);
  factory_ = std::move(other.factory_);
  pool_ = std::move(other.pool_);
  names_ = std::move(other.names_);
  return *this;
}
Schema::~Schema() = default;

Result<Schema> Schema::Parse(std::string_view file_descriptor_set) {
  FileDescriptorSet set;
  if (!set.ParseFromArray(file_descriptor_set.data(),
                          static_cast<int>(file_descriptor_set.size()))) {
    return Error::BadInput(
        "a schema is not a FileDescriptorSet; make it with protoc "
        "--include_imports --descriptor_set_out");
  }
  Schema schema;
  std::vector<const Descriptor*> messages;
  std::set<std::string> done;
  const auto build = [&](const FileDescriptorProto& file) -> Status {
    if (!done.insert(file.name()).second) return {};
    FirstError error;
    const FileDescriptor* built = schema.pool_->BuildFileCollectingErrors(file, &error);
    if (built == nullptr) return Error::BadInput("a schema cannot be used: " + error.text);
    for (int i = 0; i < built->message_type_count(); ++i) {
      Collect(*built->message_type(i), messages);
    }
    return {};
  };
  for (const FileDescriptorProto& file : set.file()) {
    if (Status status = build(file); !status) return status.error();
  }
  FileDescriptorSet own;
  std::set<std::string> own_done;
  AddFile(*pb::Tick::descriptor()->file(), own_done, own);
  for (const FileDescriptorProto& file : own.file()) {
    if (Status status = build(file); !status) return status.error();
  }
  for (const Descriptor* message : messages) {
    if (Status status = schema.Index(*message); !status) return status.error();
  }
  // Short names where they are unique.
  std::map<std::string, int> count;
  for (const auto& [type, name] : schema.names_) ++count[schema.types_[type].descriptor->name()];
  for (auto& [type, name] : schema.names_) {
    const std::string& short_name = schema.types_[type].descriptor->name();
    if (count[short_name] == 1) name = short_name;
  }
  return schema;
}

Status Schema::Index(const Descriptor& message) {
  const std::uint32_t type = TypeNumberOf(message);
  if (!message.options().HasExtension(pb::type)) return {};
  const bool own = message.file()->package() == "tandem.pb";
  const std::uint32_t low = own ? 1 : kFirstApplicationType;
  const std::uint32_t high = own ? kFirstApplicationType - 1 : UINT16_MAX;
  if (type < low || type > high) {
    return Error::BadInput("a schema cannot be used: message " + message.full_name() +
                           " has type number " + std::to_string(type) + "; it must be " +
                           std::to_string(low) + " to " + std::to_string(high));
  }
  const auto number = static_cast<std::uint16_t>(type);
  if (const auto other = names_.find(number); other != names_.end()) {
    return Error::BadInput("a schema cannot be used: messages " + other->second + " and " +
                           message.full_name() + " have the same type number " +
                           std::to_string(type) + "; give one of them another");
  }
  std::set<const Descriptor*> done;
  if (const std::string text = FindForbidden(message, done); !text.empty()) {
    return Error::BadInput("a schema cannot be used: " + text + " in message " +
                           message.full_name() +
                           ", and its bytes are not a function of its content; use integers and "
                           "repeated fields");
  }
  names_[number] = message.full_name();
  if (types_.size() <= number) types_.resize(number + std::size_t{1});
  types_[number].descriptor = &message;
  return {};
}

std::string Schema::NameOf(std::uint16_t type) const {
  const auto name = names_.find(type);
  return name != names_.end() ? name->second : std::to_string(type);
}

std::string Schema::FullNameOf(std::uint16_t type) const {
  const bool known = names_.contains(type);
  return known ? types_[type].descriptor->full_name() : std::to_string(type);
}

std::optional<std::uint16_t> Schema::TypeOf(std::string_view name) const {
  for (const auto& [type, known] : names_) {
    if (known == name || types_[type].descriptor->full_name() == name) return type;
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

const google::protobuf::Message* Schema::Decode(const MessageView& message, bool other) {
  const std::uint16_t number = message.header.type;
  if (number >= types_.size() || types_[number].descriptor == nullptr) return nullptr;
  Type& type = types_[number];
  std::unique_ptr<google::protobuf::Message>& scratch = other ? type.other_scratch : type.scratch;
  if (scratch == nullptr) scratch.reset(factory_->GetPrototype(type.descriptor)->New());
  const auto payload = message.payload();
  // What is wrong with foreign bytes is told where they are shown, not by lines on standard error.
  const google::protobuf::LogSilencer silencer;
  if (!scratch->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return nullptr;
  return scratch.get();
}

}  // namespace tandem::proto
