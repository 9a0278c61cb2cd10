// SPDX-License-Identifier: Apache-2.0
//
// What poolc refuses, sentence by sentence, and how it lays types out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "pools/declarations/load.h"
#include "pools/declarations/sources.h"
#include "tools/poolc/generate.h"

namespace tandem::poolc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Field(const std::string& name, const std::string& reftype, const std::string& arg,
                  const std::string& more = "") {
  return "dmmeta.field field:" + name + " arg:" + arg + " reftype:" + reftype + " " + more + "\n";
}

std::string Ctype(const std::string& name) { return "dmmeta.ctype ctype:" + name + "\n"; }

Generated Made(const std::string& text, const GenerateOptions& options = {}) {
  const Result<declarations::Declarations> loaded = declarations::LoadText(text, "t");
  EXPECT_TRUE(loaded.ok()) << loaded.error().text;
  return Generate(*loaded, options);
}

std::vector<std::string> Problems(const std::string& text, const GenerateOptions& options = {}) {
  std::vector<std::string> problems;
  const Generated made = Made(text, options);
  for (const Error& problem : made.problems) problems.push_back(problem.text);
  EXPECT_EQ(made.header.empty(), !problems.empty());
  return problems;
}

std::string Header(const std::string& text) {
  const Generated made = Made(text);
  EXPECT_TRUE(made.problems.empty()) << made.problems.front().text;
  return made.header;
}

TEST(Poolc, NamesEveryFieldOfAReftypeOutsideTheTen) {
  EXPECT_THAT(
      Problems(Ctype("a.B") + Field("a.FDb.ind_b", "Thash", "a.B") +
               Field("a.FDb.b", "Tpool", "a.B") + Field("a.B.p_c", "Upptr", "a.B") +
               Field("a.B.zd_d", "Llist", "a.B")),
      ElementsAre(
          "t:4: dmmeta.field of a.B.p_c: reftype Upptr is no pool, and so are a.B.zd_d (Llist), "
          "a.FDb.ind_b (Thash); poolc generates Sbrk, Malloc, Lpool, Tpool, Blkpool, Lary, Tary, "
          "Inlary, Delptr and Val, so leave the field out, or write its type in C++ and name it in "
          "a tandem.ctype record."));
}

TEST(Poolc, PassesOverNamespacesThatItIsNotAskedFor) {
  const std::string text =
      Ctype("b.C") + Field("b.C.d", "Thash", "b.C") + Ctype("a.B") + Field("a.B.c", "Val", "u8");
  EXPECT_THAT(Problems(text, {.namespaces = {"a"}}), IsEmpty());
  EXPECT_THAT(Made(text, {.namespaces = {"a"}}).header, Not(HasSubstr("namespace b")));
}

TEST(Poolc, RefusesANamespaceThatThereIsNot) {
  EXPECT_THAT(Problems(Ctype("a.B"), {.namespaces = {"c"}}),
              ElementsAre("There is no namespace c in the declarations; choose one that is."));
}

TEST(Poolc, RefusesChainsThatAreNotSound) {
  EXPECT_THAT(Problems("dmmeta.basepool field:a.FDb.b base:a.FDb.c\n"),
              ElementsAre(HasSubstr("t:1: dmmeta.basepool of a.FDb.b: there is no field")));
}

TEST(Poolc, RefusesTypesThatAreNotDeclared) {
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", "Val", "a.C")),
              ElementsAre("t:2: dmmeta.field of a.B.c: its type a.C is not declared; declare it "
                          "with a dmmeta.ctype record, or choose u8 to u64, i8 to i64, bool, char, "
                          "Str<N> or Text."));
  EXPECT_THAT(Problems(Field("a.B.c", "Val", "u8")),
              ElementsAre("t:1: dmmeta.field of a.B.c: its type a.B is not declared; declare it "
                          "with a dmmeta.ctype record."));
  for (const char* arg : {"Str<0>", "Str<>", "Str<4097>", "Str<x>", "Str", "double", "\"\""}) {
    EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", "Val", arg)),
                ElementsAre(HasSubstr("is not declared")))
        << arg;
  }
}

TEST(Poolc, RefusesTypesOfNamespacesThatAreNotGenerated) {
  EXPECT_THAT(
      Problems(Ctype("a.B") + Ctype("c.D") + Field("a.B.c", "Val", "c.D"), {.namespaces = {"a"}}),
      ElementsAre("t:3: dmmeta.field of a.B.c: its type c.D is of a namespace that is not "
                  "generated; add --namespace c, or name its header in a tandem.ctype "
                  "record."));
}

