// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/declarations/chains.h"

namespace tandem::declarations {
namespace {

// A chain and a default pool as larger systems declare them: indented records, keys that mean
// nothing here, tables that mean nothing here.
constexpr const char* kLargerSystem = R"(
    dmmeta.field  field:acr.FDb.file  arg:acr.FFile  reftype:Lary  dflt:""  comment:"List of all loaded files"
    dmmeta.field  field:algo_lib.FDb.sbrk   arg:u8  reftype:Sbrk   dflt:""  comment:"Base allocator for everything"
    dmmeta.field  field:algo_lib.FDb.lpool  arg:u8  reftype:Lpool  dflt:""  comment:"private memory pool"
      dmmeta.basepool  field:algo_lib.FDb.lpool  base:algo_lib.FDb.sbrk
dmmeta.nsx  ns:algo_lib   genthrow:N  correct_getorcreate:Y  pool:algo_lib.FDb.lpool   sortxref:N  pack:N  fldoffset_asserts:N  comment:""
dmmeta.xref  field:acr.FDb.ind_file  inscond:true  via:""
report.acr  ***
)";

TEST(Load, ReadsTheChainOfALargerSystemAsItStands) {
  EXPECT_THAT(
      Chains(kLargerSystem),
      ::testing::ElementsAre("acr.FDb.file <- malloc by malloc", "algo_lib.FDb.sbrk by none",
                             "algo_lib.FDb.lpool <- algo_lib.FDb.sbrk by basepool"));
}

TEST(Load, TakesADefaultPoolThatIsDeclaredElsewhere) {
  const Declarations loaded = Loaded("dmmeta.nsx ns:algo_lib genthrow:N pool:algo_lib.FDb.lpool");
  ASSERT_EQ(loaded.namespaces.size(), 1u);
  EXPECT_EQ(loaded.namespaces[0].name, "algo_lib");
  EXPECT_EQ(loaded.namespaces[0].pool, "algo_lib.FDb.lpool");
}

TEST(Load, NothingDeclaresNothing) { EXPECT_TRUE(Loaded("").fields.empty()); }

TEST(Load, KeepsEveryValueOfAField) {
  const Declarations loaded = Loaded(
      "\ndmmeta.field comment:\"open orders\" reftype:Tpool dflt:'\"x\"' "
      "arg:book.Order field:book.FDb.order\n");
  ASSERT_EQ(loaded.fields.size(), 1u);
  const Field& field = loaded.fields[0];
  EXPECT_EQ(field.name, "book.FDb.order");
  EXPECT_EQ(field.ns(), "book");
  EXPECT_EQ(field.parent(), "book.FDb");
  EXPECT_EQ(field.own_name(), "order");
  EXPECT_TRUE(field.global());
  EXPECT_EQ(field.arg, "book.Order");
  EXPECT_EQ(field.reftype, Reftype::kTpool);
  EXPECT_EQ(field.reftype_name, "Tpool");
  EXPECT_EQ(field.dflt, "\"x\"");
  EXPECT_EQ(field.comment, "open orders");
  EXPECT_EQ(field.place.Text(), "t:2");
  EXPECT_EQ(loaded.FindField("book.FDb.order"), &field);
  EXPECT_EQ(loaded.FindField("book.FDb.orders"), nullptr);
}

TEST(Load, OnlyMembersOfADatabaseAreGlobal) {
  const Declarations loaded =
      Loaded(FieldLine("book.FDb.a", "Val") + FieldLine("book.XFDb.a", "Val") +
             FieldLine("book.FDbX.a", "Val"));
  EXPECT_TRUE(loaded.fields[0].global());
  EXPECT_FALSE(loaded.fields[1].global());
  EXPECT_FALSE(loaded.fields[2].global());
}

TEST(Load, KnowsTheTenReftypesByName) {
  for (const char* name :
       {"Sbrk", "Malloc", "Lpool", "Tpool", "Blkpool", "Lary", "Tary", "Inlary", "Delptr", "Val"}) {
    EXPECT_EQ(TraitsOf(ReftypeOf(name)).name, name);
  }
  for (const char* name : {"", "val", "Thash", "Upptr", "Val "}) {
    EXPECT_EQ(ReftypeOf(name), Reftype::kOther) << name;
  }
}

TEST(Load, PassesOverRowsThatDeclareNothing) {
  EXPECT_TRUE(Loaded("dmmeta.field field:\"\" arg:\"\" reftype:Val dflt:\"\"").fields.empty());
  EXPECT_EQ(Loaded("dmmeta.nsx ns:\"\" pool:a.FDb.b").namespaces.size(), 1u);
  EXPECT_EQ(Loaded("dmmeta.ctype ctype:u8 comment:\"\"").ctypes.size(), 1u);
}

TEST(Load, TakesFieldsOfAnyReftypeAndName) {
  EXPECT_EQ(Loaded(FieldLine("a.b", "Thash") + FieldLine("a.b.c.d", "Upptr")).fields.size(), 2u);
  EXPECT_EQ(LoadError(FieldLine("a.b", "Tpool")),
            "t:1: dmmeta.field of a.b: the name of a pool has three parts, as in book.FDb.order; "
            "rename it.");
}

TEST(Load, ReadsBoundsAndTuning) {
  const Declarations loaded = Loaded(
      "dmmeta.inlary field:a.B.c min:2 max:8\n"
      "dmmeta.tary field:a.B.d aliased:Y\n"
      "tandem.pool field:a.FDb.e limit_elems:10 limit_bytes:3MiB reserve_elems:5 "
      "reserve_bytes:1KiB\n"
      "tandem.sbrk field:a.FDb.f huge_pages:Y huge_page_limit:1GiB prefault:Y mlock:N zero:Y "
      "limit_bytes:64GiB reserve_bytes:4096\n");
  EXPECT_EQ(loaded.inlaries.at("a.B.c").min, 2u);
  EXPECT_EQ(loaded.inlaries.at("a.B.c").max, 8u);
  EXPECT_TRUE(loaded.taries.at("a.B.d").aliased);
  const Tuning* pool = loaded.FindTuning("a.FDb.e");
  ASSERT_NE(pool, nullptr);
  EXPECT_FALSE(pool->is_sbrk);
  EXPECT_EQ(pool->limit_elems, 10u);
  EXPECT_EQ(pool->limit_bytes, std::uint64_t{3} << 20);
  EXPECT_EQ(pool->reserve_elems, 5u);
  EXPECT_EQ(pool->reserve_bytes, 1024u);
  EXPECT_EQ(pool->huge_pages, std::nullopt);
  const Tuning* sbrk = loaded.FindTuning("a.FDb.f");
  ASSERT_NE(sbrk, nullptr);
  EXPECT_TRUE(sbrk->is_sbrk);
  EXPECT_EQ(sbrk->limit_bytes, std::uint64_t{64} << 30);
  EXPECT_EQ(sbrk->reserve_bytes, 4096u);
  EXPECT_EQ(sbrk->huge_pages, true);
  EXPECT_EQ(sbrk->huge_page_limit, std::uint64_t{1} << 30);
  EXPECT_EQ(sbrk->prefault, true);
  EXPECT_EQ(sbrk->mlock, false);
  EXPECT_EQ(sbrk->zero, true);
  EXPECT_EQ(sbrk->limit_elems, std::nullopt);
}

TEST(Load, SaysWhichKeyIsMissing) {
  EXPECT_EQ(LoadError("dmmeta.field"), "t:1: dmmeta.field: it has no key field; add it.");
  EXPECT_EQ(LoadError("dmmeta.field field:a.B.c reftype:Val"),
            "t:1: dmmeta.field of a.B.c: it has no key arg; add it.");
  EXPECT_EQ(LoadError("dmmeta.field field:a.B.c arg:u8"),
            "t:1: dmmeta.field of a.B.c: it has no key reftype; add it.");
  EXPECT_EQ(LoadError("dmmeta.ctype comment:x"),
            "t:1: dmmeta.ctype of x: it has no key ctype; add it.");
  EXPECT_EQ(LoadError("dmmeta.basepool field:a.B.c"),
            "t:1: dmmeta.basepool of a.B.c: it has no key base; add it.");
  EXPECT_EQ(LoadError("dmmeta.nsx pool:a.FDb.c"),
            "t:1: dmmeta.nsx of a.FDb.c: it has no key ns; add it.");
  EXPECT_EQ(LoadError("dmmeta.inlary field:a.B.c max:1"),
            "t:1: dmmeta.inlary of a.B.c: it has no key min; add it.");
  EXPECT_EQ(LoadError("tandem.pool limit_elems:1"),
            "t:1: tandem.pool of 1: it has no key field; add it.");
}

TEST(Load, SaysWhereTheFirstOfTwoRecordsStands) {
  EXPECT_EQ(LoadError(FieldLine("a.B.c", "Val") + "\n" + FieldLine("a.B.c", "Tpool")),
            "t:3: dmmeta.field of a.B.c: a.B.c has such a record already, at t:1; keep one of the "
            "two.");
  EXPECT_EQ(
      LoadError("dmmeta.ctype ctype:a.B\ndmmeta.ctype ctype:a.B"),
      "t:2: dmmeta.ctype of a.B: a.B has such a record already, at t:1; keep one of the two.");
  EXPECT_EQ(LoadError("dmmeta.nsx ns:a\ndmmeta.nsx ns:a"),
            "t:2: dmmeta.nsx of a: a has such a record already, at t:1; keep one of the two.");
  EXPECT_EQ(
      LoadError("dmmeta.inlary field:a.B.c min:0 max:1\ndmmeta.inlary field:a.B.c min:0 max:1"),
      "t:2: dmmeta.inlary of a.B.c: a.B.c has such a record already, at t:1; keep one of the "
      "two.");
  EXPECT_EQ(LoadError("tandem.pool field:a.FDb.c\ntandem.sbrk field:a.FDb.c"),
            "t:2: tandem.sbrk of a.FDb.c: a.FDb.c has such a record already, at t:1; keep one of "
            "the two.");
}

TEST(Load, SaysWhichValueIsWrongAndWhatToWrite) {
  EXPECT_EQ(LoadError("dmmeta.inlary field:a.B.c min:x max:1"),
            "t:1: dmmeta.inlary of a.B.c: its min is \"x\"; write a whole number.");
  EXPECT_EQ(LoadError("dmmeta.inlary field:a.B.c min:3 max:2"),
            "t:1: dmmeta.inlary of a.B.c: its bounds are 3 and 2; choose a max from 1 on and a min "
            "that is not above it.");
  EXPECT_EQ(LoadError("dmmeta.inlary field:a.B.c min:0 max:0"),
            "t:1: dmmeta.inlary of a.B.c: its bounds are 0 and 0; choose a max from 1 on and a min "
            "that is not above it.");
  EXPECT_EQ(LoadError("dmmeta.tary field:a.B.c aliased:yes"),
            "t:1: dmmeta.tary of a.B.c: its aliased is \"yes\"; write Y or N.");
  EXPECT_EQ(LoadError("tandem.pool field:a.FDb.c limit_elems:-1"),
            "t:1: tandem.pool of a.FDb.c: its limit_elems is \"-1\"; write a whole number.");
  EXPECT_EQ(LoadError("tandem.pool field:a.FDb.c limit_bytes:1GB"),
            "t:1: tandem.pool of a.FDb.c: its limit_bytes is \"1GB\"; write a number of bytes, or "
            "one with KiB, MiB, GiB or TiB.");
  EXPECT_EQ(LoadError("tandem.sbrk field:a.FDb.c mlock:1"),
            "t:1: tandem.sbrk of a.FDb.c: its mlock is \"1\"; write Y or N.");
  EXPECT_EQ(LoadError("tandem.ctype ctype:a.B cpp:B align:3"),
            "t:1: tandem.ctype of a.B: its align is 3; choose a power of two up to 4096.");
}

TEST(Load, InTablesOfItsOwnTakesNoSlipsOfThePen) {
  EXPECT_EQ(LoadError("tandem.pool field:a.FDb.c limit_elements:1"),
            "t:1: tandem.pool of a.FDb.c: there is no key limit_elements; choose from field, "
            "limit_elems, limit_bytes, reserve_elems, reserve_bytes, comment.");
  EXPECT_EQ(LoadError("tandem.pools field:a.FDb.c"),
            "t:1: tandem.pools: there is no such table; choose tandem.pool, tandem.sbrk, "
            "tandem.index or tandem.ctype.");
}

TEST(Load, ReadsIndexes) {
  const Declarations loaded = Loaded(
      "tandem.index field:a.FDb.b kind:Hash key:user,id\n"
      "tandem.index field:a.FDb.b kind:OrderedMulti key:-price\n"
      "tandem.index field:a.FDb.b kind:List\n");
  ASSERT_EQ(loaded.indexes.size(), 3u);
  EXPECT_EQ(loaded.indexes[0].kind, "Hash");
  EXPECT_EQ(loaded.indexes[0].keys, (std::vector<std::string>{"user", "id"}));
  EXPECT_EQ(loaded.indexes[1].keys, std::vector<std::string>{"-price"});
  EXPECT_TRUE(loaded.indexes[2].keys.empty());
  EXPECT_EQ(LoadError("tandem.index field:a.FDb.b kind:Tree key:id"),
            "t:1: tandem.index of a.FDb.b: its kind is Tree; choose Hash, HashMulti, Ordered, "
            "OrderedMulti or List.");
  EXPECT_EQ(LoadError("tandem.index field:a.FDb.b kind:Hash"),
            "t:1: tandem.index of a.FDb.b: its key is \"\"; name fields of the element, with "
            "commas between them.");
  EXPECT_EQ(LoadError("tandem.index field:a.FDb.b kind:List key:a,b"),
            "t:1: tandem.index of a.FDb.b: its key is \"a,b\"; name one bool field, or none for "
            "all rows.");
  for (const char* key : {"-id", "a,,b", "a b", "a,"}) {
    const std::string error =
        LoadError("tandem.index field:a.FDb.b kind:Hash key:\"" + std::string(key) + "\"");
    if (std::string(key) == "a,") {
      EXPECT_EQ(error, "");  // as if there were no comma
    } else {
      EXPECT_THAT(error, ::testing::HasSubstr("its key has "));
    }
  }
}

TEST(Load, ReadsThousandsOfRecordsOfManyTables) {
  std::string text;
  std::size_t pools = 0;
  const char* const reftypes[] = {"Val", "Thash", "Tpool", "Upptr", "Lary", "Llist", "Base"};
  for (int i = 0; i < 20000; ++i) {
    const std::string n = std::to_string(i);
    text += "other.table" + n + "  key:" + n + "  'never closed\n";
    text += "dmmeta.ctype  ctype:big.Type" + n + "  comment:\"type no. " + n + "\"\n";
    text += FieldLine("big.FDb.pool" + n, reftypes[i % 7], "big.Type" + n);
    const std::string reftype = reftypes[i % 7];
    pools += reftype == "Tpool" || reftype == "Lary" ? 1 : 0;
  }
  const Declarations loaded = Loaded(text);
  EXPECT_EQ(loaded.ctypes.size(), 20000u);
  EXPECT_EQ(loaded.fields.size(), 20000u);
  EXPECT_EQ(Chains(text).size(), pools);
}

}  // namespace
}  // namespace tandem::declarations
