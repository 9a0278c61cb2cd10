// SPDX-License-Identifier: Apache-2.0
#include "tools/cause_order.h"

#include <algorithm>
#include <vector>

namespace tandem::tools {

void CauseOrder::Next() {
  if (begun_ && !runs_.empty()) {
    if (!is_astray_) in_order_to_ = runs_.front().cause;
    if (runs_.size() > 1 && runs_[1].cause < runs_[0].cause) --steps_back_;
    runs_.pop_front();
  }
  begun_ = true;
  Fill();
  // If most of what follows is behind it, it is what came before that is astray.
  if (!runs_.empty() && runs_.front().cause < in_order_to_ &&
      2 * MostInOrder(0, in_order_to_) < MostInOrder(0, 0)) {
    in_order_to_ = 0;
  }
  is_astray_ = !runs_.empty() && IsAstray(0);
}

void CauseOrder::Fill() {
  while (runs_.size() < kRunsAhead) {
    const bool has_message = ahead_.Next() == replay::ReadOutcome::kMessage;
    const proto::Header* const header = has_message ? &ahead_.message().header : nullptr;
    if (next_ && (!has_message || header->origin != next_->cause)) {
      if (!runs_.empty() && next_->cause < runs_.back().cause) ++steps_back_;
      runs_.push_back(*next_);
      next_.reset();
    }
    if (!has_message) return;
    next_ = Run{.cause = header->origin, .is_complete = header->last()};
  }
}

bool CauseOrder::IsAstray(std::size_t at) const {
  const std::uint64_t cause = runs_[at].cause;
  if (cause < in_order_to_) return true;
  if (steps_back_ == 0) return false;
  return MostInOrder(at + 1, in_order_to_) >= 1 + MostInOrder(at + 1, cause);
}

std::uint64_t CauseOrder::CauseInOrder() const {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (!IsAstray(i)) return runs_[i].cause;
  }
  return kNone;
}

std::size_t CauseOrder::MostInOrder(std::size_t begin, std::uint64_t least) const {
  std::vector<std::uint64_t> ends;  // of the best runs in order of each length, the least one
  for (std::size_t i = begin; i < runs_.size(); ++i) {
    const std::uint64_t cause = runs_[i].cause;
    if (cause < least) continue;
    const auto longer = std::upper_bound(ends.begin(), ends.end(), cause);
    if (longer == ends.end()) {
      ends.push_back(cause);
    } else {
      *longer = cause;
    }
  }
  return ends.size();
}

}  // namespace tandem::tools
