// SPDX-License-Identifier: Apache-2.0
//
// Images of an application's state: whoever goes on from one is, byte for byte, where one is that
// never stopped.
#include "replay/image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "replay/stepper.h"
#include "tests/support/counter_application.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

constexpr std::uintptr_t kAddress = 0x7e8000000000;
constexpr std::uint64_t kSession = 50'000;

class Image : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "image_" + std::to_string(::getpid()) + "_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

std::vector<Bytes> Inputs(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  TestStream stream;
  std::vector<Bytes> inputs;
  for (std::uint64_t i = 0; i < kSession; ++i) {
    counter::pb::Add add;
    add.set_counter(static_cast<std::uint32_t>(random() % 300));
    add.set_amount(static_cast<std::int64_t>(random() % 2000) - 1000);
    add.set_outputs(static_cast<std::uint32_t>(random() % 3));
    counter::pb::Roll roll;
    roll.set_sides(static_cast<std::uint32_t>(random() % 7));
    inputs.push_back(random() % 8 == 0
                         ? stream.Add(engine::TypeOf<counter::pb::Roll>(), roll.SerializeAsString())
                         : stream.Add(engine::TypeOf<counter::pb::Add>(), add.SerializeAsString()));
  }
  return inputs;
}

/// An application and its stepper.
struct Copy {
  std::unique_ptr<counter::CounterApplication> application = counter::MakeCounter(kAddress);
  replay::Stepper stepper{*application, proto::Session("TEST")};

  void StepTo(std::uint64_t last, const std::vector<Bytes>& inputs) {
    while (stepper.position().input.number < last) {
      const Status status = stepper.Apply(View(inputs[stepper.position().input.number]));
      ENSURE(status.ok(), "%s", status.error().text.c_str());
    }
  }
  [[nodiscard]] std::uint64_t hash() const { return replay::StateHash(*application).value(); }
};

TEST_F(Image, WhoGoesOnFromOneIsWhereOneIsThatNeverStopped) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  const std::vector<Bytes> inputs = Inputs(seed);
  std::vector<std::uint64_t> hashes;
  proto::StreamPosition end;
  {
    Copy straight;
    for (std::uint64_t i = 1'000; i <= kSession; i += 1'000) {
      straight.StepTo(i, inputs);
      hashes.push_back(straight.hash());
    }
    end = straight.stepper.position().output;
  }
  std::mt19937_64 random(seed + 1);
  std::vector<std::uint64_t> seen;
  auto copy = std::make_unique<Copy>();
  for (std::uint64_t i = 1'000; i <= kSession; i += 1'000) {
    copy->StepTo(i - 1 - random() % 999, inputs);
    const auto written = replay::WriteImage(*copy->application, proto::Session("TEST"), Path("i"));
    ASSERT_TRUE(written) << written.error().text;
    EXPECT_EQ(written->zone_hash, copy->hash());
    copy.reset();
    copy = std::make_unique<Copy>();
    const auto image = replay::StateImage::Open(Path("i"));
    ASSERT_TRUE(image) << image.error().text;
    const Status verified = image->zone().Verify();
    EXPECT_TRUE(verified) << verified.error().text;
    const Status restored = replay::Restore(*copy->application, *image);
    ASSERT_TRUE(restored) << restored.error().text;
    EXPECT_EQ(copy->hash(), written->zone_hash);
    copy->StepTo(i, inputs);
    seen.push_back(copy->hash());
  }
  EXPECT_EQ(seen, hashes);
  EXPECT_EQ(copy->stepper.position().output, end);
}

TEST_F(Image, AForkedChildWritesTheStateThatThereWasAndTheApplicationGoesOn) {
  const std::vector<Bytes> inputs = Inputs(7);
  std::uint64_t hash = 0;
  {
    Copy copy;
    copy.StepTo(10'000, inputs);
    hash = copy.hash();
    auto writer = replay::StartImage(*copy.application, proto::Session("TEST"), Path("i"));
    ASSERT_TRUE(writer) << writer.error().text;
    copy.StepTo(kSession, inputs);
    const auto written = writer->Wait();
    ASSERT_TRUE(written) << written.error().text;
    EXPECT_EQ(written->zone_hash, hash);
  }
  Copy restored;
  const auto image = replay::StateImage::Open(Path("i"));
  ASSERT_TRUE(image) << image.error().text;
  EXPECT_EQ(image->label().input.number, 10'000u);
  const Status status = replay::Restore(*restored.application, *image);
  ASSERT_TRUE(status) << status.error().text;
  EXPECT_EQ(restored.hash(), hash);
  EXPECT_EQ(std::filesystem::exists(Path("i")), true);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace tandem::test
