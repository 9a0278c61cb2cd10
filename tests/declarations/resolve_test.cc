// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/declarations/chains.h"

namespace tandem::declarations {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Basepool(const std::string& field, const std::string& base) {
  return "dmmeta.basepool  field:" + field + "  base:" + Quoted(base) + "\n";
}

std::string Nsx(const std::string& ns, const std::string& pool) {
  return "dmmeta.nsx  ns:" + ns + "  pool:" + Quoted(pool) + "\n";
}

const std::string kSbrk = FieldLine("a.FDb.sbrk", "Sbrk");
const std::string kLpool =
    FieldLine("a.FDb.lpool", "Lpool") + Basepool("a.FDb.lpool", "a.FDb.sbrk");

TEST(Resolve, NothingHasNoPools) { EXPECT_THAT(Chains(""), IsEmpty()); }

TEST(Resolve, APoolWithoutRecordsTakesMemoryFromMalloc) {
  EXPECT_THAT(Chains(FieldLine("a.FDb.b", "Tpool")), ElementsAre("a.FDb.b <- malloc by malloc"));
  EXPECT_THAT(Chains(Nsx("a", "") + FieldLine("a.FDb.b", "Tpool")),
              ElementsAre("a.FDb.b <- malloc by malloc"));
}

TEST(Resolve, AnNsxRecordServesTheWholeNamespaceAndNoOther) {
  EXPECT_THAT(Chains(Nsx("a", "a.FDb.sbrk") + Nsx("c", "a.FDb.sbrk") + kSbrk +
                     FieldLine("a.FDb.b", "Tpool") + FieldLine("a.Row.d", "Tary") +
                     FieldLine("b.FDb.b", "Tpool") + FieldLine("c.FDb.b", "Lary")),
              ElementsAre("a.FDb.sbrk by none", "a.FDb.b <- a.FDb.sbrk by nsx",
                          "a.Row.d <- a.FDb.sbrk by nsx", "b.FDb.b <- malloc by malloc",
                          "c.FDb.b <- a.FDb.sbrk by nsx"));
}

TEST(Resolve, ABasepoolRecordGoesBeforeTheNamespace) {
  EXPECT_THAT(Chains(Nsx("a", "a.FDb.lpool") + kSbrk + kLpool + FieldLine("a.FDb.b", "Tpool") +
                     FieldLine("a.FDb.c", "Tpool") + Basepool("a.FDb.c", "a.FDb.sbrk")),
              ElementsAre("a.FDb.sbrk by none", "a.FDb.lpool <- a.FDb.sbrk by basepool",
                          "a.FDb.b <- a.FDb.lpool by nsx", "a.FDb.c <- a.FDb.sbrk by basepool"));
}

TEST(Resolve, RecordsMayStandBeforeWhatTheyAreAbout) {
  EXPECT_THAT(Chains(Basepool("a.FDb.b", "a.FDb.sbrk") + kSbrk + FieldLine("a.FDb.b", "Tpool")),
              ElementsAre("a.FDb.sbrk by none", "a.FDb.b <- a.FDb.sbrk by basepool"));
}

TEST(Resolve, EachOfTheTenTakesABaseOrDoesNot) {
  std::string text;
  for (const char* reftype :
       {"Sbrk", "Malloc", "Lpool", "Blkpool", "Tpool", "Lary", "Tary", "Inlary", "Delptr"}) {
    text += FieldLine("a.FDb." + std::string(reftype), reftype);
  }
  EXPECT_THAT(
      Chains(text),
      ElementsAre("a.FDb.Sbrk by none", "a.FDb.Malloc by none", "a.FDb.Lpool <- malloc by malloc",
                  "a.FDb.Blkpool <- malloc by malloc", "a.FDb.Tpool <- malloc by malloc",
                  "a.FDb.Lary <- malloc by malloc", "a.FDb.Tary <- malloc by malloc",
                  "a.FDb.Inlary <- malloc by malloc", "a.FDb.Delptr <- malloc by malloc"));
  EXPECT_EQ(Resolve(Loaded(FieldLine("a.B.c", "Val"))).pools.size(), 1u);
}

TEST(Resolve, PoolsThatServeAnySizeMayBeBases) {
  for (const char* reftype : {"Sbrk", "Malloc", "Lpool", "Blkpool"}) {
    EXPECT_THAT(Problems(FieldLine("a.FDb.base", reftype) + FieldLine("a.FDb.b", "Tpool") +
                         Basepool("a.FDb.b", "a.FDb.base")),
                IsEmpty())
        << reftype;
  }
}

TEST(Resolve, FieldsOfOtherReftypesArePassedOver) {
  EXPECT_THAT(Chains(FieldLine("a.FDb.h", "Thash") + Basepool("a.FDb.h", "nowhere")), IsEmpty());
}

TEST(Resolve, TwoBasepoolRecordsForOnePool) {
  EXPECT_THAT(Problems(kSbrk + kLpool + Basepool("a.FDb.lpool", "a.FDb.sbrk")),
              ElementsAre("t:4: dmmeta.basepool of a.FDb.lpool: it has a base already, by the "
                          "record at t:3; keep one of the two."));
}

TEST(Resolve, ABasepoolRecordForNoField) {
  EXPECT_THAT(Problems(kSbrk + Basepool("a.FDb.b", "a.FDb.sbrk")),
              ElementsAre("t:2: dmmeta.basepool of a.FDb.b: there is no field of that name; "
                          "declare it with a dmmeta.field record, or leave this record out."));
}

TEST(Resolve, ABaseThatDoesNotExist) {
  EXPECT_THAT(Problems(FieldLine("a.FDb.b", "Tpool") + Basepool("a.FDb.b", "a.FDb.x")),
              ElementsAre("t:2: dmmeta.basepool of a.FDb.b: the base a.FDb.x is not declared; "
                          "declare it, or name another base."));
}

TEST(Resolve, ADefaultPoolThatDoesNotExistIsSaidOnceAndOnlyWhereItIsNeeded) {
  EXPECT_THAT(
      Problems(Nsx("a", "a.FDb.x") + FieldLine("a.FDb.b", "Tpool") + FieldLine("a.FDb.c", "Tpool")),
      ElementsAre("t:1: dmmeta.nsx of a: the base a.FDb.x is not declared; declare it, or "
                  "name another base."));
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.x") + FieldLine("b.FDb.b", "Tpool")), IsEmpty());
}

TEST(Resolve, ABaseThatIsNotGlobal) {
  EXPECT_THAT(Problems(FieldLine("a.Row.lpool", "Lpool") + FieldLine("a.FDb.b", "Tpool") +
                       Basepool("a.FDb.b", "a.Row.lpool")),
              ElementsAre("t:3: dmmeta.basepool of a.FDb.b: the base a.Row.lpool is not global but "
                          "a member of a.Row; name a member of the FDb of a namespace."));
}

TEST(Resolve, ABaseThatNeedsABaseAndHasNone) {
  EXPECT_THAT(
      Problems(FieldLine("a.FDb.lpool", "Lpool") + Basepool("a.FDb.lpool", "") +
               FieldLine("a.FDb.b", "Tpool") + Basepool("a.FDb.b", "a.FDb.lpool")),
      ElementsAre(
          "t:2: dmmeta.basepool of a.FDb.lpool: reftype Lpool needs a base and this record names "
          "none; name one, or leave this record out for the default.",
          "t:4: dmmeta.basepool of a.FDb.b: the base a.FDb.lpool needs a base itself and "
          "has none; give it one."));
}

TEST(Resolve, ABaseThatCannotServeVariableSizes) {
  for (const char* reftype : {"Tpool", "Lary", "Tary", "Inlary", "Delptr", "Val", "Thash"}) {
    EXPECT_THAT(Problems(FieldLine("a.FDb.x", reftype) + FieldLine("a.FDb.b", "Tpool") +
                         Basepool("a.FDb.b", "a.FDb.x")),
                ElementsAre("t:3: dmmeta.basepool of a.FDb.b: the base a.FDb.x has reftype " +
                            std::string(reftype) +
                            ", which cannot serve blocks of any size; name an Sbrk, Malloc, Lpool "
                            "or Blkpool."));
  }
}

TEST(Resolve, ABaseThatLeadsBackToThePoolDirectly) {
  EXPECT_THAT(Problems(FieldLine("a.FDb.b", "Lpool") + Basepool("a.FDb.b", "a.FDb.b")),
              ElementsAre("t:2: dmmeta.basepool of a.FDb.b: the chain leads back to the pool, "
                          "a.FDb.b -> a.FDb.b; give one of them another base."));
}

TEST(Resolve, ABaseThatLeadsBackToThePoolOverOthers) {
  EXPECT_THAT(Problems(FieldLine("a.FDb.b", "Lpool") + FieldLine("a.FDb.c", "Lpool") +
                       FieldLine("b.FDb.d", "Blkpool") + FieldLine("a.FDb.e", "Tpool") +
                       Basepool("a.FDb.b", "a.FDb.c") + Basepool("a.FDb.c", "b.FDb.d") +
                       Basepool("b.FDb.d", "a.FDb.b") + Basepool("a.FDb.e", "a.FDb.b")),
              ElementsAre("t:5: dmmeta.basepool of a.FDb.b: the chain leads back to the pool, "
                          "a.FDb.b -> a.FDb.c -> b.FDb.d -> a.FDb.b; give one of them another "
                          "base."));
}

TEST(Resolve, ACircleThatAnNsxRecordCloses) {
  EXPECT_THAT(Problems(Nsx("a", "b.FDb.c") + FieldLine("a.FDb.b", "Lpool") +
                       FieldLine("b.FDb.c", "Lpool") + Basepool("b.FDb.c", "a.FDb.b")),
              ElementsAre("t:1: dmmeta.nsx of a: the chain leads back to the pool, a.FDb.b -> "
                          "b.FDb.c -> a.FDb.b; give one of them another base."));
}

TEST(Resolve, EveryCircleIsSaidOnce) {
  std::string text;
  for (const char* name : {"a.FDb.b", "a.FDb.c"}) {
    text += FieldLine(name, "Lpool") + Basepool(name, name) +
            FieldLine(std::string(name) + "x", "Tpool") + Basepool(std::string(name) + "x", name);
  }
  EXPECT_EQ(Problems(text).size(), 2u);
}

TEST(Resolve, AVeryLongChainIsFollowed) {
  std::string text = FieldLine("a.FDb.p0", "Sbrk");
  for (int i = 1; i < 50000; ++i) {
    const std::string name = "a.FDb.p" + std::to_string(i);
    text += FieldLine(name, "Lpool") + Basepool(name, "a.FDb.p" + std::to_string(i - 1));
  }
  EXPECT_THAT(Problems(text), IsEmpty());
}

TEST(Resolve, ABaseDeclaredAfterAPoolOfTheSameParent) {
  EXPECT_THAT(Problems(FieldLine("a.FDb.b", "Tpool") + Basepool("a.FDb.b", "a.FDb.sbrk") + kSbrk),
              ElementsAre("t:3: dmmeta.field of a.FDb.sbrk: it is declared after a.FDb.b (t:1), "
                          "which takes its memory from it; declare sbrk first, or choose "
                          "another base."));
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.sbrk") + FieldLine("a.FDb.b", "Delptr") + kSbrk),
              ElementsAre("t:3: dmmeta.field of a.FDb.sbrk: it is declared after a.FDb.b (t:2), "
                          "which takes its memory from it; declare sbrk first, or choose "
                          "another base."));
}