TEST(Poolc, RefusesNamesThatCppRefuses) {
  EXPECT_THAT(Problems(Ctype("a.class")),
              ElementsAre("t:1: dmmeta.ctype of a.class: it cannot be named so in C++; choose "
                          "namespace.Type with words that are neither keywords nor reserved."));
  for (const char* name :
       {"a.B.new", "a.B.a__b", "a.B.B", "a.B.padding_0", "a.B.NULL", "a.B.EOF"}) {
    EXPECT_THAT(Problems(Ctype("a.B") + Field(name, "Val", "u8")),
                ElementsAre("t:2: dmmeta.field of " + std::string(name) +
                            ": a member cannot be named so in C++; choose another word."));
  }
}

TEST(Poolc, RefusesFieldsNamedLikeTypesThatTheirTypeSays) {
  const std::string sentence =
      ", which a C++ compiler would then not find there; choose another word.";
  EXPECT_THAT(
      Problems(Ctype("b.O") + Field("b.FDb.O", "Tpool", "b.O")),
      ElementsAre("t:2: dmmeta.field of b.FDb.O: it is named like the type b.O" + sentence));
  const std::string hand = "tandem.ctype ctype:b.Ptr cpp:\"Node*\" size:8\n" + Ctype("b.P") +
                           Field("b.P.ptr", "Val", "b.Ptr");
  EXPECT_THAT(
      Problems(hand + Field("b.P.Node", "Val", "u64")),
      ElementsAre("t:4: dmmeta.field of b.P.Node: it is named like the type Node*" + sentence));
  EXPECT_THAT(Problems(hand + Field("b.P.Ptr", "Val", "u64")), IsEmpty());
}

TEST(Poolc, RefusesPoolNamesThatAControlHasNoRoomFor) {
  const std::string fits = "a.FDb." + std::string(57, 'p');
  EXPECT_THAT(Problems(Field(fits, "Tpool", "u8")), IsEmpty());
  EXPECT_THAT(Problems(Field(fits + "p", "Tpool", "u8")),
              ElementsAre("t:1: dmmeta.field of " + fits +
                          "p: a pool's name has at most 63 characters; shorten it."));
}

TEST(Poolc, RefusesPoolsInElementsThatHaveAControlEach) {
  for (const std::string reftype : {"Sbrk", "Malloc", "Lpool", "Blkpool", "Tpool"}) {
    EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", reftype, "u8")),
                ElementsAre("t:2: dmmeta.field of a.B.c: a " + reftype +
                            " is shared by all elements; make it a member of a.FDb."));
  }
}

TEST(Poolc, RefusesElementsThatMoveAndHoldPools) {
  const std::string row = Ctype("a.B") + Field("a.B.c", "Delptr", "u64");
  EXPECT_THAT(Problems(row + Field("a.FDb.b", "Tary", "a.B")),
              ElementsAre("t:3: dmmeta.field of a.FDb.b: the elements of a Tary hold no pools, but "
                          "a.B does; use a Lary or a Tpool."));
  EXPECT_THAT(Problems(row + Field("a.FDb.b", "Inlary", "a.B") +
                       "dmmeta.inlary field:a.FDb.b min:0 max:2\n"),
              ElementsAre("t:3: dmmeta.field of a.FDb.b: the elements of an Inlary hold no pools, "
                          "but a.B does; use a Lary or a Tpool."));
}

TEST(Poolc, RefusesTextsAsElements) {
  EXPECT_THAT(Problems(Field("a.FDb.b", "Lary", "Text")),
              ElementsAre("t:1: dmmeta.field of a.FDb.b: a Text takes a base, so it must be a Val; "
                          "put it into a type of its own."));
}

TEST(Poolc, RefusesDatabasesAsElements) {
  EXPECT_THAT(Problems(Ctype("a.B") + Ctype("b.FDb") + Field("a.B.c", "Val", "b.FDb")),
              ElementsAre("t:3: dmmeta.field of a.B.c: a database is no element; choose another "
                          "type."));
}

TEST(Poolc, RefusesAnInlaryWithoutBounds) {
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", "Inlary", "u8")),
              ElementsAre("t:2: dmmeta.field of a.B.c: an Inlary needs bounds; add dmmeta.inlary  "
                          "field:a.B.c  min:0  max:8, or what fits."));
}

TEST(Poolc, RefusesDefaultsThatAreNoValues) {
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", "Val", "u8", "dflt:256")),
              ElementsAre("t:2: dmmeta.field of a.B.c: its dflt 256 is no value of a Val of u8; "
                          "correct it or leave it empty."));
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.c", "Val", "Str<2>", "dflt:abc")),
              ElementsAre(HasSubstr("its dflt abc is no value of a Val of Str<2>")));
  EXPECT_THAT(Problems(Field("a.FDb.c", "Tpool", "u8", "dflt:1")),
              ElementsAre(HasSubstr("its dflt 1 is no value of a Tpool of u8")));
}

