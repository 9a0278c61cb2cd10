// SPDX-License-Identifier: Apache-2.0
//
// Live engines that write images of their state and go on from them.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/live/image_keeper.h"
#include "tests/live/trial_pair.h"
#include "tools/oracle.h"

namespace tandem::test {
namespace {

using engine::ImageKeeper;

class Images : public TrialPair {
 protected:
  Program StartWithImages(const Sequencer& sequencer, const std::string& name, Words more = {}) {
    more.insert(more.end(), {"--images", Path(name + "-images"), "--images-keep", "2"});
    return StartEngine(sequencer, name, more);
  }
  [[nodiscard]] std::vector<std::uint64_t> ImagesOf(const std::string& name) const {
    return ImageKeeper::List(Path(name + "-images"));
  }
  [[nodiscard]] std::string ImagePath(const std::string& name, std::uint64_t number) const {
    return Path(name + "-images/" + ImageKeeper::NameOf(number));
  }
  /// Has the engine write one; the number of the input that told it to. It may take a moment until
  /// the sequencer has heard of the engine.
  std::uint64_t Tell(const Sequencer& sequencer, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    std::string said;
    while (Run({"control", At(sequencer.submissions), "snapshot", name}, &said) != 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << said;
        return 0;
      }
      said.clear();
    }
    return std::stoull(said.substr(said.find("is input ") + 9));
  }
  /// The same, and waits for the image.
  std::uint64_t Snapshot(const Sequencer& sequencer, Program& engine, const std::string& name) {
    const std::uint64_t number = Tell(sequencer, name);
    EXPECT_TRUE(engine.Says("image after input " + std::to_string(number) + ": "));
    return number;
  }
  /// Flips a bit of a file.
  static void Damage(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
};

TEST_F(Images, APairWritesThemInTurnUnderLoadAndARestartGoesOnFromTheNewest) {
  Write(Adds(100));
  Sequencer sequencer =
      StartSequencer("input", {"--snapshot-every", "300", "--snapshot-engines", "a,b"});
  Program a = StartWithImages(sequencer, "a");
  Program b = StartWithImages(sequencer, "b");
  AwaitSame("a", "b");
  std::uint64_t submitted = 0;
  const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
  while (std::chrono::steady_clock::now() < deadline &&
         (ImagesOf("a").size() < 2 || ImagesOf("b").size() < 2)) {
    Submit(sequencer, submitted + 1, submitted + 200);
    submitted += 200;
  }
  EXPECT_EQ(ImagesOf("a").size(), 2u) << a.Output();
  EXPECT_EQ(ImagesOf("b").size(), 2u) << b.Output();
  a.Kill();
  a.Wait();
  Submit(sequencer, submitted + 1, submitted + 500);
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("engine a: restored "));
  EXPECT_TRUE(a.Says("is good"));
  Submit(sequencer, submitted + 501, submitted + 1000);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a", "b");
  EXPECT_EQ(a.Output().find("reading input from 1 at "), std::string::npos) << a.Output();
  for (Program* program : {&a, &b}) EXPECT_EQ(program->Stop(SIGTERM), 0);
  ExpectSame("a", "b");
  ExpectReplays("a");
}

TEST_F(Images, OneOnDemandHoldsWhatAReplayHoldsThere) {
  Write(Adds(5'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 4'999);
  const std::uint64_t number = Snapshot(sequencer, a, "a");
  Submit(sequencer, 1, 100);
  ExpectEnds({"control", At(sequencer.submissions), "snapshot", "nobody"}, 5,
             "no engine nobody has said anything");
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  const auto image = replay::StateImage::Open(ImagePath("a", number));
  ASSERT_TRUE(image) << image.error().text;
  EXPECT_EQ(image->label().input.number, number);
  EXPECT_TRUE(image->zone().Verify());
  // By processes of their own, with address randomisation, in other environments, in other steps.
  std::uint64_t at = 0;
  std::string from;
  for (const std::uint64_t to : {std::uint64_t{1'234}, std::uint64_t{4'000}, number}) {
    Words words = {"replay", Path("input"),      "--app",       "trial",
                   "--to",   std::to_string(to), "--image-out", Path("i" + std::to_string(to))};
    if (at != 0) words.insert(words.end(), {"--image", from});
    EXPECT_EQ(
        Start(words, {"/usr/bin/env", "LC_ALL=C.UTF-8", "NOISE=" + std::string(to, 'x')}).Wait(),
        0);
    at = to;
    from = Path("i" + std::to_string(to));
  }
  const auto replayed = replay::StateImage::Open(from);
  ASSERT_TRUE(replayed) << replayed.error().text;
  EXPECT_EQ(replayed->label().input, image->label().input);
  EXPECT_EQ(replayed->label().output, image->label().output);
  EXPECT_EQ(replayed->zone().about().zone_hash, image->zone().about().zone_hash);
  std::string said;
  EXPECT_EQ(Run({"replay", Path("input"), "--app", "trial", "--image", ImagePath("a", number),
                 "--against", Path("a")},
                &said),
            0)
      << said;
}

TEST_F(Images, WhatIsDamagedIsRefusedAndAnOlderOneIsUsedOrTheLog) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 999);
  const std::uint64_t older = Snapshot(sequencer, a, "a");
  Submit(sequencer, 1, 10);
  const std::uint64_t newer = Snapshot(sequencer, a, "a");
  a.Kill();
  a.Wait();
  Damage(ImagePath("a", newer), 100);
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("is damaged in its header; trying what is older"));
  EXPECT_TRUE(a.Says("of state after input " + std::to_string(older) + ","));
  a.Kill();
  a.Wait();
  std::filesystem::resize_file(ImagePath("a", older), 5'000);
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("it is cut, or something was added; trying what is older"));
  EXPECT_TRUE(a.Says("stepping the input from 1 to verify them"));
  EXPECT_TRUE(a.Says("its log is verified"));
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

