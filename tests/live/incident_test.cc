// SPDX-License-Identifier: Apache-2.0
//
// The way back, as drills: live pairs whose copies begin to differ while clients go on; the
// incident is shown, judged, resolved, the fenced engine rebuilt, and the pair proven healthy.
#include "engine/live/incident.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tests/support/counter_application.h"
#include "tests/support/run_program.h"
#include "tests/support/test_stream.h"
#include "tools/oracle.h"
#include "tools/pair.h"

namespace tandem::tools {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using test::Ran;

class Incident : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tandem-incident-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    pair_.reset();
    if (HasFailure()) {
      std::printf("logs and outputs are in %s\n", folder_.c_str());
    } else {
      fs::remove_all(folder_);
    }
  }

  void MakePair(const std::string& program, std::vector<std::string> application = {}) {
    program_ = program;
    application_ = std::move(application);
    auto made = Pair::Make(program, folder_, "DRILL");
    ASSERT_TRUE(made.ok()) << made.error().text;
    pair_ = std::move(*made);
    ASSERT_TRUE(pair_->Start(RoleId::kSequencer, application_).ok());
  }
  void StartEngine(RoleId role, std::vector<std::string> extra = {}) {
    extra.insert(extra.end(), application_.begin(), application_.end());
    ASSERT_TRUE(pair_->Start(role, extra).ok());
  }
  void StopEngine(RoleId role) {
    ::kill(pair_->pid(role), SIGTERM);
    AwaitThat("the engine ends", [&] { return !pair_->running(role); });
  }
  template <class Condition>
  void AwaitThat(const char* what, Condition condition) {
    for (int waited = 0; !condition(); ++waited) {
      ASSERT_LT(waited, 3'000) << "it never comes about that " << what;
      pair_->RunFor(milliseconds(10));
    }
  }
  Process Begin(const std::string& name, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program_);
    auto process = Process::Start(arguments, folder_ + "/" + name + ".out");
    EXPECT_TRUE(process.ok());
    return std::move(*process);
  }
  /// `tandem ARGUMENTS...` to its end.
  Ran Tandem(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program_);
    return test::RunProgram(arguments);
  }
  /// `tandem incident VERB INCIDENT ARGUMENTS...`
  Ran Say(const std::string& verb, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"incident", verb, incident_});
    return Tandem(std::move(arguments));
  }
  void ExpectSays(const Ran& ran, int exit_code, const std::string& text) {
    EXPECT_EQ(ran.exit_code, exit_code) << ran.out << ran.err;
    EXPECT_NE((ran.out + ran.err).find(text), std::string::npos) << "\"" << text << "\" is not in\n"
                                                                 << ran.out << ran.err;
  }
  void ExpectOneSentence(const Ran& ran, const std::string& text) {
    ExpectSays(ran, 2, text);
    EXPECT_TRUE(ran.err.starts_with("tandem: ")) << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  [[nodiscard]] std::uint64_t published() { return pair_->status(RoleId::kDedup).number(); }

  void AwaitInputs(std::uint64_t count) {
    AwaitThat("there are inputs",
              [&] { return pair_->status(RoleId::kSequencer).number() >= count; });
  }
  /// The last incident there is, once there are `count`.
  void AwaitIncidents(std::size_t count) {
    replay::PosixStorage storage;
    AwaitThat("the copies are found to differ", [&] {
      const auto folders = engine::ListIncidents(storage, Path("merged"));
      if (!folders || folders->size() < count) return false;
      incident_ = folders->back();
      return true;
    });
  }
  void AwaitPublishedAfter(std::uint64_t number) {
    AwaitThat("the merged stream goes on", [&] { return published() > number; });
  }
  /// The fenced engine, whose log is `log`, is rebuilt and proves itself.
  void Rebuild(RoleId role, const std::string& log, std::vector<std::string> extra = {}) {
    ExpectOneSentence(Say("rebuild", {"--engine", Path(log)}), "somebody writes the log");
    StopEngine(role);
    ExpectSays(Say("rebuild", {"--engine", Path(log)}), 0, "which differs at output ");
    EXPECT_TRUE(fs::exists(incident_ + "/set-aside"));
    ExpectSays(Say("rebuild", {"--engine", Path(log)}), 0, "nothing to set aside");
    StartEngine(role, std::move(extra));
    ExpectSays(Say("rebuild", {"--engine", Path(log), "--wait", "60"}), 0, "closed: ");
    ExpectOneSentence(Say("rebuild", {"--engine", Path(log)}), "is closed");
    ExpectSays(Say("show"), 0, "state: closed: ");
  }
  void AwaitSettled() {
    int settled = 0;
    AwaitThat("the pair settles", [&] {
      settled = pair_->Settled() ? settled + 1 : 0;
      return settled >= 10;
    });
  }
  void ExpectSameAsReplay(const std::string& name) {
    const auto sameness = CompareLogs(Path(name), Path("replayed"));
    ASSERT_TRUE(sameness.ok()) << sameness.error().text;
    EXPECT_TRUE(sameness->same) << name << " differs at message " << sameness->difference;
    EXPECT_GT(sameness->messages, 0u);
  }
  void Replay() {
    std::vector<std::string> arguments = {"replay", Path("input"), "-o", Path("replayed")};
    arguments.insert(arguments.end(), application_.begin(), application_.end());
    const Ran ran = Tandem(arguments);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }

  /// Inputs for the drill applications: `count`, each to one of ten counters, and input `bad` to
  /// the one with the defect.
  void WriteFlow(const std::string& name, std::uint64_t count, std::uint64_t bad,
                 std::uint32_t outputs = 0) {
    replay::PosixStorage storage;
    auto log =
        replay::LogWriter::Open(storage, Path(name),
                                {.session = proto::Session("FLOW"),
                                 .role = replay::kInputRole,
                                 .schema = proto::SchemaOf({counter::pb::Add::descriptor()})});
    ASSERT_TRUE(log.ok());
    test::TestStream stream("FLOW");
    for (std::uint64_t i = 1; i <= count; ++i) {
      counter::pb::Add add;
      add.set_counter(i == bad ? 13 : static_cast<std::uint32_t>(i % 10));
      add.set_amount(static_cast<std::int64_t>(i));
      add.set_outputs(outputs);
      log->Append(stream.Add(add));
    }
    ASSERT_TRUE(log->Close().ok());
  }

  std::string folder_;
  std::string program_ = TANDEM_PROGRAM;
  std::vector<std::string> application_;  ///< --app NAME, for whoever steps
  std::unique_ptr<Pair> pair_;
  std::string incident_;
};

