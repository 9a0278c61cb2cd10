// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "pools/declarations/load.h"
#include "pools/declarations/resolve.h"
#include "tests/declarations/chains.h"

namespace tandem::declarations {
namespace {

const std::string kProgram =
    "dmmeta.nsx ns:a pool:a.FDb.lpool\n" + FieldLine("a.FDb.sbrk", "Sbrk") +
    FieldLine("a.FDb.lpool", "Lpool") + "dmmeta.basepool field:a.FDb.lpool base:a.FDb.sbrk\n" +
    FieldLine("a.FDb.order", "Tpool", "a.Order") + "tandem.pool field:a.FDb.order limit_elems:10\n";

std::string BaseOfOrder(const Declarations& declarations) {
  const Resolution resolution = Resolve(declarations);
  EXPECT_TRUE(resolution.status().ok()) << resolution.status().error().text;
  const ResolvedPool& order = resolution.pools.back();
  return order.base->name + " by " + std::string(NameOf(order.rule)) + " at " +
         order.rule_place->Text();
}

Status Overridden(Declarations& program, const std::string& site) {
  const Result<Declarations> loaded = LoadText(site, "site");
  EXPECT_TRUE(loaded.ok()) << loaded.error().text;
  return Override(program, *loaded);
}

TEST(Override, NothingChangesNothing) {
  Declarations program = Loaded(kProgram);
  ASSERT_TRUE(Overridden(program, "").ok());
  EXPECT_EQ(BaseOfOrder(program), "a.FDb.lpool by nsx at t:1");
  EXPECT_EQ(program.FindTuning("a.FDb.order")->limit_elems, 10u);
}

TEST(Override, RelinksAndBoundsPools) {
  Declarations program = Loaded(kProgram);
  ASSERT_TRUE(Overridden(program,
                         "dmmeta.basepool field:a.FDb.order base:a.FDb.sbrk\n"
                         "tandem.pool field:a.FDb.order limit_bytes:1MiB\n"
                         "tandem.sbrk field:a.FDb.sbrk mlock:Y\n")
                  .ok());
  EXPECT_EQ(BaseOfOrder(program), "a.FDb.sbrk by basepool at site:1");
  EXPECT_EQ(program.FindTuning("a.FDb.order")->limit_elems, std::nullopt);
  EXPECT_EQ(program.FindTuning("a.FDb.order")->limit_bytes, 1u << 20);
  EXPECT_EQ(program.FindTuning("a.FDb.sbrk")->mlock, true);
}

TEST(Override, ReplacesRecordsOfTheSamePool) {
  Declarations program = Loaded(kProgram);
  ASSERT_TRUE(Overridden(program,
                         "dmmeta.nsx ns:a pool:a.FDb.sbrk\n"
                         "dmmeta.basepool field:a.FDb.lpool base:a.FDb.sbrk\n")
                  .ok());
  EXPECT_EQ(BaseOfOrder(program), "a.FDb.sbrk by nsx at site:1");
  EXPECT_EQ(program.basepools.size(), 1u);
}

TEST(Override, TakesTheSameFileAgain) {
  Declarations program = Loaded(kProgram);
  ASSERT_TRUE(Overridden(program, kProgram).ok());
  EXPECT_EQ(BaseOfOrder(program), "a.FDb.lpool by nsx at site:1");
}

TEST(Override, RefusesToChangeFields) {
  Declarations program = Loaded(kProgram);
  EXPECT_EQ(Overridden(program, FieldLine("a.FDb.more", "Tpool")).error().text,
            "site:1: dmmeta.field of a.FDb.more: the program has no such field; here, only change "
            "bases and tuning, or build the program anew.");
  EXPECT_EQ(Overridden(program, FieldLine("a.FDb.order", "Lary", "a.Order")).error().text,
            "site:1: dmmeta.field of a.FDb.order: the program has it as a Tpool of a.Order; here, "
            "only change bases and tuning, or build the program anew.");
}

TEST(Override, ProblemsOfTheSiteAreFoundByResolve) {
  Declarations program = Loaded(kProgram);
  ASSERT_TRUE(Overridden(program,
                         "dmmeta.basepool field:a.FDb.order base:a.FDb.x\n"
                         "tandem.pool field:a.FDb.ordre limit_elems:1\n")
                  .ok());
  const std::vector<Error> problems = Resolve(program).problems;
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].text,
            "site:1: dmmeta.basepool of a.FDb.order: the base a.FDb.x is not declared; declare it, "
            "or name another base.");
  EXPECT_EQ(problems[1].text,
            "site:2: tandem.pool of a.FDb.ordre: there is no pool of that name; declare it with a "
            "dmmeta.field record, or leave this record out.");
}

}  // namespace
}  // namespace tandem::declarations
