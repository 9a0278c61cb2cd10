// SPDX-License-Identifier: Apache-2.0
//
// Images of zones: every byte of one is vouched for, a crash at any moment leaves what was there,
// and what does not fit is refused with the reason and changes nothing.
#include "pools/zone_image.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pools/hash_index.h"
#include "pools/lpool.h"
#include "pools/tary.h"
#include "pools/tpool.h"
#include "pools/zone_image_writer.h"
#include "tests/pools/test_zone.h"
#include "tests/support/instrumented.h"

namespace tandem::pools {
namespace {

struct Small {
  explicit Small(PoolRef base) : numbers("small.numbers", base) {}
  Tary<std::uint64_t> numbers;
  std::uint64_t sum = 0;
};

struct Row {
  std::uint64_t id;
  Row* next_by_id;
  std::uint64_t words[6];
};

struct Large {
  explicit Large(PoolRef base)
      : lpool("large.lpool", base), rows("large.row", lpool), by_id(lpool) {}
  Lpool lpool;
  Tpool<Row> rows;
  HashIndex<Row, MemberKey<&Row::id, &Row::next_by_id>> by_id;

  void Churn(std::uint64_t seed, int operations) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < operations; ++i) {
      const std::uint64_t id = random() % 100'000;
      if (Row* const row = by_id.Find(id)) {
        by_id.Remove(*row);
        rows.Delete(*row);
      } else {
        by_id.InsertNew(rows.Alloc(Row{.id = id, .next_by_id = nullptr, .words = {}}));
      }
    }
  }
};

class ZoneImageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "zone_image_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/image";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] ImageOptions Options() const {
    return {.path = path_, .layout = 1, .build = "b1", .label = "whose it is"};
  }
  void Write(const Zone& zone) {
    const auto written = WriteImage(zone.view(), Options());
    ASSERT_TRUE(written) << written.error().text;
    EXPECT_EQ(written->zone_hash, zone.Hash());
    EXPECT_EQ(written->file_bytes, std::filesystem::file_size(path_));
  }
  /// Why the image in the file cannot be had; "good": it can.
  [[nodiscard]] std::string WhyNot(bool opens_only = false) const {
    const auto image = ZoneImage::Open(path_);
    if (!image) return image.error().text;
    const Status verified = opens_only ? Status() : image->Verify();
    return verified ? "good" : verified.error().text;
  }
  [[nodiscard]] std::string Restore(Zone& zone) const {
    const auto image = ZoneImage::Open(path_);
    if (!image) return image.error().text;
    const Status restored = image->RestoreInto(zone.address());
    return restored ? "restored" : restored.error().text;
  }
  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder_;
  std::string path_;
};

/// A zone with a small state: its image has four pages.
std::unique_ptr<Zone> SmallZone() {
  auto zone = MapZone();
  auto& small = zone->MakeRoot<Small>(zone->sbrk());
  for (std::uint64_t i = 1; i < 100; ++i) small.sum += small.numbers.Alloc(i);
  zone->Describe("what lies in it");
  EXPECT_TRUE(zone->Settle());
  return zone;
}

std::unique_ptr<Zone> LargeZone(const ZoneOptions& options = {.reserve_bytes = kGiB}) {
  auto zone = Zone::Map(options);
  ENSURE(zone.ok(), "%s", zone.error().text.c_str());
  (*zone)->MakeRoot<Large>((*zone)->sbrk());
  const Status settled = (*zone)->Settle();
  ENSURE(settled.ok(), "%s", settled.error().text.c_str());
  return std::move(zone).value();
}

TEST_F(ZoneImageTest, SaysWhatItHoldsWithoutTheProgramThatMadeIt) {
  const auto zone = SmallZone();
  Write(*zone);
  auto image = ZoneImage::Open(path_);
  ASSERT_TRUE(image) << image.error().text;
  const ImageAbout& about = image->about();
  EXPECT_EQ(about.address, zone->address());
  EXPECT_EQ(about.zone_hash, zone->Hash());
  EXPECT_EQ(about.label, "whose it is");
  EXPECT_EQ(about.build, "b1");
  EXPECT_EQ(about.description, "what lies in it");
  EXPECT_EQ(about.root, reinterpret_cast<std::uintptr_t>(&zone->root<Small>()));
  ASSERT_EQ(about.pools.size(), 2u);
  EXPECT_EQ(about.pools[1].name, "small.numbers");
  EXPECT_EQ(about.pools[1].kind, PoolKind::kTary);
  EXPECT_EQ(about.pools[1].base, "sbrk");
  EXPECT_EQ(about.pools[1].figures.live, 99u);
  EXPECT_EQ(about.pools[1].element_bytes, 8u);
  const auto bytes = image->MapBytes();
  ASSERT_TRUE(bytes) << bytes.error().text;
  EXPECT_TRUE(kPoisoned || std::ranges::equal(*bytes, zone->state_bytes()));
  std::uint64_t sum = 0;
  ASSERT_TRUE(image->Read(reinterpret_cast<std::uintptr_t>(&zone->root<Small>().sum),
                          std::as_writable_bytes(std::span(&sum, 1))));
  EXPECT_EQ(sum, 4950u);
  EXPECT_FALSE(image->Read(zone->address(), std::as_writable_bytes(std::span(&sum, 1))));
  EXPECT_FALSE(image->Read(zone->address() + kGiB, std::as_writable_bytes(std::span(&sum, 1))));
}

