// SPDX-License-Identifier: Apache-2.0
//
// An application as a shared library: byte for byte what the same one does that is linked in, and a
// sentence for what is no such library.
#include "replay/shared_application.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "replay/image.h"
#include "replay/replay.h"
#include "tests/support/counter_application.h"
#include "tests/support/run_program.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using replay::LogReader;
using replay::LogWriter;

constexpr std::uintptr_t kLinkedAddress = 0x7e8000000000;
constexpr std::uintptr_t kSharedAddress = 0x7d8000000000;
constexpr std::uint64_t kInputs = 20'000;

class SharedApplication : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "shared_" + std::to_string(::getpid()) + "_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  static Result<std::unique_ptr<replay::Application>> Load(
      const std::string& path = COUNTER_PLUGIN) {
    return replay::LoadApplication(
        path, {.address = kSharedAddress, .reserve_bytes = std::uint64_t{64} << 20});
  }
  static std::string WhyNot(const std::string& path) {
    const auto loaded = Load(path);
    if (loaded) return "loaded";
    EXPECT_EQ(loaded.error().code, ExitCode::kBadInput);
    return loaded.error().text;
  }

  /// Inputs with no, one and many outputs, random numbers, ticks, unknown types, garbage, the end.
  void WriteInput() {
    auto log = LogWriter::Open(storage_, Path("input"),
                               {.session = proto::Session("TEST"),
                                .role = replay::kInputRole,
                                .schema = counter::MakeCounter(kLinkedAddress)->info().schema,
                                .check_digest = true});
    ASSERT_TRUE(log) << log.error().text;
    std::mt19937_64 random(1);
    TestStream stream;
    for (std::uint64_t i = 1; i < kInputs; ++i) {
      counter::pb::Add add;
      add.set_counter(static_cast<std::uint32_t>(random() % 100));
      add.set_amount(static_cast<std::int64_t>(random() % 2000) - 1000);
      add.set_outputs(static_cast<std::uint32_t>(random() % 5));
      counter::pb::Roll roll;
      roll.set_sides(static_cast<std::uint32_t>(random() % 7));
      switch (random() % 16) {
        case 0:
          log->Append(stream.Add(1));
          break;
        case 1:
          log->Append(stream.Add(4711, "whatever"));
          break;
        case 2:
          log->Append(stream.Add(100, "\xff\xff\xff"));
          break;
        case 3:
        case 4:
          log->Append(stream.Add(roll));
          break;
        default:
          log->Append(stream.Add(add));
      }
    }
    log->Append(stream.Add(2));
    ASSERT_TRUE(log->Close());
  }

  /// The outputs of the input log, in a log of that name.
  void Replay(replay::Application& application, const std::string& name) {
    auto input = LogReader::Open(storage_, Path("input"), {});
    ASSERT_TRUE(input) << input.error().text;
    auto output = LogWriter::Open(other_storage_, Path(name),
                                  {.session = input->session(),
                                   .role = replay::kOutputRole,
                                   .schema = application.info().schema,
                                   .check_digest = true});
    ASSERT_TRUE(output) << output.error().text;
    const auto result = replay::Replay(application, *input, {.output = &*output});
    ASSERT_TRUE(result) << result.error().text;
    EXPECT_EQ(result->progress.inputs, kInputs);
    ASSERT_TRUE(output->Close());
  }

  std::string folder_;
  replay::PosixStorage storage_;
  replay::PosixStorage other_storage_;
};

void ExpectSameLogs(const std::string& a, const std::string& b) {
  replay::PosixStorage storage;
  auto left = LogReader::Open(storage, a, {});
  auto right = LogReader::Open(storage, b, {});
  ASSERT_TRUE(left && right);
  EXPECT_EQ(left->schema(), right->schema());
  std::uint64_t count = 0;
  for (;; ++count) {
    const auto outcome = left->Next();
    ASSERT_EQ(outcome, right->Next()) << "after " << count;
    if (outcome != replay::ReadOutcome::kMessage) break;
    ASSERT_TRUE(std::ranges::equal(left->message().bytes, right->message().bytes))
        << Show(left->message().bytes) << "\n"
        << Show(right->message().bytes);
  }
  EXPECT_GT(count, kInputs);
}

