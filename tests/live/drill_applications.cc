// SPDX-License-Identifier: Apache-2.0
//
// The applications of `tandem-drill`, which is `tandem` with planted defects in the place of the
// product's applications. All count; what they have in common is counter 13, which
//
//   sound     counts as it should
//   site      adds what the environment says (DRILL_SITE): a setting that is not in the input
//   loose     adds an address of its stack: another one in each process
#include <cstdlib>

#include "engine/application.h"
#include "tests/support/counter_application.h"
#include "tools/applications.h"

namespace tandem::tools {
namespace {

constexpr std::uint32_t kBadCounter = 13;

enum class Defect { kNone, kSite, kLoose };

class DrillApplication final
    : public engine::Application<DrillApplication, counter::State, counter::pb::Add> {
 public:
  using Application::Application;

  void Plant(Defect defect) {
    defect_ = defect;
    const char* const site = std::getenv("DRILL_SITE");
    site_ = site == nullptr ? 0 : std::atoll(site);
  }

  void On(const counter::pb::Add& message, engine::Context& context) {
    counter::Counter& counter = Find(message.counter());
    counter.value += message.amount();
    if (message.counter() == kBadCounter) counter.value += Planted();
    ++counter.additions;
    auto& counted = context.Make<counter::pb::Counted>();
    counted.set_counter(counter.id);
    counted.set_value(counter.value);
    counted.set_additions(counter.additions);
    context.Emit(counted);
  }

 private:
  [[nodiscard]] std::int64_t Planted() const {
    if (defect_ == Defect::kSite) return site_;
    if (defect_ == Defect::kNone) return 0;
    const volatile char here = 0;
    return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&here) >> 4);
  }

  counter::Counter& Find(std::uint32_t id) {
    for (counter::Counter* at = state().first; at != nullptr; at = at->next) {
      if (at->id == id) return *at;
    }
    counter::Counter& counter = state().counters.Alloc();
    counter.id = id;
    counter.next = state().first;
    state().first = &counter;
    return counter;
  }

  Defect defect_ = Defect::kNone;
  std::int64_t site_ = 0;
};

Error NoSuch(const std::string& name) {
  return Error::BadInput("there is no application \"" + name +
                         "\"; there is: " + ApplicationNames());
}

}  // namespace

std::string ApplicationNames() { return "sound, site, loose"; }

Result<std::unique_ptr<replay::Application>> MakeApplication(
    const std::string& name, const pools::ZoneOptions& zone,
    const declarations::Declarations* /*site*/) {
  if (name != "sound" && name != "site" && name != "loose") return NoSuch(name);
  auto made = DrillApplication::Make(name, 1, zone);
  if (!made) return made.error();
  (*made)->Plant(name == "site" ? Defect::kSite : name == "loose" ? Defect::kLoose : Defect::kNone);
  return std::unique_ptr<replay::Application>(std::move(*made));
}

Result<std::string_view> PoolDeclarationsOf(const std::string& name) { return NoSuch(name); }

}  // namespace tandem::tools
