// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/generate.h"

#include "pools/declarations/resolve.h"
#include "tools/poolc/emit.h"
#include "tools/poolc/plan.h"

namespace tandem::poolc {

Generated Generate(const declarations::Declarations& declarations, const GenerateOptions& options) {
  const declarations::Resolution resolution = declarations::Resolve(declarations);
  if (!resolution.problems.empty()) return {"", resolution.problems};
  Planner planner(declarations, resolution);
  const Plan& plan = planner.Make(options.namespaces);
  if (!plan.problems.empty()) return {"", plan.problems};
  return {Emit(declarations, plan, {.sources = options.sources, .within = options.within}), {}};
}

}  // namespace tandem::poolc
