// SPDX-License-Identifier: Apache-2.0
#include "pools/free_stack.h"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace tandem::pools {
namespace {

constexpr std::size_t kWordBytes = sizeof(void*);

// Copies one word at a time. The compiler would copy several at once, but words written a moment
// ago have not reached the cache, and the processor would wait until they have.
void CopyWords(void** from, std::uint64_t count, void** to) {
  const bool backward = to > from;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t place = backward ? count - 1 - i : i;
    void* word = from[place];
    asm volatile("" : "+r"(word));
    to[place] = word;
  }
}

// Calls `function` with the number of blocks in a batch, a trunk and its leaves, as a constant.
template <class Function>
void WithBatch(std::size_t block_bytes, Function&& function) {
  if (kChecked) {
    function(std::integral_constant<std::uint64_t, 1>());
  } else if (block_bytes >= 8 * kWordBytes) {
    function(std::integral_constant<std::uint64_t, 8>());
  } else if (block_bytes >= 4 * kWordBytes) {
    function(std::integral_constant<std::uint64_t, 4>());
  } else {
    function(std::integral_constant<std::uint64_t, 2>());
  }
}

}  // namespace

// Moves what is above `below` to where it has to be now that the numbers of blocks have changed.
void FreeStack::Shift(std::uint64_t below) {
  const std::uint64_t used = top_ - below;
  bottom_ = kSlots - std::min(kSlots, blocks_ - stored_);
  if (bottom_ != below) {
    CopyWords(slots_ + below + 1, used, slots_ + bottom_ + 1);
    top_ = bottom_ + used;
  }
  slots_[bottom_] = nullptr;
}

bool FreeStack::Refill(std::size_t block_bytes) {
  const std::uint64_t count = std::min(stored_, kStoredAtOnce);
  stored_ -= count;
  Shift(top_);
  WithBatch(block_bytes, [this, count](auto batch) { Load<batch>(count); });
  top_ = bottom_ + count;
  return count != 0;
}

// Fills the first `count` slots from trunks.
template <std::uint64_t kBatch>
void FreeStack::Load(std::uint64_t count) {
  for (std::uint64_t left = count; left != 0; left -= kBatch) {
    const std::uint64_t number = (stored_ + left) / kBatch - 1;
    void** const to = slots_ + bottom_ + 1 + left - kBatch;
    void**& chain = trunks_[number % kChains];
    void** const trunk = chain;
    Unpoison(trunk, kBatch * kWordBytes);
    chain = static_cast<void**>(trunk[0]);
    for (std::uint64_t i = 1; i < kBatch; ++i) {
      to[i - 1] = trunk[i];
    }
    to[kBatch - 1] = trunk;
    Poison(trunk, kBatch * kWordBytes);
    if (number >= kChains) {
      __builtin_prefetch(chain, 1);
    }
    if (number >= kFetchedAhead) {
      void** const ahead = trunks_[(number - kFetchedAhead) % kChains];
      for (std::uint64_t i = 1; i < kBatch; ++i) {
        __builtin_prefetch(ahead[i], 1);
      }
    }
  }
}

void FreeStack::MakeRoom(std::size_t block_bytes) {
  if (top_ == kSlots && bottom_ == 0) {
    WithBatch(block_bytes, [this](auto batch) { Store<batch>(); });
    stored_ += kStoredAtOnce;
    Shift(kStoredAtOnce);
  }
}

// Makes trunks of what is in the first kStoredAtOnce slots.
template <std::uint64_t kBatch>
void FreeStack::Store() {
  for (std::uint64_t done = 0; done != kStoredAtOnce; done += kBatch) {
    void** const from = slots_ + 1 + done;
    auto** const trunk = static_cast<void**>(from[kBatch - 1]);
    void**& chain = trunks_[(stored_ + done) / kBatch % kChains];
    Unpoison(trunk, kBatch * kWordBytes);
    trunk[0] = chain;
    CopyWords(from, kBatch - 1, trunk + 1);
    Poison(trunk, kBatch * kWordBytes);
    chain = trunk;
  }
}

void FreeStack::Shuffle(std::size_t block_bytes, Shuffler& shuffler) {
  std::vector<void*> blocks;
  blocks.reserve(free());
  do {
    for (void* block = Pop(); block != nullptr; block = Pop()) blocks.push_back(block);
  } while (Refill(block_bytes));
  shuffler.Shuffle<void*>(blocks);
  for (void* const block : blocks) {
    if (!Accepts(block)) MakeRoom(block_bytes);
    Push(block);
  }
}

}  // namespace tandem::pools