TEST_F(ZoneImageTest, TheFormatIsWhatThePageSays) {
  const auto zone = SmallZone();
  Write(*zone);
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const auto number = [&bytes](std::size_t offset) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  EXPECT_EQ(bytes.substr(0, 8), "TNDIMAGE");
  EXPECT_EQ(number(8), 1u | (std::uint64_t{1} << 32));
  EXPECT_EQ(number(16), bytes.size());
  EXPECT_EQ(number(24), 0x7e8000000000u);
  EXPECT_EQ(number(32), 3 * 4096u);
  EXPECT_EQ(number(40), 3 * 4096u);
  EXPECT_EQ(number(48), zone->Hash());
  EXPECT_EQ(number(56), 0x7e8000200000u);
  EXPECT_EQ(number(64), sizeof(Small));
  EXPECT_EQ(number(72), 4096u);
  EXPECT_EQ(number(80), 2u);
  EXPECT_EQ(number(88), 4096u + 2 * 152);
  EXPECT_EQ(number(96), 1u);
  EXPECT_EQ(number(104), 1u << 20);
  EXPECT_EQ(number(112), 8192u);
  EXPECT_EQ(number(128), 1u);
  EXPECT_EQ(number(144), 2u);
  EXPECT_EQ(number(152), 4096u + 2 * 152 + 8);
  EXPECT_EQ(number(160), 15u);
  EXPECT_EQ(number(168), 2u | (std::uint64_t{11} << 32));
  EXPECT_EQ(bytes.substr(176, 3), std::string("b1\0", 3));
  EXPECT_EQ(bytes.substr(240, 11), "whose it is");
  EXPECT_EQ(bytes.substr(4096, 4), "sbrk");
  EXPECT_EQ(bytes.substr(4096 + 152, 14), std::string("small.numbers\0", 14));
  EXPECT_EQ(number(4096 + 152 + 64), 7u | (std::uint64_t{1} << 32)) << "a Tary, in slot 1";
  EXPECT_EQ(number(4096 + 152 + 72), 0u) << "of sbrk";
  EXPECT_EQ(number(4096 + 152 + 88), 8u);
  EXPECT_EQ(number(4096 + 152 + 112), 99u);
  EXPECT_EQ(bytes.substr(4096 + 2 * 152 + 8, 15), "what lies in it");
}

TEST_F(ZoneImageTest, EveryByteThatIsDamagedIsFound) {
  Write(*SmallZone());
  const std::uint64_t size = std::filesystem::file_size(path_);
  ASSERT_LE(size, 40'000u);
  const int file = ::open(path_.c_str(), O_RDWR);
  ASSERT_GE(file, 0);
  const std::uint64_t tables_end = 4096 + 2 * 152 + 8 + 15;
  for (std::uint64_t i = 0; i < size; ++i) {
    unsigned char byte = 0;
    ASSERT_EQ(::pread(file, &byte, 1, static_cast<off_t>(i)), 1);
    const unsigned char damaged = byte ^ static_cast<unsigned char>(1u << (i % 8));
    ASSERT_EQ(::pwrite(file, &damaged, 1, static_cast<off_t>(i)), 1);
    // Between the tables and the state nothing is, so nothing can be damaged.
    const bool is_gap = i >= tables_end && i < 8192;
    const std::string why = WhyNot(i < tables_end);
    EXPECT_EQ(why == "good", is_gap) << "byte " << i << ": " << why;
    EXPECT_TRUE(is_gap || why.starts_with("the image " + path_ + " ")) << why;
    ASSERT_EQ(::pwrite(file, &byte, 1, static_cast<off_t>(i)), 1);
  }
  ::close(file);
  EXPECT_EQ(WhyNot(), "good");
}

TEST_F(ZoneImageTest, OneThatIsCutAnywhereOrGrownIsRefused) {
  Write(*SmallZone());
  const std::uint64_t size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size + 1);
  EXPECT_NE(WhyNot(true).find("something was added"), std::string::npos) << WhyNot(true);
  for (std::uint64_t i = size; i-- > 0;) {
    std::filesystem::resize_file(path_, i);
    const std::string why = WhyNot(true);
    EXPECT_NE(why.find("cut"), std::string::npos) << "cut to " << i << ": " << why;
  }
  std::filesystem::remove(path_);
  EXPECT_NE(WhyNot().find("No such file"), std::string::npos);
  std::filesystem::create_directory(path_);
  EXPECT_NE(WhyNot().find("is no file"), std::string::npos);
}

