// SPDX-License-Identifier: Apache-2.0
#include "pools/pool_account.h"

#include <cinttypes>

#include "pools/ensure.h"

namespace tandem::pools {

PoolAccount::PoolAccount(const char* name, PoolKind kind, PoolRef base, std::uint64_t element_bytes)
    : control_(MakeControl(name, kind, this, &base.control(), base.control().zone)),
      element_bytes_(element_bytes) {}

PoolAccount::~PoolAccount() {
  ENSURE(live_ == 0 && taken_bytes_ == 0,
         "pool %s ends while members of it hold %" PRIu64 " elements and %" PRIu64 " bytes",
         control_->name, live_, taken_bytes_);
  DropControl(control_);
}

Piece PoolAccount::Take(std::uint64_t bytes, std::uint64_t returned) {
  PoolRef base(*control_->base);
  const std::uint64_t real_size = base.RealSize(bytes);
  const std::uint64_t kept = taken_bytes_ - returned;
  if (kept > control_->limit.bytes || real_size > control_->limit.bytes - kept) {
    Refuse(*control_, bytes, RefusalReason::kByteLimit);
    return {};
  }
  void* memory = base.TryAllocMem(real_size);
  if (memory == nullptr) {
    return {};
  }
  taken_bytes_ += real_size;
  taken_peak_bytes_ = std::max(taken_peak_bytes_, kept + real_size);
  return {memory, real_size};
}

void PoolAccount::GiveBack(Piece piece) {
  PoolRef(*control_->base).FreeMem(piece.memory, piece.bytes);
  taken_bytes_ -= piece.bytes;
}

Figures PoolAccount::GetFigures() const {
  return {.live = live_,
          .live_peak = std::max(live_peak_, live_),
          .live_bytes = live_ * element_bytes_,
          .taken_bytes = taken_bytes_,
          .taken_peak_bytes = taken_peak_bytes_};
}

}  // namespace tandem::pools
