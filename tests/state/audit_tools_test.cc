// SPDX-License-Identifier: Apache-2.0
//
// `tandem audit` as a person runs it, by hand, followed, and through `tandem status`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/state/state_tools.h"

namespace tandem::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(StateTools, AuditProvesTheImagesOfBothEngines) {
  Image("a/1", 1000);
  Image("b/1", 1500);
  Image("a/2", 2500);
  EXPECT_THAT(Lines(Audit(0)),
              ElementsAre(StartsWith("start: engine A after input 1000, "),
                          AllOf(StartsWith("same: engine B after input 1500, "),
                                HasSubstr("replayed from input 1000")),
                          AllOf(StartsWith("same: engine A after input 2500, "),
                                HasSubstr("replayed from input 1500")),
                          "audited up to input 2500: images that were the same: 1 of A, 1 of B"));
  EXPECT_FALSE(std::filesystem::exists(Path("incidents")));
}

// Followed, an engine that is behind leaves its images when the other one's were looked at already.
TEST_F(StateTools, AuditGoesBackForAnEngineThatIsBehind) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  const std::string made = Image("made", 1500, 1500);
  // It comes when the audit has said that it stands after input 2000.
  const std::string status = Path("status");
  ASSERT_EQ(std::system(("(timeout 60 sh -c 'until grep -q input.:2000, " + status +
                         "; do sleep 0.01; done' 2> /dev/null; cp " + made + " " + Path("b/.1") +
                         "; mv " + Path("b/.1") + " " + Path("b/1") + ") &")
                            .c_str()),
            0);
  const std::string text = Audit(4, {"--follow", "--every", "0.05", "--status", status});
  EXPECT_THAT(text, HasSubstr("same: engine A after input 2000, "));
  EXPECT_THAT(text, HasSubstr("differs: engine B after input 1500, "));
  EXPECT_THAT(text, HasSubstr("replayed:  from " + Path("a/1") +
                              ", input 1000, which nobody else has "
                              "proven"));
}

TEST_F(StateTools, AuditPassesByAnImageOfAStateThatBeganWithAnotherSnapshot) {
  Image("a/1", 1000);
  Image("a/2", 2500);
  Do({"replay", Path("flow"), "--to", "500", "--portable-out", Path("noon")});
  for (const char* to : {"1500", "2000"}) {
    Do({"replay", Path("flow"), "--portable", Path("noon"), "--to", to, "--image-out",
        Path("b/" + std::string(to))});
  }
  const auto passed_by = HasSubstr(
      "is of a state that began with a portable snapshot after input 500, and the replay began "
      "with input 1: both answer alike");
  EXPECT_THAT(Lines(Audit(1)),
              ElementsAre(StartsWith("start: engine A after input 1000, "), passed_by, passed_by,
                          StartsWith("same: engine A after input 2500, "),
                          "audited up to input 2500: images that were the same: 1 of A, 0 of B",
                          StartsWith("not proven: "),
                          StartsWith("nothing is proven of engine B: no image of it in ")));
  EXPECT_THAT(Lines(Do({"audit", "--a", Path("b"), "--input", Path("flow")})),
              ElementsAre(StartsWith("start: engine A after input 1500, "),
                          StartsWith("same: engine A after input 2000, "),
                          "audited up to input 2000: images that were the same: 1 of A, 0 of B",
                          StartsWith("not proven: ")));
  EXPECT_THAT(Do({"bisect", Path("b"), "--input", Path("flow"), "--from-start"}, 2),
              HasSubstr("began with a portable snapshot after input 500"));
}

TEST_F(StateTools, AuditPassesByAnImageFromAnotherAddress) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  Do({"state", Path("flow"), "--at", "1500", "--save", Path("b/1"), "--zone-address",
      "0x7d0000000000"});
  EXPECT_THAT(Lines(Audit(1)),
              ElementsAre(StartsWith("start: engine A after input 1000, "),
                          HasSubstr("is of a zone at 0x7d0000000000, and the replay has its zone "
                                    "at 0x7e8000000000: their pointers differ"),
                          StartsWith("same: engine A after input 2000, "),
                          "audited up to input 2000: images that were the same: 1 of A, 0 of B",
                          StartsWith("not proven: "),
                          StartsWith("nothing is proven of engine B: no image of it in ")));
}