constexpr const char* kOrders = "24000";
constexpr const char* kRate = "3000";

TEST_F(Incident, OfAFlippedBitLeadsBackToAPairThatChecksAgain) {
  MakePair(TANDEM_PROGRAM);
  ASSERT_EQ(
      Tandem({"generate", "--orders", kOrders, "--symbols", "2", "--seed", "3", "-o", Path("flow")})
          .exit_code,
      0);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  StartEngine(RoleId::kEngineA);
  Process reader =
      Begin("record", {"record", pair_->stream(RoleId::kDedup), "-o", Path("received")});
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  // B comes late, beyond where its damage shows: what it has to confirm is published by A.
  AwaitInputs(4000);
  StartEngine(RoleId::kEngineB, {"--plant-bitflip", "500"});
  AwaitIncidents(1);
  const std::uint64_t number = std::stoull(fs::path(incident_).filename().string());

  ExpectSays(Tandem({"incident", "list", Path("merged")}), 0, "open: nothing is published");
  ExpectSays(Say("show"), 0, "next: tandem incident judge ");
  const Ran shown = Say("show", {"--input", Path("input")});
  ExpectSays(shown, 0, "INCIDENT: the copies differ at output " + std::to_string(number));
  for (const char* const text :
       {"cause:     ", "  A:  ", "  B:  ", "differs: ", "  build       both", "published: outputs ",
        "are copies of A and unconfirmed"}) {
    EXPECT_NE(shown.out.find(text), std::string::npos) << text << " is not in\n" << shown.out;
  }
  const Ran unconfirmed = Say("show", {"--unconfirmed"});
  EXPECT_TRUE(unconfirmed.out.starts_with("{\"number\":" + std::to_string(number) + ",\"time\":"));

  ExpectOneSentence(Say("rebuild", {"--engine", Path("b")}), "nothing is decided");
  std::ofstream(Path("site.pools"))
      << "dmmeta.basepool  field:book.FDb.order  base:book.FDb.lpool2\n";
  const Ran judged = Say("judge", {"--input", Path("input"), "--a", Path("a"), "--b", Path("b"),
                                   "--other-pools", Path("site.pools")});
  ExpectSays(judged, 0, "VERDICT: engine B was damaged or lied; keep A");
  ExpectSays(judged, 0, "all 4 replays give the answer of A");
  ExpectSays(judged, 0, "has the copy that the deduplicator got");
  ExpectSays(Say("show"), 0, "judged: engine B was damaged or lied; keep A");
  ExpectOneSentence(Say("resolve", {"--keep", "B"}), "give --take-back if that is what you want");
  ExpectOneSentence(Say("resolve", {"--keep", "A", "--take-back"}), "nothing has to be taken back");
  const std::uint64_t halted_at = published();
  ExpectSays(Say("resolve", {"--keep", "A", "--because", "judged", "--wait", "30"}), 0,
             "resolved: the merged stream goes on with A");
  ExpectOneSentence(Say("resolve", {"--keep", "B"}), "is decided already");
  AwaitPublishedAfter(halted_at);
  Rebuild(RoleId::kEngineB, "b");

  // The pair checks again: A may die, and a second flip is found.
  pair_->Kill(RoleId::kEngineA);
  AwaitPublishedAfter(published());
  StartEngine(RoleId::kEngineA);
  AwaitThat("A is back", [&] { return pair_->status(RoleId::kEngineA).number() >= published(); });
  StopEngine(RoleId::kEngineB);
  const std::uint64_t last = pair_->status(RoleId::kEngineB).input_number();
  AwaitInputs(last + 1200);
  AwaitThat("A has stepped them",
            [&] { return pair_->status(RoleId::kEngineA).input_number() >= last + 1200; });
  pair_->RunFor(milliseconds(300));
  StartEngine(RoleId::kEngineB, {"--plant-bitflip", std::to_string(last + 600)});
  AwaitIncidents(2);
  ExpectSays(Say("judge", {"--input", Path("input"), "--runs", "2", "--program-b", program_}), 0,
             "all 4 replays give the answer of A");
  ExpectSays(Say("resolve", {"--keep", "A", "--wait", "30"}), 0, "goes on with A");
  Rebuild(RoleId::kEngineB, "b");

  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  AwaitSettled();
  reader.Signal(SIGTERM);
  EXPECT_EQ(reader.Wait(std::chrono::seconds(20)), 0);
  for (const auto exit_code : pair_->StopAll()) EXPECT_EQ(exit_code, 0);
  Replay();
  for (const char* const name : {"a", "b", "merged", "received"}) ExpectSameAsReplay(name);
}

