// SPDX-License-Identifier: Apache-2.0
//
// What a step sees of the world beside its message and its state: the sequenced time, who sent the
// message, where outputs go, timers, a seeded random generator. Nothing else is an input. One
// thread.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "pools/ensure.h"
#include "proto/header.h"
#include "replay/output_batch.h"
#include "tandem/options.pb.h"

namespace tandem::engine {

/// The header's type number of message class T.
template <class T>
[[nodiscard]] std::uint16_t TypeOf() {
  static const auto type =
      static_cast<std::uint16_t>(T::descriptor()->options().GetExtension(pb::type));
  return type;
}

/// Message objects that are used again from step to step, so that their strings keep their memory
/// and a step needs no heap. Scratch, not state.
class MessageScratch {
 public:
  /// Longest string that is sure to fit without the heap.
  static constexpr std::size_t kStringSize = 256;

  /// One object of every numbered message of `files`.
  explicit MessageScratch(std::initializer_list<const google::protobuf::FileDescriptor*> files);

  template <class T>
  [[nodiscard]] T& Get() {
    const std::uint16_t type = TypeOf<T>();
    ENSURE(type < messages_.size() && messages_[type] != nullptr,
           "message type %u is not declared beside the application's inputs", type);
    return static_cast<T&>(*messages_[type]);
  }

 private:
  std::vector<std::unique_ptr<google::protobuf::Message>> messages_;  ///< by type number
};

/// SplitMix64 (Steele, Lea, Flood 2014): integers only, the same on every machine. It is state.
class Random {
  __extension__ using Wide = unsigned __int128;

 public:
  explicit Random(std::uint64_t seed = 0) : state_(seed) {}
  [[nodiscard]] std::uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  /// Random(state()) goes on as this one does.
  [[nodiscard]] std::uint64_t state() const { return state_; }
  /// 0 to `bound` - 1; `bound` is at least 1.
  [[nodiscard]] std::uint64_t Below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * bound) >> 64);
  }

 private:
  std::uint64_t state_;
};

class Timers;

class Context {
 public:
  /// `timers`: null, if the application has no OnTimer.
  Context(const proto::Header& cause, replay::OutputBatch& outputs, MessageScratch& scratch,
          Random& random, std::uint32_t behaviour_version, Timers* timers)
      : cause_(cause),
        outputs_(outputs),
        scratch_(scratch),
        random_(random),
        behaviour_version_(behaviour_version),
        timers_(timers) {}

  /// Of the message; in OnTimer, of the timer's deadline.
  [[nodiscard]] std::int64_t time_ns() const { return cause_.time_ns; }
  /// Of the input; in OnTimer, of the one that brought the time.
  [[nodiscard]] std::uint64_t number() const { return cause_.number; }
  [[nodiscard]] std::uint16_t type() const { return cause_.type; }
  /// Who sent the message; in OnTimer blank, so that Emit is Publish.
  [[nodiscard]] proto::User user() const { return cause_.user; }
  [[nodiscard]] Random& random() { return random_; }
  /// How to behave: 1, until an Activate in the input raises it. Old inputs are stepped again with
  /// the version that they were stepped with, so a change of behaviour asks for it:
  ///   if (context.behaviour_version() >= 2) ...
  [[nodiscard]] std::uint32_t behaviour_version() const { return behaviour_version_; }

  /// Has OnTimer called, once, when the stream's time has come to `deadline_ns`; a deadline that is
  /// not after time_ns() is taken as the nanosecond after it. The id is the application's own; a
  /// timer that waits under it is moved. Timers fire in the order of (deadline, id), before the
  /// first input of that or a later time, a tick at the latest.
  void SetTimer(std::uint64_t id, std::int64_t deadline_ns);
  /// False: no timer waits under that id.
  bool CancelTimer(std::uint64_t id);

  /// A cleared message object to fill and emit; valid until Make of the same type.
  template <class T>
  [[nodiscard]] T& Make() {
    T& message = scratch_.Get<T>();
    message.Clear();
    return message;
  }

  /// Answers whoever sent the input.
  template <class T>
  void Emit(const T& message) {
    EmitTo(cause_.user, message);
  }
  /// For everyone who reads the stream.
  template <class T>
  void Publish(const T& message) {
    EmitTo(proto::User{}, message);
  }
  template <class T>
  void EmitTo(proto::User user, const T& message) {
    const std::size_t size = message.ByteSizeLong();
    std::byte* const to = outputs_.Append(TypeOf<T>(), user, size);
    message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(to));
  }

 private:
  const proto::Header& cause_;
  replay::OutputBatch& outputs_;
  MessageScratch& scratch_;
  Random& random_;
  std::uint32_t behaviour_version_;
  Timers* timers_;
};

}  // namespace tandem::engine