TEST(Poolc, RefusesATypeThatIsAPartOfItself) {
  EXPECT_THAT(Problems(Ctype("a.B") + Ctype("a.C") + Field("a.B.c", "Val", "a.C") +
                       Field("a.C.b", "Val", "a.B")),
              ElementsAre("t:4: dmmeta.field of a.C.b: its type a.B would be a part of itself; use "
                          "a Delptr."));
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.b", "Val", "a.B")),
              ElementsAre(HasSubstr("would be a part of itself")));
  EXPECT_THAT(Problems(Ctype("a.B") + Field("a.B.b", "Delptr", "a.B")), IsEmpty());
}

TEST(Poolc, TakesTypesThatHoldPoolsOfEachOther) {
  const std::string text = Ctype("a.B") + Ctype("a.C") + Ctype("a.FDb") +
                           Field("a.B.c", "Delptr", "a.C") + Field("a.C.b", "Val", "a.B") +
                           Field("a.FDb.c", "Tpool", "a.C");
  const std::string header = Header(text);
  EXPECT_LT(header.find("struct B {"), header.find("struct C {"));
  EXPECT_LT(header.find("struct C {"), header.find("struct FDb {"));
}

TEST(Poolc, RefusesTypesThatAreNestedWithoutEnd) {
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += Ctype("a.T" + std::to_string(i)) +
            Field("a.T" + std::to_string(i) + ".v", "Val", "a.T" + std::to_string(i + 1));
  }
  text += Ctype("a.T20000");
  EXPECT_THAT(Problems(text).front(), HasSubstr("more than 500 types deep; use a Delptr."));
}

TEST(Poolc, TakesValuesOfValuesWithoutCountingThemTwice) {
  std::string text = Ctype("a.T0") + Field("a.T0.p", "Tary", "u8");
  for (int i = 1; i < 100; ++i) {  // 2^99 pools, of one field
    const std::string type = "a.T" + std::to_string(i);
    const std::string part = "a.T" + std::to_string(i - 1);
    text += Ctype(type) + Field(type + ".x", "Val", part) + Field(type + ".y", "Val", part);
  }
  EXPECT_THAT(Header(text), HasSubstr("explicit T99(pools::PoolAccount& T0_p)"));
}

TEST(Poolc, RefusesTypesThatAreTooLarge) {
  const std::string inlary = Ctype("a.B") + Field("a.B.c", "Inlary", "u64");
  for (const char* max : {"134217729", "18446744073709551615"}) {
    for (const std::string min : {"0", max}) {
      EXPECT_THAT(Problems(inlary + "dmmeta.inlary field:a.B.c min:" + min + " max:" + max),
                  ElementsAre("t:2: dmmeta.field of a.B.c: with it, a.B has more than 1073741824 "
                              "bytes; use a pool that takes memory as it needs it."));
    }
  }
  EXPECT_THAT(Problems(inlary + "dmmeta.inlary field:a.B.c min:0 max:134217728"), IsEmpty());
}

TEST(Poolc, SurvivesWhatNobodyWouldDeclare) {
  const Result<std::string> seed_text = declarations::ReadFile(TANDEM_POOLC_TESTS "/ledger.pools");
  ASSERT_TRUE(seed_text.ok());
  const std::uint32_t seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  int headers = 0;
  for (int round = 0; round < 500; ++round) {
    std::string text = *seed_text;
    for (std::uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text.erase(at, 1 + random() % 4);
      } else {
        text.insert(at, seed_text->substr(random() % seed_text->size(), random() % 40));
      }
    }
    const Result<declarations::Declarations> loaded = declarations::LoadText(text, "t");
    if (!loaded) continue;
    const Generated made = Generate(*loaded, {});
    ASSERT_EQ(made.header.empty(), !made.problems.empty()) << text;
    headers += made.problems.empty() ? 1 : 0;
  }
  EXPECT_GT(headers, 0);
}

TEST(Poolc, RefusesABaseDeclaredAfterElementsThatNeedIt) {
  EXPECT_THAT(Problems("dmmeta.nsx ns:a pool:b.FDb.sbrk\n" + Ctype("a.B") +
                       Field("a.B.c", "Tary", "u8") + Field("a.FDb.b", "Tpool", "a.B") +
                       Field("b.FDb.sbrk", "Sbrk", "u8") + Field("a.FDb.lpool", "Lpool", "u8") +
                       "dmmeta.basepool field:a.B.c base:a.FDb.lpool\n"),
              ElementsAre("t:6: dmmeta.field of a.FDb.lpool: it is declared after a.FDb.b (t:4), "
                          "whose elements take memory from it for a.B.c; declare lpool first."));
}