TEST(Resolve, OrderMattersAmongMembersOfOneParentOnly) {
  EXPECT_THAT(Problems(FieldLine("a.Row.b", "Tary") + Basepool("a.Row.b", "a.FDb.sbrk") +
                       FieldLine("b.FDb.b", "Tary") + Basepool("b.FDb.b", "a.FDb.sbrk") + kSbrk),
              IsEmpty());
}

TEST(Resolve, AnInlaryAsksForNothingSoItMayStandBeforeTheDefaultPool) {
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.sbrk") + FieldLine("a.FDb.b", "Inlary") + kSbrk), IsEmpty());
}

TEST(Resolve, ABasepoolRecordForAReftypeThatTakesNoBase) {
  for (const char* reftype : {"Sbrk", "Malloc", "Val"}) {
    EXPECT_THAT(Problems(kSbrk + FieldLine("a.FDb.b", reftype) + Basepool("a.FDb.b", "a.FDb.sbrk")),
                ElementsAre("t:3: dmmeta.basepool of a.FDb.b: reftype " + std::string(reftype) +
                            " takes no base; leave this record out."));
  }
}

TEST(Resolve, ADefaultPoolThatIsItsOwnBase) {
  const std::string lpool = FieldLine("a.FDb.lpool", "Lpool");
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.lpool") + lpool),
              ElementsAre("t:1: dmmeta.nsx of a: its pool a.FDb.lpool is its own base; give that "
                          "pool a dmmeta.basepool record."));
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.lpool") + kSbrk + kLpool), IsEmpty());
  EXPECT_THAT(Problems(Nsx("a", "a.FDb.sbrk") + kSbrk), IsEmpty());
}

