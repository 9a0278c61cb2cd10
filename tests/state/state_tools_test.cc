// SPDX-License-Identifier: Apache-2.0
//
// `tandem state` and `bisect` as a person runs them: on what replays of an order flow leave, sound
// and with a bit flipped that no output has shown.
#include "tests/state/state_tools.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/instrumented.h"

namespace tandem::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

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
