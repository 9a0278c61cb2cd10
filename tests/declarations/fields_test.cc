// SPDX-License-Identifier: Apache-2.0
//
// Hand-written types that name their fields: described, printed, compared and declared.
#include "pools/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "pools/declarations/describe.h"
#include "pools/declarations/load.h"
#include "pools/lpool.h"
#include "pools/str.h"
#include "pools/tpool.h"

namespace shop {

enum class Colour : std::uint8_t { kRed = 1, kBlue = 2 };

struct Price {
  std::int32_t cents = 0;
  std::uint32_t tax = 0;
};
TANDEM_FIELDS(Price, "shop.Price", cents, tax)

struct Shelf;
struct Item;
TANDEM_NAME(Shelf, "shop.Shelf")
TANDEM_NAME(Item, "shop.Item")

struct Item {
  std::uint64_t id = 0;
  Shelf* shelf = nullptr;
  Item* next = nullptr;
  Price price;
  tandem::pools::Str<12> name;
  std::int16_t offsets[2] = {};
  Colour colour = Colour::kRed;
  bool sold = false;
  char grade = 'a';
  std::array<std::uint8_t, 5> code = {};
};
TANDEM_NAMED_FIELDS(Item, id, shelf, next, price, name, offsets, colour, sold, grade, code)

struct Shelf {
  Item* first = nullptr;
};
TANDEM_NAMED_FIELDS(Shelf, first)

struct FDb {
  explicit FDb(tandem::pools::PoolRef base) : lpool("shop.FDb.lpool", base), item("i", lpool) {}
  tandem::pools::Lpool lpool;
  tandem::pools::Tpool<Item> item;
};
TANDEM_FIELDS(FDb, "shop.FDb", lpool, item)

struct Wide {
  std::uint8_t a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7;
  std::uint8_t c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3, d4, d5, d6, d7;
  std::uint8_t e0, e1, e2, e3, e4, e5, e6, e7, f0, f1, f2, f3, f4, f5, f6, f7;
  std::uint8_t g0, g1, g2, g3, g4, g5, g6, g7, h0, h1, h2, h3, h4, h5, h6, h7;
};
TANDEM_FIELDS(Wide, "shop.Wide", a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7, c0,
              c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3, d4, d5, d6, d7, e0, e1, e2, e3, e4, e5,
              e6, e7, f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7, h0, h1, h2,
              h3, h4, h5, h6, h7)

struct Plain {};

}  // namespace shop

