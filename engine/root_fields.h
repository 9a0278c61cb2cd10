// SPDX-License-Identifier: Apache-2.0
//
// What the root of an application's zone is made of, by name (pools/fields.h): the resume point,
// the random generator, the timers and the application's state. A state type that names its fields,
// by poolc or TANDEM_FIELDS, is described with all that hangs on it; of another only the size is
// known.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "engine/context.h"
#include "engine/timers.h"
#include "pools/fields.h"
#include "proto/digest.h"
#include "replay/application.h"

namespace tandem::proto {
TANDEM_FIELDS(StreamPosition, "tandem.StreamPosition", number, digest)
}  // namespace tandem::proto

namespace tandem::replay {
TANDEM_FIELDS(ResumePoint, "tandem.ResumePoint", input, output, time_ns, epoch, ended,
              behaviour_version, skipped_count, skipped, loaded_at)
}  // namespace tandem::replay

namespace tandem::engine {

TANDEM_NAME(Random, "tandem.Random")
struct RandomFields {
  static constexpr pools::FieldInfo kFields[] = {
      pools::internal::DescribeField<std::uint64_t>("state", 0)};
  static constexpr pools::TypeInfo kType{"tandem.Random", sizeof(Random), alignof(Random), kFields};
};
static_assert(sizeof(Random) == sizeof(std::uint64_t));

TANDEM_NAME(Timers, "tandem.Timers")
struct TimersFields {
  static constexpr pools::FieldInfo kFields[] = {
      pools::internal::DescribeField<Timers::Table>("timer", 0)};
  static constexpr pools::TypeInfo kType{"tandem.Timers", sizeof(Timers), alignof(Timers), kFields};
};
static_assert(sizeof(Timers) == sizeof(Timers::Table));

/// Of a Root with members resume_point, random, state and, if it has them, timers.
template <class Root, class State, bool kHasTimers>
class RootFields {
  static constexpr std::string_view StateName() {
    if constexpr (pools::Described<State>) {
      return TandemName(static_cast<const State*>(nullptr));
    } else {
      return "State";
    }
  }

  TANDEM_OFFSETOF_BEGIN
  static constexpr auto MakeFields() {
    constexpr std::array kThree = {TANDEM_FIELD(Root, resume_point), TANDEM_FIELD(Root, random),
                                   TANDEM_FIELD_AS(Root, state, StateName(), "Val")};
    if constexpr (kHasTimers) {
      return std::array{kThree[0], kThree[1], kThree[2], TANDEM_FIELD(Root, timers)};
    } else {
      return kThree;
    }
  }
  TANDEM_OFFSETOF_END
  static constexpr auto kFields = MakeFields();

 public:
  static constexpr pools::TypeInfo kType{"tandem.Root", sizeof(Root), alignof(Root), kFields};
};

}  // namespace tandem::engine
