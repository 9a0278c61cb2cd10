// SPDX-License-Identifier: Apache-2.0
#include "engine/testing/twin_run.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <atomic>
#include <cstring>

#include "pools/ensure.h"
#include "proto/digest.h"
#include "proto/schema.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::Message;
using google::protobuf::MessageFactory;

constexpr std::string_view kSession = "TEST";
constexpr std::int64_t kBegin = 1'767'225'600'000'000'000;  ///< 2026-01-01T00:00:00Z

// Zones of one process: so many runs may live at once, each with two of them.
constexpr std::uint64_t kReserveBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kRunsMax = 64;

/// In the copy's memory that was never used; here it is 0.
constexpr std::uint8_t kFill = 0xA5;

std::string TextOf(const Message& message) {
  const std::string fields = message.ShortDebugString();
  return message.GetDescriptor()->name() + (fields.empty() ? "" : " ") + fields;
}

/// The message classes of this program that `schema` names, by type number.
std::map<std::uint32_t, const Message*> PrototypesOf(const std::string& schema) {
  std::map<std::uint32_t, const Message*> prototypes;
  google::protobuf::FileDescriptorSet files;
  ENSURE(files.ParseFromString(schema), "a schema that does not parse");
  for (const auto& file : files.file()) {
    const auto* const known = DescriptorPool::generated_pool()->FindFileByName(file.name());
    for (int i = 0; known != nullptr && i < known->message_type_count(); ++i) {
      const auto* const descriptor = known->message_type(i);
      if (const std::uint32_t type = proto::TypeNumberOf(*descriptor); type != 0) {
        prototypes[type] = MessageFactory::generated_factory()->GetPrototype(descriptor);
      }
    }
  }
  return prototypes;
}

/// Where the zones of the next run lie.
std::uintptr_t NextAddress() {
  static std::atomic<std::uint64_t> runs = 0;
  return pools::kZoneAddressDefault + runs++ % kRunsMax * 2 * kReserveBytes;
}

}  // namespace

std::string Lines(const std::vector<Event>& events) {
  std::string lines;
  for (const Event& event : events) {
    lines += "    to " + (event.user.empty() ? "all" : event.user) + ": " + event.text + "\n";
  }
  return lines.empty() ? "    nothing\n" : lines;
}

Event EventOf(std::string_view user, const Message& message) {
  const std::uint32_t type = proto::TypeNumberOf(*message.GetDescriptor());
  ENSURE(type != 0, "message %s has no number; give it option (tandem.pb.type)",
         message.GetDescriptor()->full_name().c_str());
  return {.user = std::string(user),
          .type = static_cast<std::uint16_t>(type),
          .payload = message.SerializeAsString(),
          .text = TextOf(message)};
}

TwinRun::TwinRun(Maker make) : time_ns_(kBegin) {
  pools::ZoneOptions options;
  options.address = NextAddress();
  options.reserve_bytes = kReserveBytes;
  first_ = make(options);
  options.address += kReserveBytes;
  options.perturbation.fill = kFill;
  for (const pools::PoolInfo& pool : first_.zone->Pools()) {
    if (pool.base.empty() || pool.base == options.sbrk_name) continue;
    options.pools.push_back({.pool = pool.name, .base = options.sbrk_name, .limit = {}});
  }
  second_ = make(options);
  first_stepper_.emplace(*first_.application, proto::Session(kSession));
  second_stepper_.emplace(*second_.application, proto::Session(kSession));
}

std::string TwinRun::Take(const Event& input) {
  const std::vector<std::byte> bytes = Seal(input);
  const auto message = proto::ParseMessage(bytes);
  second_.zone->ShuffleFree(input_.number);
  ENSURE(message.has_value(), "a test made %zu bytes that are no message", bytes.size());
  for (replay::Stepper* const stepper : {&*first_stepper_, &*second_stepper_}) {
    if (const Status status = stepper->Apply(*message); !status) return status.error().text;
  }
  input_ = {.number = message->header.number, .digest = message->header.digest};
  const std::vector<Event> outputs = OutputsOf(*first_stepper_);
  if (first_stepper_->position().output != second_stepper_->position().output) {
    return "the outputs depend on where memory lies or what was in it: after the same inputs, a "
           "copy of the application with another address, chain and order of free memory gives "
           "others\n  here:\n" +
           Lines(outputs) + "  there:\n" + Lines(OutputsOf(*second_stepper_));
  }
  outputs_.insert(outputs_.end(), outputs.begin(), outputs.end());
  return "";
}

std::vector<std::byte> TwinRun::Seal(const Event& input) {
  proto::Header header;
  header.session = proto::Session(kSession);
  header.type = input.type;
  header.payload_size = static_cast<std::uint16_t>(input.payload.size());
  header.flags = proto::kLast;
  header.number = input_.number + 1;
  header.time_ns = time_ns_;
  header.epoch = 1;
  if (!input.user.empty()) header.origin = ++sent_[input.user];
  header.user = proto::User(input.user);
  std::vector<std::byte> bytes(sizeof header + input.payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, input.payload.data(), input.payload.size());
  header.digest = proto::Digest(input_.digest, bytes);
  std::memcpy(bytes.data(), &header.digest, sizeof header.digest);
  return bytes;
}

std::vector<Event> TwinRun::OutputsOf(const replay::Stepper& stepper) const {
  static const auto prototypes = PrototypesOf(first_.application->info().schema);
  std::vector<Event> events;
  for (std::size_t i = 0; i < stepper.outputs().count(); ++i) {
    const auto output = proto::ParseMessage(stepper.outputs().message(i));
    Event event{.user = output->header.user.str(),
                .type = output->header.type,
                .payload = std::string(output->payload_text()),
                .text = "type " + std::to_string(output->header.type)};
    if (const auto found = prototypes.find(event.type); found != prototypes.end()) {
      const std::unique_ptr<Message> message(found->second->New());
      if (message->ParseFromString(event.payload)) event.text = TextOf(*message);
    }
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace tandem::engine
