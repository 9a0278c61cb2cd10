// SPDX-License-Identifier: Apache-2.0
//
// Live engines that write images of their state and go on from them, or from portable snapshots.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/context.h"
#include "engine/live/image_keeper.h"
#include "replay/log_reader.h"
#include "tandem/saved.pb.h"
#include "tests/live/images_fixture.h"
#include "tests/support/test_stream.h"
#include "tools/oracle.h"

namespace tandem::test {
namespace {

using engine::ImageKeeper;

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
  for (const char* log : {"a", "b"}) AwaitMessages(log, 99 + submitted + 1000);
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

TEST_F(Images, OneOfAnEngineThatRunsIsLookedAtWithOneCommand) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  Program b = StartEngine(sequencer, "b");
  AwaitSame("a", "b");
  const auto look = [&](Words more) {
    Words words = {"state", Path("a-images"), "--control", At(sequencer.submissions)};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  std::string said;
  const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
  while (Run(look({"--engine", "a"}), &said) != 0) {  // until the sequencer has heard of it
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << said;
    said.clear();
  }
  ASSERT_EQ(ImagesOf("a").size(), 1u);
  const std::string number = std::to_string(ImagesOf("a")[0]);
  EXPECT_NE(said.find("session TEST after input " + number + ", digest "), std::string::npos)
      << said;
  EXPECT_NE(said.find("trial.waste "), std::string::npos) << said;

  ExpectEnds(look({"--engine", "nobody"}), 5, "no engine nobody has said anything");
  ExpectEnds(look({"--engine", "a", "--user", "EVE"}), 5,
             "types from 100 on, and operators this one too");
  ExpectEnds({"state", Path("nowhere"), "--engine", "a", "--control", At(sequencer.submissions)}, 2,
             "give the one that engine a has as --images, on this host");
  ExpectEnds(
      {"state", Path("a-images"), "--engine", "a", "--control", At(FreePort()), "--timeout", "1"},
      5, "nothing was submitted");
  ExpectEnds(look({}), 2, "--control requires --engine");
  ExpectEnds(look({"--engine", "a", "--at", "7"}), 2, "--engine looks at one engine");
  b.Says("reading input from");
  said.clear();
  while (Run(look({"--engine", "b", "--timeout", "1"}), &said) != 5 ||
         said.find("was told to write an image") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << said;
    said.clear();
  }
  EXPECT_NE(said.find("within 1 s none came in " + Path("a-images")), std::string::npos) << said;
  for (Program* program : {&a, &b}) EXPECT_EQ(program->Stop(SIGTERM), 0) << program->Output();
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

// An image of another layout, and beside it the same state as messages.

class PortableSnapshots : public Images {
 protected:
  /// Writes one of the state after input `number` into folder `name`.
  void Save(const std::string& name, std::uint64_t number, const std::string& input = "input") {
    std::string said;
    ASSERT_EQ(Run({"replay", Path(input), "--app", "trial", "--to", std::to_string(number),
                   "--portable-out", Path(name)},
                  &said),
              0)
        << said;
  }
  Program StartFrom(const Sequencer& sequencer, const std::string& snapshot) {
    return StartEngine(sequencer, "a", {"--portable", Path(snapshot)}, "wide");
  }
  /// The same records and one of them twice, as nobody writes them: the chain is right.
  void Repeat(const std::string& from, const std::string& to, std::uint64_t record) {
    replay::PosixStorage storage;
    auto reader = replay::LogReader::Open(storage, Path(from), {});
    ASSERT_TRUE(reader.ok()) << reader.error().text;
    auto log = replay::LogWriter::Open(
        storage, Path(to),
        {.session = reader->session(), .role = reader->role(), .schema = reader->schema()});
    ASSERT_TRUE(log.ok()) << log.error().text;
    while (reader->Next() == replay::ReadOutcome::kMessage) {
      const proto::MessageView& message = reader->message();
      std::string payload(message.payload_text());
      if (pb::SavedEnd end; message.header.type == engine::TypeOf<pb::SavedEnd>()) {
        ASSERT_TRUE(end.ParseFromString(payload));
        end.set_records(end.records() + 1);
        payload = end.SerializeAsString();
      }
      for (int i = message.header.number == record ? 2 : 1; i > 0; --i) {
        proto::Header header = message.header;
        header.number = log->position().number + 1;
        log->Append(Seal(header, payload, log->position().digest));
      }
    }
    ASSERT_TRUE(log->Close().ok());
  }
};

TEST_F(PortableSnapshots, AnEngineOfAnotherLayoutBeginsFromOneAndSaysWhatAReplaySays) {
  Write(Adds(3'000));
  Sequencer sequencer = StartSequencer("input");
  const std::string port_of_a = At(FreePort());
  const auto start_a = [&](const std::string& application, const Words& more = {}) {
    Words words = {"engine",
                   "--name",
                   "a",
                   "--input",
                   At(sequencer.stream),
                   "--log",
                   Path("a"),
                   "--app",
                   application,
                   "--stream",
                   port_of_a,
                   "--images",
                   Path("a-images")};
    words.insert(words.end(), more.begin(), more.end());
    return Start(words);
  };
  Program a = start_a("trial");
  Program b = StartWithImages(sequencer, "b");
  Program dedup = Start({"dedup", "--a", port_of_a, "--b", At(b.PortAfter("output on ")), "--log",
                         Path("merged"), "--stream", "0"});
  AwaitMessages("merged", 2'999);
  const std::uint64_t number = Snapshot(sequencer, a, "a");
  Submit(sequencer, 1, 100);
  Save("noon", 2'000);
  a.Kill();
  a.Wait();
  Submit(sequencer, 101, 200);
  a = start_a("wide", {"--portable", Path("noon")});
  EXPECT_TRUE(a.Says(ImageKeeper::NameOf(number) + " is of a state of another layout"));
  EXPECT_TRUE(a.Says("began with the portable snapshot " + Path("noon") + ", after input 2000, "));
  EXPECT_TRUE(a.Says("stepping the input from 2001 to verify them"));
  EXPECT_TRUE(a.Says("its log is verified"));
  std::string said;
  EXPECT_EQ(Run({"status", At(sequencer.stream), port_of_a, "--json"}, &said), 0) << said;
  EXPECT_NE(said.find("\"restored_number\":2000,"), std::string::npos) << said;
  Submit(sequencer, 201, 300);
  // Its own images are those that it goes on from next time.
  const std::uint64_t own = Snapshot(sequencer, a, "a");
  a.Kill();
  a.Wait();
  a = start_a("wide", {"--portable", Path("noon")});
  EXPECT_TRUE(a.Says("of state after input " + std::to_string(own) + ","));
  EXPECT_TRUE(a.Says("is good"));
  Submit(sequencer, 301, 400);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ASSERT_EQ(Run({"replay", Path("input"), "--app", "trial", "-o", Path("straight")}), 0);
  for (const char* const log : {"a", "b", "merged"}) AwaitSame(log, "straight");
  for (Program* program : {&dedup, &a, &b}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0) << program->Output();
  }
  EXPECT_EQ(a.Output().find("began with the portable snapshot"), std::string::npos) << a.Output();
  for (const char* const log : {"a", "b", "merged"}) ExpectSame(log, "straight");
}

TEST_F(PortableSnapshots, OneThatIsNotRightCostsAWarningAndTheLogIsStepped) {
  Write(Adds(1'000));
  std::string said;
  Write(Adds(100), "flow", "OTHER");
  Save("foreign", 50, "flow");
  std::vector<Input> others = Adds(1'000);
  others[100] = Add(4711, 100 % 3);
  Write(others, "other");
  Save("other-life", 900, "other");
  Save("good", 600);
  program_ = TANDEM_PROGRAM;
  EXPECT_EQ(Run({"replay", Path("input"), "--portable-out", Path("of-book")}, &said), 0) << said;
  program_ = TRIAL_PROGRAM;
  Save("late", 900);
  Save("damaged", 600);
  Damage(Path("damaged/00000001.segment"),
         std::filesystem::file_size(Path("damaged/00000001.segment")) - 60);
  Save("cut", 600);
  Cut("cut", 1);
  Repeat("good", "doubled", 2);

  Sequencer sequencer = StartSequencer("input");
  const auto refused = [&](const std::string& snapshot, const std::string& why) {
    SCOPED_TRACE(snapshot);
    const std::vector<std::string> before = ReadLog("a");
    Program a = StartFrom(sequencer, snapshot);
    EXPECT_TRUE(a.Says(why));
    EXPECT_TRUE(a.Says("; stepping the input from the beginning"));
    EXPECT_TRUE(a.Says("stepping the input from 1 to verify them"));
    EXPECT_TRUE(a.Says("its log is verified"));
    EXPECT_EQ(a.Stop(SIGTERM), 0) << a.Output();
    std::vector<std::string> after = ReadLog("a");
    ASSERT_GE(after.size(), before.size());
    after.resize(before.size());
    EXPECT_EQ(after, before);
  };
  {
    Program a = StartEngine(sequencer, "a");
    AwaitMessages("a", 999);
    EXPECT_EQ(a.Stop(SIGTERM), 0);
  }
  refused("nowhere", Path("nowhere"));
  refused("a", "it is a log of role \"output\", and a snapshot has role \"state\"");
  refused("of-book", "is of the application \"book\", and this one is \"trial\"");
  refused("foreign", "is of session \"OTHER\", and the log " + Path("a") + " of session \"TEST\"");
  refused("other-life", "it is of another life of this session");
  refused("damaged", Path("damaged"));
  refused("cut", "it is cut short after record 1");
  refused("doubled", "record 3: there is a total already");
  {
    Program a = StartFrom(sequencer, "good");
    EXPECT_TRUE(a.Says("began with the portable snapshot " + Path("good") + ", after input 600"));
    EXPECT_TRUE(a.Says("its log is verified"));
    EXPECT_EQ(a.Stop(SIGTERM), 0);
  }
  Cut("a", 700);
  refused("late", "ends at output 700: the log has lost what is between");
  AwaitMessages("a", 999);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectReplays("a");
}

TEST_F(Images, AnEngineWhoseLogIsGoneMakesAllOfItAgainUnlessItGetsThatOfTheOther) {
  Write(Adds(1'000));
  Sequencer sequencer = StartSequencer("input");
  Program a = StartWithImages(sequencer, "a");
  Program b = StartWithImages(sequencer, "b");
  AwaitSame("a", "b");
  const std::uint64_t number = Snapshot(sequencer, a, "a");
  Submit(sequencer, 1, 100);
  a.Kill();
  a.Wait();
  std::filesystem::remove_all(Path("a"));
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("the images in " + Path("a-images") +
                     " cannot be used, for there was no log " + Path("a") +
                     " with the outputs before; stepping the input from the beginning"));
  AwaitSame("a", "b");
  a.Kill();
  a.Wait();
  // What the sentence says of the other engine's log.
  std::filesystem::remove_all(Path("a"));
  std::filesystem::copy(Path("b"), Path("a"));
  a = StartWithImages(sequencer, "a");
  EXPECT_TRUE(a.Says("of state after input " + std::to_string(number) + ","));
  EXPECT_TRUE(a.Says("is good"));
  Submit(sequencer, 101, 200);
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  AwaitSame("a", "b");
  for (Program* program : {&a, &b}) EXPECT_EQ(program->Stop(SIGTERM), 0) << program->Output();
  ExpectSame("a", "b");
  ExpectReplays("a");
}

}  // namespace
}  // namespace tandem::test