TEST(Poolc, RefusesHandWrittenTypesThatItKnowsTooLittleOf) {
  EXPECT_THAT(Problems("tandem.ctype ctype:a.H cpp:H align:4\n" + Ctype("a.B") +
                       Field("a.B.c", "Val", "a.H")),
              ElementsAre("t:3: dmmeta.field of a.B.c: its type is aligned to 4 and of unknown "
                          "size; give its tandem.ctype record a size."));
  EXPECT_THAT(
      Problems("tandem.ctype ctype:a.H cpp:H align:64\ntandem.ctype ctype:a.G cpp:G\n" +
               Ctype("a.B") + Field("a.B.c", "Val", "a.G") + Field("a.B.d", "Val", "a.H")),
      ElementsAre(
          "t:5: dmmeta.field of a.B.d: where it lies cannot be worked out, because the size "
          "of a type in front of it is not known; give that type's tandem.ctype record a "
          "size, or declare this field first."));
}

TEST(Poolc, RefusesIndexesByWhatIsNoKey) {
  const std::string table = Ctype("a.B") + Field("a.B.id", "Val", "u64") + Ctype("a.C") +
                            Field("a.B.c", "Val", "a.C") + Field("a.B.t", "Tary", "u8") +
                            Field("a.FDb.b", "Tpool", "a.B");
  for (const std::string key : {"x", "c", "t"}) {
    EXPECT_THAT(Problems(table + "tandem.index field:a.FDb.b kind:Hash key:" + key),
                ElementsAre("t:7: tandem.index of a.FDb.b: its key " + key +
                            " is no Val of a.B that can be compared; name one that is."));
  }
  EXPECT_THAT(Problems(table + "tandem.index field:a.FDb.b kind:Hash key:id\n"
                               "tandem.index field:a.FDb.b kind:Hash key:id\n"),
              ElementsAre("t:8: tandem.index of a.FDb.b: there is such an index already; leave one "
                          "out."));
}

TEST(Poolc, FillsGapsWithZeros) {
  const std::string header = Header(Ctype("a.B") + Field("a.B.a", "Val", "u8") +
                                    Field("a.B.b", "Val", "u32") + Field("a.B.c", "Val", "u16") +
                                    Field("a.B.d", "Val", "u64") + Field("a.B.e", "Val", "Str<3>"));
  EXPECT_THAT(header, HasSubstr(R"(struct B {
  std::uint8_t a = 0;
  std::uint8_t padding_0[3] = {};
  std::uint32_t b = 0;
  std::uint16_t c = 0;
  std::uint8_t padding_1[6] = {};
  std::uint64_t d = 0;
  pools::Str<3> e = {};
  std::uint8_t padding_2[5] = {};
};
static_assert(std::has_unique_object_representations_v<B>);
)"));
}

TEST(Poolc, PutsTypesBehindThoseThatTheyAreMadeOf) {
  const std::string header =
      Header(Ctype("a.B") + Ctype("c.D") + Ctype("a.E") + Field("a.B.d", "Val", "c.D") +
             Field("c.D.e", "Val", "a.E") + Field("a.E.n", "Val", "u8"));
  const std::size_t e = header.find("struct E {");
  const std::size_t d = header.find("struct D {");
  const std::size_t b = header.find("struct B {");
  ASSERT_NE(b, std::string::npos);
  EXPECT_LT(e, d);
  EXPECT_LT(d, b);
}

TEST(Poolc, MakesAnEmptyTypeOfNoFields) {
  EXPECT_THAT(Header(Ctype("a.B")), HasSubstr("struct B {\n};\n"));
}

TEST(Poolc, MakesRangeFunctionsWhereTheyAreAskedFor) {
  const std::string field = Field("a.FDb.b", "Tary", "u8");
  const std::string plain = Header(field);
  const std::string aliased = Header(field + "dmmeta.tary field:a.FDb.b aliased:Y\n");
  for (const char* name :
       {"b_Addary", "b_Insary", "FDb& db, std::span<const std::uint8_t> range"}) {
    EXPECT_THAT(plain, Not(HasSubstr(name)));
    EXPECT_THAT(aliased, HasSubstr(name));
  }
  EXPECT_EQ(Header(field + "dmmeta.tary field:a.FDb.b aliased:N\n").find("b_Addary"),
            std::string::npos);
}

}  // namespace
}  // namespace tandem::poolc
