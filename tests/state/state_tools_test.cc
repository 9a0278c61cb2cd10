// SPDX-License-Identifier: Apache-2.0
//
// `tandem state`, `audit` and `bisect` as a person runs them: on what replays of an order flow
// leave, sound and with a bit flipped that no output has shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/instrumented.h"
#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class StateTools : public LogTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    Do({"generate", "--orders", "3000", "--symbols", "4", "--users", "2", "--seed", "5", "-o",
        Path("flow")});
    std::filesystem::create_directories(Path("a"));
    std::filesystem::create_directories(Path("b"));
  }

  static std::string Do(const std::vector<std::string>& arguments, int exit_code = 0) {
    const Ran ran = Tandem(arguments);
    EXPECT_EQ(ran.exit_code, exit_code) << ran.out << ran.err;
    return ran.out + ran.err;
  }
  /// An image of what the flow makes up to input `at`, with a fault planted after `fault`.
  std::string Image(const std::string& name, std::uint64_t at, std::uint64_t fault = 0) {
    std::vector<std::string> arguments = {"state",  Path("flow"), "--at", std::to_string(at),
                                          "--save", Path(name)};
    if (fault != 0) {
      arguments.push_back("--plant-fault");
      arguments.push_back(std::to_string(fault));
    }
    Do(arguments);
    return Path(name);
  }
  std::string Audit(int exit_code, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"audit",      "--a",         Path("a"),
                                          "--b",        Path("b"),     "--input",
                                          Path("flow"), "--incidents", Path("incidents")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Do(arguments, exit_code);
  }
};

TEST_F(StateTools, SayWhatAnImageHolds) {
  const std::string image = Image("image", 500);
  const std::string text = Do({"state", image});
  EXPECT_THAT(text, HasSubstr("stands       session GENERATED after input 500, digest "));
  EXPECT_THAT(text, HasSubstr("application  book, behaviour version 1, build "));
  EXPECT_THAT(text, HasSubstr("\nbook.FDb.order "));
  EXPECT_THAT(text, HasSubstr("\nroot  resume_point.input.number:500  resume_point.input.digest:"));
  EXPECT_THAT(text, HasSubstr("  state.symbols_max:10000  state.open:Y  state.all_halted:N"));
  const std::string json = Do({"state", image, "--json"});
  EXPECT_THAT(json, StartsWith("{\"image\":"));
  EXPECT_THAT(json, HasSubstr("\"session\":\"GENERATED\",\"input\":500,"));
  EXPECT_THAT(json, HasSubstr("{\"name\":\"book.FDb.order\",\"kind\":\"Tpool\",\"base\":\"book.FDb."
                              "lpool\",\"type\":\"book.Order\",\"live\":"));
}

TEST_F(StateTools, PrintTheElementsThatAreAskedFor) {
  const std::string image = Image("image", 500);
  const std::vector<std::string> symbols = Lines(Do({"state", image, "--pool", "symbol"}));
  ASSERT_EQ(symbols.size(), 4u);
  EXPECT_THAT(symbols[0], StartsWith("book.FDb.symbol#0  key:"));
  const std::vector<std::string> orders =
      Lines(Do({"state", image, "--pool", "book.FDb.order", "--limit", "0", "--json"}));
  ASSERT_GT(orders.size(), 10u);
  EXPECT_THAT(orders[0], MatchesRegex("\\{\"pool\":\"book.FDb.order\",\"number\":[0-9]+,"
                                      "\"address\":\"0x7e8[0-9a-f]+\",\"fields\":\\{\"client\":"
                                      "\"book.FDb.client#[0-9]+\",\"id\":[0-9]+,.*"));
  std::uint64_t of_both = 0;
  for (const char* user : {"U1", "U2"}) {
    of_both += Lines(Do({"state", image, "--pool", "order", "--limit", "0", "--where",
                         std::string("client.user=") + user}))
                   .size();
  }
  EXPECT_EQ(of_both, orders.size());
  EXPECT_THAT(Do({"state", image, "--pool", "order", "--limit", "1"}),
              HasSubstr("elements more; --limit 0 shows all"));
}

