// SPDX-License-Identifier: Apache-2.0
#include "tests/declarations/chains.h"

#include <gtest/gtest.h>

#include "pools/declarations/resolve.h"

namespace tandem::declarations {

std::string FieldLine(std::string_view name, std::string_view reftype, std::string_view arg) {
  std::string line = "dmmeta.field  field:";
  line += name;
  line += "  arg:";
  line += arg;
  line += "  reftype:";
  line += reftype;
  return line + "\n";
}

Declarations Loaded(std::string_view text) {
  Result<Declarations> loaded = LoadText(text, "t");
  EXPECT_TRUE(loaded.ok()) << loaded.error().text;
  return loaded ? *loaded : Declarations();
}

std::string LoadError(std::string_view text) {
  const Result<Declarations> loaded = LoadText(text, "t");
  if (loaded) return "";
  EXPECT_EQ(loaded.error().code, ExitCode::kBadInput);
  return loaded.error().text;
}

std::vector<std::string> Chains(std::string_view text) {
  const Declarations declarations = Loaded(text);
  const Resolution resolution = Resolve(declarations);
  EXPECT_TRUE(resolution.status().ok()) << resolution.status().error().text;
  std::vector<std::string> chains;
  for (const ResolvedPool& pool : resolution.pools) {
    if (pool.field->reftype == Reftype::kVal) continue;
    std::string chain = pool.field->name;
    if (pool.rule != BaseRule::kNone) {
      chain += " <- ";
      chain += pool.base != nullptr ? std::string_view(pool.base->name) : kBuiltInMalloc;
    }
    chain += " by ";
    chain += NameOf(pool.rule);
    chains.push_back(chain);
  }
  return chains;
}

std::vector<std::string> Problems(std::string_view text) {
  const Declarations declarations = Loaded(text);
  std::vector<std::string> problems;
  for (const Error& problem : Resolve(declarations).problems) {
    EXPECT_EQ(problem.code, ExitCode::kBadInput);
    problems.push_back(problem.text);
  }
  return problems;
}

}  // namespace tandem::declarations
