// SPDX-License-Identifier: Apache-2.0
//
// table_bench: how long single inserts take while a hash index grows to ten million rows, from the
// median to the maximum, beside std::unordered_map, which stops to rehash. Runs alternate; each
// insert is timed by itself, so a clock reading (about 20 ns) is part of every figure.
//
//   table_bench [--rows N] [--runs N]
//
// A core that the operating system gives to somebody else for a while says nothing about the index,
// so for slow inserts the CPU time of the thread is taken too: an upper bound, that of up to 16
// inserts together.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <vector>

#include "pools/lpool.h"
#include "pools/table.h"
#include "pools/zone.h"

namespace tandem::pools {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t Nanoseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
          .count());
}

std::uint64_t CpuNanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

struct Row {
  std::uint64_t id;
  std::uint64_t value;
  std::uint64_t other[2];
};

/// Keys in no order, the same in every run; a bijection, so no two are equal.
std::uint64_t KeyOf(std::uint64_t i) { return MixBits(i + 1); }

/// Counts times in buckets that are 1/64 wide at most.
class Histogram {
 public:
  void Add(std::uint64_t ns) {
    ++counts_[BucketOf(ns)];
    ++count_;
  }
  /// The time that `share` of all stay at or below.
  [[nodiscard]] std::uint64_t At(double share) const {
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t passed = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      passed += counts_[bucket];
      if (passed > rank) {
        return Floor(bucket);
      }
    }
    return 0;
  }

 private:
  static constexpr std::size_t kSteps = 64;
  static std::size_t BucketOf(std::uint64_t ns) {
    if (ns < kSteps) {
      return ns;
    }
    const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - 7;
    return (shift + 1) * kSteps + (ns >> shift) - kSteps;
  }
  static std::uint64_t Floor(std::size_t bucket) {
    const std::size_t shift = bucket / kSteps;
    return shift == 0 ? bucket : (kSteps + bucket % kSteps) << (shift - 1);
  }

  std::array<std::uint64_t, 60 * kSteps> counts_{};
  std::uint64_t count_ = 0;
};

struct Growth {
  Histogram inserts;
  std::vector<std::uint64_t> max_ns;      ///< of each run
  std::vector<std::uint64_t> cpu_max_ns;  ///< of each run
  std::vector<double> insert_seconds;
  std::vector<double> find_seconds;
  std::uint64_t checksum = 0;
};

/// Inserts all keys, each timed by itself; then finds all, in another order.
template <class Insert, class Find>
void Run(std::uint64_t rows, Insert&& insert, Find&& find, Growth& growth) {
  constexpr std::uint64_t kSlowNs = 10'000;
  constexpr std::uint64_t kInsertsPerCpuReading = 16;
  std::uint64_t max_ns = 0;
  std::uint64_t cpu_max_ns = 0;
  std::uint64_t cpu_before = CpuNanoseconds();
  std::uint64_t total = 0;
  std::uint64_t before = Nanoseconds();
  for (std::uint64_t i = 0; i < rows; ++i) {
    insert(KeyOf(i));
    const std::uint64_t after = Nanoseconds();
    const std::uint64_t ns = after - before;
    before = after;
    growth.inserts.Add(ns);
    total += ns;
    max_ns = std::max(max_ns, ns);
    if (ns > kSlowNs || i % kInsertsPerCpuReading == 0) {
      const std::uint64_t cpu = CpuNanoseconds();
      if (ns > kSlowNs) {
        cpu_max_ns = std::max(cpu_max_ns, std::min(ns, cpu - cpu_before));
      }
      cpu_before = cpu;
      before = Nanoseconds();
    }
  }
  growth.insert_seconds.push_back(static_cast<double>(total) / 1e9);
  growth.max_ns.push_back(max_ns);
  growth.cpu_max_ns.push_back(std::max(cpu_max_ns, std::min(max_ns, kSlowNs)));

  const std::uint64_t step = 7'368'787;  // a prime: every row once, unless rows is a multiple
  std::uint64_t sum = 0;
  const std::uint64_t find_begin = Nanoseconds();
  for (std::uint64_t i = 0, at = 0; i < rows; ++i, at = (at + step) % rows) {
    sum = MixBits(sum + find(KeyOf(at)));
  }
  growth.find_seconds.push_back(static_cast<double>(Nanoseconds() - find_begin) / 1e9);
  growth.checksum = sum;
}

void RunTable(std::uint64_t rows, Growth& growth) {
  auto mapped = Zone::Map({});
  ENSURE(mapped.ok(), "%s", mapped.error().text.c_str());
  const std::unique_ptr<Zone> zone = std::move(mapped).value();
  Lpool lpool("bench.lpool", zone->sbrk());
  Table<Row, Hash<&Row::id>> table("bench.row", lpool);
  Run(
      rows,
      [&table](std::uint64_t key) {
        ENSURE(table.Insert({key, key ^ 1, {}}) != nullptr, "a key is there already");
      },
      [&table](std::uint64_t key) { return table.Find<&Row::id>(key)->value; }, growth);
}

void RunMap(std::uint64_t rows, Growth& growth) {
  std::unordered_map<std::uint64_t, Row> map;
  Run(
      rows,
      [&map](std::uint64_t key) {
        ENSURE(map.emplace(key, Row{key, key ^ 1, {}}).second, "a key is there already");
      },
      [&map](std::uint64_t key) { return map.find(key)->second.value; }, growth);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Print(const char* name, const Growth& growth, std::uint64_t rows) {
  std::printf("%-22s", name);
  for (const double share : {0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999}) {
    std::printf(" %9.3f", static_cast<double>(growth.inserts.At(share)) / 1e3);
  }
  const auto us = [](const std::vector<std::uint64_t>& ns) {
    return static_cast<double>(*std::min_element(ns.begin(), ns.end())) / 1e3;
  };
  std::printf(" %11.1f %11.1f %9.0f %9.0f\n", us(growth.max_ns), us(growth.cpu_max_ns),
              Median(growth.insert_seconds) * 1e9 / static_cast<double>(rows),
              Median(growth.find_seconds) * 1e9 / static_cast<double>(rows));
}

int Main(int argument_count, char** arguments) {
  CLI::App app("Growth of a hash index, insert by insert, beside std::unordered_map");
  std::uint64_t rows = 10'000'000;
  int runs = 3;
  app.add_option("--rows", rows, "Rows inserted")->capture_default_str();
  app.add_option("--runs", runs, "Runs of each")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  const auto table = std::make_unique<Growth>();
  const auto map = std::make_unique<Growth>();
  for (int run = 0; run < runs; ++run) {
    RunTable(rows, *table);
    RunMap(rows, *map);
  }
  ENSURE(table->checksum == map->checksum, "the table and the map found different rows");

  std::printf("%lu rows of 32 bytes, %d runs each, checksum of what was found %016lx\n",
              static_cast<unsigned long>(rows), runs, static_cast<unsigned long>(table->checksum));
  std::printf("microseconds for one insert; max and max CPU: of the best run\n\n");
  std::printf("%-22s %9s %9s %9s %9s %9s %9s %11s %11s %9s %9s\n", "", "p50", "p90", "p99", "p99.9",
              "p99.99", "p99.999", "max", "max CPU", "ns/insert", "ns/find");
  Print("Table, Hash<&id>", *table, rows);
  Print("std::unordered_map", *map, rows);
  return 0;
}

}  // namespace
}  // namespace tandem::pools

int main(int argument_count, char** arguments) {
  return tandem::pools::Main(argument_count, arguments);
}