TEST_F(ZoneImageTest, AZoneGoesOnFromOneAsTheOneThatItIsOf) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::uint64_t middle = 0;
  std::uint64_t end = 0;
  {
    const auto zone = LargeZone();
    zone->root<Large>().Churn(seed, 100'000);
    middle = zone->Hash();
    Write(*zone);
    zone->root<Large>().Churn(seed + 1, 300'000);
    end = zone->Hash();
  }
  EXPECT_EQ(WhyNot(), "good");
  const PageSettings lazy;
  PageSettings prefault;
  prefault.prefault = true;
  for (const PageSettings& pages : {lazy, prefault}) {
    const auto zone = LargeZone({.reserve_bytes = kGiB, .pages = pages});
    ASSERT_EQ(Restore(*zone), "restored");
    EXPECT_EQ(zone->Hash(), middle);
    zone->root<Large>().Churn(seed + 1, 300'000);
    EXPECT_EQ(zone->Hash(), end);
    ASSERT_EQ(Restore(*zone), "restored") << "and back again";
    EXPECT_EQ(zone->Hash(), middle);
    zone->root<Large>().Churn(seed + 1, 300'000);
    EXPECT_EQ(zone->Hash(), end);
  }
  EXPECT_EQ(WhyNot(), "good") << "what a zone changes stays its own";
}

// What was handed out and came back lies behind the break, is not hashed, and is handed out again.
TEST_F(ZoneImageTest, MemoryBehindTheBreakComesAgainAsItWas) {
  const auto use = [](Zone& zone) {
    auto* const memory = static_cast<std::uint64_t*>(zone.sbrk().AllocMem(8 * 4096));
    return memory[4 * 512];
  };
  std::uint64_t hash = 0;
  {
    const auto zone = SmallZone();
    auto* const memory = static_cast<std::uint64_t*>(zone->sbrk().AllocMem(8 * 4096));
    memory[4 * 512] = 4711;
    zone->sbrk().FreeMem(memory, 8 * 4096);
    Write(*zone);
    EXPECT_EQ(use(*zone), 4711u);
    hash = zone->Hash();
  }
  const auto zone = SmallZone();
  ASSERT_EQ(Restore(*zone), "restored");
  EXPECT_EQ(use(*zone), 4711u);
  EXPECT_EQ(zone->Hash(), hash);
}

TEST_F(ZoneImageTest, SettingsAreThoseOfTheZoneThatIsRestoredAndWhatTheyForbidIsRefused) {
  {
    const auto zone = LargeZone();
    ASSERT_TRUE(zone->SetLimit("large.row", {.elements = 200'000}));
    zone->root<Large>().Churn(1, 50'000);
    Write(*zone);
  }
  const auto limited = [](std::uint64_t elements) {
    PoolSetting setting;
    setting.pool = "large.row";
    setting.limit.elements = elements;
    return LargeZone({.reserve_bytes = kGiB, .pools = {setting}});
  };
  {
    const auto zone = limited(100'000);
    ASSERT_EQ(Restore(*zone), "restored");
    EXPECT_EQ(zone->Pools()[2].limit.elements, 100'000u);
  }
  {
    const auto zone = limited(1000);
    const std::uint64_t before = zone->Hash();
    EXPECT_NE(Restore(*zone).find("above the limit that is set now"), std::string::npos);
    EXPECT_EQ(zone->Hash(), before);
  }
  PoolSetting base;
  base.pool = "large.row";
  base.base = "sbrk";
  const auto zone = LargeZone({.reserve_bytes = kGiB, .pools = {base}});
  EXPECT_NE(Restore(*zone).find("its base is set to sbrk now"), std::string::npos);
  const auto elsewhere = LargeZone({.address = kOtherAddress, .reserve_bytes = kGiB});
  EXPECT_NE(Restore(*elsewhere).find("give --zone-address 0x7e8000000000"), std::string::npos);
}

TEST_F(ZoneImageTest, OneOfAnotherLayoutOrBuildIsRefusedAndBothSidesAreNamed) {
  Write(*SmallZone());
  const auto image = ZoneImage::Open(path_);
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->CheckIdentity({.layout = 1, .build = "b1"}));
  const Status build = image->CheckIdentity({.layout = 1, .build = "b2"});
  ASSERT_FALSE(build);
  EXPECT_NE(build.error().text.find("it has build b1, this program has build b2"),
            std::string::npos);
  const Status layout = image->CheckIdentity({.layout = 255, .build = "b1"});
  ASSERT_FALSE(layout);
  EXPECT_NE(layout.error().text.find("it has fingerprint 0000000000000001 and build b1, this "
                                     "program has fingerprint 00000000000000ff"),
            std::string::npos);
  const auto zone = LargeZone();
  const std::uint64_t before = zone->Hash();
  EXPECT_NE(Restore(*zone).find("use the build that wrote it"), std::string::npos);
  EXPECT_EQ(zone->Hash(), before);
}

TEST_F(ZoneImageTest, AWriterThatIsKilledAtAnyMomentLeavesTheImageThatThereWas) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const auto zone = LargeZone();
  zone->root<Large>().Churn(1, 100'000);
  Write(*zone);
  std::uint64_t hash = zone->Hash();
  int killed = 0;
  for (int i = 0; i < 40; ++i) {
    zone->root<Large>().Churn(seed + static_cast<std::uint64_t>(i), 100);
    auto writer = ImageWriter::Start(zone->view(), Options());
    ASSERT_TRUE(writer) << writer.error().text;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    ::kill(writer->process(), SIGKILL);
    const auto written = writer->Wait();
    if (written) {
      hash = zone->Hash();
      EXPECT_EQ(written->zone_hash, hash);
    } else {
      ++killed;
      EXPECT_NE(written.error().text.find("was ended from outside"), std::string::npos);
    }
    ASSERT_EQ(WhyNot(), "good");
    // One that was killed just after it gave the file its name has written all of it.
    const std::uint64_t now = ZoneImage::Open(path_)->about().zone_hash;
    EXPECT_TRUE(now == hash || now == zone->Hash());
    hash = now;
    EXPECT_EQ(Names(), (std::vector<std::string>{"image"}));
  }
  EXPECT_GT(killed, 0);
}

TEST_F(ZoneImageTest, AFullDiskIsAnErrorAndNothingIsLeftBehind) {
  const auto zone = LargeZone();
  zone->root<Large>().Churn(1, 100'000);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 3u << 20, .rlim_max = before.rlim_max};
  const auto old = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  auto writer = ImageWriter::Start(zone->view(), Options());
  const auto written = writer->Wait();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().text,
            "cannot write the state to the image " + path_ + ": File too large");
  EXPECT_EQ(Names(), std::vector<std::string>{});
  const auto nowhere = ImageWriter::Start(
      zone->view(), {.path = folder_ + "/none/image", .layout = 1, .build = "", .label = ""});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().text.find("No such file or directory"), std::string::npos);
}

// Ports and locks of the parent must be free when it is gone, whatever its child does.
TEST_F(ZoneImageTest, AChildKeepsNoFileOfItsParentOpen) {
  if (tests::UnderValgrind()) GTEST_SKIP() << "valgrind keeps files of its own open";
  const auto zone = LargeZone();
  zone->root<Large>().Churn(1, 400'000);
  auto writer = ImageWriter::Start(zone->view(), Options());
  ASSERT_TRUE(writer);
  const std::string files = "/proc/" + std::to_string(writer->process()) + "/fd";
  const auto open = [&files] {
    std::error_code error;
    std::ptrdiff_t count = 0;
    for (auto file = std::filesystem::directory_iterator(files, error);
         !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
      ++count;
    }
    return error ? -1 : count;
  };
  bool only_its_own = false;
  std::optional<Result<ImageWritten>> outcome;
  while (!only_its_own && !(outcome = writer->Poll())) only_its_own = open() == 2;
  EXPECT_TRUE(only_its_own) << "the image and its folder";
  const auto written = outcome ? *outcome : writer->Wait();
  EXPECT_TRUE(written) << written.error().text;
}

TEST_F(ZoneImageTest, TheDestructorEndsAChildThatStillWrites) {
  const auto zone = LargeZone();
  zone->root<Large>().Churn(1, 400'000);
  { auto writer = ImageWriter::Start(zone->view(), Options()); }
  EXPECT_TRUE(Names() == std::vector<std::string>{} ||
              Names() == std::vector<std::string>{"image"});
}

}  // namespace
}  // namespace tandem::pools
