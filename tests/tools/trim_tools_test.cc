// SPDX-License-Identifier: Apache-2.0
//
// trim as a person runs it.
#include <gtest/gtest.h>

#include "tests/tools/log_tools.h"

namespace tandem::test {
namespace {

TEST_F(LogTools, TrimTakesTheBeginningAndSaysSo) {
  Write("log", {.messages = 300, .role = replay::kMergedRole, .segment_bytes = 12 << 10});
  Write("whole", {.messages = 300});
  Ran ran = Tandem({"trim", Path("log"), "--before", "200", "--dry-run"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("would take ")) << ran.out;
  ran = Tandem({"trim", Path("log"), "--before", "200"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("took ")) << ran.out;
  EXPECT_NE(ran.out.find(" with messages 1 to "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("; the log " + Path("log") + " begins at message "), std::string::npos)
      << ran.out;
  ran = Tandem({"diff", Path("log"), Path("whole")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"verify", Path("log")});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  ran = Tandem({"trim", Path("log"), "--before", "2012-06-21T13:30:00.000000002"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(
      ran.out.starts_with("nothing to take: no segment lies before "
                          "2012-06-21T13:30:00.000000002 as a whole; the log "))
      << ran.out;
  ran = Tandem({"trim", Path("log"), "--before", "13:30:00.00000028", "--json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.starts_with("{\"segments\":")) << ran.out;
  EXPECT_TRUE(ran.out.ends_with(",\"done\":true}\n")) << ran.out;
}

TEST_F(LogTools, TrimSaysThatNothingOfTheLogIsToBeKept) {
  Write("log", {.messages = 300, .role = replay::kMergedRole, .segment_bytes = 12 << 10});
  const auto note = [this](const std::string& before) {
    return "tandem: note: --before " + before + " is beyond the end: " + Path("log") +
           " ends with message 300; its last segment stays\n";
  };
  Ran ran = Tandem({"trim", Path("log"), "--before", "300", "--dry-run"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  for (const std::string before : {"301", "2030-01-01"}) {
    ran = Tandem({"trim", Path("log"), "--before", before, "--dry-run"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_EQ(ran.err, note(before));
  }
  ran = Tandem({"trim", Path("log"), "--before", "999"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_TRUE(ran.out.starts_with("took ")) << ran.out;
  EXPECT_EQ(ran.err, note("999"));
  ran = Tandem({"trim", Path("log"), "--before", "999"});
  EXPECT_TRUE(ran.out.starts_with("nothing to take: ")) << ran.out;
  EXPECT_EQ(ran.err, note("999"));
}

TEST_F(LogTools, TrimKeepsWhatARoleBeginsWithUnlessItIsAnArchive) {
  for (const auto& [role, why] :
       {std::pair{replay::kInputRole, "an engine and a replay begin with message 1 of their input"},
        std::pair{replay::kOutputRole,
                  "an engine that is started again compares its outputs with its log from message "
                  "1 on"}}) {
    Write(role.str(), {.messages = 300, .role = role, .segment_bytes = 12 << 10});
    Ran ran = Tandem({"trim", Path(role.str()), "--before", "200"});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.err,
              "tandem: the log " + Path(role.str()) + " is of role \"" + role.str() + "\", and " +
                  why + "; give --archive if nothing will be started on this copy of it again\n");
    ran = Tandem({"trim", Path(role.str()), "--before", "200", "--archive"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(ran.out.starts_with("took ")) << ran.out;
  }
}

}  // namespace
}  // namespace tandem::test
