// SPDX-License-Identifier: Apache-2.0
//
// Timers: what an application has asked to be told of at a later time. They are state: in the zone,
// beside the application's own. Set through Context::SetTimer, taken by Application, which calls
// OnTimer; an application has them by having an OnTimer. One thread. Setting, cancelling and taking
// cost the logarithm of how many wait; asking whether one is due costs a look at the first.
#pragma once

#include <cstdint>

#include "pools/fields.h"
#include "pools/pool_ref.h"
#include "pools/table.h"

namespace tandem::engine {

/// A timer that waits.
struct Timer {
  std::int64_t deadline_ns = 0;  ///< of the stream's time, as Context::time_ns
  std::uint64_t id = 0;          ///< the application's own
};
TANDEM_FIELDS(Timer, "tandem.Timer", deadline_ns, id)

class Timers {
 public:
  using IsZoneSafe = void;
  using Table = pools::Table<Timer, pools::Ordered<&Timer::id>,
                             pools::Ordered<&Timer::deadline_ns, &Timer::id>>;

  explicit Timers(pools::PoolRef base) : table_("tandem.timer", base) {}

  /// One that waits under this id is moved to the new deadline.
  void Set(const Timer& timer);
  /// False: none waits under this id.
  bool Cancel(std::uint64_t id) { return table_.EraseKey<&Timer::id>(id); }
  /// The one that waits under this id, or null.
  [[nodiscard]] const Timer* Find(std::uint64_t id) const { return table_.Find<&Timer::id>(id); }

  /// Takes out the first by (deadline, id), if its deadline is not after `time_ns`.
  [[nodiscard]] bool TakeDue(std::int64_t time_ns, Timer& due) {
    Timer* const first = table_.By<&Timer::deadline_ns, &Timer::id>().First();
    if (first == nullptr || first->deadline_ns > time_ns) return false;
    due = *first;
    table_.Erase(*first);
    return true;
  }

  [[nodiscard]] const Table& table() const { return table_; }

 private:
  Table table_;
};

}  // namespace tandem::engine
