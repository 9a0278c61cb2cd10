// SPDX-License-Identifier: Apache-2.0
#include "tools/bisect_damage.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "pools/zone_layout.h"
#include "tools/child.h"

namespace tandem::tools {

std::optional<DamageExplained> DamageSearch::Run(
    const std::function<bool(std::uint64_t trials)>& ask) {
  ask_ = ask;
  begin_ = good_.position().number;
  end_ = bad_.label().input.number;
  if (!good_.ReadAhead()) return std::nullopt;  // once, and not in every child
  std::vector<Flip> flips = Differing();
  if (flips.empty()) return std::nullopt;
  // The digest sums up all outputs, so it has followed from other differences, unless a bit of it
  // is all that there is.
  const std::size_t all = flips.size();
  if (all > 1 || !IsOneBit(flips[0])) {
    outputs_differ_ =
        std::erase_if(flips, [this](const Flip& flip) { return IsOfOutputDigest(flip); }) != 0;
  }
  // If nothing followed from the damage, all that differs came at once.
  std::optional<DamageExplained> found;
  if (flips.size() == all) found = TryAll(flips);
  // It always explains the image if it came after the last input, which says nothing of several.
  if (found && found->bits == 0 && found->earliest == end_) found.reset();
  for (const Flip& flip : flips) {
    for (unsigned bit = 0; bit < 8 && !found && MayGoOn(); ++bit) {
      const auto mask = static_cast<std::uint8_t>(1u << bit);
      if ((flip.bits & mask) != 0) found = TryOne({flip.address, mask});
    }
  }
  if (found) found->trials = trials_;
  return found;
}

bool DamageSearch::IsOneBit(const Flip& flip) { return (flip.bits & (flip.bits - 1)) == 0; }

bool DamageSearch::IsOfOutputDigest(const Flip& flip) const {
  const std::uint64_t& digest = good_.application().resume_point().output.digest;
  const auto begin = reinterpret_cast<std::uintptr_t>(&digest);
  return flip.address >= begin && flip.address < begin + sizeof digest;
}

// In a child, so that the replay stays where it is.
std::vector<DamageSearch::Flip> DamageSearch::Differing() {
  const auto answer = RunInChild([this]() -> std::string {
    if (!good_.StepTo(end_)) return "";
    const std::span<const std::byte> here = good_.view().bytes();
    const std::span<const std::byte> there = bad_.bytes();
    if (here.size() != there.size()) return "";
    std::string found;
    std::size_t count = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (here[i] == there[i]) continue;
      if (++count > kFlipsMax) return "";
      found += std::to_string(i) + " " +
               std::to_string(std::to_integer<unsigned>(here[i] ^ there[i])) + "\n";
    }
    return found;
  });
  std::vector<Flip> flips;
  const char* at = answer ? answer->data() : nullptr;
  const char* const end = answer ? at + answer->size() : nullptr;
  while (at != end) {
    Flip flip;
    at = std::from_chars(at, end, flip.address).ptr + 1;
    at = std::from_chars(at, end, flip.bits).ptr + 1;
    flip.address += good_.view().begin();
    flips.push_back(flip);
  }
  return flips;
}

bool DamageSearch::MayGoOn() {
  stopped_ = stopped_ || trials_ >= kTrialsMax || !ask_(trials_);
  return !stopped_;
}

bool DamageSearch::Try(const std::vector<Flip>& flips, std::uint64_t number) {
  if (!MayGoOn()) return false;
  ++trials_;
  const auto answer = RunInChild([&]() -> std::string {
    if (!good_.StepTo(number)) return "";
    for (const Flip& flip : flips) {
      if (good_.view().At(flip.address, 1) == nullptr) return "";
      *reinterpret_cast<std::uint8_t*>(flip.address) ^= flip.bits;
    }
    if (number < end_ && !good_.StepTo(end_)) return "";
    return good_.Equals(bad_) ? "equal" : "";
  });
  return answer == "equal";
}

std::uint64_t DamageSearch::Earliest(const std::vector<Flip>& flips, std::uint64_t no,
                                     std::uint64_t yes) {
  while (yes - no > 1 && MayGoOn()) {
    const std::uint64_t middle = no + (yes - no) / 2;
    (Try(flips, middle) ? yes : no) = middle;
  }
  return yes;
}

std::uint64_t DamageSearch::Latest(const std::vector<Flip>& flips, std::uint64_t yes,
                                   std::uint64_t no) {
  while (no - yes > 1 && MayGoOn()) {
    const std::uint64_t middle = yes + (no - yes) / 2;
    (Try(flips, middle) ? yes : no) = middle;
  }
  return yes;
}

std::optional<DamageExplained> DamageSearch::TryAll(const std::vector<Flip>& flips) {
  if (!Try(flips, end_)) return std::nullopt;
  const std::uint64_t earliest = Try(flips, begin_) ? begin_ : Earliest(flips, begin_, end_);
  const bool is_one_bit = flips.size() == 1 && IsOneBit(flips[0]);
  return DamageExplained{.address = flips[0].address,
                         .bits = is_one_bit ? flips[0].bits : std::uint8_t{0},
                         .earliest = earliest,
                         .latest = end_};
}

std::optional<DamageExplained> DamageSearch::TryOne(const Flip& flip) {
  const std::vector<Flip> flips = {flip};
  const std::uint64_t length = end_ - begin_;
  const std::uint64_t samples = std::min(kSamples, length);
  std::uint64_t before = begin_;
  for (std::uint64_t i = 0; i < samples && MayGoOn(); ++i) {
    const std::uint64_t number = begin_ + length * i / samples;
    if (!Try(flips, number)) {
      before = number;
      continue;
    }
    DamageExplained found{.address = flip.address, .bits = flip.bits};
    found.earliest = number == begin_ ? begin_ : Earliest(flips, before, number);
    found.latest = Latest(flips, number, end_);
    return found;
  }
  return std::nullopt;
}

}  // namespace tandem::tools
