// SPDX-License-Identifier: Apache-2.0
//
// What a replay refuses before it steps, and what it leaves when it cannot go to its end.
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include "tandem/options.pb.h"
#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

class ReplayPlaces : public LogTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    EXPECT_EQ(Tandem({"generate", "--orders", "2000", "--seed", "7", "-o", Path("flow")}).exit_code,
              0);
  }

  Ran Replay(std::vector<std::string> options) {
    options.insert(options.begin(), {"replay", Path("flow")});
    return Tandem(options);
  }
};

/// The schema of a `book` log, with other names or, `by`, other type numbers.
std::string OtherSchema(const std::string& package, std::uint32_t by) {
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(proto::SchemaOf({book::pb::NewOrder::descriptor()})));
  for (auto& file : *set.mutable_file()) {
    if (file.package() != "tandem.book.pb") continue;
    for (auto& message : *file.mutable_message_type()) {
      if (!message.options().HasExtension(pb::type)) continue;
      const std::uint32_t type = message.options().GetExtension(pb::type);
      message.mutable_options()->SetExtension(pb::type, type + by);
    }
  }
  std::string text = set.SerializeAsString();
  for (const std::string before = "tandem.book.pb"; true;) {
    const std::size_t at = text.find(before);
    if (at == std::string::npos || package == before) return text;
    text.replace(at, before.size(), package);
  }
}

TEST_F(ReplayPlaces, RefusesALogWhoseTypeNumbersAreOtherMessages) {
  const std::string sentence =
      Path("tapes") +
      " says that type 100 is tandem.tape.pb.NewOrder, and for the application \"book\" it is "
      "tandem.book.pb.NewOrder; give --app the application that the log is for\n";
  const Recipe recipe{.role = replay::kInputRole, .schema = OtherSchema("tandem.tape.pb", 0)};
  Write("tapes", recipe);
  Write("books", {.role = replay::kInputRole});
  ASSERT_EQ(Tandem({"replay", Path("books"), "--to", "5", "--image-out", Path("image")}).exit_code,
            0);
  std::filesystem::create_directory(Path("images"));
  std::filesystem::copy_file(Path("image"), Path("images/image-00000000000000000005"));
  const std::vector<std::vector<std::string>> commands{
      {"replay", Path("tapes"), "-o", Path("never")},
      {"check", Path("tapes")},
      {"state", Path("tapes")},
      {"audit", "--a", Path("images"), "--input", Path("tapes"), "--from-start"},
      {"bisect", Path("image"), "--input", Path("tapes"), "--from-start"},
  };
  for (const auto& command : commands) {
    const Ran ran = Tandem(command);
    EXPECT_EQ(ran.exit_code, 2) << command[0];
    EXPECT_TRUE(ran.err.ends_with("the log " + sentence)) << command[0] << ": " << ran.err;
  }
  EXPECT_FALSE(std::filesystem::exists(Path("never")));

  // Another schema counts at its end only.
  auto writer = Write("changed", {.role = replay::kInputRole});
  ASSERT_TRUE(writer.Close());
  Write("changed", {.messages = 12, .role = replay::kInputRole, .schema = recipe.schema});
  const Ran ran = Tandem({"replay", Path("changed"), "-o", Path("never")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("says that type 100 is tandem.tape.pb.NewOrder"), std::string::npos)
      << ran.err;
}

TEST_F(ReplayPlaces, TakesALogWithMessagesThatItDoesNotKnowIfItKnowsOthers) {
  Write("none", {.role = replay::kInputRole, .schema = OtherSchema("tandem.book.pb", 5000)});
  Ran ran = Tandem({"replay", Path("none"), "-o", Path("never")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.err, "tandem: the application \"book\" knows no message of the log " +
                         Path("none") +
                         ", whose type 5100 is tandem.book.pb.NewOrder; give --app the "
                         "application that the log is for\n");

  google::protobuf::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(proto::SchemaOf({book::pb::NewOrder::descriptor()})));
  for (auto& file : *set.mutable_file()) {
    if (file.package() != "tandem.book.pb") continue;
    auto& added = *file.add_message_type();
    added.set_name("Later");
    added.mutable_options()->SetExtension(pb::type, 900);
  }
  Write("some", {.role = replay::kInputRole, .schema = set.SerializeAsString()});
  ran = Tandem({"replay", Path("some"), "-o", Path("replayed")});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "tandem: note: the log " + Path("some") +
                         " says that type 900 is tandem.book.pb.Later, which the application "
                         "\"book\" does not know\n");
  Write("bare", {.role = replay::kInputRole, .schema = ""});
  ran = Tandem({"replay", Path("bare"), "-o", Path("of_bare")});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.err, "");
}

