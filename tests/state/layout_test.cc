// SPDX-License-Identifier: Apache-2.0
//
// The description of a state: what it says of a type, and that what is wrong with it is refused.
#include "pools/state/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ledger.pools.h"
#include "pools/layout_text.h"

namespace tandem::state {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSound =
    "tandem.layout  version:1  root:a.Root  checked:N\n"
    "tandem.type  type:a.Root  size:24\n"
    "tandem.member  field:a.Root.x  arg:u32  reftype:Val  kind:unsigned  offset:0  size:4\n"
    "tandem.member  field:a.Root.list  arg:u16  reftype:Inlary  kind:unsigned  offset:8  size:16  "
    "min:0  max:4  each:2\n";

TEST(StateLayout, DescribesTypesFieldsAndWhereTheyLie) {
  const auto layout = Layout::Parse(pools::LayoutText(pools::InfoOf<ledger::FDb>()));
  ASSERT_TRUE(layout.ok()) << layout.error().text;
  const LayoutType* const account = layout->Find("ledger.Account");
  ASSERT_NE(account, nullptr);
  EXPECT_EQ(account->size, sizeof(ledger::Account));
  EXPECT_TRUE(account->holds_pools);
  EXPECT_FALSE(layout->Find("ledger.Entry")->holds_pools);
  std::vector<std::string> names;
  for (const LayoutField& field : account->fields) names.push_back(field.name);
  EXPECT_EQ(names, (std::vector<std::string>{"id", "open", "kind", "held", "limits", "digest",
                                             "booked", "note", "audit"}));
  EXPECT_EQ(layout->FindField("ledger.Account.held")->offset, offsetof(ledger::Account, held));
  EXPECT_EQ(layout->root()->name, "ledger.FDb");
}

TEST(StateLayout, ReadsWhatIsWritten) {
  const auto layout = Layout::Parse(kSound);
  ASSERT_TRUE(layout.ok()) << layout.error().text;
  EXPECT_EQ(layout->FindField("a.Root.list")->count_max, 4u);
}

TEST(StateLayout, OfNothingDescribesNothing) {
  const auto layout = Layout::Parse("");
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->root(), nullptr);
}

TEST(StateLayout, RefusesWhatWouldLeadOutOfAnElement) {
  const auto refusal = [](const std::string& from, const std::string& to) {
    std::string text = kSound;
    text.replace(text.find(from), from.size(), to);
    const auto layout = Layout::Parse(text);
    return layout.ok() ? "" : layout.error().text;
  };
  EXPECT_THAT(refusal("offset:8", "offset:16"), HasSubstr("lies outside of its type"));
  EXPECT_THAT(refusal("max:4", "max:9"), HasSubstr("do not fit together"));
  EXPECT_THAT(refusal("max:4", "max:18446744073709551615"), HasSubstr("max is no number"));
  EXPECT_THAT(refusal("each:2", "each:3"), HasSubstr("do not fit together"));
  EXPECT_THAT(refusal("each:2", "each:0"), HasSubstr("do not fit together"));
  EXPECT_THAT(refusal("kind:unsigned", "kind:odd"), HasSubstr("kind"));
  EXPECT_THAT(refusal("arg:u32", "argh:u32"), HasSubstr("arg is missing"));
  EXPECT_THAT(refusal("version:1", "version:2"), HasSubstr("version"));
  EXPECT_THAT(refusal("root:a.Root", "root:b.Root"), HasSubstr("what the root is"));
  EXPECT_THAT(refusal("kind:unsigned", "kind:struct  of:a.Root"), HasSubstr("size of its type"));
  EXPECT_THAT(
      refusal("kind:unsigned  offset:0  size:4", "kind:struct  offset:0  size:24  of:a.Root"),
      HasSubstr("lies within itself"));
  EXPECT_THAT(refusal("kind:unsigned", "kind:pool  of:a.Nobody"), HasSubstr("a.Nobody is missing"));
  EXPECT_THAT(refusal("kind:unsigned", "kind:pool  of:a.Root  indexes:Hash(x)"),
              HasSubstr("do not fit into it"));
  EXPECT_THAT(refusal("tandem.type", "tandem.tape"), HasSubstr("tandem.tape"));
}

}  // namespace
}  // namespace tandem::state
