// SPDX-License-Identifier: Apache-2.0
//
// One state, many installations: the ledger of ledger.pools under records that change its chains,
// bounds and pages, without building it anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "ledger.pools.h"
#include "pools/checks.h"
#include "pools/declarations/load.h"
#include "pools/declarations/zone_options.h"
#include "tests/pools/test_zone.h"

namespace ledger {
namespace {

using ::testing::HasSubstr;
namespace declarations = ::tandem::declarations;

constexpr std::uint64_t kReserve = 64 * pools::kMiB;

tandem::Result<pools::ZoneOptions> Options(const std::string& site) {
  const auto records = declarations::LoadText(site, "site.pools");
  if (!records) return records.error();
  return declarations::ZoneOptionsOf(kDeclarations, &*records, {.reserve_bytes = kReserve});
}

/// A ledger under `site`, or why there is none.
struct Installation {
  explicit Installation(const std::string& site) {
    const auto options = Options(site);
    if (options) {
      Start(*options);
    } else {
      error = options.error().text;
    }
  }

  explicit Installation(const pools::ZoneOptions& options) { Start(options); }

  void Start(const pools::ZoneOptions& options) {
    auto mapped = pools::Zone::Map(options);
    if (!mapped) {
      error = mapped.error().text;
      return;
    }
    zone = std::move(*mapped);
    db = &zone->MakeRoot<FDb>(zone->sbrk());
    if (const tandem::Status status = zone->Settle(); !status) error = status.error().text;
  }

  [[nodiscard]] pools::PoolInfo Info(const std::string& name) const {
    for (pools::PoolInfo& pool : zone->Pools()) {
      if (pool.name == name) return pool;
    }
    return {};
  }