TEST_F(StateTools, AuditPassesByWhatIsDamagedOrOfAnotherInputAndSaysSo) {
  Do({"generate", "--orders", "3000", "--symbols", "4", "--users", "2", "--seed", "6", "-o",
      Path("other")});
  const auto image_of_other = [this](const std::string& name, const char* at) {
    Do({"state", Path("other"), "--at", at, "--save", Path(name)});
  };
  image_of_other("a/1", "500");
  Image("a/2", 900);
  FlipByte("a/2", -5000);
  Image("a/3", 1000);
  image_of_other("b/1", "1200");
  Image("b/2", 1300);
  FlipByte("b/2", -5000);
  std::ofstream(Path("b/3")) << "no image";
  Image("b/4", 1500);
  for (const bool from_start : {false, true}) {
    const std::string text = Audit(
        0, from_start ? std::vector<std::string>{"--from-start"} : std::vector<std::string>{});
    EXPECT_THAT(
        Lines(text),
        ElementsAre(StartsWith("passed by: " + Path("b/3") + ": "),
                    AllOf(StartsWith("passed by: " + Path("a/1") + ": "),
                          HasSubstr("it is of another input")),
                    AllOf(StartsWith("passed by: " + Path("a/2") + ": "), HasSubstr("is damaged")),
                    StartsWith(from_start ? "same: engine A after input 1000, "
                                          : "start: engine A after input 1000, "),
                    AllOf(StartsWith("passed by: " + Path("b/1") + ": "),
                          HasSubstr("it is of another input")),
                    AllOf(StartsWith("passed by: " + Path("b/2") + ": "), HasSubstr("is damaged")),
                    StartsWith("same: engine B after input 1500, "),
                    StartsWith("audited up to input 1500: ")));
  }
  EXPECT_THAT(
      Do({"bisect", Path("b"), Path("a/3"), "--input", Path("flow")}, 2),
      AllOf(HasSubstr("passed by: " + Path("b/2") + ": "),
            HasSubstr("passed by: " + Path("b/3") + ": "), HasSubstr("it is of another input")));
}

TEST_F(StateTools, AuditDoesNotSayYesOfAnEngineWithoutAnImage) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  std::ofstream(Path("b/1")) << "no image";
  const std::string text = Audit(1);
  EXPECT_THAT(text, HasSubstr("passed by: " + Path("b/1") + ": "));
  EXPECT_THAT(text, HasSubstr("nothing is proven of engine B: no image of it in " + Path("b")));
  EXPECT_THAT(Audit(1, {"--json"}), HasSubstr("{\"event\":\"unproven\",\"engine\":\"B\"}"));
  Do({"audit", "--a", Path("a"), "--input", Path("flow")});
}

TEST_F(StateTools, AuditFindsABitThatNoOutputHasShown) {
  Image("a/1", 1000);
  Image("b/1", 1500);
  Image("a/2", 2000, 1990);
  const std::string text = Audit(4, {"--status", Path("status.json")});
  EXPECT_THAT(text,
              HasSubstr("the state of engine A after input 2000 is not what the input makes"));
  EXPECT_THAT(text, HasSubstr("verdict:   damage: two replays agree"));
  EXPECT_THAT(text, HasSubstr("book.FDb.order#"));
  const std::string incident = Path("incidents/2000");
  for (const char* file : {"facts.txt", "report.txt", "differences.jsonl", "image", "start"}) {
    EXPECT_TRUE(std::filesystem::exists(incident + "/" + file)) << file;
  }
  EXPECT_THAT(Do({"incident", "show", incident}), StartsWith("STATE INCIDENT: "));
  std::ifstream status(Path("status.json"));
  std::string json;
  std::getline(status, json);
  EXPECT_THAT(json, HasSubstr("\"state\":\"found a difference, see " + incident + "\""));
  // The folder alone is enough to go on.
  EXPECT_THAT(Do({"bisect", incident, "--input", Path("flow")}, 1),
              HasSubstr("after input 1000, and not after input 2000"));
}