TEST_F(Incident, WhereTheDamagedCopyWasPublishedTakesItBackOnlyWhenAsked) {
  MakePair(TANDEM_PROGRAM);
  ASSERT_EQ(
      Tandem({"generate", "--orders", "12000", "--symbols", "2", "--seed", "4", "-o", Path("flow")})
          .exit_code,
      0);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  StartEngine(RoleId::kEngineB, {"--plant-bitflip", "500"});
  Process early = Begin("early", {"record", pair_->stream(RoleId::kDedup), "-o", Path("early")});
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  AwaitInputs(1500);
  StartEngine(RoleId::kEngineA);
  AwaitIncidents(1);
  const std::uint64_t number = std::stoull(fs::path(incident_).filename().string());
  const std::uint64_t halted_at = published();
  ASSERT_GE(halted_at, number);

  ExpectSays(Say("judge", {"--input", Path("input")}), 0, " --keep A --take-back\n");
  ExpectOneSentence(Say("resolve", {"--keep", "A"}), "the merged log has to be cut before them");
  ExpectSays(Say("show"), 0, "state: open");
  ExpectSays(Say("resolve", {"--keep", "A", "--take-back", "--wait", "30"}), 0,
             "tell every client that has taken them");
  EXPECT_TRUE(fs::exists(incident_ + "/withdrawn"));
  AwaitPublishedAfter(halted_at);
  // Who holds what was taken back stops; who was not there yet reads on.
  EXPECT_EQ(early.Wait(std::chrono::seconds(30)), 4);
  Process reader =
      Begin("record", {"record", pair_->stream(RoleId::kDedup), "-o", Path("received")});
  Rebuild(RoleId::kEngineB, "b");

  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  AwaitSettled();
  AwaitThat("the reader has it all", [&] {
    replay::PosixStorage storage;
    const auto at = replay::LogReader::LastPosition(storage, Path("received"));
    return at.ok() && at->number == published();
  });
  reader.Signal(SIGTERM);
  EXPECT_EQ(reader.Wait(std::chrono::seconds(20)), 0);
  static_cast<void>(pair_->StopAll());
  Replay();
  for (const char* const name : {"a", "b", "merged", "received"}) ExpectSameAsReplay(name);
  EXPECT_EQ(Tandem({"diff", incident_ + "/withdrawn", Path("early")}).exit_code, 0);
}

