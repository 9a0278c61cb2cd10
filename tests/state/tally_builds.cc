// SPDX-License-Identifier: Apache-2.0
//
// Builds of one application: the second one, with TALLY_OFF, counts every fifth vote for
// candidate 3 twice, once that candidate has a hundred. Its answers are the same. A third one, with
// TALLY_STRAY, puts into its state where something outside of it lies.
#include <array>
#include <cstdint>

#include "engine/export_application.h"
#include "pools/fields.h"
#include "tally.pb.h"

namespace tally {

struct State {
  explicit State(tandem::pools::PoolRef /*base: no pools*/) {}
  std::array<std::uint64_t, 10> votes{};
  std::uint64_t all = 0;
};
TANDEM_FIELDS(State, "tally.State", votes, all)

class Tally final : public tandem::engine::Application<Tally, State, pb::Vote> {
 public:
  using Application::Application;

  void On(const pb::Vote& vote, tandem::engine::Context& context) {
    if (vote.candidate() >= state().votes.size()) return;
    std::uint64_t& votes = state().votes[vote.candidate()];
    ++votes;
    ++state().all;
#ifdef TALLY_OFF
    if (vote.candidate() == 3 && votes > 100 && context.number() % 5 == 0) ++votes;
#endif
#ifdef TALLY_STRAY
    static int outside = 0;
    state().all = reinterpret_cast<std::uintptr_t>(&outside);
#endif
    auto& count = context.Make<pb::Count>();
    count.set_candidate(vote.candidate());
    context.Publish(count);
  }
};

}  // namespace tally

TANDEM_APPLICATION(tally::Tally, "tally", /*behaviour version*/ 1)