  std::string error;
  std::unique_ptr<pools::Zone> zone;
  FDb* db = nullptr;
};

/// Does something in every pool; says what can be seen of it.
std::vector<std::string> Work(FDb& db) {
  std::vector<std::string> seen;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    Account& account = account_Alloc(db);
    account.id = i;
    account.note.Set(std::to_string(i) + ". account");
    for (std::uint64_t k = 0; k < i % 7; ++k) booked_Alloc(account).time_ns = i * k;
    entry_Alloc(db).time_ns = i;
    recent_Alloc(db) = i;
    last_Access(db).time_ns += i;
    std::string line = std::string(account.note.view()) + ":";
    for (const Entry& entry : account.booked) line += " " + std::to_string(entry.time_ns);
    seen.push_back(line);
    if (i % 3 == 0) account_Delete(db, account);
  }
  seen.push_back(std::to_string(account_N(db)) + " " + std::to_string(last_Access(db).time_ns));
  return seen;
}

TEST(Settings, OneProgramWorksAlikeInAnyChain) {
  const auto expected = Work(*Installation("").db);
  const std::vector<std::string> sites = {
      "dmmeta.basepool field:ledger.FDb.account base:ledger.FDb.sbrk",
      "dmmeta.basepool field:ledger.FDb.lpool base:ledger.FDb.sbrk\n"
      "dmmeta.nsx ns:ledger pool:ledger.FDb.blk",
      "dmmeta.basepool field:ledger.FDb.blk base:ledger.FDb.lpool",
      "dmmeta.basepool field:ledger.Account.booked base:ledger.FDb.blk\n"
      "tandem.pool field:ledger.FDb.account limit_elems:500 reserve_elems:300\n"
      "tandem.pool field:ledger.FDb.lpool reserve_bytes:5MiB",
      "tandem.sbrk field:ledger.FDb.sbrk prefault:Y zero:Y reserve_bytes:20MiB limit_bytes:40MiB",
  };
  for (const std::string& site : sites) {
    const Installation other(site);
    ASSERT_EQ(other.error, "") << site;
    EXPECT_EQ(Work(*other.db), expected) << site;
  }
}

TEST(Settings, ReachThePoolsTheyName) {
  const Installation ledger(
      "dmmeta.basepool field:ledger.FDb.account base:ledger.FDb.blk\n"
      "dmmeta.basepool field:ledger.Account.audit base:ledger.FDb.sbrk\n"
      "tandem.pool field:ledger.FDb.account limit_elems:10 limit_bytes:1MiB reserve_elems:8\n"
      "tandem.pool field:ledger.FDb.lpool reserve_bytes:5MiB\n"
      "tandem.pool field:ledger.FDb.blk reserve_bytes:3MiB\n");
  ASSERT_EQ(ledger.error, "");
  const pools::PoolInfo account = ledger.Info("ledger.FDb.account");
  EXPECT_EQ(account.base, "ledger.FDb.blk");
  EXPECT_EQ(account.limit.elements, 10u);
  EXPECT_EQ(account.limit.bytes, pools::kMiB);
  EXPECT_GE(account.figures.taken_bytes, 8 * sizeof(Account));
  EXPECT_EQ(ledger.Info("ledger.Account.audit").base, "ledger.FDb.sbrk");
  EXPECT_EQ(ledger.Info("ledger.Account.booked").base, "ledger.FDb.lpool");
  EXPECT_GE(ledger.Info("ledger.FDb.lpool").figures.taken_bytes, 5 * pools::kMiB);
  EXPECT_GE(ledger.Info("ledger.FDb.blk").figures.taken_bytes, 3 * pools::kMiB);
}

TEST(Settings, AReserveInBytesIsRoundedUpToWholeElements) {
  const auto taken = [](const std::string& bytes) {
    return Installation("tandem.pool field:ledger.FDb.account reserve_bytes:" + bytes)
        .Info("ledger.FDb.account")
        .figures.taken_bytes;
  };
  EXPECT_EQ(taken("0"), 0u);
  EXPECT_GE(taken("1"), sizeof(Account));
}

TEST(Settings, TheLowerLimitOfTheZoneCounts) {
  const auto limit = [](const std::string& site, std::uint64_t limit_bytes) {
    pools::ZoneOptions options = Options(site).value();
    options.limit_bytes = limit_bytes;
    return Installation(options).Info("ledger.FDb.sbrk").limit.bytes;
  };
  const std::string site = "tandem.sbrk field:ledger.FDb.sbrk limit_bytes:20MiB";
  EXPECT_EQ(limit(site, 0), 20 * pools::kMiB);
  EXPECT_EQ(limit(site, 30 * pools::kMiB), 20 * pools::kMiB);
  EXPECT_EQ(limit(site, 10 * pools::kMiB), 10 * pools::kMiB);
  EXPECT_EQ(limit("", 10 * pools::kMiB), 10 * pools::kMiB);
  EXPECT_EQ(limit("", 0), pools::kNoLimit);
}

TEST(Settings, TheDeclaredLimitCountsWithoutASite) {
  const Installation ledger("");
  EXPECT_EQ(ledger.Info("ledger.FDb.account").limit.elements, 1000u);
}

TEST(Settings, AreRefusedWithTheReason) {
  const auto refused = [](const std::string& site) { return Installation(site).error; };
  EXPECT_THAT(refused("dmmeta.basepool field:ledger.FDb.nobody base:ledger.FDb.sbrk"),
              HasSubstr("ledger.FDb.nobody"));
  EXPECT_EQ(refused("\ndmmeta.nsx ns:ledger pool:\"\""),
            "site.pools:2: The chain of pool ledger.Account.booked ends on the heap, so an image "
            "of the zone would not hold what is in it; give it a base whose chain ends in "
            "ledger.FDb.sbrk.");
  EXPECT_THAT(refused("dmmeta.nsx ns:ledger pool:ledger.FDb.sbrk\n\n"
                      "dmmeta.inlary field:ledger.Account.limits min:0 max:5"),
              HasSubstr("site.pools:3: dmmeta.inlary of ledger.Account.limits: the program has it "
                        "with min 0 and max 4"));
  EXPECT_THAT(refused("dmmeta.basepool field:ledger.FDb.lpool base:ledger.FDb.blk\n"
                      "dmmeta.basepool field:ledger.FDb.blk base:ledger.FDb.lpool"),
              HasSubstr("leads back"));
  EXPECT_EQ(refused("\ntandem.pool field:ledger.FDb.recent reserve_elems:100"),
            "site.pools:2: tandem.pool of ledger.FDb.recent: it has reftype Tary, which takes "
            "memory as its elements come; reserve in its base.");
}

TEST(Settings, AChainThatEndsOnTheHeapIsBlamedOnTheRecordThatLeadsThere) {
  const std::string declared =
      "dmmeta.nsx ns:a pool:a.FDb.lpool\n"
      "dmmeta.field field:a.Row.b arg:u8 reftype:Tary\n"
      "dmmeta.field field:a.FDb.sbrk arg:u8 reftype:Sbrk\n"
      "dmmeta.field field:a.FDb.heap arg:u8 reftype:Malloc\n"
      "dmmeta.field field:a.FDb.lpool arg:u8 reftype:Lpool\n"
      "dmmeta.basepool field:a.FDb.lpool base:a.FDb.sbrk\n";
  const auto site =
      declarations::LoadText("\ndmmeta.basepool field:a.FDb.lpool base:a.FDb.heap", "site.pools");
  ASSERT_TRUE(declarations::ZoneOptionsOf(declared, nullptr, {}).ok());
  EXPECT_THAT(declarations::ZoneOptionsOf(declared, &*site, {}).error().text,
              HasSubstr("site.pools:2: The chain of pool a.Row.b ends on the heap"));
}

TEST(Settings, AReserveThatAPoolCannotHaveIsRefusedWithoutDeclarationsToo) {
  const auto refused = [](const std::string& pool, std::uint64_t elements, std::uint64_t bytes) {
    pools::ZoneOptions options = Options("").value();
    for (pools::PoolSetting& setting : options.pools) {
      if (setting.pool != pool) continue;
      setting.reserve_elements = elements;
      setting.reserve_bytes = bytes;
    }
    return Installation(options).error;
  };
  EXPECT_EQ(refused("ledger.FDb.account", 1, 1), "");
  EXPECT_EQ(refused("ledger.FDb.lpool", 1, 1),
            "Pool ledger.FDb.lpool serves blocks of any size; reserve bytes, "
            "not elements.");
  EXPECT_EQ(refused("ledger.FDb.recent", 0, 1),
            "Pool ledger.FDb.recent is a Tary, which takes memory as its elements come; reserve "
            "in its base.");
}

/// Bytes of [at, at + bytes) that are in memory.
std::uint64_t Resident(const void* at, std::uint64_t bytes) {
  std::vector<unsigned char> pages(bytes / 4096);
  EXPECT_EQ(mincore(const_cast<void*>(at), bytes, pages.data()), 0);
  std::uint64_t resident = 0;
  for (const unsigned char page : pages) resident += (page & 1) * 4096;
  return resident;
}

TEST(Settings, PrefaultMakesReservedPagesThere) {
  for (const bool prefault : {false, true}) {
    const Installation ledger(
        std::string("tandem.sbrk field:ledger.FDb.sbrk reserve_bytes:20MiB prefault:") +
        (prefault ? "Y" : "N"));
    ASSERT_EQ(ledger.error, "");
    const auto* begin =
        reinterpret_cast<const std::byte*>(ledger.zone->address()) + 4 * pools::kMiB;
    EXPECT_EQ(Resident(begin, 16 * pools::kMiB), prefault ? 16 * pools::kMiB : 0);
  }
}

/// Bytes of [begin, end) for which huge pages are asked; nothing if the system does not say.
std::optional<std::uint64_t> AskedHuge(std::uintptr_t begin, std::uintptr_t end) {
  std::ifstream maps("/proc/self/smaps");
  std::optional<std::uint64_t> huge;
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.starts_with("VmFlags:")) {
      if (!huge) huge = 0;
      if ((line + " ").find(" hg ") == std::string::npos) continue;
      const std::uintptr_t first = std::max(from, begin);
      const std::uintptr_t last = std::min(to, end);
      if (first < last) *huge += last - first;
      continue;
    }
    std::uintptr_t low = 0;
    std::uintptr_t high = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &low, &high) == 2) {
      from = low;
      to = high;
    }
  }
  return huge;
}

