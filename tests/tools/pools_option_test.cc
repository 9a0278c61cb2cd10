// SPDX-License-Identifier: Apache-2.0
//
// --pools: one program, many installations. Chains, bounds and pages change where memory comes
// from and when it ends, and not one byte of what the program says.
#include <gmock/gmock.h>

#include <map>

#include "tests/support/instrumented.h"
#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class PoolsOption : public LogTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    const Ran made = Tandem(
        {"generate", "--orders", "20000", "--symbols", "20", "--seed", "5", "-o", Path("flow")});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }

  std::string Site(const std::string& name, const std::string& records) const {
    std::ofstream(Path(name)) << records;
    return Path(name);
  }

  [[nodiscard]] Ran Replay(const std::string& output, std::vector<std::string> files) const {
    std::vector<std::string> arguments = {"replay", Path("flow"), "-o", Path(output)};
    if (!files.empty()) arguments.emplace_back("--pools");
    arguments.insert(arguments.end(), files.begin(), files.end());
    return Tandem(arguments);
  }

  /// The files of a log and what is in them.
  [[nodiscard]] std::map<std::string, std::string> Bytes(const std::string& log) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(Path(log))) {
      std::ifstream file(entry.path(), std::ios::binary);
      files[entry.path().filename()] = std::string(std::istreambuf_iterator<char>(file), {});
    }
    return files;
  }
};

TEST_F(PoolsOption, ChangesNoByteOfTheOutputs) {
  ASSERT_EQ(Replay("plain", {}).exit_code, 0);
  const auto expected = Bytes("plain");
  ASSERT_FALSE(expected.empty());
  const std::string sites = std::string(TANDEM_SOURCE) + "/engine/book/sites/";
  const std::vector<std::vector<std::string>> installations = {
      {std::string(TANDEM_SOURCE) + "/engine/book/book.pools"},
      {sites + "apart.pools"},
      {sites + "bounded.pools"},
      {Site("all-on-blkpool", "dmmeta.nsx  ns:book  pool:book.FDb.blkpool\n")},
      {Site("pages",
            "dmmeta.basepool  field:book.FDb.order  base:book.FDb.sbrk\n"
            "dmmeta.basepool  field:book.FDb.lpool2  base:book.FDb.lpool\n"),
       Site("more",
            "dmmeta.basepool  field:book.FDb.symbol  base:book.FDb.lpool2\n"
            "tandem.sbrk  field:book.FDb.sbrk  zero:Y  limit_bytes:1GiB\n")},
      {Site("reserved",
            "dmmeta.basepool  field:book.FDb.blkpool  base:book.FDb.lpool\n"
            "dmmeta.nsx  ns:book  pool:book.FDb.blkpool\n"
            "tandem.pool  field:book.FDb.blkpool  reserve_bytes:4MiB  limit_bytes:256MiB\n"
            "tandem.pool  field:book.FDb.order  limit_elems:50000  reserve_bytes:1MiB\n")},
  };
  for (const auto& files : installations) {
    const Ran ran = Replay("other", files);
    ASSERT_EQ(ran.exit_code, 0) << files[0] << ": " << ran.err;
    EXPECT_EQ(Bytes("other"), expected) << files[0];
    std::filesystem::remove_all(Path("other"));
  }
}

