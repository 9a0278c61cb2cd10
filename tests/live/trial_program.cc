// SPDX-License-Identifier: Apache-2.0
//
// The `tandem` program with the trial application (tests/support/trial_application.h) instead of
// those that ship: "trial"; "trial1" as a build that knows only version 1 of its behaviour; "wide"
// as one whose state has another layout.
#include "tests/support/trial_application.h"
#include "tools/applications.h"

namespace tandem::tools {

std::string ApplicationNames() { return "trial, trial1, wide"; }

namespace {

Error NoSuch(const std::string& name) {
  return Error::BadInput("there is no application \"" + name +
                         "\"; there is: " + ApplicationNames());
}

}  // namespace

Result<std::unique_ptr<replay::Application>> MakeApplication(
    const std::string& name, const pools::ZoneOptions& zone,
    const declarations::Declarations* /*site*/) {
  // The demo and the sequencer ask for the one that ships.
  if (name == "wide") return trial::MakeTrial<trial::WideState>(zone);
  if (name != "trial" && name != "trial1" && name != "book") return NoSuch(name);
  return trial::MakeTrial<trial::State>(zone, name == "trial1" ? 1 : 2);
}

Result<std::string_view> PoolDeclarationsOf(const std::string& name) { return NoSuch(name); }

}  // namespace tandem::tools
