// SPDX-License-Identifier: Apache-2.0
//
// Scheduler: simulated time. Runs tasks in the order of their time, those of one time in the order
// in which they were made. With the seed it is the only source of chance, so that a seed gives the
// same run again. Keeps the last lines of the trace for a report. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace tandem::simulation {

constexpr std::int64_t kUs = 1'000;
constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

/// Whoever has tasks pending owns a Life; they are dropped when it ends.
using Life = std::shared_ptr<const char>;
using WeakLife = std::weak_ptr<const char>;
[[nodiscard]] inline Life NewLife() { return std::make_shared<const char>('\0'); }

class Scheduler {
 public:
  static constexpr std::int64_t kBeginNs = 1'700'000'000 * kSecond;
  static constexpr std::size_t kTraceLines = 40;

  explicit Scheduler(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  /// 0 to `bound` - 1.
  std::uint64_t Below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(Random()) * bound) >> 64);
  }
  /// `from` to `to`.
  std::int64_t Between(std::int64_t from, std::int64_t to) {
    return from + static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(to - from) + 1));
  }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

  void After(std::int64_t delay_ns, const Life& life, std::function<void()> task) {
    tasks_.emplace(std::pair(now_ns_ + delay_ns, ++tasks_made_), Task{life, std::move(task)});
  }

  /// Runs the next task. False: there is none.
  bool RunOne() {
    if (tasks_.empty()) return false;
    auto node = tasks_.extract(tasks_.begin());
    now_ns_ = node.key().first;
    ++steps_;
    Mix(static_cast<std::uint64_t>(now_ns_));
    if (const Life alive = node.mapped().life.lock()) node.mapped().run();
    return true;
  }

  void Trace(const std::string& line) {
    std::string text = std::to_string((now_ns_ - kBeginNs) / kUs) + " us: " + line;
    for (const char c : text) Mix(static_cast<unsigned char>(c));
    if (echo_ != nullptr) std::fprintf(echo_, "%s\n", text.c_str());
    trace_.push_back(std::move(text));
    if (trace_.size() > kTraceLines) trace_.pop_front();
  }
  [[nodiscard]] const std::deque<std::string>& trace() const { return trace_; }
  /// Every further line goes there, too.
  void EchoTo(std::FILE* file) { echo_ = file; }
  /// Of the time of every step and of all lines ever traced: two runs with equal ones did the same.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  void Mix(std::uint64_t value) { fingerprint_ = (fingerprint_ ^ value) * kPrime; }

  static constexpr std::uint64_t kPrime = 0x100000001b3;  // FNV-1a

  struct Task {
    WeakLife life;
    std::function<void()> run;
  };

  /// SplitMix64 (Steele, Lea, Flood 2014).
  std::uint64_t Random() {
    random_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = random_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t random_;
  std::FILE* echo_ = nullptr;
  std::int64_t now_ns_ = kBeginNs;
  std::uint64_t steps_ = 0;
  std::uint64_t tasks_made_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, Task> tasks_;
  std::deque<std::string> trace_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325;
};

}  // namespace tandem::simulation