TEST_F(ReplayPlaces, SaysBeforeItStepsThatItCannotWriteThere) {
  std::filesystem::create_directory(Path("folder"));
  const std::string flow = Path("flow");
  const std::string inside = " lies in the folder of the input log " + flow;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"-o", flow + "/sub"}, "-o " + flow + "/sub" + inside + "; give another place"},
      {{"-o", Path("folder/../flow/a/b")},
       "-o " + Path("folder/../flow/a/b") + inside + "; give another place"},
      {{"-o", Path("never"), "--image-out", flow + "/image"},
       "--image-out " + flow + "/image" + inside + "; give another place"},
      {{"-o", Path("never"), "--portable-out", flow + "/noon"},
       "--portable-out " + flow + "/noon" + inside + "; give another place"},
      {{"-o", Path("never"), "--portable-out", Path("folder")},
       Path("folder") + " is there already: remove it or choose another folder"},
      {{"-o", Path("never"), "--image-out", Path("folder")},
       "cannot write the image " + Path("folder") + ": it is a folder; give --image-out a file"},
      {{"-o", Path("never"), "--image-out", Path("none/image")},
       "cannot write the image " + Path("none/image") + ": there is no folder " + Path("none") +
           "; make it"},
      {{"-o", Path("never"), "--image-out", "/dev/full"},
       "cannot write the image /dev/full: something is there that is no file; give --image-out "
       "another"},
  };
  for (const auto& [options, sentence] : cases) {
    const Ran ran = Replay(options);
    EXPECT_EQ(ran.exit_code, 2) << sentence;
    EXPECT_EQ(ran.err, "tandem: " + sentence + "\n");
    EXPECT_FALSE(std::filesystem::exists(Path("never")));
  }
  EXPECT_EQ(Tandem({"verify", flow}).exit_code, 0);
}

/// Runs a replay that goes on for as long as nobody does something about it; `then` does, when it
/// writes its outputs.
Ran ReplayUntil(const std::string& replay, const std::string& output, const std::string& then) {
  return RunProgram({"/bin/sh", "-c",
                     std::string(TANDEM_PROGRAM) + " replay " + replay + " --speed 0.000001 -o " +
                         output + " & replay=$!; until [ -e " + output +
                         "/00000001.segment ]; do sleep 0.01; done; " + then + "; wait $replay"});
}

TEST_F(ReplayPlaces, LeavesNeitherImageNorSnapshotWhenItIsInterrupted) {
  const std::string saves =
      Path("flow") + " --image-out " + Path("image") + " --portable-out " + Path("noon");
  Ran ran = ReplayUntil(saves, Path("cut"), "kill $replay");
  EXPECT_EQ(ran.exit_code, 5) << ran.err;
  const auto lines = Lines(ran.out);
  ASSERT_EQ(lines.size(), 3u) << ran.out;
  EXPECT_TRUE(lines[0].ends_with("; interrupted before the end")) << lines[0];
  EXPECT_EQ(lines[1], "no image was written: the replay ended before its end");
  EXPECT_EQ(lines[2], "no portable snapshot was written: the replay ended before its end");
  ran = ReplayUntil(saves + " --json", Path("again"), "kill $replay");
  EXPECT_TRUE(ran.out.ends_with(",\"image\":null,\"portable\":null}\n")) << ran.out;
  EXPECT_FALSE(std::filesystem::exists(Path("image")));
  EXPECT_FALSE(std::filesystem::exists(Path("noon")));

  ran = Replay({"--image-out", Path("image"), "--portable-out", Path("noon")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  ASSERT_EQ(Lines(ran.out).size(), 3u) << ran.out;
  EXPECT_TRUE(Lines(ran.out)[1].starts_with("image " + Path("image") + " after input 2000: "));
  EXPECT_EQ(Lines(ran.out)[2], "portable snapshot " + Path("noon") + " after input 2000");
  ran = Replay({"--portable-out", Path("evening"), "--json"});
  EXPECT_TRUE(ran.out.ends_with(",\"portable\":{\"input\":2000}}\n")) << ran.out;
}

TEST_F(ReplayPlaces, SaysThatItsOutputsAreWholeIfTheImageCannotBeWritten) {
  const std::string gone = Path("gone");
  std::filesystem::create_directory(gone);
  const Ran ran = RunProgram(
      {"/bin/sh", "-c",
       std::string(TANDEM_PROGRAM) + " replay " + Path("flow") + " --speed 1 -o " + Path("zx") +
           " --image-out " + gone + "/image & replay=$!; until [ -e " + Path("zx") +
           "/00000001.segment ]; do sleep 0.001; done; rmdir " + gone + "; wait $replay"});
  EXPECT_EQ(ran.exit_code, 5) << ran.out;
  EXPECT_TRUE(ran.err.ends_with("; the outputs in " + Path("zx") + " are whole and kept\n"))
      << ran.err;
  EXPECT_EQ(Replay({"--against", Path("zx")}).exit_code, 0);
}

}  // namespace
}  // namespace tandem::test
