// SPDX-License-Identifier: Apache-2.0
//
// How many requests a server answers: a request of 20 bytes brings up to 1,400, and its sender may
// be made up, so nobody may be sent more than a stated rate, and all together no more than another.
// Pure; one thread. Memory: kSourcesMax entries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

namespace tandem::engine {

/// Lets `rate` things a second pass, and up to a tenth of that at once.
class RateLimit {
 public:
  explicit RateLimit(std::int64_t rate) : rate_(rate), tokens_ns_(BurstNs()) {}

  [[nodiscard]] bool Allow(std::int64_t now_ns) {
    tokens_ns_ = std::min(BurstNs(), tokens_ns_ + std::max<std::int64_t>(0, now_ns - last_ns_));
    last_ns_ = now_ns;
    const std::int64_t cost_ns = 1'000'000'000 / rate_;
    if (tokens_ns_ < cost_ns) return false;
    tokens_ns_ -= cost_ns;
    return true;
  }
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }

 private:
  static constexpr std::int64_t BurstNs() { return 100'000'000; }

  std::int64_t rate_;
  std::int64_t tokens_ns_;
  std::int64_t last_ns_ = 0;
};

class MoldAnswerLimit {
 public:
  static constexpr std::int64_t kPerSource = 5'000;  ///< answers a second to one address
  static constexpr std::int64_t kInAll = 20'000;     ///< answers a second
  static constexpr std::size_t kSourcesMax = 1'024;  ///< addresses known at a time
  static constexpr std::int64_t kSearches = 200;     ///< in the log, a second

  /// `source`: an address. What is not allowed is dropped without a word.
  [[nodiscard]] bool AllowAnswer(std::uint32_t source, std::int64_t now_ns) {
    auto found = sources_.find(source);
    if (found == sources_.end()) {
      if (sources_.size() >= kSourcesMax) Forget(now_ns);
      if (sources_.size() >= kSourcesMax) return false;
      found = sources_.emplace(source, RateLimit(kPerSource)).first;
    }
    return found->second.Allow(now_ns) && all_.Allow(now_ns);
  }
  [[nodiscard]] bool AllowSearch(std::int64_t now_ns) { return searches_.Allow(now_ns); }
  [[nodiscard]] std::size_t sources() const { return sources_.size(); }

 private:
  /// Those that would be allowed a whole burst again need not be known.
  void Forget(std::int64_t now_ns) {
    std::erase_if(sources_, [now_ns](const auto& source) {
      return now_ns - source.second.last_ns() >= 100'000'000;
    });
  }

  std::map<std::uint32_t, RateLimit> sources_;
  RateLimit all_{kInAll};
  RateLimit searches_{kSearches};
};

}  // namespace tandem::engine
