// SPDX-License-Identifier: Apache-2.0
//
// W1 to W6: what pools_bench measures. A work is made for one contestant and can be run round after
// round; the choices in it (sizes, orders) are a function of a fixed seed, so every contestant does
// the same. CheckedRound also reads back what was written to all memory and hashes it: the hash is
// the same for all contestants, or one of them handed out memory twice.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

#include "pools/lary.h"
#include "tests/benchmarks/pools_bench_contestants.h"

namespace tandem::pools_bench {

/// One work, done by one contestant.
class Runner {
 public:
  virtual ~Runner() = default;
  /// Nanoseconds for an operation: an allocation and a free, or an append.
  virtual double Round() = 0;
  /// A hash of the choices made and of what was read back; not timed.
  virtual std::uint64_t CheckedRound() = 0;
  /// Bytes asked for and not freed, when they are the most.
  [[nodiscard]] virtual std::uint64_t live_bytes_max() const = 0;
};

/// The same pseudo-random numbers on every machine (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }

 private:
  std::uint64_t state_;
};

inline constexpr std::uint64_t kSeed = 20240229;

inline std::uint64_t Mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15;
  return hash ^ (hash >> 29);
}

inline std::uint64_t& WordOf(void* memory) { return *static_cast<std::uint64_t*>(memory); }

/// What is before it in the program has happened: memory is written, nothing is kept in registers.
inline void Settle(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

/// The same object, as code sees it that is given a reference: the compiler does not know of what
/// it is a part. (Processors pass on what was just stored sooner where it is near to its base
/// register, so otherwise the result would depend on what else is in the object around it.)
template <class T>
T& AsGiven(T& object) {
  T* pointer = &object;
  asm volatile("" : "+r"(pointer));
  return *pointer;
}

/// Time that this thread had a processor; on a busy machine the time of others is left out.
class Stopwatch {
 public:
  void Start() { begin_ = Now(); }
  void Stop() { nanoseconds_ += Now() - begin_; }
  [[nodiscard]] double nanoseconds() const { return static_cast<double>(nanoseconds_); }

 private:
  static std::int64_t Now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
  }
  std::int64_t begin_ = 0;
  std::int64_t nanoseconds_ = 0;
};

/// A work written once, as `template <bool kCheck> double Run(std::uint64_t& hash)`.
template <class Work>
class RunnerOf : public Runner {
 public:
  double Round() override {
    std::uint64_t hash = 0;
    return static_cast<Work*>(this)->template Run<false>(hash);
  }
  std::uint64_t CheckedRound() override {
    std::uint64_t hash = kSeed;
    static_cast<Work*>(this)->template Run<true>(hash);
    return hash;
  }
};

/// W1: allocate, write 8 bytes, free; always the same memory, in the cache.
template <class Contestant>
class HotPair : public RunnerOf<HotPair<Contestant>> {
 public:
  template <class... Args>
  explicit HotPair(std::uint64_t scale, Args... args)
      : contestant_(args...), operations_(1'000'000 / scale) {}

  template <bool kCheck>
  double Run(std::uint64_t& hash) {
    auto& pool = AsGiven(contestant_.pool());
    const std::uint64_t operations = operations_;
    Stopwatch watch;
    watch.Start();
    for (std::uint64_t i = 0; i < operations; ++i) {
      void* memory = pool.Alloc(kElementBytes);
      WordOf(memory) = i;
      Settle(memory);
      if constexpr (kCheck) {
        hash = Mix(hash, WordOf(memory));
      }
      pool.Free(memory, kElementBytes);
      Settle(memory);
    }
    watch.Stop();
    return watch.nanoseconds() / static_cast<double>(operations_);
  }
  [[nodiscard]] std::uint64_t live_bytes_max() const override { return kElementBytes; }

 private:
  Contestant contestant_;
  std::uint64_t operations_;
};

/// W2: allocate many and write 8 bytes to each, then free them all in random order.
template <class Contestant>
class FillAndDrain : public RunnerOf<FillAndDrain<Contestant>> {
 public:
  template <class... Args>
  explicit FillAndDrain(std::uint64_t scale, Args... args)
      : contestant_(args...), elements_(1'000'000 / scale), live_(elements_.size()) {
    std::iota(elements_.begin(), elements_.end(), 0u);
    Random random(kSeed);
    for (std::size_t i = elements_.size(); i > 1; --i) {
      std::swap(elements_[i - 1], elements_[random.Below(i)]);
    }
    shuffled_.resize(elements_.size());
  }

