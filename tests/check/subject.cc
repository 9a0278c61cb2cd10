// SPDX-License-Identifier: Apache-2.0
//
// The application that `tandem check` is tried on: a list of items, and one defect, which the first
// message names. What a defect makes of a message is the value of its answer.
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <clocale>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "engine/export_application.h"
#include "pools/lpool.h"
#include "pools/tpool.h"
#include "subject.pb.h"
#include "tests/check/build.h"

namespace tandem::subject {
namespace {

struct Item {
  using IsZoneSafe = void;
  Item() {}  // NOLINT(modernize-use-equals-default): leaves `bonus` as it is

  std::uint64_t key = 0;
  Item* next = nullptr;
  std::uint64_t bonus;  ///< never set
};

struct State {
  explicit State(pools::PoolRef base)
      : lpool("subject.lpool", base),
        other("subject.other", base),
        odd_items("subject.odd_item", lpool),
        even_items("subject.even_item", other) {}

  pools::Tpool<Item>& ItemsOf(std::uint64_t key) { return key % 2 == 1 ? odd_items : even_items; }

  pools::Lpool lpool;
  pools::Lpool other;
  pools::Tpool<Item> odd_items;
  pools::Tpool<Item> even_items;
  Item* first = nullptr;  ///< the newest
  std::uint64_t count = 0;
  std::uint64_t scratch = 0;
  std::array<char, 32> defect{};
};

std::uint64_t None(const State& state) {
  std::uint64_t sum = 0;
  for (const Item* item = state.first; item != nullptr; item = item->next) sum += item->key;
  return sum;
}

std::uint64_t WallClock(const State& /*state*/) {
  using Hours = std::chrono::hours;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<Hours>(now).count());
}

std::uint64_t RandomDevice(const State& /*state*/) { return std::random_device{}(); }

/// Without a seed it gives the same numbers in each process: from its beginning on.
std::uint64_t Rand(const State& /*state*/) { return static_cast<std::uint64_t>(std::rand()); }

std::uint64_t OutsideOfTheState(const State& /*state*/) {
  static std::uint64_t calls = 0;
  return ++calls;
}

std::uint64_t PointerOrder(const State& state) {
  const Item* lowest = state.first;
  for (const Item* item = lowest; item != nullptr; item = item->next) {
    lowest = std::min(lowest, item, std::less<>());
  }
  return lowest == nullptr ? 0 : lowest->key;
}

std::uint64_t HashOrder(const State& state) {
  std::unordered_set<const Item*> items;
  for (const Item* item = state.first; item != nullptr; item = item->next) items.insert(item);
  return items.empty() ? 0 : (*items.begin())->key;
}

std::uint64_t PoolAddress(const State& state) {
  return reinterpret_cast<std::uintptr_t>(state.first);
}

std::uint64_t Address(const State& /*state*/) {
  static const int kHere = 0;
  return reinterpret_cast<std::uintptr_t>(&kHere);
}

std::uint64_t UninitialisedPool(const State& state) {
  std::uint64_t sum = 0;
  for (const Item* item = state.first; item != nullptr; item = item->next) sum += item->bonus;
  return sum;
}

std::uint64_t UninitialisedHeap(const State& /*state*/) {
  auto* const memory = static_cast<std::uint64_t*>(std::malloc(600));
  asm volatile("" : : "r"(memory) : "memory");  // may have set it, as far as the compiler knows
  const std::uint64_t value = memory[20];
  std::free(memory);
  return value;
}

[[gnu::noinline]] std::uint64_t UninitialisedStack(const State& /*state*/) {
  std::array<std::uint64_t, 32> values;
  asm volatile("" : : "r"(values.data()) : "memory");  // the same
  return values[7];
}

std::uint64_t Environment(const State& /*state*/) {
  const char* const discount = std::getenv("SUBJECT_DISCOUNT");
  return discount == nullptr ? 0 : std::strtoull(discount, nullptr, 10);
}

std::uint64_t WorkingFolder(const State& /*state*/) {
  return std::filesystem::current_path().string().size();
}

/// Two threads take numbers as fast as they can; which the first one gets.
std::uint64_t ThreadRace(const State& /*state*/) {
  std::atomic<std::uint64_t> ready = 0;
  std::atomic<std::uint64_t> next = 0;
  std::array<std::uint64_t, 2> sums{};
  const auto take = [&](std::size_t thread) {
    ++ready;
    while (ready < 2) std::this_thread::yield();
    for (int i = 0; i < 2000; ++i) sums[thread] += next++;
  };
  std::thread other(take, 1);
  take(0);
  other.join();
  return sums[0];
}

std::uint64_t Locale(const State& /*state*/) {
  std::setlocale(LC_ALL, "");
  char text[16];
  std::snprintf(text, sizeof text, "%.1f", 0.5);
  return static_cast<std::uint64_t>(text[1]);
}

std::uint64_t TimeZone(const State& /*state*/) {
  const time_t noon = 1'767'614'400;  // 5 January 2026, 12:00 UTC
  tm local{};
  localtime_r(&noon, &local);
  return static_cast<std::uint64_t>(local.tm_hour);
}

/// For these the library has other last digits with and without FMA: found by comparing 200,000
/// random arguments under GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-FMA4 and without (glibc 2.36).
std::uint64_t Libm(const State& state) {
  constexpr std::array kArguments = {0x1.bf4281d1663p+2, -0x1.7dc7c7115972bp+9,
                                     -0x1.78b47559b0e5ap+8, 0x1.801931c9947ap+7,
                                     0x1.744e61b98d232p+9};
  const volatile double argument = kArguments[state.count % kArguments.size()];
  return std::bit_cast<std::uint64_t>(std::sin(argument));
}

std::uint64_t OtherBuild(const State& /*state*/) { return static_cast<std::uint64_t>(Build()); }

/// Dies only if memory that was never set is not zero.
std::uint64_t DiesOfFill(const State& state) {
  if (state.first != nullptr && state.first->bonus != 0 && state.count > 5) std::abort();
  return 0;
}

std::uint64_t Dies(const State& state) {
  if (state.count > 5) std::abort();
  return 0;
}

struct Defect {
  std::string_view name;
  std::uint64_t (*value)(const State& state);
};
constexpr Defect kDefects[] = {
    {"none", None},
    {"wall clock", WallClock},
    {"random device", RandomDevice},
    {"rand", Rand},
    {"outside of the state", OutsideOfTheState},
    {"pointer order", PointerOrder},
    {"hash order", HashOrder},
    {"pool address", PoolAddress},
    {"address", Address},
    {"uninitialised pool", UninitialisedPool},
    {"uninitialised heap", UninitialisedHeap},
    {"uninitialised stack", UninitialisedStack},
    {"environment", Environment},
    {"working folder", WorkingFolder},
    {"thread race", ThreadRace},
    {"locale", Locale},
    {"time zone", TimeZone},
    {"libm", Libm},
    {"other build", OtherBuild},
    {"dies of fill", DiesOfFill},
    {"dies", Dies},
};

}  // namespace

