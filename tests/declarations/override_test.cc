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

const std::string kShape =
    "dmmeta.ctype ctype:a.Order comment:one\n"
    "tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:o.h size:8 align:4 base:Y copy:N\n"
    "dmmeta.inlary field:a.Order.leg min:1 max:2\n"
    "dmmeta.tary field:a.Order.fill aliased:Y\n"
    "tandem.index field:a.FDb.order kind:Hash key:client,id\n"
    "tandem.index field:a.FDb.order kind:List\n";

TEST(Override, PassesOverRecordsThatTheProgramHasAlike) {
  Declarations program = Loaded(kShape);
  EXPECT_TRUE(Overridden(program, kShape).ok());
  EXPECT_TRUE(Overridden(program,
                         "dmmeta.ctype ctype:a.Order comment:another\n"
                         "dmmeta.tary field:a.Order.other aliased:N\n"
                         "tandem.index field:a.FDb.order kind:List\n")
                  .ok());
  EXPECT_EQ(program.indexes.size(), 2u);
}

TEST(Override, RefusesRecordsThatTheProgramHasOtherwise) {
  const std::string other =
      "the program has it with other values, as Order*";  // whichever key it is
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"dmmeta.ctype ctype:a.Trade", "the program has no such type"},
      {"tandem.ctype ctype:a.Id cpp:int", "the program has no such record"},
      {"tandem.ctype ctype:a.Ptr cpp:int include:o.h size:8 align:4 base:Y copy:N", other},
      {"tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:p.h size:8 align:4 base:Y copy:N", other},
      {"tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:o.h size:9 align:4 base:Y copy:N", other},
      {"tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:o.h size:8 align:8 base:Y copy:N", other},
      {"tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:o.h size:8 align:4 base:N copy:N", other},
      {"tandem.ctype ctype:a.Ptr cpp:\"Order*\" include:o.h size:8 align:4 base:Y copy:Y", other},
      {"dmmeta.inlary field:a.Order.arm min:1 max:2", "the program has no such record"},
      {"dmmeta.inlary field:a.Order.leg min:0 max:2", "the program has it with min 1 and max 2"},
      {"dmmeta.inlary field:a.Order.leg min:1 max:3", "the program has it with min 1 and max 2"},
      {"dmmeta.tary field:a.Order.fill aliased:N", "the program has it with aliased Y"},
      {"dmmeta.tary field:a.Order.other aliased:Y", "the program has it with aliased N"},
      {"tandem.index field:a.FDb.level kind:List", "the program has no such index"},
      {"tandem.index field:a.FDb.order kind:HashMulti key:client,id",
       "the program has no such index"},
      {"tandem.index field:a.FDb.order kind:Hash key:id,client", "the program has no such index"},
  };
  for (const auto& [record, reason] : cases) {
    Declarations program = Loaded(kShape);
    const Status status = Overridden(program, "\n" + record);
    ASSERT_FALSE(status.ok()) << record;
    const std::size_t name = record.find(':') + 1;
    EXPECT_EQ(status.error().text,
              "site:2: " + record.substr(0, record.find(' ')) + " of " +
                  record.substr(name, record.find(' ', name) - name) + ": " + reason +
                  "; here, only change bases and tuning, or build the program anew.");
  }
}

TEST(Override, NamesTheFirstRecordThatDiffers) {
  Declarations program = Loaded(kShape);
  const std::string inlary = "dmmeta.inlary field:a.Order.leg min:2 max:2\n";
  const std::string tary = "dmmeta.tary field:a.Order.fill aliased:N\n";
  const std::string field = FieldLine("a.FDb.more", "Tpool");
  EXPECT_EQ(Overridden(program, inlary + tary + field).error().text.substr(0, 21),
            "site:1: dmmeta.inlary");
  EXPECT_EQ(Overridden(program, tary + field + inlary).error().text.substr(0, 19),
            "site:1: dmmeta.tary");
  EXPECT_EQ(Overridden(program, field + inlary + tary).error().text.substr(0, 20),
            "site:1: dmmeta.field");
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