TEST_F(Images, DamageThatIsFoundBehindEndsTheEngineAndTheNextStartLeavesThatImageOut) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 999);
  const std::uint64_t number = Snapshot(sequencer, a, "a");
  a.Kill();
  a.Wait();
  Damage(ImagePath("a", number), std::filesystem::file_size(ImagePath("a", number)) - 1);
  a = StartWithImages(sequencer, "a");
  EXPECT_EQ(a.Wait(), 5);
  EXPECT_NE(Sentence(a).find("went on from an image that is damaged"), std::string::npos);
  EXPECT_EQ(ImagesOf("a"), std::vector<std::uint64_t>{});
  EXPECT_TRUE(std::filesystem::exists(ImagePath("a", number) + ".damaged"));
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("its log is verified"));
  EXPECT_EQ(a.Stop(SIGTERM), 0);
}

TEST_F(Images, OneThatDoesNotGoWithTheLogIsRefused) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 999);
  const std::uint64_t number = Snapshot(sequencer, a, "a");
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  Cut("a", 500);
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("ends at output 500: the log has lost what is between"));
  EXPECT_TRUE(a.Says("its log is verified"));
  AwaitMessages("a", 999);
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  // Of another life: other inputs, as many outputs.
  std::filesystem::rename(Path("a"), Path("first"));
  std::filesystem::rename(Path("a-images"), Path("first-images"));
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  std::vector<Input> others = Adds(1'000);
  others[500] = Add(4711, 500 % 3);
  Write(others, "other");
  sequencer = StartSequencer("other");
  a = StartEngine(sequencer, "a");
  AwaitMessages("a", 999);
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  std::filesystem::rename(Path("first-images"), Path("a-images"));
  ASSERT_TRUE(std::filesystem::exists(ImagePath("a", number)));
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("it is of another life of this session; trying what is older"));
  EXPECT_TRUE(a.Says("its log is verified"));
  EXPECT_EQ(a.Stop(SIGTERM), 0);
}

TEST_F(Images, WhatCannotBeWrittenCostsAWarning) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  AwaitMessages("a", 999);
  std::filesystem::remove_all(Path("a-images"));
  Tell(sequencer, "a");
  EXPECT_TRUE(a.Says("cannot open the folder of the image "));
  Submit(sequencer, 1, 10);
  std::string said;
  EXPECT_EQ(Run({"status", At(sequencer.stream), At(a.PortAfter("output on ")), "--json"}, &said),
            0)
      << said;
  EXPECT_NE(said.find("cannot open the folder of the image "), std::string::npos) << said;
  EXPECT_EQ(a.Stop(SIGTERM), 0);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

}  // namespace
}  // namespace tandem::test
