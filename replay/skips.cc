// SPDX-License-Identifier: Apache-2.0
#include "replay/skips.h"

#include "tandem/control.pb.h"

namespace tandem::replay {

void Skips::TakeSkip(const proto::MessageView& input) {
  pb::Skip skip;
  const std::string_view payload = input.payload_text();
  if (!skip.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return;
  if (skip.number() < input.header.number) reasons_.emplace(skip.number(), skip.reason());
}

std::uint64_t Skips::After(std::uint64_t number) const {
  const auto found = reasons_.upper_bound(number);
  return found == reasons_.end() ? kNone : found->first;
}

const std::string* Skips::ReasonFor(std::uint64_t number) const {
  const auto found = reasons_.find(number);
  return found == reasons_.end() ? nullptr : &found->second;
}

}  // namespace tandem::replay