TEST_F(StateTools, PrintAQueueOfPointersInItsOrder) {
  const std::string image = Image("image", 2500);
  const std::vector<std::string> lines =
      Lines(Do({"state", image, "--pool", "level", "--queue", "first,next", "--limit", "0"}));
  const auto field = [](const std::string& line, const std::string& name) {
    const std::size_t at = line.find("  " + name + ":");
    if (at == std::string::npos) return std::string();
    const std::size_t begin = at + name.size() + 3;
    return line.substr(begin, line.find("  ", begin) - begin);
  };
  // Each level's orders are linked both ways, are its own, and add up to its size.
  std::string level;
  std::string last;
  std::string before = "null";
  std::uint64_t left = 0;
  std::size_t longest = 0;
  std::size_t queued = 0;
  for (const std::string& line : lines) {
    if (line.starts_with("  ")) {
      const std::string name = line.substr(2, line.find("  ", 2) - 2);
      EXPECT_EQ(field(line, "level"), level);
      EXPECT_EQ(field(line, "previous"), before) << line;
      before = name;
      left -= std::stoull(field(line, "left"));
      longest = std::max(longest, ++queued);
      continue;
    }
    EXPECT_EQ(left, 0u) << level;
    EXPECT_EQ(before, last.empty() ? "null" : last) << level;
    level = line.substr(0, line.find("  "));
    last = field(line, "last");
    left = std::stoull(field(line, "size"));
    before = "null";
    queued = 0;
  }
  EXPECT_EQ(left, 0u);
  EXPECT_GT(longest, 1u);
  EXPECT_THAT(
      Do({"state", image, "--pool", "level", "--queue", "first,next", "--limit", "1", "--json"}),
      HasSubstr(",\"queue\":[{\"pool\":\"book.FDb.order\",\"number\":"));
  const auto wrong = [&](const std::string& pool, const std::string& queue) {
    return Do({"state", image, "--pool", pool, "--queue", queue}, 2);
  };
  EXPECT_THAT(wrong("level", "first"), HasSubstr("--queue first names no queue"));
  EXPECT_THAT(wrong("level", "first,price"), HasSubstr(" has no field price; "));
  EXPECT_THAT(wrong("level", "first,level.first"), HasSubstr("the queue of book.FDb.level#"));
  EXPECT_THAT(wrong("order", "id,next"), HasSubstr(", which is no live element"));
  EXPECT_EQ(Tandem({"state", image, "--queue", "first,next"}).exit_code, 2);
}

TEST_F(StateTools, RefuseWhatIsNotThere) {
  const std::string image = Image("image", 500);
  EXPECT_THAT(Do({"state", image, "--pool", "trade"}, 2),
              AllOf(HasSubstr("there is no pool trade"), HasSubstr("book.FDb.order")));
  EXPECT_THAT(Do({"state", image, "--pool", "order", "--where", "price=5"}, 2),
              HasSubstr("no element has a field price"));
  EXPECT_THAT(Do({"state", image, "--where", "price"}, 2), HasSubstr("is no condition"));
  EXPECT_THAT(Do({"state", image, "--at", "7"}, 2), HasSubstr("for the state that an input log"));
  EXPECT_THAT(Do({"state", Path("flow"), "--at", "3001"}, 2), HasSubstr("ends at message 3000"));
  FlipByte("image", -5000);
  EXPECT_THAT(Do({"state", image}, 2), HasSubstr("is damaged"));
  EXPECT_EQ(Tandem({"state", Path("nothing")}).exit_code, 2);
}