  template <bool kCheck>
  double Run(std::uint64_t& hash) {
    auto& pool = AsGiven(contestant_.pool());
    Stopwatch watch;
    watch.Start();
    for (std::size_t i = 0; i < live_.size(); ++i) {
      void* memory = pool.Alloc(kElementBytes);
      WordOf(memory) = i;
      live_[i] = memory;
    }
    watch.Stop();
    for (std::size_t i = 0; i < live_.size(); ++i) {
      shuffled_[i] = live_[elements_[i]];
      if constexpr (kCheck) {
        hash = Mix(hash, WordOf(shuffled_[i]));
      }
    }
    watch.Start();
    for (void* memory : shuffled_) {
      pool.Free(memory, kElementBytes);
    }
    watch.Stop();
    return watch.nanoseconds() / static_cast<double>(live_.size());
  }
  [[nodiscard]] std::uint64_t live_bytes_max() const override {
    return live_.size() * kElementBytes;
  }

 private:
  Contestant contestant_;
  std::vector<std::uint32_t> elements_;  ///< in the order in which they are freed
  std::vector<void*> live_;
  std::vector<void*> shuffled_;
};

/// W3: many live; free a random one, allocate one, and write 8 bytes to every eighth.
template <class Contestant>
class RandomReplacement : public RunnerOf<RandomReplacement<Contestant>> {
 public:
  template <class... Args>
  explicit RandomReplacement(std::uint64_t scale, Args... args)
      : contestant_(args...), live_(100'000 / scale), choices_(1'000'000 / scale) {
    Random random(kSeed);
    for (std::uint32_t& choice : choices_) {
      choice = static_cast<std::uint32_t>(random.Below(live_.size()));
    }
  }

  template <bool kCheck>
  double Run(std::uint64_t& hash) {
    auto& pool = AsGiven(contestant_.pool());
    if (live_[0] == nullptr) {
      for (void*& memory : live_) {
        memory = pool.Alloc(kElementBytes);
        WordOf(memory) = 0;
      }
    }
    if constexpr (kCheck) {
      for (void* memory : live_) {
        WordOf(memory) = 0;
      }
    }
    Stopwatch watch;
    watch.Start();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      void*& memory = live_[choices_[i]];
      if constexpr (kCheck) {
        hash = Mix(hash, WordOf(memory));
      }
      pool.Free(memory, kElementBytes);
      memory = pool.Alloc(kElementBytes);
      if (kCheck || i % 8 == 0) {
        WordOf(memory) = i;
      }
      Settle(memory);
    }
    watch.Stop();
    return watch.nanoseconds() / static_cast<double>(choices_.size());
  }
  [[nodiscard]] std::uint64_t live_bytes_max() const override {
    return live_.size() * kElementBytes;
  }

 private:
  Contestant contestant_;
  std::vector<void*> live_;
  std::vector<std::uint32_t> choices_;
};

/// W4 and W5: a number of blocks of random sizes are live; free one, allocate one of the next size
/// and write 8 bytes to it. W4 frees the oldest (a queue), W5 a random one.
struct BlocksShape {
  std::uint64_t live;
  std::uint64_t bytes_min;
  std::uint64_t bytes_max;
  bool oldest_first;
};
inline constexpr BlocksShape kQueue = {1'000, 32, 512, true};
inline constexpr BlocksShape kRandomFrees = {10'000, 16, 4'096, false};

template <class Contestant, const BlocksShape& kShape>
class Blocks : public RunnerOf<Blocks<Contestant, kShape>> {
 public:
  template <class... Args>
  explicit Blocks(std::uint64_t scale, Args... args)
      : contestant_(args...), live_(std::max<std::uint64_t>(kShape.live / scale, 10)) {
    Random random(kSeed);
    const auto next_size = [&random] {
      return static_cast<std::uint32_t>(kShape.bytes_min +
                                        random.Below(kShape.bytes_max - kShape.bytes_min + 1));
    };
    std::vector<std::uint32_t> sizes(live_.size());
    for (std::uint32_t& size : sizes) {
      size = next_size();
    }
    first_sizes_ = sizes;
    std::uint64_t live_bytes = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
    live_bytes_max_ = live_bytes;
    steps_.resize(1'000'000 / scale);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const std::uint64_t place =
          kShape.oldest_first ? i % live_.size() : random.Below(live_.size());
      steps_[i] = {.place = static_cast<std::uint32_t>(place), .bytes = next_size()};
      live_bytes += steps_[i].bytes - std::uint64_t{std::exchange(sizes[place], steps_[i].bytes)};
      live_bytes_max_ = std::max(live_bytes_max_, live_bytes);
    }
  }

  template <bool kCheck>
  double Run(std::uint64_t& hash) {
    auto& pool = AsGiven(contestant_.pool());
    if (live_[0].memory == nullptr || kCheck) {
      for (std::size_t i = 0; i < live_.size(); ++i) {
        if (live_[i].memory != nullptr) {
          pool.Free(live_[i].memory, live_[i].bytes);
        }
        live_[i] = {pool.Alloc(first_sizes_[i]), first_sizes_[i]};
        WordOf(live_[i].memory) = 0;
      }
    }
    Stopwatch watch;
    watch.Start();
    for (const Step step : steps_) {
      Block& block = live_[step.place];
      if constexpr (kCheck) {
        hash = Mix(hash, WordOf(block.memory) ^ block.bytes);
      }
      pool.Free(block.memory, block.bytes);
      block = {pool.Alloc(step.bytes), step.bytes};
      WordOf(block.memory) = step.bytes + std::uint64_t{step.place};
      Settle(block.memory);
    }
    watch.Stop();
    return watch.nanoseconds() / static_cast<double>(steps_.size());
  }
  [[nodiscard]] std::uint64_t live_bytes_max() const override { return live_bytes_max_; }

 private:
  struct Block {
    void* memory = nullptr;
    std::uint64_t bytes = 0;
  };
  struct Step {
    std::uint32_t place;
    std::uint32_t bytes;
  };
  Contestant contestant_;
  std::vector<Block> live_;
  std::vector<std::uint32_t> first_sizes_;
  std::vector<Step> steps_;
  std::uint64_t live_bytes_max_ = 0;
};