class Subject final : public engine::Application<Subject, State, pb::Begin, pb::Put> {
 public:
  using Application::Application;

  void On(const pb::Begin& begin, engine::Context& /*context*/) {
    std::snprintf(state().defect.data(), state().defect.size(), "%s", begin.defect().c_str());
  }

  void On(const pb::Put& put, engine::Context& context) {
    Toggle(put.key());
    // The one defect that no answer shows.
    if (std::string_view("state") == state().defect.data()) state().scratch = Address(state());
    auto& answer = context.Make<pb::Answer>();
    answer.set_items(state().count);
    for (const Defect& defect : kDefects) {
      if (defect.name == state().defect.data()) answer.set_value(defect.value(state()));
    }
    context.Emit(answer);
  }

 private:
  void Toggle(std::uint64_t key) {
    for (Item** link = &state().first; *link != nullptr; link = &(*link)->next) {
      if ((*link)->key != key) continue;
      Item& item = **link;
      *link = item.next;
      state().ItemsOf(key).Delete(item);
      --state().count;
      return;
    }
    Item& item = state().ItemsOf(key).Alloc();
    item.key = key;
    item.next = state().first;
    state().first = &item;
    ++state().count;
  }
};

}  // namespace tandem::subject

TANDEM_APPLICATION(tandem::subject::Subject, "subject", 1)
