// SPDX-License-Identifier: Apache-2.0
//
// diff --all where an output names a cause that lies far from those around it.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tools/diff_all_logs.h"

namespace tandem::test {
namespace {

TEST_F(DiffAll, GoesOnBesideACauseThatLiesFarFromItsNeighbours) {
  // Inputs 1 to 200, but for each tenth, with three answers each.
  std::vector<Answer> a;
  for (std::uint64_t cause = 1; cause <= 200; ++cause) {
    if (cause % 10 == 0) continue;
    for (const char kind : {'a', 't', 'c'}) a.push_back({cause, kind, 1'000 + cause});
  }
  a = Placed(a);
  const auto at = [&](std::uint64_t cause) {  // its first answer
    return static_cast<std::size_t>(
        std::ranges::find_if(a, [&](const Answer& answer) { return answer.cause == cause; }) -
        a.begin());
  };
  struct Case {
    std::string what;
    std::vector<std::size_t> astray;  ///< answers
    std::uint64_t cause;              ///< that they name
    std::vector<std::string> counts;
  };
  const std::string origin = " with another origin";
  const std::vector<Case> cases{
      {"the first", {at(52)}, 9'000, {"  1  Accepted" + origin}},
      {"one between", {at(52) + 1}, 9'000, {"  1  Trade" + origin}},
      {"the last", {at(52) + 2}, 9'000, {"  1  Cancelled" + origin}},
      {"one that is behind", {at(52) + 1}, 3, {"  1  Trade" + origin}},
      {"one that is a little ahead", {at(52) + 1}, 54, {"  1  Trade" + origin}},
      {"all",
       {at(52), at(52) + 1, at(52) + 2},
       9'000,
       {"  1  Accepted" + origin, "  1  Cancelled" + origin, "  1  Trade" + origin}},
      {"the first of all", {0}, 9'000, {"  1  Accepted" + origin}},
      {"the last before the end", {at(199) + 1}, 9'000, {"  1  Trade" + origin}},
      {"many",
       {at(5), at(5) + 1, at(6) + 1, at(7) + 1, at(58) + 1, at(151)},
       18'000'000,
       {"  4  Trade" + origin, "  2  Accepted" + origin}},
  };
  Answers("a", a);
  Write("in", {.messages = 200, .role = replay::kInputRole});
  for (const auto& [what, astray, cause, counts] : cases) {
    std::vector<Answer> b = a;
    for (const std::size_t answer : astray) b[answer].cause = cause;
    Answers("b", b);
    for (const bool swapped : {false, true}) {
      const Ran ran = Tandem({"diff", Path(swapped ? "b" : "a"), Path(swapped ? "a" : "b"), "--all",
                              "--examples", "0"});
      const auto lines = Lines(ran.out);
      ASSERT_GE(lines.size(), 2u) << what << ran.err;
      EXPECT_TRUE(lines[1].ends_with(" have not") || lines[1].ends_with(" has not")) << lines[1];
      EXPECT_NE(lines[1].find(" to 199: "), std::string::npos) << what << lines[1];
      EXPECT_EQ(std::vector(lines.begin() + 2, lines.end()), counts) << what;
    }
    // The cause that there is not is no mistake of the log of the inputs.
    for (const bool all : {false, true}) {
      const Ran ran =
          Tandem({"diff", Path("b"), Path("a"), "--input", Path("in"), all ? "--all" : "--json"});
      EXPECT_EQ(ran.exit_code, 1) << what << ran.err;
    }
    std::filesystem::remove_all(Path("b"));
  }
}

TEST_F(DiffAll, TellsAnOutputMoreWhoseCauseIsAstrayFromThoseAroundIt) {
  std::vector<Answer> a;
  for (std::uint64_t cause = 1; cause <= 100; ++cause) a.push_back({cause, 'a', cause});
  Answers("a", Placed(a));
  a.insert(a.begin() + 50, {9'000, 't', 7});
  a = Placed(a);
  Answers("b", a);
  Write("in", {.messages = 100, .role = replay::kInputRole});
  EXPECT_EQ(Counts({"--input", Path("in")}),
            (std::vector<std::string>{
                "the logs differ first at message 51",
                "compared 51 causes, 51 to 100: 50 have the same outputs, 1 has not",
                "  1  Trade only in B", "exit 1"}));
  const Ran ran = Tandem({"diff", Path("a"), Path("b"), "--all", "--input", Path("in")});
  EXPECT_NE(ran.out.find("      cause: input message 9000, which is not in " + Path("in") + "\n"),
            std::string::npos)
      << ran.out;
}

}  // namespace
}  // namespace tandem::test