/// An element of W6.
struct Pair {
  std::uint64_t first;
  std::uint64_t second;
};

/// The floor for W6: an array that is known to be long enough.
class FloorArray {
 public:
  FloorArray& target() { return *this; }
  void Prepare(std::uint64_t count) {
    array_ = static_cast<Pair*>(region_.Carve(count * sizeof(Pair)));
  }
  void Append(std::uint64_t first, std::uint64_t second) {
    array_[count_] = {first, second};
    ++count_;
  }
  void Clear() { count_ = 0; }
  Pair At(std::uint64_t index) { return array_[index]; }

 private:
  Region region_;
  Pair* array_ = nullptr;
  std::uint64_t count_ = 0;
};

template <bool kReserve>
class VectorArray {
 public:
  VectorArray& target() { return *this; }
  void Prepare(std::uint64_t count) {
    if (kReserve) {
      array_.reserve(count);
    }
  }
  void Append(std::uint64_t first, std::uint64_t second) { array_.push_back({first, second}); }
  void Clear() { array_.clear(); }
  Pair At(std::uint64_t index) { return array_[index]; }

 private:
  std::vector<Pair> array_;
};

class DequeArray {
 public:
  DequeArray& target() { return *this; }
  void Prepare(std::uint64_t /*count*/) {}
  void Append(std::uint64_t first, std::uint64_t second) { array_.push_back({first, second}); }
  void Clear() { array_.clear(); }
  Pair At(std::uint64_t index) { return array_[index]; }

 private:
  std::deque<Pair> array_;
};

class LaryArray {
 public:
  void Prepare(std::uint64_t /*count*/) {}
  void Clear() { state_.array.RemoveAll(); }
  Pair At(std::uint64_t index) {
    const Element& element = state_.array.qFind(index);
    return {element.first, element.second};
  }

 private:
  struct Element {
    Element(std::uint64_t a, std::uint64_t b) : first(a), second(b) {}
    std::uint64_t first;
    std::uint64_t second;
  };
  struct Target : pools::Lary<Element> {
    using pools::Lary<Element>::Lary;
    void Append(std::uint64_t first, std::uint64_t second) { Alloc(first, second); }
  };
  struct State {
    explicit State(pools::PoolRef base) : lpool("bench.lpool", base), array("bench.array", lpool) {}
    pools::Lpool lpool;
    Target array;
  };

 public:
  Target& target() { return state_.array; }

 private:
  std::unique_ptr<pools::Zone> zone_ = MapZone();
  State& state_ = zone_->MakeRoot<State>(zone_->sbrk());
};

/// W6: append many of 16 bytes: in the first round to a new array, then to one that was as long
/// before.
template <class Array>
class Append : public RunnerOf<Append<Array>> {
 public:
  explicit Append(std::uint64_t scale) : count_(10'000'000 / scale) {}

  template <bool kCheck>
  double Run(std::uint64_t& hash) {
    if (array_ == nullptr) {
      array_ = std::make_unique<Array>();
      array_->Prepare(count_);
    }
    Array& array = *array_;
    auto& target = AsGiven(array.target());
    const std::uint64_t count = count_;
    Stopwatch watch;
    watch.Start();
    for (std::uint64_t i = 0; i < count; ++i) {
      target.Append(i, ~i);
      Settle(&target);
    }
    watch.Stop();
    if constexpr (kCheck) {
      for (std::uint64_t i = 0; i < count_; ++i) {
        const Pair pair = array.At(i);
        hash = Mix(Mix(hash, pair.first), pair.second);
      }
    }
    array.Clear();
    return watch.nanoseconds() / static_cast<double>(count_);
  }
  [[nodiscard]] std::uint64_t live_bytes_max() const override { return count_ * sizeof(Pair); }

 private:
  std::uint64_t count_;
  std::unique_ptr<Array> array_;
};

}  // namespace tandem::pools_bench