namespace tandem::declarations {
namespace {

using pools::InfoOf;
using ::testing::ElementsAre;

static_assert(pools::Described<shop::Item> && !pools::Described<shop::Plain> &&
              !pools::Described<int>);
static_assert(InfoOf<shop::Price>().fields[1].offset == 4);
static_assert(pools::MemberBytes<&shop::Price::cents, &shop::Price::tax>() == sizeof(shop::Price));

std::vector<std::string> FieldsOf(const pools::TypeInfo& type) {
  std::vector<std::string> all;
  for (const pools::FieldInfo& field : type.fields) {
    std::string one(field.name);
    one += " ";
    one += field.type;
    one += " ";
    one += field.reftype;
    one += " ";
    one += std::to_string(field.offset);
    one += " ";
    one += std::to_string(field.size);
    all.push_back(one);
  }
  return all;
}

TEST(Fields, AreNamedTypedAndPlaced) {
  EXPECT_THAT(FieldsOf(InfoOf<shop::Item>()),
              ElementsAre("id u64 Val 0 8", "shelf shop.Shelf Ptr 8 8", "next shop.Item Ptr 16 8",
                          "price shop.Price Val 24 8", "name Str<12> Val 32 12",
                          "offsets i16 Inlary 44 4", "colour u8 Val 48 1", "sold bool Val 49 1",
                          "grade char Val 50 1", "code u8 Inlary 51 5"));
}

TEST(Fields, OfADatabaseAreItsPools) {
  const std::vector<std::string> fields = FieldsOf(InfoOf<shop::FDb>());
  ASSERT_EQ(fields.size(), 2u);
  EXPECT_EQ(fields[0].substr(0, 14), "lpool u8 Lpool");
  EXPECT_EQ(fields[1].substr(0, 20), "item shop.Item Tpool");
  EXPECT_EQ(InfoOf<shop::FDb>().fields[1].element(), &InfoOf<shop::Item>());
}

TEST(Fields, MayBeSixtyFour) { EXPECT_EQ(InfoOf<shop::Wide>().fields.size(), 64u); }

TEST(Fields, LeadToTheTypesThatTheyPointTo) {
  EXPECT_EQ(InfoOf<shop::Item>().fields[1].element(), &InfoOf<shop::Shelf>());
  EXPECT_EQ(InfoOf<shop::Shelf>().fields[0].element(), &InfoOf<shop::Item>());
  EXPECT_EQ(InfoOf<shop::Item>().fields[0].element(), nullptr);
}

shop::Item SomeItem() {
  shop::Item item;
  item.id = 18446744073709551615u;
  item.price.cents = -5;
  EXPECT_TRUE(item.name.Set("a \"b\""));
  item.offsets[1] = -32768;
  item.colour = shop::Colour::kBlue;
  item.sold = true;
  item.code[4] = 255;
  return item;
}

TEST(Fields, ArePrintedAsARecord) {
  EXPECT_EQ(RecordOf(SomeItem()),
            "shop.Item  id:18446744073709551615  shelf:0x0  next:0x0  price.cents:-5  price.tax:0  "
            "name:\"a \\\"b\\\"\"  offsets.0:0  offsets.1:-32768  colour:2  sold:Y  grade:a  "
            "code.0:0  code.1:0  code.2:0  code.3:0  code.4:255");
}

TEST(Fields, DifferByName) {
  const shop::Item a = SomeItem();
  shop::Item b = a;
  EXPECT_TRUE(Differences(a, b).empty());
  b.price.tax = 7;
  b.sold = false;
  b.code[0] = 1;
  EXPECT_THAT(Differences(a, b),
              ElementsAre(FieldDifference{"price.tax", "0", "7"}, FieldDifference{"sold", "Y", "N"},
                          FieldDifference{"code.0", "0", "1"}));
}

TEST(Fields, PrintTheirOwnDeclarations) {
  const std::string text = DeclarationsOf<shop::FDb>();
  EXPECT_EQ(text,
            "dmmeta.ctype  ctype:shop.Shelf\n"
            "dmmeta.field  field:shop.Shelf.first  arg:shop.Item  reftype:Ptr\n"
            "dmmeta.ctype  ctype:shop.Price\n"
            "dmmeta.field  field:shop.Price.cents  arg:i32  reftype:Val\n"
            "dmmeta.field  field:shop.Price.tax  arg:u32  reftype:Val\n"
            "dmmeta.ctype  ctype:shop.Item\n"
            "dmmeta.field  field:shop.Item.id  arg:u64  reftype:Val\n"
            "dmmeta.field  field:shop.Item.shelf  arg:shop.Shelf  reftype:Ptr\n"
            "dmmeta.field  field:shop.Item.next  arg:shop.Item  reftype:Ptr\n"
            "dmmeta.field  field:shop.Item.price  arg:shop.Price  reftype:Val\n"
            "dmmeta.field  field:shop.Item.name  arg:Str<12>  reftype:Val\n"
            "dmmeta.field  field:shop.Item.offsets  arg:i16  reftype:Inlary\n"
            "  dmmeta.inlary  field:shop.Item.offsets  min:2  max:2\n"
            "dmmeta.field  field:shop.Item.colour  arg:u8  reftype:Val\n"
            "dmmeta.field  field:shop.Item.sold  arg:bool  reftype:Val\n"
            "dmmeta.field  field:shop.Item.grade  arg:char  reftype:Val\n"
            "dmmeta.field  field:shop.Item.code  arg:u8  reftype:Inlary\n"
            "  dmmeta.inlary  field:shop.Item.code  min:5  max:5\n"
            "dmmeta.ctype  ctype:shop.FDb\n"
            "dmmeta.field  field:shop.FDb.lpool  arg:u8  reftype:Lpool\n"
            "dmmeta.field  field:shop.FDb.item  arg:shop.Item  reftype:Tpool\n");
  const Result<Declarations> loaded = LoadText(text, "t");
  ASSERT_TRUE(loaded.ok()) << loaded.error().text;
  EXPECT_EQ(loaded->ctypes.size(), 4u);
  EXPECT_EQ(loaded->inlaries.at("shop.Item.code").max, 5u);
}

}  // namespace
}  // namespace tandem::declarations
