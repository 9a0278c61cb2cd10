// SPDX-License-Identifier: Apache-2.0
//
// TwinRun: an application in a test, stepped as an engine would, and a second copy of it that
// silently takes the same inputs, in a zone at another address and with another chain: every pool
// takes its memory from Sbrk itself, where it is not 0 at first, and has what is free in another
// order. Their outputs must be the same bytes. What EventList
// (event_list.h) does behind its template. One thread.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pools/zone.h"
#include "replay/application.h"
#include "replay/stepper.h"

namespace tandem::engine {

/// A message and who sends it or gets it; equal if its bytes are.
struct Event {
  std::string user;  ///< blank: everybody
  std::uint16_t type = 0;
  std::string payload;
  std::string text;  ///< "Booked id: 1 cents: 30"

  friend bool operator==(const Event& a, const Event& b) {
    return a.user == b.user && a.type == b.type && a.payload == b.payload;
  }
};

/// "to ann: Booked id: 1 cents: 30", a line each.
[[nodiscard]] std::string Lines(const std::vector<Event>& events);

/// A message that is written in a test. One without a type number ends the process.
[[nodiscard]] Event EventOf(std::string_view user, const google::protobuf::Message& message);

class TwinRun {
 public:
  /// An application and the zone that it lives in.
  struct Made {
    std::unique_ptr<replay::Application> application;
    pools::Zone* zone = nullptr;
  };
  /// A new application with empty state; ends the process if there can be none.
  using Maker = Made (*)(const pools::ZoneOptions&);

  explicit TwinRun(Maker make);

  /// Steps an input. Returns what is wrong: the stepper refused it, or the copies differ. Empty:
  /// nothing; then its outputs are behind those in outputs().
  [[nodiscard]] std::string Take(const Event& input);
  /// From here on it is so much later.
  void PassTime(std::int64_t ns) { time_ns_ += ns; }

  /// What was put out since it was cleared last.
  [[nodiscard]] std::vector<Event>& outputs() { return outputs_; }
  [[nodiscard]] std::int64_t time_ns() const { return time_ns_; }
  [[nodiscard]] replay::Application& application() { return *first_.application; }

 private:
  [[nodiscard]] std::vector<std::byte> Seal(const Event& input);
  [[nodiscard]] std::vector<Event> OutputsOf(const replay::Stepper& stepper) const;

  Made first_;
  Made second_;
  std::optional<replay::Stepper> first_stepper_;
  std::optional<replay::Stepper> second_stepper_;
  proto::StreamPosition input_;
  std::int64_t time_ns_;
  std::map<std::string, std::uint64_t> sent_;  ///< by each user
  std::vector<Event> outputs_;
};

}  // namespace tandem::engine
