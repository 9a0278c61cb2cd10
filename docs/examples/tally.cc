// SPDX-License-Identifier: Apache-2.0
//
// An application in a shared library: it counts votes. docs/applications.md shows how it is run.
#include <array>
#include <cstdint>

#include "engine/export_application.h"
#include "tally.pb.h"

namespace tally {

struct State {
  explicit State(tandem::pools::PoolRef /*base: for pools, of which this state has none*/) {}
  std::array<std::uint64_t, 10> votes{};
};

class Tally final : public tandem::engine::Application<Tally, State, pb::Vote> {
 public:
  using Application::Application;

  void On(const pb::Vote& vote, tandem::engine::Context& context) {
    if (vote.candidate() >= state().votes.size()) return;
    auto& count = context.Make<pb::Count>();
    count.set_candidate(vote.candidate());
    count.set_votes(++state().votes[vote.candidate()]);
    context.Publish(count);
  }
};

}  // namespace tally

TANDEM_APPLICATION(tally::Tally, "tally", /*behaviour version*/ 1)