TEST_F(StateTools, CompareTwoStates) {
  const std::string image = Image("image", 500);
  EXPECT_THAT(Do({"state", image, Image("again", 500)}), HasSubstr("the states are the same: "));
  const std::string damaged = Image("damaged", 500, 500);
  const std::vector<std::string> lines = Lines(Do({"state", image, damaged}, 1));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(lines[2], MatchesRegex("  book.FDb.order#[0-9]+ left: [0-9]+ \\| [0-9]+"));
  EXPECT_EQ(lines[3], "the states differ: 1 field; 1 byte in all");
  EXPECT_THAT(
      Do({"state", image, damaged, "--json"}, 1),
      HasSubstr("\"same\":false,\"by_bytes\":true,\"bytes\":1,\"count\":1,\"fields\":1,"
                "\"differences\":[{\"pool\":\"book.FDb.order\",\"element\":\"book.FDb.order#"));
  // A log takes the place of an image.
  EXPECT_THAT(Do({"state", image, Path("flow"), "--at", "500"}), HasSubstr("are the same"));
  EXPECT_THAT(Do({"state", image, Path("flow"), "--at", "501"}, 1), HasSubstr("resume_point"));
}

TEST_F(StateTools, CompareStatesAtTwoAddressesByTheirFields) {
  const std::string image = Image("image", 2000);
  EXPECT_THAT(
      Do({"state", image, Path("flow"), "--at", "2000", "--zone-address", "0x7d0000000000"}),
      HasSubstr("the states are the same in all fields"));
}

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
                          StartsWith("nothing is proven of engine B: no image of it in ")));
  EXPECT_THAT(Lines(Do({"audit", "--a", Path("b"), "--input", Path("flow")})),
              ElementsAre(StartsWith("start: engine A after input 1500, "),
                          StartsWith("same: engine A after input 2000, "),
                          "audited up to input 2000: images that were the same: 1 of A, 0 of B"));
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

TEST_F(StateTools, BisectNamesTheFieldAndTheMessageAfterWhichItWasThere) {
  std::filesystem::create_directories(Path("images"));
  Image("images/1", 1000);
  Image("images/2", 2000);
  Image("images/3", 2100, 2050);
  const std::string text = Do({"bisect", Path("images"), "--input", Path("flow")}, 1);
  EXPECT_THAT(text, HasSubstr("what the input makes of it after input 2000, and not after input "
                              "2100"));
  EXPECT_THAT(text, HasSubstr("one flipped bit explains all of it: 0x0"));
  EXPECT_THAT(text, HasSubstr(" of the byte at book.FDb.order#"));
  EXPECT_THAT(text, HasSubstr(" left\nwhen:    after input "));
  const std::string json = Do({"bisect", Path("images"), "--input", Path("flow"), "--json"}, 1);
  const std::size_t at = json.find("\"earliest\":");
  ASSERT_NE(at, std::string::npos) << json;
  const std::uint64_t earliest = std::stoull(json.substr(at + 11));
  const std::uint64_t latest = std::stoull(json.substr(json.find("\"latest\":") + 9));
  EXPECT_LE(earliest, 2050u) << text;
  EXPECT_GE(latest, 2050u) << text;
  EXPECT_GT(earliest, 2000u) << "the order was touched since, so it cannot have come before";
}

TEST_F(StateTools, BisectNamesTheVeryMessageWhereImagesStandCloseTogether) {
  std::filesystem::create_directories(Path("images"));
  Image("images/1", 2049);
  Image("images/2", 2050, 2050);
  EXPECT_THAT(Do({"bisect", Path("images"), "--input", Path("flow"), "--from-start"}, 1),
              HasSubstr("what the input makes of it after input 2049, and not after input 2050"));
}