// That A was right after input 2000 says nothing of what B had then.
TEST_F(StateTools, AuditSaysSinceWhenTheAccusedEngineItselfWasNotProven) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  Image("b/1", 1500);
  Image("b/2", 2010, 1990);
  const std::string text = Audit(4);
  EXPECT_THAT(text, HasSubstr("replayed:  from " + Path("a/2") + ", input 2000, which was equal"));
  EXPECT_THAT(text, HasSubstr("Between input 1500, of which its image was equal, and 2010 its "));
  EXPECT_THAT(text, HasSubstr("move its images of input 1501 and later away"));
  const std::string found = Do({"bisect", Path("incidents/2010"), "--input", Path("flow")}, 1);
  EXPECT_THAT(found, HasSubstr("after input 1500, and not after input 2010"));
  EXPECT_THAT(found, HasSubstr("one flipped bit explains all of it: 0x01"));
}

TEST_F(StateTools, AuditSaysNothingOfTheTimeBeforeTheFirstImageOfTheAccusedEngine) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  Image("b/1", 2010, 1990);
  EXPECT_THAT(Audit(4), HasSubstr("verdict:   undecided"))
      << "what A's first image has wrong, its second one has, too";
  const std::string text = Audit(4, {"--from-start"});
  EXPECT_THAT(text, HasSubstr("No image of it was proven before: at some time before input 2010 "));
  EXPECT_THAT(text, HasSubstr("next: stop engine B, move its images away, and start it again"));
  const std::string next = "next: tandem bisect " + Path("incidents/2010.2") + " --input " +
                           Path("flow") + " --from-start\n";
  EXPECT_THAT(text, HasSubstr(next));
  EXPECT_FALSE(std::filesystem::exists(Path("incidents/2010.2/start")));
  EXPECT_THAT(Do({"bisect", Path("incidents/2010.2"), "--input", Path("flow"), "--from-start"}, 1),
              HasSubstr("after input 0, and not after input 2010"));
}

TEST_F(StateTools, AuditDoesNotSayWhoIsWrongBeforeItKnows) {
  Image("a/1", 1000, 900);
  Image("b/1", 1500);
  EXPECT_THAT(Audit(4), HasSubstr("verdict:   undecided"));
  const std::string proven = Audit(4, {"--from-start"});
  EXPECT_THAT(proven, HasSubstr("the state of engine A after input 1000"));
  EXPECT_THAT(proven, HasSubstr("verdict:   damage"));
}

TEST_F(StateTools, AuditRefusesImagesOfAnotherInput) {
  Image("a/1", 1000);
  Do({"generate", "--orders", "3000", "--symbols", "4", "--users", "2", "--seed", "6", "-o",
      Path("other")});
  Do({"state", Path("other"), "--at", "1500", "--save", Path("b/1")});
  EXPECT_THAT(Audit(2), HasSubstr("it is of another input"));
  std::filesystem::remove(Path("b/1"));
  EXPECT_THAT(Audit(2), HasSubstr("there was nothing to compare"));
}

TEST_F(StateTools, AuditPassesByAnImageOfOtherChainsAndNamesTheSetting) {
  std::ofstream(Path("apart.pools"))
      << "dmmeta.basepool  field:book.FDb.order  base:book.FDb.sbrk\n";
  Image("a/1", 1000);
  Do({"state", Path("flow"), "--at", "1500", "--save", Path("b/1"), "--pools",
      Path("apart.pools")});
  Image("a/2", 2000);
  const std::string why =
      "was written with other settings of pools, so equal states lie elsewhere: the base of pool "
      "book.FDb.order, which is book.FDb.sbrk there and ";
  EXPECT_THAT(Lines(Audit(1)),
              ElementsAre(StartsWith("start: engine A after input 1000, "),
                          AllOf(StartsWith("passed by: " + Path("b/1") + ": the image "),
                                HasSubstr(why), HasSubstr("; give the --pools that it was ")),
                          StartsWith("same: engine A after input 2000, "),
                          "audited up to input 2000: images that were the same: 1 of A, 0 of B",
                          StartsWith("not proven: "),
                          StartsWith("nothing is proven of engine B: no image of it in ")));
  EXPECT_THAT(Do({"bisect", Path("b/1"), "--from-start", "--input", Path("flow")}, 2),
              HasSubstr(why));
  EXPECT_THAT(Do({"bisect", Path("a"), Path("b"), "--input", Path("flow")}),
              AllOf(HasSubstr("tandem: note: passed by: the image " + Path("b/1") + " " + why),
                    HasSubstr("1 images are what a replay makes, up to input 2000\n")));
  Do({"audit", "--a", Path("b"), "--input", Path("flow"), "--from-start", "--pools",
      Path("apart.pools")});
}