TEST_F(Incident, OfASettingThatIsNotInTheInputIsJudgedADefectOfBoth) {
  MakePair(TANDEM_DRILL, {"--app", "site"});
  WriteFlow("flow", 9000, 1000);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup, {"--policy", "agree"}).ok());
  ::setenv("DRILL_SITE", "3", 1);
  StartEngine(RoleId::kEngineA);
  ::setenv("DRILL_SITE", "5", 1);
  StartEngine(RoleId::kEngineB);
  ::unsetenv("DRILL_SITE");
  Process reader =
      Begin("record", {"record", pair_->stream(RoleId::kDedup), "-o", Path("received")});
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  AwaitIncidents(1);
  EXPECT_EQ(fs::path(incident_).filename(), "1000");
  AwaitThat("what both said is out", [&] { return published() == 999; });
  ExpectSays(Say("show", {"--input", Path("input")}), 0, "nothing that is not confirmed");
  EXPECT_EQ(Say("show", {"--unconfirmed"}).out, "");
  ExpectSays(Say("judge", {"--input", Path("input"), "--app", "site"}), 0,
             "VERDICT: a defect of the software that both copies have");

  // Either may be kept, for nothing was published; here B, whose setting is the right one.
  ExpectSays(Say("resolve", {"--keep", "B", "--wait", "30"}), 0, "goes on with B");
  AwaitPublishedAfter(1500);
  StopEngine(RoleId::kEngineA);
  ExpectSays(Say("rebuild", {"--engine", Path("a")}), 0, "which differs at output 1000");
  // With the wrong setting it is not let in, whatever it says from there on.
  ::setenv("DRILL_SITE", "3", 1);
  StartEngine(RoleId::kEngineA);
  AwaitThat("A has stepped it all again",
            [&] { return pair_->status(RoleId::kEngineA).number() > 1500; });
  ExpectSays(Say("rebuild", {"--engine", Path("none"), "--wait", "2"}), 1, "not proven equal yet");
  StopEngine(RoleId::kEngineA);
  ExpectSays(Say("rebuild", {"--engine", Path("a")}), 0, "set-aside-2 now");
  ::setenv("DRILL_SITE", "5", 1);
  StartEngine(RoleId::kEngineA);
  ::unsetenv("DRILL_SITE");
  ExpectSays(Say("rebuild", {"--engine", Path("none"), "--wait", "60"}), 0, "closed: B was kept");

  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  AwaitSettled();
  reader.Signal(SIGTERM);
  EXPECT_EQ(reader.Wait(std::chrono::seconds(20)), 0);
  static_cast<void>(pair_->StopAll());
  ::setenv("DRILL_SITE", "5", 1);
  Replay();
  ::unsetenv("DRILL_SITE");
  for (const char* const name : {"a", "b", "merged", "received"}) ExpectSameAsReplay(name);
}

