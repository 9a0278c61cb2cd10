// SPDX-License-Identifier: Apache-2.0
//
// HeapControls: the controls of the pools whose chain ends in Malloc; they are on the heap, and in
// one list for all threads, so that a zone finds out when such a pool has got into its state. Made
// and dropped through MakeControl and DropControl (pool_ref.h).
#pragma once

#include "pools/pool_ref.h"

namespace tandem::pools {

class HeapControls {
 public:
  [[nodiscard]] static PoolControl* New(const PoolControl& control);
  static void Delete(PoolControl* control);

  /// The first control, the last made first, for which `is_it` says so; or null. Other threads wait
  /// meanwhile.
  template <class IsIt>
  [[nodiscard]] static const PoolControl* FindIf(IsIt&& is_it) {
    const Lock lock;
    for (const Node* node = first_; node != nullptr; node = node->next) {
      if (is_it(node->control)) {
        return &node->control;
      }
    }
    return nullptr;
  }

 private:
  struct Node {
    PoolControl control;
    Node* next = nullptr;
    Node* previous = nullptr;
  };
  struct Lock {
    Lock();
    ~Lock();
  };

  static Node* first_;
};

}  // namespace tandem::pools