TEST_F(PoolsOption, IsRefusedInOneSentenceWithTheReason) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"dmmeta.nsx  ns:book  pool:\"\"\n",
       "ends on the heap, so an image of the zone would not hold what is in it; give it a base "
       "whose chain ends in book.FDb.sbrk."},
      {"dmmeta.basepool  field:book.FDb.orders  base:book.FDb.lpool2\n",
       "site.pools:1: dmmeta.basepool of book.FDb.orders"},
      {"dmmeta.basepool  field:book.FDb.order  base:book.FDb.level\n", "book.FDb.level"},
      {"dmmeta.basepool  field:book.FDb.lpool  base:book.FDb.lpool2\n", "declared after"},
      {"dmmeta.field  field:book.FDb.extra  arg:u8  reftype:Lpool\n",
       "the program has no such field"},
      {"\ndmmeta.inlary  field:book.Symbol.side  min:2  max:3\n",
       "site.pools:2: dmmeta.inlary of book.Symbol.side: the program has it with min 2 and max 2"},
      {"tandem.index  field:book.FDb.order  kind:Hash  key:id\n", "the program has no such index"},
      {"tandem.ctype  ctype:book.OrderPtr  cpp:\"Order*\"  size:4\n",
       "the program has it with other values, as Order*"},
      {"tandem.pool  field:book.FDb.order  limit:5\n", "limit"},
      {"tandem.pool  field:book.FDb.order  limit_elems:many\n", "many"},
      {"tandem.pool  field:book.FDb.nobody  limit_elems:5\n", "book.FDb.nobody"},
  };
  for (const auto& [records, reason] : cases) {
    const Ran ran = Replay("out", {Site("site.pools", records)});
    EXPECT_EQ(ran.exit_code, 2) << records << ran.err;
    EXPECT_THAT(Lines(ran.err), ElementsAre(HasSubstr(reason))) << records;
    EXPECT_FALSE(std::filesystem::exists(Path("out"))) << records;
  }
  const Ran missing = Replay("out", {Path("nowhere.pools")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(Lines(missing.err), ElementsAre(HasSubstr(Path("nowhere.pools"))));
}

TEST_F(PoolsOption, BoundsEndTheReplayWithAReportThatNamesThePoolsAsDeclared) {
  const std::string site = Site("site.pools",
                                "tandem.pool  field:book.FDb.order  limit_elems:100\n"
                                "dmmeta.basepool  field:book.FDb.order  base:book.FDb.lpool2\n");
  const Ran first = Replay("one", {site});
  const Ran second = Replay("two", {site});
  EXPECT_EQ(first.exit_code, 3);
  EXPECT_EQ(first.err, second.err);
  const auto lines = Lines(first.err);
  ASSERT_GE(lines.size(), 6u) << first.err;
  EXPECT_THAT(lines[0], MatchesRegex("tandem: out of memory in pool book.FDb.order: .* pool "
                                     "book.FDb.order has reached its limit of 100 elements."));
  EXPECT_THAT(lines[1], MatchesRegex("  while processing message [0-9]+"));
  EXPECT_THAT(lines[3], HasSubstr("  book.FDb.order (Tpool): live 100, "));
  EXPECT_THAT(lines[4], HasSubstr("  book.FDb.lpool2 (Lpool): "));
  EXPECT_THAT(lines[5], HasSubstr("  book.FDb.sbrk (Sbrk): "));
}

TEST_F(PoolsOption, TooLittleForWhatIsReservedEndsTheStartWithTheReport) {
  const Ran ran = Replay("out", {Site("site.pools",
                                      "tandem.pool  field:book.FDb.order  reserve_elems:100000\n"
                                      "tandem.sbrk  field:book.FDb.sbrk  limit_bytes:4MiB\n")});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, HasSubstr("out of memory in pool book.FDb.order"));
  EXPECT_THAT(ran.err, HasSubstr("outside a step"));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(PoolsOption, TooLittleAddressSpaceEndsTheStartInOneSentence) {
  if (tests::Instrumented()) {
    GTEST_SKIP() << "a sanitizer or valgrind needs address space of its own";
  }
  const Ran ran = RunProgram({"/bin/sh", "-c", "ulimit -v 4000000; exec \"$@\"", "sh",
                              TANDEM_PROGRAM, "replay", Path("flow"), "-o", Path("out"), "--pools",
                              std::string(TANDEM_SOURCE) + "/engine/book/sites/bounded.pools"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(Lines(ran.err),
              ElementsAre(AllOf(HasSubstr("Cannot map the zone at 0x7e8000000000"),
                                HasSubstr("raise the limit of address space (ulimit -v)"))));
  EXPECT_EQ(RunProgram({"/bin/sh", "-c", "ulimit -v 4000000; exec \"$@\"", "sh", TANDEM_PROGRAM,
                        "replay", Path("flow"), "-o", Path("small"), "--zone-reserve", "1GiB"})
                .exit_code,
            0)
      << "less address space may be reserved";
}

TEST_F(PoolsOption, HoweverMuchAddressSpaceThereIsAStartWorksOrSaysThatItIsTooLittle) {
  if (tests::Instrumented()) {
    GTEST_SKIP() << "a sanitizer or valgrind needs address space of its own";
  }
  int refused = 0;
  for (int kib = 440'000; kib <= 560'000; kib += 4'000) {
    const std::string limit = "ulimit -v " + std::to_string(kib) + "; exec \"$@\"";
    const Ran ran =
        RunProgram({"/bin/sh", "-c", limit, "sh", TANDEM_PROGRAM, "replay", Path("flow"), "-o",
                    Path("out" + std::to_string(kib)), "--zone-reserve", "400MiB"});
    if (ran.exit_code == 0) continue;
    ++refused;
    EXPECT_EQ(ran.exit_code, 3) << kib << " KiB: " << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("ulimit -v")) << kib;
  }
  EXPECT_GT(refused, 5) << "the test wants too little address space";
}

}  // namespace
}  // namespace tandem::test