TEST_F(Incident, OfAnAddressInTheOutputIsJudgedNotDeterministic) {
  MakePair(TANDEM_DRILL, {"--app", "loose"});
  WriteFlow("flow", 6000, 1000);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup, {"--policy", "agree"}).ok());
  StartEngine(RoleId::kEngineA);
  StartEngine(RoleId::kEngineB);
  Process reader =
      Begin("record", {"record", pair_->stream(RoleId::kDedup), "-o", Path("received")});
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  AwaitIncidents(1);
  const Ran judged = Say("judge", {"--input", Path("input"), "--app", "loose"});
  ExpectSays(judged, 0, "VERDICT: the software is not deterministic");
  ExpectSays(judged, 0, "first at output 1000, of input ");
  ExpectSays(judged, 0, "differ there: value is ");
  ExpectSays(judged, 0, "zone at 0x7d0000000000");
  const Ran json = Say("judge", {"--input", Path("input"), "--app", "loose", "--json"});
  ExpectSays(json, 0, "{\"verdict\":\"nondeterminism\",\"keep\":null,\"number\":1000,");

  // What is wrong with the judging is said in a sentence.
  ExpectOneSentence(Say("judge", {"--input", Path("input")}), "there is no application \"book\"");
  ExpectOneSentence(Say("judge", {"--input", Path("merged"), "--app", "loose"}), "holds outputs");
  ExpectOneSentence(Say("judge", {"--input", Path("flow"), "--app", "loose"}),
                    "is of session FLOW, and the incident of session DRILL");
  ExpectOneSentence(Say("show", {"--input", Path("flow")}), "it does not hold the cause");
  ASSERT_EQ(Tandem({"record", pair_->stream(RoleId::kSequencer), "-o", Path("part"), "--to", "900"})
                .exit_code,
            0);
  ExpectOneSentence(Say("judge", {"--input", Path("part"), "--app", "loose"}),
                    "ends at message 900, before input ");
  ExpectOneSentence(Say("show", {"--input", Path("part")}), ", which is named as the cause");
  ASSERT_EQ(Tandem({"record", pair_->stream(RoleId::kSequencer), "-o", Path("late"), "--from",
                    "100", "--to", "1200"})
                .exit_code,
            0);
  ExpectOneSentence(Say("judge", {"--input", Path("late"), "--app", "loose"}),
                    "begins at message 100");

  ExpectSays(Say("resolve", {"--keep", "A", "--wait", "30"}), 0, "goes on with A");
  AwaitPublishedAfter(1500);
  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  AwaitThat("A's answers are out", [&] { return published() == 6000; });
  AwaitThat("the reader has it all", [&] {
    replay::PosixStorage storage;
    const auto at = replay::LogReader::LastPosition(storage, Path("received"));
    return at.ok() && at->number == 6000;
  });
  ExpectSays(Say("show"), 0, "and B is fenced until it has proven equal");
  reader.Signal(SIGTERM);
  EXPECT_EQ(reader.Wait(std::chrono::seconds(20)), 0);
}

#ifdef COUNTER_PLUGIN
TEST_F(Incident, OfTwoBuildsOfALibraryIsJudgedByBoth) {
  MakePair(TANDEM_PROGRAM, {"--app", COUNTER_PLUGIN});
  WriteFlow("flow", 2000, 1000, 1);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup, {"--policy", "agree"}).ok());
  StartEngine(RoleId::kEngineA);
  ASSERT_TRUE(pair_->Start(RoleId::kEngineB, {"--app", COUNTER_DEFECT}).ok());
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  AwaitIncidents(1);
  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  const std::vector<std::string> with_one = {"--input",      Path("input"), "--app",
                                             COUNTER_PLUGIN, "--runs",      "2"};
  ExpectSays(Say("judge", with_one), 1, "give --program-b or --app-b, the `tandem` or the shared ");
  std::vector<std::string> with_both = with_one;
  with_both.insert(with_both.end(), {"--app-b", COUNTER_DEFECT});
  ExpectSays(Say("judge", with_both), 0,
             "VERDICT: the software: the two builds answer this input differently");
  ExpectSays(Say("judge", {"--input", Path("input"), "--app", COUNTER_DEFECT, "--app-a",
                           COUNTER_DEFECT, "--runs", "2"}),
             1, "give the answer of B");

  ExpectSays(Say("resolve", {"--keep", "A", "--wait", "30"}), 0, "goes on with A");
  AwaitPublishedAfter(999);
  Rebuild(RoleId::kEngineB, "b");  // with A's build
  AwaitSettled();
  static_cast<void>(pair_->StopAll());
  Replay();
  for (const char* const name : {"a", "b", "merged"}) ExpectSameAsReplay(name);
}
#endif