TEST(Settings, HugePagesAreAskedForUpToTheirLimit) {
  std::string mode;
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  if (!std::getline(file, mode) || mode.find("[never]") != std::string::npos)
    GTEST_SKIP() << "the system gives no huge pages";
  const auto asked = [](const std::string& pages) {
    const Installation ledger("tandem.sbrk field:ledger.FDb.sbrk reserve_bytes:1MiB " + pages);
    EXPECT_EQ(ledger.error, "");
    return AskedHuge(ledger.zone->address(), ledger.zone->address() + kReserve);
  };
  if (!asked("")) GTEST_SKIP() << "the system does not say which pages are to be huge";
  EXPECT_EQ(asked(""), 0u);
  EXPECT_EQ(asked("huge_pages:N huge_page_limit:4MiB"), 0u);
  EXPECT_EQ(asked("huge_pages:Y huge_page_limit:4MiB"), 4 * pools::kMiB);
  EXPECT_EQ(asked("huge_pages:Y huge_page_limit:1GiB"), kReserve - 2 * pools::kMiB);
  EXPECT_EQ(asked("huge_pages:Y"), kReserve - 2 * pools::kMiB);
}

TEST(Settings, ZeroedMemoryIsZeroWhenItIsHandedOutAgain) {
  const Installation ledger("tandem.sbrk field:ledger.FDb.sbrk zero:Y");
  ASSERT_EQ(ledger.error, "");
  pools::Sbrk& sbrk = ledger.zone->sbrk();
  for (const bool on_top : {true, false}) {
    auto* memory = static_cast<unsigned char*>(sbrk.AllocMem(8192));
    void* const above = on_top ? nullptr : sbrk.AllocMem(4096);
    std::fill_n(memory, 8192, 0xee);
    sbrk.FreeMem(memory, 8192);
    auto* again = static_cast<unsigned char*>(sbrk.AllocMem(8192));
    ASSERT_EQ(again, memory);
    EXPECT_EQ(std::count(again, again + 8192, 0), 8192);
    sbrk.FreeMem(again, 8192);
    if (above != nullptr) sbrk.FreeMem(above, 4096);
  }
}