TEST_F(SharedApplication, GivesTheOutputsOfTheLinkedOneByteForByte) {
  WriteInput();
  const auto linked = counter::MakeCounter(kLinkedAddress);
  Replay(*linked, "linked");
  const auto shared = Load();
  ASSERT_TRUE(shared) << shared.error().text;
  EXPECT_EQ((*shared)->info().name, "counter");
  EXPECT_EQ((*shared)->info().behaviour_version, linked->info().behaviour_version);
  Replay(**shared, "shared");
  ExpectSameLogs(Path("linked"), Path("shared"));
  EXPECT_EQ((*shared)->resume_point().output, linked->resume_point().output);
  EXPECT_EQ((*shared)->resume_point().ended, 1u);
  EXPECT_EQ((*shared)->PlantFault(), linked->PlantFault());
}

TEST_F(SharedApplication, RunsUnderTandemReplay) {
  WriteInput();
  Replay(*counter::MakeCounter(kLinkedAddress), "linked");
  std::filesystem::copy_file(COUNTER_PLUGIN, Path("libmy.so"));
  const Ran ran = RunProgram(
      {TANDEM_PROGRAM, "replay", Path("input"), "--app", Path("libmy.so"), "-o", Path("shared")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  ExpectSameLogs(Path("linked"), Path("shared"));
  const Ran against = RunProgram({TANDEM_PROGRAM, "replay", Path("input"), "--app",
                                  Path("libmy.so"), "--against", Path("linked")});
  EXPECT_EQ(against.exit_code, 0) << against.out << against.err;
}

TEST_F(SharedApplication, GoesOnFromAnImageAndTheLinkedOneDoesNot) {
  WriteInput();
  const auto replay = [this](const std::vector<std::string>& more) {
    std::vector<std::string> words = {TANDEM_PROGRAM, "replay", Path("input"), "--app",
                                      COUNTER_PLUGIN};
    words.insert(words.end(), more.begin(), more.end());
    return RunProgram(words);
  };
  const Ran whole =
      replay({"-o", Path("whole"), "--image-out", Path("image"), "--image-at", "10000"});
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_NE(whole.out.find(" after input 10000: "), std::string::npos) << whole.out;
  const Ran rest = replay({"--image", Path("image"), "--against", Path("whole")});
  EXPECT_EQ(rest.exit_code, 0) << rest.out << rest.err;
  EXPECT_TRUE(rest.out.starts_with("10000 inputs, ")) << rest.out;
  const auto image = replay::StateImage::Open(Path("image"));
  ASSERT_TRUE(image) << image.error().text;
  const auto linked = counter::MakeCounter(kLinkedAddress);
  const Status restored = replay::Restore(*linked, *image);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().text.find("was written by another build: it has build "),
            std::string::npos)
      << restored.error().text;
}

TEST_F(SharedApplication, RunsAsAPairThatIsKilledAndStaysIdentical) {
  WriteInput();
  const Ran ran = RunProgram({TANDEM_PROGRAM, "demo", "--app", COUNTER_PLUGIN, "--flow",
                              Path("input"), "--folder", Path("demo"), "--rate", "10000"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("\nIDENTICAL: "), std::string::npos) << ran.out;
  const Ran without = RunProgram({TANDEM_PROGRAM, "demo", "--app", COUNTER_PLUGIN});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("give --flow LOG"), std::string::npos) << without.err;
}

TEST_F(SharedApplication, SeveralAreEachOnTheirOwn) {
  const auto one = Load();
  ASSERT_TRUE(one) << one.error().text;
  const auto other = replay::LoadApplication(
      COUNTER_PLUGIN, {.address = kLinkedAddress, .reserve_bytes = std::uint64_t{64} << 20});
  ASSERT_TRUE(other) << other.error().text;
  counter::pb::Add add;
  add.set_counter(7);
  add.set_amount(1);
  add.set_outputs(1);
  replay::OutputBatch outputs;
  TestStream stream;
  const Bytes input = stream.Add(add);
  for (int i = 0; i < 3; ++i) (*one)->Step(View(input), outputs);
  outputs.Clear();
  (*other)->Step(View(input), outputs);
  ASSERT_EQ(outputs.count(), 1u);
  counter::pb::Counted counted;
  const auto payload = outputs.message(0).subspan(sizeof(proto::Header));
  ASSERT_TRUE(counted.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  EXPECT_EQ(counted.additions(), 1u);
}

TEST_F(SharedApplication, SaysWhatIsWrongWithALibrary) {
  const auto says = [](const std::string& path, const std::string& why) {
    EXPECT_EQ(WhyNot(path), "cannot load the application " + path + ": " + why);
  };
  says(Path("none.so"), "No such file or directory");
  says(folder_, "it is not a file");
  std::ofstream(Path("text.so")) << "This is no library, and long enough to be one.\n";
  says(Path("text.so"), "it is no shared library");
  std::ofstream(Path("empty.so")).close();
  says(Path("empty.so"), "it is no shared library");
  const std::string folder = WRONG_LIBRARIES;
  says(folder + "/libwrong1.so",
       "it is a library, but no application of Tandem: it does not export "
       "tandem_application_abi; TANDEM_APPLICATION makes that");
  says(folder + "/libwrong2.so",
       "its entry points have version 4, and this program knows version 3; build it with the "
       "Tandem that runs it");
  says(folder + "/libwrong3.so",
       "it does not export tandem_application_v3; TANDEM_APPLICATION makes that");
  says(folder + "/libwrong4.so",
       "it was built with another Tandem, of the same version of the entry points but other "
       "layouts; build it with the Tandem that runs it");
  std::filesystem::copy_file(COUNTER_PLUGIN, Path("cut.so"));
  const auto whole = std::filesystem::file_size(Path("cut.so"));
  for (const std::uintmax_t size : {whole - 1, whole / 2, std::uintmax_t{1000}}) {
    std::filesystem::resize_file(Path("cut.so"), size);
    says(Path("cut.so"), "it is cut: its headers tell of more than the " + std::to_string(size) +
                             " bytes that it has");
  }
  std::filesystem::resize_file(Path("cut.so"), 100);
  says(Path("cut.so"), "it is cut: its headers tell of more than the 100 bytes that it has");
  std::filesystem::resize_file(Path("cut.so"), 50);
  says(Path("cut.so"), "it is no shared library");
  if (::geteuid() != 0) {
    std::filesystem::permissions(Path("text.so"), std::filesystem::perms::none);
    says(Path("text.so"), "Permission denied");
  }
}

TEST_F(SharedApplication, SaysWhatIsWrongWithTheZone) {
  const auto one = Load();
  ASSERT_TRUE(one) << one.error().text;
  EXPECT_NE(WhyNot(COUNTER_PLUGIN).find("0x7d8000000000"), std::string::npos)
      << WhyNot(COUNTER_PLUGIN);
}

TEST_F(SharedApplication, TheCommandSaysSoAndEndsWithTwo) {
  WriteInput();
  struct Case {
    std::vector<std::string> arguments;
    std::string says;
  };
  const std::string so = COUNTER_PLUGIN;
  const std::vector<Case> cases = {
      {{"--app", Path("none.so")}, "cannot load the application " + Path("none.so")},
      {{"--app", "none.so"}, "cannot load the application none.so: No such file or directory"},
      {{"--app", std::string(WRONG_LIBRARIES) + "/libwrong2.so"}, "version 3"},
      {{"--app", so, "--pools", "/dev/null"}, "--pools does not reach into the shared library"},
      {{"--app", so, "--heap-guard"}, "--heap-guard does not"},
  };
  for (const Case& one : cases) {
    std::vector<std::string> arguments = {TANDEM_PROGRAM, "replay", Path("input"), "-o",
                                          Path("out")};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Ran ran = RunProgram(arguments);
    EXPECT_EQ(ran.exit_code, 2) << one.says;
    EXPECT_NE(ran.err.find(one.says), std::string::npos) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
    EXPECT_FALSE(std::filesystem::exists(Path("out"))) << one.says;
  }
}

}  // namespace
}  // namespace tandem::test
