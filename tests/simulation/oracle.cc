// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/oracle.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "counter.pb.h"
#include "tandem/control.pb.h"

namespace tandem::simulation {

namespace {

// Offsets and types as in the table of docs/wire.md.
constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kAtSession = 8, kAtType = 18, kAtPayloadSize = 20, kAtFlags = 22,
                      kAtVersion = 23, kAtNumber = 24, kAtTime = 32, kAtOrigin = 40, kAtUser = 48,
                      kAtIndex = 56, kAtEpoch = 60;
constexpr std::uint16_t kTick = 1, kEndOfSession = 2, kSkip = 3, kRefused = 10, kSkipped = 11;
constexpr std::uint16_t kAdd = 100, kRoll = 101, kCounted = 200, kChanged = 201, kRolled = 202;

template <class T>
T Get(std::span<const std::byte> message, std::size_t at) {
  T value;
  std::memcpy(&value, message.data() + at, sizeof value);
  return value;
}

template <class T>
void Put(Bytes& message, std::size_t at, T value) {
  std::memcpy(message.data() + at, &value, sizeof value);
}

std::string Text(std::span<const std::byte> message, std::size_t at, std::size_t size) {
  return {reinterpret_cast<const char*>(message.data()) + at, size};
}

std::string PayloadOf(std::span<const std::byte> message) {
  return Text(message, kHeaderBytes, message.size() - kHeaderBytes);
}

bool IsDeadly(std::uint16_t type, const std::string& payload) {
  counter::pb::Add add;
  return type == kAdd && add.ParseFromString(payload) && add.amount() == kDeadlyAmount;
}

std::string Padded(std::string text, std::size_t size) {
  text.resize(size, ' ');
  return text;
}

}  // namespace

std::uint64_t Oracle::Digest(std::uint64_t before, std::span<const std::byte> message) {
  return XXH3_64bits_withSeed(message.data() + kAtType, message.size() - kAtType, before);
}

std::string Oracle::TakeInput(std::span<const std::byte> message) {
  const std::string name = "input " + std::to_string(inputs_.size() + 1);
  if (message.size() < kHeaderBytes ||
      message.size() != kHeaderBytes + Get<std::uint16_t>(message, kAtPayloadSize)) {
    return name + " has not the size that it says";
  }
  if (Get<std::uint8_t>(message, kAtVersion) != 1) return name + " has another version";
  if (Text(message, kAtSession, 10) != Padded(session_, 10)) return name + " has another session";
  if (Get<std::uint64_t>(message, kAtNumber) != inputs_.size() + 1)
    return name + " is not numbered";
  if (Get<std::uint8_t>(message, kAtFlags) != 1) return name + " has wrong flags";
  if (Get<std::uint32_t>(message, kAtIndex) != 0) return name + " has an index";
  const std::uint64_t digest = Digest(input_digest_, message);
  if (Get<std::uint64_t>(message, 0) != digest) return name + " has a wrong digest";
  if (Get<std::int64_t>(message, kAtTime) < time_ns_) return "time goes back at " + name;
  if (Get<std::uint32_t>(message, kAtEpoch) < epoch_) return "the epoch goes back at " + name;
  if (ended_) return name + " follows the end of the session";
  const auto type = Get<std::uint16_t>(message, kAtType);
  if (type < 100 && (Get<std::uint64_t>(message, kAtOrigin) != 0) !=
                        (Text(message, kAtUser, 8) != Padded("", 8))) {
    return name + " is from nobody and from somebody";
  }
  input_digest_ = digest;
  time_ns_ = Get<std::int64_t>(message, kAtTime);
  epoch_ = Get<std::uint32_t>(message, kAtEpoch);
  inputs_.emplace_back(message.begin(), message.end());
  if (type == kSkip) {
    pb::Skip skip;
    skip.ParseFromString(PayloadOf(message));
    if (skip.number() >= inputs_.size()) return name + " skips what is not before it";
    skips_.emplace(skip.number(), skip.reason());
  }
  AnswerWhatCanBe();
  return "";
}

void Oracle::AnswerWhatCanBe() {
  for (; answered_ < inputs_.size(); ++answered_) {
    const Bytes& input = inputs_[answered_];
    const auto type = Get<std::uint16_t>(input, kAtType);
    if (const auto skip = skips_.find(answered_ + 1); skip != skips_.end()) {
      pb::Skipped skipped;
      skipped.set_reason(skip->second);
      Say({{.type = kSkipped, .payload = skipped.SerializeAsString()}}, input);
    } else if (IsDeadly(type, PayloadOf(input))) {
      return;
    } else {
      Say(Answer(type, PayloadOf(input)), input);
    }
  }
}

std::vector<Oracle::Output> Oracle::Answer(std::uint16_t type, const std::string& payload) {
  std::vector<Output> outputs;
  if (type == kTick || type == kSkip) return outputs;
  if (type == kEndOfSession) {
    ended_ = true;
    outputs.push_back({.type = kEndOfSession, .to_sender = false, .payload = ""});
    return outputs;
  }
  if (type == kAdd) {
    counter::pb::Add add;
    add.ParseFromString(payload);
    Counter& counter = counters_[add.counter()];
    counter.value += add.amount();
    ++counter.additions;
    for (std::uint32_t step = 0; step < add.outputs(); ++step) {
      if (step == 0) {
        counter::pb::Counted counted;
        counted.set_counter(add.counter());
        counted.set_value(counter.value);
        counted.set_additions(counter.additions);
        outputs.push_back({.type = kCounted, .payload = counted.SerializeAsString()});
      } else {
        counter::pb::Changed changed;
        changed.set_counter(add.counter());
        changed.set_value(counter.value);
        changed.set_step(step);
        outputs.push_back(
            {.type = kChanged, .to_sender = false, .payload = changed.SerializeAsString()});
      }
    }
    return outputs;
  }
  if (type == kRoll) {
    counter::pb::Roll roll;
    roll.ParseFromString(payload);
    if (roll.sides() == 0) return outputs;
    counter::pb::Rolled rolled;
    rolled.set_value(Random(roll.sides()));
    outputs.push_back({.type = kRolled, .payload = rolled.SerializeAsString()});
    return outputs;
  }
  pb::Refused refused;
  refused.set_reason(pb::Refused::UNKNOWN_TYPE);
  refused.set_type(type);
  outputs.push_back({.type = kRefused, .payload = refused.SerializeAsString()});
  return outputs;
}

void Oracle::Say(const std::vector<Output>& outputs, std::span<const std::byte> cause) {
  for (std::size_t index = 0; index < outputs.size(); ++index) {
    const Output& output = outputs[index];
    Bytes message(kHeaderBytes + output.payload.size());
    std::memcpy(message.data() + kAtSession, Padded(session_, 10).data(), 10);
    Put(message, kAtType, output.type);
    Put(message, kAtPayloadSize, static_cast<std::uint16_t>(output.payload.size()));
    Put(message, kAtFlags, static_cast<std::uint8_t>(index + 1 == outputs.size() ? 1 : 0));
    Put(message, kAtVersion, std::uint8_t{1});
    Put(message, kAtNumber, std::uint64_t{outputs_.size() + 1});
    Put(message, kAtTime, Get<std::int64_t>(cause, kAtTime));
    Put(message, kAtOrigin, Get<std::uint64_t>(cause, kAtNumber));
    const std::string user = output.to_sender ? Text(cause, kAtUser, 8) : Padded("", 8);
    std::memcpy(message.data() + kAtUser, user.data(), 8);
    Put(message, kAtIndex, static_cast<std::uint32_t>(index));
    Put(message, kAtEpoch, Get<std::uint32_t>(cause, kAtEpoch));
    std::memcpy(message.data() + kHeaderBytes, output.payload.data(), output.payload.size());
    output_digest_ = Digest(output_digest_, message);
    Put(message, 0, output_digest_);
    outputs_.push_back(std::move(message));
  }
}

// SplitMix64 (Steele, Lea, Flood 2014), seeded with 0; the upper half of 128 bits of a product.
std::uint64_t Oracle::Random(std::uint64_t bound) {
  random_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(mixed) * bound) >> 64);
}

}  // namespace tandem::simulation