std::uint64_t LockedKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmLck:" && status >> word) return std::stoull(word);
  }
  return 0;
}

TEST(Settings, LockedPagesAreLocked) {
  if (pools::kPoisoned) GTEST_SKIP() << "the address sanitizer locks no pages";
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
  if (limit.rlim_cur < 6 * pools::kMiB)
    GTEST_SKIP() << "too little memory may be locked (ulimit -l)";
  const std::uint64_t before = LockedKiB();
  const Installation ledger("tandem.sbrk field:ledger.FDb.sbrk reserve_bytes:4MiB mlock:Y");
  ASSERT_EQ(ledger.error, "");
  EXPECT_GE(LockedKiB(), before + 4 * 1024);
}

TEST(Settings, PagesThatCannotBeLockedEndTheProcessWithAReport) {
  if (pools::kPoisoned) GTEST_SKIP() << "the address sanitizer locks no pages";
  const auto start = [] {
    const rlimit limit{4096, 4096};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) _exit(99);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(98);  // root may lock anything
    const Installation ledger("tandem.sbrk field:ledger.FDb.sbrk reserve_bytes:20MiB mlock:Y");
    _exit(0);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(3),
              "pool ledger.FDb.sbrk was refused [0-9]+ bytes that stay in memory: raise the limit "
              "of locked memory");
}

TEST(Settings, AReserveBeyondALimitEndsTheProcessWithAReport) {
  EXPECT_EXIT(Installation("tandem.sbrk field:ledger.FDb.sbrk limit_bytes:4MiB\n"
                           "tandem.pool field:ledger.FDb.account reserve_elems:1000000 "
                           "limit_elems:2000000"),
              ::testing::ExitedWithCode(3), "ledger.FDb.account");
}

}  // namespace
}  // namespace ledger