TEST_F(StateTools, AuditSaysThatNothingProvesTheImageThatItBeginsWith) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  const std::vector<std::string> alone{"audit", "--a", Path("a"), "--input", Path("flow")};
  const std::string text =
      "not proven: what was wrong after input 1000 already, in the image of engine A that it began "
      "with; --from-start proves that, too\n";
  EXPECT_THAT(Do(alone), HasSubstr(text));
  auto from_start = alone;
  from_start.emplace_back("--from-start");
  EXPECT_THAT(Do(from_start), Not(HasSubstr("not proven")));
  auto json = alone;
  json.emplace_back("--json");
  EXPECT_THAT(Do(json),
              HasSubstr("{\"event\":\"begins unproven\",\"engine\":\"A\",\"input\":1000}\n"));
  Image("b/1", 1500);
  EXPECT_THAT(Audit(0), Not(HasSubstr("not proven")));
}

TEST_F(StateTools, StatusIsNotHealthyWhileAnAuditPassesByEveryImage) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  std::ofstream(Path("b/1")) << "no image";
  std::ofstream(Path("b/2")) << "no image";
  const std::string toml = Path("pair.toml");
  std::ofstream(toml) << "session = \"TEST\"\nfolder = \"day\"\n[sequencer]\nsubmissions = 1\n"
                         "stream = 2\n[engine.A]\nimages = \"a\"\nstream = 3\n[engine.B]\n"
                         "images = \"b\"\nstream = 4\n[audit]\n";
  std::filesystem::create_directories(Path("day"));
  const std::string file = Path("day/audit.json");
  const Ran ran = RunProgram(
      {"/bin/sh", "-c",
       "cd \"$1\"; \"$0\" audit --a a --b b --input flow --follow --status day/audit.json > said & "
       "audit=$!; "
       "timeout 30 sh -c 'until grep -q same_a.:1 day/audit.json; do sleep 0.01; done' 2> "
       "/dev/null; "
       "\"$0\" status pair.toml --wait 1; kill $audit; wait $audit",
       TANDEM_PROGRAM, folder_},
      std::chrono::seconds(60));
  std::ifstream status(file);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(status), {}),
              AllOf(HasSubstr("\"images_a\":2,\"passed_by_a\":0"),
                    HasSubstr("\"images_b\":2,\"passed_by_b\":2"),
                    HasSubstr("\"begins_unproven_at\":1000")));
  EXPECT_THAT(ran.out,
              HasSubstr("1 images of A, 0 of B, passed by 2 of 2 images of B; begun with an "
                        "image that nothing proves, of input 1000\n"));
  EXPECT_THAT(ran.out,
              HasSubstr("NOT HEALTHY: audit has passed by 2 of 2 images of B, and compared "
                        "none; what it printed says why\n"));
}

TEST_F(StateTools, RefuseNamesThatAreEmptyAndOptionsWithoutTheirUse) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"audit", "--a", "a", "--b", "", "--input", "flow"}, "--b: \"\" is no folder; name one"},
      {{"audit", "--a", "a", "--input", "flow", "--every", "1"}, "--every requires --follow"},
      {{"replay", "flow", "--image", "", "-o", "o"}, "--image: \"\" is no file; name one"},
      {{"replay", "flow", "--portable", "", "-o", "o"}, "--portable: \"\" is no folder; name one"},
      {{"replay", "flow", "-o", ""}, "--output: \"\" is no folder; name one"},
      {{"check", "flow", "--other", ""}, "--other: \"\" is no application; name one"},
      {{"bisect", "a", "--input", "flow", "--to", "9"}, "--to is the last input of two replays"},
      {{"bisect", "--input", Path("flow"), "--zone-address-b", "0x7d0000000000", "--to", "3001"},
       "ends at message 3000; --to 3001 is not in it"},
  };
  for (const auto& [arguments, sentence] : cases) {
    EXPECT_THAT(Do(arguments, 2), HasSubstr(sentence));
  }
}

}  // namespace
}  // namespace tandem::test
