// SPDX-License-Identifier: Apache-2.0
//
// An application for trials of the live engine: an input with as many outputs as it asks for,
// inputs that kill or never end, a second version of its behaviour, in which amounts count double,
// and a second layout of its state. Has portable snapshots. One thread.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <utility>

#include "engine/application.h"
#include "engine/portable.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "trial.pb.h"

namespace tandem::trial {

struct Waste {
  std::uint64_t bytes[512] = {};
};

struct State {
  explicit State(pools::PoolRef base) : lpool("trial.lpool", base), waste("trial.waste", lpool) {
    (void)waste.Alloc();  // so that an image has more than one chunk
  }

  pools::Lpool lpool;
  pools::Tpool<Waste> waste;
  std::int64_t total = 0;
};

/// As a build has it that keeps more.
struct WideState : State {
  explicit WideState(pools::PoolRef base) : State(base), more("trial.more", lpool) {
    (void)more.Alloc();
  }
  pools::Tpool<Waste> more;
};

template <class StateOfBuild>
class Trial final
    : public engine::Application<Trial<StateOfBuild>, StateOfBuild, pb::Add, pb::Harm, pb::Total> {
 public:
  using Trial::Application::Application;
  using Trial::Application::state;
  using Portable = engine::Portable<1, pb::SavedTotal>;

  void Save(engine::PortableWriter& to) const {
    pb::SavedTotal saved;
    saved.set_total(state().total);
    to.Put(saved);
  }
  Status Load(const pb::SavedTotal& saved) {
    if (state().total != 0) return Error::BadInput("there is a total already");
    state().total = saved.total();
    return {};
  }

  void On(const pb::Add& message, engine::Context& context) {
    const std::int64_t weight = context.behaviour_version() >= 2 ? 2 : 1;
    state().total += weight * message.amount();
    for (std::uint32_t i = 0; i < message.outputs(); ++i) {
      auto& total = context.Make<pb::Total>();
      total.set_total(state().total);
      total.set_step(i);
      context.Emit(total);
    }
  }

  void On(const pb::Harm& message, engine::Context& /*context*/) {
    switch (message.kind()) {
      case pb::Harm::DIE:
        ::raise(SIGSEGV);
        break;
      case pb::Harm::LOOP:
        for (;;) asm volatile("");
      case pb::Harm::ALLOCATE:
        for (;;) (void)state().waste.Alloc();
      default:
        break;
    }
  }

  void On(const pb::Total& /*message*/, engine::Context& /*context*/) {}
};

/// Knows the behaviour up to `version`.
template <class StateOfBuild>
[[nodiscard]] Result<std::unique_ptr<replay::Application>> MakeTrial(const pools::ZoneOptions& zone,
                                                                     std::uint32_t version = 2) {
  auto made = Trial<StateOfBuild>::Make("trial", version, zone);
  if (!made) return made.error();
  return std::unique_ptr<replay::Application>(std::move(*made));
}

}  // namespace tandem::trial
