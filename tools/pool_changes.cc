// SPDX-License-Identifier: Apache-2.0
#include "tools/pool_changes.h"

#include <algorithm>
#include <utility>

namespace tandem::tools {
namespace {

using Texts = std::vector<std::string>;

std::string Joined(const Texts& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

void AddCount(const std::string& before, std::uint64_t count, std::uint64_t none,
              const std::string& behind, Texts& texts) {
  if (count != none) texts.push_back(before + std::to_string(count) + behind);
}

/// What is set of a pool, a text each.
Texts TextsOf(const pools::PoolSetting& pool) {
  Texts texts;
  if (!pool.base.empty()) texts.push_back("base " + pool.base);
  AddCount("limit ", pool.limit.elements, pools::kNoLimit, " elements", texts);
  AddCount("limit ", pool.limit.bytes, pools::kNoLimit, " bytes", texts);
  AddCount("reserve ", pool.reserve_elements, 0, " elements", texts);
  AddCount("reserve ", pool.reserve_bytes, 0, " bytes", texts);
  return texts;
}

Texts TextsOf(const pools::PageSettings& pages) {
  Texts texts;
  if (pages.huge) texts.push_back("huge pages");
  AddCount("huge pages up to ", pages.huge_limit_bytes, pools::kNoLimit, " bytes", texts);
  if (pages.prefault) texts.push_back("prefault");
  if (pages.lock) texts.push_back("mlock");
  if (pages.zero) texts.push_back("zeroing");
  return texts;
}

/// The texts of `a` that `b` does not have.
Texts Without(const Texts& a, const Texts& b) {
  Texts texts;
  std::copy_if(a.begin(), a.end(), std::back_inserter(texts), [&b](const std::string& text) {
    return std::find(b.begin(), b.end(), text) == b.end();
  });
  return texts;
}

}  // namespace

std::vector<std::string> PoolChanges(const pools::ZoneOptions& built,
                                     const pools::ZoneOptions& set) {
  std::vector<std::string> changes;
  for (const pools::PoolSetting& pool : set.pools) {
    const auto same = [&pool](const pools::PoolSetting& other) { return other.pool == pool.pool; };
    const auto before = std::find_if(built.pools.begin(), built.pools.end(), same);
    Texts now = TextsOf(pool);
    Texts then = before == built.pools.end() ? Texts() : TextsOf(*before);
    if (pool.pool == set.sbrk_name) {
      std::ranges::copy(TextsOf(set.pages), std::back_inserter(now));
      std::ranges::copy(TextsOf(built.pages), std::back_inserter(then));
    }
    const std::string added = Joined(Without(now, then));
    const std::string gone = Joined(Without(then, now));
    if (added.empty() && gone.empty()) continue;
    changes.push_back(pool.pool + ": " + (added.empty() ? "nothing set" : added) +
                      (gone.empty() ? "" : " (built in: " + gone + ")"));
  }
  return changes;
}

}  // namespace tandem::tools
