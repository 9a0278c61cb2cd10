// SPDX-License-Identifier: Apache-2.0
//
// ArenaBlocks: lets arenas that take their blocks through two plain functions (Protobuf's do) have
// them from a pool. The functions get no context, so the pool is that of the innermost ArenaBlocks
// that lives on the thread; it must live as long as the arena is used, reset and destroyed.
//
//   ArenaBlocks blocks(scratch);
//   google::protobuf::ArenaOptions options;
//   options.block_alloc = ArenaBlocks::Alloc;
//   options.block_dealloc = ArenaBlocks::Free;
//   google::protobuf::Arena arena(options);
//
// For scratch memory and tools, never for state. Out of memory ends the process. Protobuf itself is
// not needed here.
#pragma once

#include <cstddef>

#include "pools/ensure.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

class ArenaBlocks {
 public:
  explicit ArenaBlocks(PoolRef pool) : pool_(pool), outer_(current_) { current_ = this; }
  ~ArenaBlocks() { current_ = outer_; }
  ArenaBlocks(const ArenaBlocks&) = delete;
  ArenaBlocks& operator=(const ArenaBlocks&) = delete;

  static void* Alloc(std::size_t bytes) { return Pool().AllocMemOrEnd(bytes); }
  static void Free(void* memory, std::size_t bytes) { Pool().FreeMem(memory, bytes); }

 private:
  static PoolRef& Pool() {
    ENSURE(current_ != nullptr,
           "an arena asks for a block, but no ArenaBlocks lives on its thread");
    return current_->pool_;
  }

  static inline thread_local constinit ArenaBlocks* current_ = nullptr;

  PoolRef pool_;
  ArenaBlocks* outer_;
};

}  // namespace tandem::pools