TEST(Resolve, TuningOfWhatIsNoPool) {
  EXPECT_THAT(Problems("tandem.pool field:a.FDb.b limit_elems:1"),
              ElementsAre("t:1: tandem.pool of a.FDb.b: there is no pool of that name; declare it "
                          "with a dmmeta.field record, or leave this record out."));
  for (const char* reftype : {"Val", "Inlary", "Delptr", "Thash"}) {
    EXPECT_EQ(
        Problems(FieldLine("a.FDb.b", reftype) + "tandem.pool field:a.FDb.b limit_elems:1").size(),
        1u)
        << reftype;
  }
}

TEST(Resolve, TuningInTheWrongTable) {
  EXPECT_THAT(Problems(kSbrk + "tandem.pool field:a.FDb.sbrk limit_elems:1"),
              ElementsAre("t:2: tandem.pool of a.FDb.sbrk: it has reftype Sbrk; write tandem.sbrk "
                          "instead."));
  EXPECT_THAT(
      Problems(kSbrk + kLpool + "tandem.sbrk field:a.FDb.lpool mlock:Y"),
      ElementsAre("t:4: tandem.sbrk of a.FDb.lpool: it has reftype Lpool; write tandem.pool "
                  "instead."));
}

TEST(Resolve, TuningThatReservesMoreThanItAllows) {
  const std::string pool = FieldLine("a.FDb.b", "Tpool");
  EXPECT_THAT(Problems(pool + "tandem.pool field:a.FDb.b limit_elems:5 reserve_elems:6"),
              ElementsAre("t:2: tandem.pool of a.FDb.b: it reserves more than its limit; raise the "
                          "limit or reserve less."));
  EXPECT_THAT(Problems(pool + "tandem.pool field:a.FDb.b limit_elems:5 reserve_elems:5"),
              IsEmpty());
  EXPECT_EQ(Problems(pool + "tandem.pool field:a.FDb.b limit_bytes:1KiB reserve_bytes:1025").size(),
            1u);
  EXPECT_THAT(Problems(pool + "tandem.pool field:a.FDb.b reserve_bytes:1TiB"), IsEmpty());
}

