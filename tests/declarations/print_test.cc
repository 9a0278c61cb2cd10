// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/print.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/declarations/chains.h"

namespace tandem::declarations {
namespace {

const std::string kSchema =
    "dmmeta.nsx ns:a pool:a.FDb.lpool\n" + FieldLine("a.FDb.sbrk", "Sbrk") +
    FieldLine("a.FDb.lpool", "Lpool") + FieldLine("a.FDb.order", "Tpool", "a.Order") +
    FieldLine("a.Order.id", "Val", "u64") + FieldLine("a.FDb.ind", "Thash", "a.Order") +
    FieldLine("b.FDb.row", "Lary", "\"b.R\\\"w\"") +
    "dmmeta.basepool field:a.FDb.lpool base:a.FDb.sbrk\n"
    "tandem.pool field:a.FDb.order limit_elems:1000 limit_bytes:64MiB\n"
    "tandem.sbrk field:a.FDb.sbrk prefault:Y zero:N\n";

TEST(Print, ATableShowsEachPoolBelowItsBase) {
  const Declarations declarations = Loaded(kSchema);
  EXPECT_EQ(Text(declarations, Resolve(declarations), {}),
            R"(pool             reftype  type     base         by                          tuning
a.FDb.sbrk       Sbrk     u8       -            takes no base               prefault:Y zero:N
  a.FDb.lpool    Lpool    u8       a.FDb.sbrk   its basepool record, t:8
    a.FDb.order  Tpool    a.Order  a.FDb.lpool  nsx record of a, t:1        limit_elems:1000 limit_bytes:64MiB
malloc           Malloc   -        -            (built-in Malloc)
  b.FDb.row      Lary     b.R"w    malloc       no record: built-in Malloc

not shown: 1 Val fields, which live in their parents (--all shows them); 1 fields of reftypes that are no pools
)");
}

TEST(Print, AllOfATableShowsValuesToo) {
  const Declarations declarations = Loaded(FieldLine("a.Order.id", "Val", "u64"));
  EXPECT_EQ(Text(declarations, Resolve(declarations), {.values = true}),
            "pool        reftype  type  base  by             tuning\n"
            "a.Order.id  Val      u64   -     takes no base\n");
}

TEST(Print, JsonHasEveryPool) {
  const Declarations declarations = Loaded(kSchema);
  EXPECT_EQ(Json(declarations, Resolve(declarations)),
            R"({"pools":[
{"pool":"a.FDb.sbrk","reftype":"Sbrk","type":"u8","base":null,"rule":"none","at":"t:2","tuning":{"prefault":true,"zero":false}},
{"pool":"a.FDb.lpool","reftype":"Lpool","type":"u8","base":"a.FDb.sbrk","rule":"basepool","rule_at":"t:8","at":"t:3"},
{"pool":"a.FDb.order","reftype":"Tpool","type":"a.Order","base":"a.FDb.lpool","rule":"nsx","rule_at":"t:1","at":"t:4","tuning":{"limit_elems":1000,"limit_bytes":67108864}},
{"pool":"a.Order.id","reftype":"Val","type":"u64","base":null,"rule":"none","at":"t:5"},
{"pool":"b.FDb.row","reftype":"Lary","type":"b.R\"w","base":"malloc","rule":"malloc","at":"t:7"}
],"passed_over":1}
)");
}

TEST(Print, TheGraphLeadsFromPoolsToBases) {
  const Declarations declarations = Loaded(kSchema);
  EXPECT_EQ(Dot(declarations, Resolve(declarations), {}),
            R"(digraph pools {
  rankdir=BT;
  node [shape=box, fontname=monospace];
  "a.FDb.sbrk" [label="a.FDb.sbrk\nSbrk of u8\nprefault:Y zero:N"];
  "a.FDb.lpool" [label="a.FDb.lpool\nLpool of u8"];
  "a.FDb.order" [label="a.FDb.order\nTpool of a.Order\nlimit_elems:1000 limit_bytes:64MiB"];
  "b.FDb.row" [label="b.FDb.row\nLary of b.R\"w"];
  "malloc" [label="built-in Malloc", style=dashed];
  "a.FDb.lpool" -> "a.FDb.sbrk" [label="basepool"];
  "a.FDb.order" -> "a.FDb.lpool" [label="nsx"];
  "b.FDb.row" -> "malloc" [label="malloc"];
}
)");
}

TEST(Print, NothingIsPrintedAsNothing) {
  const Declarations declarations = Loaded("");
  const Resolution resolution = Resolve(declarations);
  EXPECT_EQ(Text(declarations, resolution, {}), "pool  reftype  type  base  by  tuning\n");
  EXPECT_EQ(Json(declarations, resolution), "{\"pools\":[\n],\"passed_over\":0}\n");
}

}  // namespace
}  // namespace tandem::declarations
