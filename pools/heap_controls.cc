// SPDX-License-Identifier: Apache-2.0
#include "pools/heap_controls.h"

#include <cstddef>
#include <mutex>
#include <type_traits>

namespace tandem::pools {
namespace {

constinit std::mutex mutex;

}  // namespace

constinit HeapControls::Node* HeapControls::first_ = nullptr;

HeapControls::Lock::Lock() { mutex.lock(); }
HeapControls::Lock::~Lock() { mutex.unlock(); }

PoolControl* HeapControls::New(const PoolControl& control) {
  Node* node = new Node{.control = control};
  const Lock lock;
  node->next = first_;
  if (first_ != nullptr) {
    first_->previous = node;
  }
  first_ = node;
  return &node->control;
}

void HeapControls::Delete(PoolControl* control) {
  static_assert(std::is_standard_layout_v<Node> && offsetof(Node, control) == 0);
  Node* node = reinterpret_cast<Node*>(control);
  {
    const Lock lock;
    (node->previous == nullptr ? first_ : node->previous->next) = node->next;
    if (node->next != nullptr) {
      node->next->previous = node->previous;
    }
  }
  delete node;
}

}  // namespace tandem::pools
