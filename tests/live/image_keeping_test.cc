// SPDX-License-Identifier: Apache-2.0
//
// Which images an engine keeps, what it says of those that it does not write, and which zones and
// limits one is refused under.
#include <csignal>
#include <filesystem>
#include <thread>

#include "engine/context.h"
#include "engine/live/image_keeper.h"
#include "replay/stepper.h"
#include "tandem/status.pb.h"
#include "tests/live/images_fixture.h"
#include "tests/support/test_stream.h"
#include "tests/support/trial_application.h"

namespace tandem::test {
namespace {

TEST_F(Images, ThoseOfOthersPushOutNoneOfItsOwnAndStay) {
  Write(Adds(1'000));
  std::string said;
  Write(Adds(100), "flow", "OTHER");
  std::filesystem::create_directories(Path("a-images"));
  const std::vector<std::uint64_t> others = {70'000, 60'000, 50'000, 7};
  for (const std::uint64_t number : others) {
    ASSERT_EQ(Run({"replay", Path("flow"), "--app", "trial", "--to", "50", "--image-out",
                   ImagePath("a", number)},
                  &said),
              0)
        << said;
  }
  const auto and_own = [&others](std::vector<std::uint64_t> own) {
    own.insert(own.begin(), others.begin(), others.end() - 1);
    own.push_back(others.back());
    return own;
  };
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 999);
  std::vector<std::uint64_t> own;
  for (int i = 0; i < 3; ++i) own.insert(own.begin(), Snapshot(sequencer, a, "a"));
  own.pop_back();
  Submit(sequencer, 1, 10);
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(ImagesOf("a"), and_own(own));
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("is of session \"OTHER\""));
  EXPECT_TRUE(a.Says("of state after input " + std::to_string(own[0]) + ","));
  Submit(sequencer, 11, 20);
  own.insert(own.begin(), Snapshot(sequencer, a, "a"));
  own.pop_back();
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(ImagesOf("a"), and_own(own));
}

TEST_F(Images, OneThatIsDueWhileAnotherIsWrittenIsAFailureUntilALaterOneIsThere) {
  const auto application = trial::MakeTrial<trial::State>(
      {.address = 0x7e8000000000, .reserve_bytes = std::uint64_t{1} << 30});
  ASSERT_TRUE(application) << application.error().text;
  const proto::Session session("TEST");
  replay::Stepper stepper(**application, session);
  TestStream stream;
  engine::ImageKeeper keeper({.engine = "a", .folder = Path("images")});
  ASSERT_TRUE(keeper.Open());
  const auto take = [&] {
    trial::pb::Add add;
    add.set_amount(1);
    const Bytes message = stream.Add(add);
    const Status stepped = stepper.Apply(View(message));
    ASSERT_TRUE(stepped) << stepped.error().text;
    keeper.Take(**application, session);
  };
  const auto status = [&keeper] {
    pb::Status filled;
    keeper.Fill(&filled);
    return filled;
  };
  const auto finish = [&] {
    while (status().image_writing()) {
      ASSERT_TRUE(keeper.OnTime());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  take();
  EXPECT_EQ(status().image_failure(), "");
  take();
  const std::string failure =
      "the image after input 1 was still being written when the one after input 2 was due";
  EXPECT_EQ(status().image_failure(), failure);
  finish();
  EXPECT_EQ(status().image_number(), 1u);
  EXPECT_EQ(status().image_failure(), failure);
  take();
  finish();
  EXPECT_EQ(status().image_number(), 3u);
  EXPECT_EQ(status().image_failure(), "");
}

TEST_F(Images, AReplayInAnotherZoneOrUnderALowerLimitIsToldWhichOnesAreRight) {
  program_ = TANDEM_PROGRAM;
  std::string said;
  ASSERT_EQ(Run({"generate", "--orders", "4000", "-o", Path("flow")}, &said), 0) << said;
  const auto replay = [&](const Words& more) {
    Words words = {"replay", Path("flow")};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  ASSERT_EQ(Run(replay({"--image-out", Path("i")}), &said), 0) << said;
  ExpectEnds(replay({"--image", Path("i"), "--zone-address", "0x7d0000000000", "-o", Path("x")}), 2,
             "the image " + Path("i") +
                 " is of a zone at 0x7e8000000000, and this one is at 0x7d0000000000; give "
                 "--zone-address 0x7e8000000000");
  // A pool that may not have its large block makes do with a smaller one: another state.
  const Words small = {"--zone-limit", "1MiB"};
  const auto under_limit = [&](const std::string& image, const std::string& out) {
    Words words = replay({"--image", Path(image), "-o", Path(out)});
    words.insert(words.end(), small.begin(), small.end());
    return words;
  };
  ExpectEnds(under_limit("i", "x"), 2,
             " bytes, which is above the limit that is set now; raise the limit, or start from the "
             "log, for a state under that limit lies otherwise");
  Words straight = replay({"--to", "2000", "--image-out", Path("j")});
  straight.insert(straight.end(), small.begin(), small.end());
  EXPECT_EQ(Run(straight, &said), 0) << said;
  EXPECT_EQ(Run(under_limit("j", "y"), &said), 0) << said;
}

}  // namespace
}  // namespace tandem::test
