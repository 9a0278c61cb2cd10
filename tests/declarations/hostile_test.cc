// SPDX-License-Identifier: Apache-2.0
//
// Texts that nobody would write: whatever they are, loading gives declarations or a sentence, and
// what was loaded can be resolved and printed.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>

#include "pools/declarations/load.h"
#include "pools/declarations/print.h"
#include "pools/declarations/resolve.h"

namespace tandem::declarations {
namespace {

const std::string kSeedText =
    "dmmeta.ctype  ctype:a.Order  comment:\"an \\\"order\\\"\"\n"
    "dmmeta.field  field:a.FDb.sbrk  arg:u8  reftype:Sbrk\n"
    "dmmeta.field  field:a.FDb.lpool  arg:u8  reftype:Lpool\n"
    "  dmmeta.basepool  field:a.FDb.lpool  base:a.FDb.sbrk\n"
    "dmmeta.field  field:a.FDb.order  arg:a.Order  reftype:Tpool  dflt:'x'\n"
    "dmmeta.nsx  ns:a  pool:a.FDb.lpool # default\n"
    "dmmeta.inlary  field:a.Order.x  min:0  max:8\n"
    "tandem.pool  field:a.FDb.order  limit_bytes:1GiB\n"
    "other.table  \"\n";

// One sentence, or everything that can be done with what was loaded.
void Survive(const std::string& text) {
  const Result<Declarations> loaded = LoadText(text, "t");
  if (!loaded) {
    EXPECT_EQ(loaded.error().code, ExitCode::kBadInput);
    EXPECT_EQ(loaded.error().text.substr(0, 2), "t:");
    EXPECT_EQ(loaded.error().text.back(), '.');
    return;
  }
  const Resolution resolution = Resolve(*loaded);
  for (const Error& problem : resolution.problems) EXPECT_EQ(problem.text.back(), '.');
  if (!resolution.problems.empty()) return;
  EXPECT_FALSE(Text(*loaded, resolution, {.values = true}).empty());
  EXPECT_FALSE(Json(*loaded, resolution).empty());
  EXPECT_FALSE(Dot(*loaded, resolution, {}).empty());
}

TEST(HostileDeclarations, EveryPrefixSurvives) {
  for (std::size_t size = 0; size <= kSeedText.size(); ++size) Survive(kSeedText.substr(0, size));
}

TEST(HostileDeclarations, EveryByteReplacedSurvives) {
  for (std::size_t at = 0; at < kSeedText.size(); ++at) {
    for (const char c : {'\0', '\n', '"', '\'', '\\', ':', '#', ' ', '.', '\xff'}) {
      std::string text = kSeedText;
      text[at] = c;
      Survive(text);
    }
  }
}

TEST(HostileDeclarations, RandomEditsSurvive) {
  const std::uint32_t seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 5000; ++round) {
    std::string text = kSeedText;
    for (std::uint32_t edits = 1 + random() % 8; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0:
          text.insert(at, 1, static_cast<char>(random()));
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        default:
          text.insert(at, kSeedText.substr(random() % kSeedText.size(), random() % 60));
      }
    }
    Survive(text);
    if (HasFailure()) FAIL() << text;
  }
}

TEST(HostileDeclarations, OneEndlessLineIsASentence) {
  Survive(std::string(10 << 20, 'a'));
  Survive("dmmeta.field " + std::string(10 << 20, '"'));
  Survive("dmmeta.field " + std::string(10 << 20, '\\'));
}

}  // namespace
}  // namespace tandem::declarations