TEST_F(Incident, StaysOpenOverARestartOfTheDeduplicator) {
  MakePair(TANDEM_DRILL, {"--app", "loose"});
  WriteFlow("flow", 3000, 1000);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  StartEngine(RoleId::kEngineA);
  StartEngine(RoleId::kEngineB);
  Process submitter =
      Begin("submit", {"submit", Path("flow"), "--to", pair_->submissions(), "--rate", kRate});
  AwaitIncidents(1);
  pair_->Kill(RoleId::kDedup);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  pair_->RunFor(milliseconds(500));
  const std::uint64_t halted_at = published();
  ASSERT_EQ(submitter.Wait(std::chrono::minutes(1)), 0);
  EXPECT_EQ(published(), halted_at);
  EXPECT_EQ(pair_->status(RoleId::kDedup).divergence_number(), 1000u);
  EXPECT_EQ(Tandem({"incident", "list", Path("merged"), "--json"}).out.find("[{\"folder\":"), 0u);

  // A decision that is made while there is no deduplicator is taken up by the next one, and the
  // fence outlives another.
  pair_->Kill(RoleId::kDedup);
  replay::PosixStorage storage;
  const auto record = engine::ReadIncident(storage, incident_);
  ASSERT_TRUE(record.ok()) << record.error().text;
  const std::size_t keep = record->incident.published_side;
  ExpectSays(Say("resolve", {"--keep", engine::NameOfSide(keep)}), 0,
             "next: start the deduplicator");
  ExpectOneSentence(Say("rebuild", {"--engine", Path(keep == 0 ? "b" : "a")}),
                    "has not taken up the decision");
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  AwaitThat("it is all out", [&] { return published() == 3000; });
  pair_->Kill(RoleId::kDedup);
  ASSERT_TRUE(pair_->Start(RoleId::kDedup).ok());
  pair_->RunFor(milliseconds(1500));
  ExpectSays(Say("show"), 0, "is fenced until it has proven equal");
  EXPECT_EQ(published(), 3000u);
}

TEST_F(Incident, CommandsSayWhatIsWrongWithAFolder) {
  for (const char* const verb : {"show", "judge", "resolve", "rebuild"}) {
    std::vector<std::string> arguments;
    if (verb == std::string("judge")) arguments = {"--input", Path("input")};
    if (verb == std::string("resolve")) arguments = {"--keep", "A"};
    if (verb == std::string("rebuild")) arguments = {"--engine", Path("b")};
    incident_ = Path("nothing");
    ExpectOneSentence(Say(verb, arguments), "there is no folder " + incident_);
    incident_ = folder_;
    ExpectOneSentence(Say(verb, arguments), "is not the folder of an incident");
    std::ofstream(Path("facts.txt")) << "tandem incident: 1\n";
    ExpectOneSentence(Say(verb, arguments), "facts.txt is damaged");
    fs::remove(Path("facts.txt"));
    ExpectSays(Tandem({"incident", verb, "--help"}), 0, "Example:\n  tandem incident ");
  }
  ExpectOneSentence(Tandem({"incident", "list", Path("nothing")}),
                    "give the folder of a merged log");
  fs::create_directories(Path("merged"));
  ExpectSays(Tandem({"incident", "list", Path("merged")}), 0, "there are no incidents of");
  fs::create_directories(Path("merged.incidents/7"));
  ExpectSays(Tandem({"incident", "list", Path("merged")}), 2, "is not the folder of an incident");
  ExpectSays(Tandem({"incident"}), 2, "");
  ExpectSays(Tandem({"incident", "resolve", folder_, "--keep", "C"}), 2, "--keep");
}

}  // namespace
}  // namespace tandem::tools