TEST(Resolve, TuningThatReservesWhatCouldNotBeHad) {
  const auto problems = [](const std::string& reftype, const std::string& reserve) {
    return Problems(FieldLine("a.FDb.b", reftype) + "tandem.pool field:a.FDb.b " + reserve);
  };
  for (const std::string reftype : {"Lpool", "Blkpool"}) {
    EXPECT_THAT(problems(reftype, "reserve_elems:1 reserve_bytes:1MiB"),
                ElementsAre("t:2: tandem.pool of a.FDb.b: it has reftype " + reftype +
                            ", which serves blocks of any size; give reserve_bytes, not "
                            "reserve_elems."));
    EXPECT_THAT(problems(reftype, "reserve_elems:0 reserve_bytes:1MiB"), IsEmpty());
  }
  for (const std::string reserve : {"reserve_elems:1", "reserve_bytes:1"}) {
    for (const std::string reftype : {"Lary", "Tary", "Delptr"}) {
      EXPECT_THAT(problems(reftype, reserve),
                  ElementsAre("t:2: tandem.pool of a.FDb.b: it has reftype " + reftype +
                              ", which takes memory as its elements come; reserve in its base."));
    }
    EXPECT_THAT(problems("Malloc", reserve),
                ElementsAre("t:2: tandem.pool of a.FDb.b: it has reftype Malloc, which takes "
                            "memory from the heap as it is asked for; leave the reserve out."));
    EXPECT_THAT(problems("Tpool", reserve), IsEmpty());
  }
  for (const std::string reftype : {"Lary", "Tary", "Malloc"}) {
    EXPECT_THAT(problems(reftype, "limit_elems:1"), IsEmpty()) << reftype;
  }
}

TEST(Resolve, AHugePageLimitBelowOneHugePage) {
  const std::string sbrk = kSbrk + "tandem.sbrk field:a.FDb.sbrk huge_pages:Y huge_page_limit:";
  EXPECT_THAT(Problems(sbrk + "2097151"),
              ElementsAre("t:2: tandem.sbrk of a.FDb.sbrk: its huge_page_limit is less than one "
                          "huge page of 2 MiB; raise it, or leave it out."));
  EXPECT_EQ(Problems(sbrk + "0").size(), 1u);
  EXPECT_THAT(Problems(sbrk + "2MiB"), IsEmpty());
}

TEST(Resolve, AnIndexOfWhatIsNoTpool) {
  const std::string index = "tandem.index field:a.FDb.b kind:List\n";
  const std::string sentence =
      "t:1: tandem.index of a.FDb.b: there is no Tpool of that name; declare it with a "
      "dmmeta.field record, or leave this record out.";
  EXPECT_THAT(Problems(index), ElementsAre(sentence));
  EXPECT_THAT(Problems(index + FieldLine("a.FDb.b", "Lary")), ElementsAre(sentence));
  EXPECT_THAT(Problems(index + FieldLine("a.FDb.b", "Tpool")), IsEmpty());
}

TEST(Resolve, ProblemsStandInTheOrderOfTheLines) {
  const std::string text = FieldLine("a.FDb.b", "Tpool") + Basepool("a.FDb.b", "a.FDb.x") +
                           FieldLine("a.FDb.v", "Val") + Basepool("a.FDb.v", "a.FDb.b") +
                           FieldLine("a.FDb.l", "Lpool") + Basepool("a.FDb.l", "a.FDb.l");
  const std::vector<std::string> problems = Problems(text);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].substr(0, 4), "t:2:");
  EXPECT_EQ(problems[1].substr(0, 4), "t:4:");
  EXPECT_EQ(problems[2].substr(0, 4), "t:6:");
}

}  // namespace
}  // namespace tandem::declarations