TEST_F(StateTools, BisectDoesNotTakeADigestOfOutputsForBytesThatWereDamaged) {
  const auto bisect = [this](const std::string& image) {
    return Do({"bisect", image, "--input", Path("flow"), "--from-start"}, 1);
  };
  const std::string spread = bisect(Image("spread", 2800, 2500));
  EXPECT_THAT(spread, AllOf(HasSubstr("resume_point.output.digest: "),
                            HasSubstr("outputs: their running digest differs, so by then"),
                            HasSubstr("no flip of bits that differ explains it"),
                            Not(HasSubstr("explain all of it"))));
  EXPECT_THAT(bisect(Image("found", 3000, 2500)),
              AllOf(HasSubstr("outputs: their running digest differs, so by then"),
                    HasSubstr("one flipped bit explains all of it: 0x01"),
                    HasSubstr("after input 2500 at the earliest")));
}

TEST_F(StateTools, BisectFindsNothingWhereNothingIs) {
  Image("a/1", 1000);
  Image("a/2", 2000);
  EXPECT_THAT(Do({"bisect", Path("a"), "--input", Path("flow"), "--from-start"}),
              HasSubstr("2 images are what a replay makes, up to input 2000"));
  EXPECT_THAT(Do({"bisect", "--input", Path("flow"), "--zone-address-b", "0x7d0000000000"}),
              HasSubstr("both states are the same after input 3000, field by field"));
  EXPECT_THAT(Do({"bisect", "--input", Path("flow")}, 2), HasSubstr("give images of one engine"));
}

#ifdef TALLY_SOUND
class TallyStates : public StateTools {
 protected:
  void SetUp() override {
    LogTools::SetUp();
    std::ofstream votes(Path("votes.jsonl"));
    for (int i = 1; i <= 1000; ++i) {
      votes << R"({"type":"Vote","user":"U1","payload":{"candidate":)" << (i % 4) << "}}\n";
    }
    votes.close();
    Do({"import", "jsonl", Path("votes.jsonl"), "--session", "VOTE", "--app", TALLY_SOUND, "-o",
        Path("votes")});
  }
};

TEST_F(TallyStates, AreScannedForWordsThatLeadOutOfTheZone) {
  if (tests::UnderValgrind()) GTEST_SKIP() << "its libraries lie where small numbers lead";
  EXPECT_EQ(Do({"state", Path("votes"), "--app", TALLY_SOUND, "--scan"}),
            "no word of the state leads out of its zone\n");
  const std::string save = Path("stray.image");
  Do({"state", Path("votes"), "--app", TALLY_STRAY, "--save", save});
  EXPECT_THAT(Do({"state", save, "--scan"}, 1),
              AllOf(StartsWith("root+"), HasSubstr(" (state.all) holds 0x7"),
                    HasSubstr("\n1 word of the state leads out of its zone")));
  EXPECT_THAT(Do({"state", save, "--scan", "--json"}, 1),
              AllOf(StartsWith("{\"place\":\"root+"), HasSubstr("\"free\":false}\n")));
  EXPECT_THAT(Do({"state", save, save, "--scan"}, 2), HasSubstr("--scan looks at one image"));
}

// Two builds with the same answers, whose states drift apart.
TEST_F(TallyStates, AreBisectedToTheFirstMessageAfterWhichTwoBuildsDiffer) {
  // Candidate 3 gets votes 3, 7, 11 ...; the 101st is input 403, the first that is a multiple of 5
  // behind it input 415.
  const std::string text =
      Do({"bisect", "--input", Path("votes"), "--app", TALLY_SOUND, "--app-b", TALLY_OFF}, 1);
  EXPECT_THAT(text, HasSubstr("the same after input 414, and differ after input 415"));
  EXPECT_THAT(text, HasSubstr("\"candidate\":3"));
  EXPECT_THAT(text, HasSubstr("\n  root state.votes.3: 104 | 105\n"));
  EXPECT_THAT(Do({"bisect", "--input", Path("votes"), "--app", TALLY_SOUND, "--app-b", TALLY_OFF,
                  "--to", "414"}),
              HasSubstr("are the same after input 414"));
}
#endif

}  // namespace
}  // namespace tandem::test
