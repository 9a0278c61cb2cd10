// SPDX-License-Identifier: Apache-2.0
//
// Who may log in and what for: the users file and its tool, passwords at every kind of port, who
// guesses them, operators. No password and no hash may be seen in what any program says.
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "engine/transport/users.h"
#include "tandem/control.pb.h"
#include "tandem/status.pb.h"
#include "tests/live/live_test.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using Words = std::vector<std::string>;

const std::string kAccepted = "A      TEST                   1";
const std::string kWrong = "wrong#Pw1";  ///< what guessers try

class Logins : public LiveTest {
 protected:
  /// Writes the users file with the tool.
  void AddUser(const std::string& name, const std::string& rights, const std::string& password) {
    WriteFile("password", password + "\n");
    std::string output;
    EXPECT_EQ(Shell("users add " + Path("users") + " " + name + " --rights " + rights + " < " +
                        Path("password"),
                    &output),
              0)
        << output;
    WriteFile(name + ".password", password + "\n");
  }
  void AddUsers() {
    AddUser("ALICE", "submit", "al1ce!pw");
    AddUser("READER", "read", "re4der!pw");
    AddUser("OPER", "operator", "op3rator!p");
    AddUser("A", "read", "eng!A");
    AddUser("dedup", "read", "ded!up");
  }
  int Shell(const std::string& command, std::string* output) {
    const std::string file = Path("shell" + std::to_string(++shells_) + ".out");
    const int status =
        std::system((std::string(TANDEM_PROGRAM) + " " + command + " > " + file + " 2>&1").c_str());
    *output = Text(file);
    return WEXITSTATUS(status);
  }
  void WriteFile(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
    ::chmod(Path(name).c_str(), 0600);
  }
  static std::string Text(const std::string& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  std::string PasswordFile(const std::string& name) { return Path(name + ".password"); }

  /// The answer to a login: "A...", "JA", or what else comes.
  static std::string LogIn(std::uint16_t port, const std::string& user,
                           const std::string& password) {
    return LoggedIn(port, user, password).second;
  }
  static std::pair<RawPeer, std::string> LoggedIn(std::uint16_t port, const std::string& user,
                                                  const std::string& password) {
    RawPeer peer = RawPeer::Connect(port);
    std::string payload = LoginPayload(user, "", "1");
    payload.replace(6, password.size(), password);
    peer.Send('L', payload);
    std::string answer = peer.Next();
    return {std::move(peer), std::move(answer)};
  }

  /// No file of the test's folder but the password files may hold one of these.
  void ExpectNoSecrets() {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file() || entry.path().string().ends_with("password")) continue;
      const std::string text = Text(entry.path());
      for (const char* const secret :
           {"al1ce!pw", "re4der!pw", "op3rator!p", "eng!A", "ded!up", "wrong#Pw1"}) {
        EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << entry.path();
      }
      if (entry.path().filename() == "users") continue;
      EXPECT_EQ(text.find("$y$"), std::string::npos) << "a hash in " << entry.path();
    }
  }

 private:
  int shells_ = 0;
};

TEST_F(Logins, NeedThePasswordAndTheRightAtEveryKindOfPort) {
  AddUsers();
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  Program engine =
      Start({"engine", "--name", "A", "--input", At(sequencer.stream), "--log", Path("a"),
             "--stream", "0", "--users", Path("users"), "--password-file", PasswordFile("A")});
  const std::uint16_t output = engine.PortAfter("output on ");
  Program dedup =
      Start({"dedup", "--a", At(output), "--b", "1", "--log", Path("merged"), "--stream", "0",
             "--users", Path("users"), "--password-file", PasswordFile("dedup")});
  const std::uint16_t merged = dedup.PortAfter("merged stream on ");
  const std::uint16_t submissions = sequencer.submissions;

  auto [alice, answer] = LoggedIn(submissions, "ALICE", "al1ce!pw");
  EXPECT_EQ(answer, kAccepted);
  alice.Submit(1, 9999);
  EXPECT_EQ(alice.Acknowledgements(1), "1");
  AwaitMessages("merged", 1);  // the engine and the deduplicator have logged in, too

  EXPECT_EQ(LogIn(submissions, "ALICE", kWrong), "JA");
  EXPECT_EQ(LogIn(submissions, "ALICE", ""), "JA");
  EXPECT_EQ(LogIn(submissions, "ALICE", "al1ce!p"), "JA");
  EXPECT_EQ(LogIn(submissions, "NOBODY", kWrong), "JA");
  EXPECT_EQ(LogIn(submissions, "READER", "re4der!pw"), "JA");
  for (const std::uint16_t port : {sequencer.stream, output, merged}) {
    SCOPED_TRACE(port);
    EXPECT_EQ(LogIn(port, "READER", "re4der!pw"), kAccepted);
    EXPECT_EQ(LogIn(port, "READER", kWrong), "JA");
    EXPECT_EQ(LogIn(port, "NOBODY", kWrong), "JA");
    EXPECT_EQ(LogIn(port, "ALICE", "al1ce!pw"), "JA");
    EXPECT_EQ(LogIn(port, "", ""), "JA");
  }
  EXPECT_TRUE(sequencer.program.Says("wrong user or password: \"NOBODY\""));
  EXPECT_TRUE(sequencer.program.Says("user READER may read and nothing else"));
  // A wrong login before has cost her nothing.
  alice.Submit(2, 9999);
  EXPECT_EQ(alice.Acknowledgements(1), "2");
  for (Program* const program : {&dedup, &engine, &sequencer.program}) {
    EXPECT_EQ(program->Stop(SIGTERM), 0);
  }
  ExpectNoSecrets();
}

TEST_F(Logins, OfTandemsOwnClientsTakeThePasswordFromAFile) {
  AddUsers();
  AddUser("U1", "submit", "al1ce!pw");
  WriteLog("flow", replay::kInputRole, 20);
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  std::string output;
  EXPECT_EQ(Run({"submit", Path("flow"), "--to", At(sequencer.submissions), "--password-file",
                 PasswordFile("U1")},
                &output),
            0)
      << output;
  ExpectEnds({"submit", Path("flow"), "--to", At(sequencer.submissions)}, 5,
             "does not admit user \"U1\"");
  // One file may hold the passwords of many.
  WriteFile("many.password", "# of all\nREADER re4der!pw\nU1 al1ce!pw\nOPER op3rator!p\n");
  EXPECT_EQ(Run({"record", At(sequencer.stream), "--to", "20", "-o", Path("recorded"), "--user",
                 "READER", "--password-file", Path("many.password")},
                &output),
            0)
      << output;
  EXPECT_EQ(Run({"control", At(sequencer.submissions), "--password-file", Path("many.password"),
                 "activate", "2"},
                &output),
            0)
      << output;
  ExpectEnds({"control", At(sequencer.submissions), "--user", "U1", "--password-file",
              PasswordFile("U1"), "activate", "2"},
             5, "submission 21 has type 4; clients may submit types from 100 on");
  ::chmod(Path("many.password").c_str(), 0644);
  EXPECT_EQ(
      Run({"control", At(sequencer.submissions), "--password-file", Path("many.password"), "end"},
          &output),
      0);
  EXPECT_NE(output.find("other users of this host may read"), std::string::npos) << output;
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectNoSecrets();
}

TEST_F(Logins, AreWhatStatusSaysIsMissing) {
  AddUser("watch", "read", "w4tch!er");
  AddUser("READER", "read", "re4der!pw");
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  const std::string at = At(sequencer.stream);
  std::string output;
  EXPECT_EQ(Run({"status", at}, &output), 1);
  EXPECT_NE(output.find("LOGIN"), std::string::npos) << output;
  EXPECT_NE(output.find("NOT HEALTHY: a role at " + at +
                        " is up, but says nothing of itself: it requires a login; give "
                        "--password-file FILE with the password of user `watch`"),
            std::string::npos)
      << output;
  EXPECT_EQ(Run({"status", at, "--json"}, &output), 1);
  EXPECT_NE(output.find("\"state\":\"login\""), std::string::npos) << output;
  EXPECT_EQ(Run({"status", at, "--password-file", PasswordFile("READER")}, &output), 1);
  EXPECT_NE(output.find("it does not take the password given for user `watch`"), std::string::npos)
      << output;
  EXPECT_EQ(Run({"status", at, "--password-file", PasswordFile("watch")}, &output), 0) << output;
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
}

TEST_F(Logins, AreReadAgainOnHangUp) {
  AddUsers();
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  auto [alice, answer] = LoggedIn(sequencer.submissions, "ALICE", "al1ce!pw");
  EXPECT_EQ(answer, kAccepted);
  auto [reader, accepted] = LoggedIn(sequencer.stream, "READER", "re4der!pw");
  EXPECT_EQ(accepted, kAccepted);

  WriteFile("users.bak", Text(Path("users")));
  WriteFile("users", "ALICE submit\n");
  sequencer.program.Signal(SIGHUP);
  EXPECT_TRUE(sequencer.program.Says("users, line 1: user ALICE has 2 words where 3 belong"));
  alice.Submit(1, 100);
  EXPECT_EQ(alice.Acknowledgements(1), "1");

  std::filesystem::rename(Path("users.bak"), Path("users"));
  AddUser("BOB", "submit", "b0b");
  std::string output;
  for (const char* const gone : {"ALICE", "READER"}) {
    EXPECT_EQ(Shell(std::string("users remove ") + Path("users") + " " + gone, &output), 0);
  }
  sequencer.program.Signal(SIGHUP);
  EXPECT_EQ(alice.UntilClosed(), Words{"+user \"ALICE\" may not log in any more"});
  const Words rest = reader.UntilClosed();
  ASSERT_FALSE(rest.empty());
  EXPECT_EQ(rest.back(), "+user \"READER\" may not log in any more");
  EXPECT_EQ(LogIn(sequencer.submissions, "BOB", "b0b"), kAccepted);
  EXPECT_EQ(LogIn(sequencer.submissions, "ALICE", "al1ce!pw"), "JA");
}

TEST_F(Logins, OfAGuesserAreSlowedDownAndHoldNobodyUp) {
  AddUsers();
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  auto [alice, answer] = LoggedIn(sequencer.submissions, "ALICE", "al1ce!pw");
  // Sixty logins wait for their answers at once; others are served meanwhile.
  std::vector<RawPeer> guessers;
  for (int i = 0; i < 60; ++i) {
    guessers.push_back(RawPeer::Connect(sequencer.submissions));
    std::string payload = LoginPayload("OPER", "", "1");
    payload.replace(6, kWrong.size(), kWrong);
    guessers.back().Send('L', payload);
  }
  for (std::uint64_t i = 1; i <= 100; ++i) {
    alice.Submit(i, 100);
    ASSERT_EQ(alice.Acknowledgements(1), std::to_string(i));
  }
  for (RawPeer& guesser : guessers) EXPECT_EQ(guesser.UntilClosed(), Words{"JA"});
  // From now on even the right password is not looked at, but those of others are.
  for (int i = 0; i < 20; ++i) EXPECT_EQ(LogIn(sequencer.submissions, "OPER", kWrong), "JA");
  EXPECT_TRUE(sequencer.program.Says("too many logins with a wrong password came from there"));
  EXPECT_EQ(LogIn(sequencer.submissions, "ALICE", "al1ce!pw").substr(0, 1), "A");
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  ExpectNoSecrets();
}

TEST_F(Logins, WithoutAUsersFileAreForAnybodyAndOperatorsAreOnThisHost) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer oper = RawPeer::Connect(sequencer.submissions);
  oper.Login("OPER", 1);
  EXPECT_EQ(oper.Next(), kAccepted);
  pb::Activate activate;
  activate.set_version(2);
  oper.Submit(1, 4, activate.SerializeAsString());
  EXPECT_EQ(oper.Acknowledgements(1), "1");
  oper.Submit(2, 4, "\xff");
  EXPECT_EQ(oper.UntilClosed(), Words{"+the payload is no Activate"});
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 1);
  EXPECT_EQ(client.Next(), kAccepted);
  client.Submit(1, 4, activate.SerializeAsString());
  EXPECT_EQ(client.UntilClosed(),
            Words{"+submission 1 has type 4; clients may submit types from 100 on, and operators "
                  "this one too"});
}

TEST_F(Logins, OfAnOperatorMaySkipOnlyWhatNoEngineHasStepped) {
  Sequencer sequencer = StartSequencer("input");
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login("U1", 1);
  EXPECT_EQ(client.Next(), kAccepted);
  client.Submit(1, 100);
  const std::uint64_t number = HeaderIn(client.Next(), 1).number;
  client.Submit(2, 100);
  const std::uint64_t next = HeaderIn(client.Next(), 1).number;
  const auto skip = [&](std::uint64_t which) {
    return Words{"control", At(sequencer.submissions), "skip", std::to_string(which), "--reason",
                 "a test"};
  };
  ExpectEnds(skip(next + 1'000'000), 5, "there is no input " + std::to_string(next + 1'000'000));
  if (number > 1) ExpectEnds(skip(1), 5, "input 1 is no message of the application");
  ExpectEnds(skip(number), 5, "no engine has said which input it has stepped");

  RawPeer engine = RawPeer::Connect(sequencer.stream);
  engine.Login("A", 1);
  EXPECT_EQ(engine.Next(), kAccepted);
  const auto report = [&](std::uint64_t input_number) {
    pb::Status status;
    status.set_role("engine");
    status.set_name("A");
    status.set_input_number(input_number);
    engine.Send('U', TextOf(Submission(0, status)));
  };
  report(next - 1);
  report(1);  // started anew; what it had stepped counts
  // What was submitted next comes after what the engine said.
  ExpectEnds(skip(number), 5,
             "engine A has stepped input " + std::to_string(next - 1) + ", so input " +
                 std::to_string(number) + " does not stop it");
  // As soon as it is a second old.
  std::string output;
  for (int tries = 0; tries < 100 && Run(skip(next), &output) != 0; ++tries) {
    ASSERT_NE(output.find("is less than a second old"), std::string::npos) << output;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_NE(output.find("the skip is input "), std::string::npos) << output;
  EXPECT_EQ(sequencer.program.Stop(SIGTERM), 0);
  std::string log;
  for (const std::string& line : ReadLog("input")) log += line + "\n";
  EXPECT_EQ(Count(log, " 3 OPER 1 "), 1u) << log;
}

TEST(Users, OfAFileAreReadLineByLine) {
  const std::string hash =
      "$y$j7T$9/5EGkf3chDExUzXZ7UES1$jJoNa23i5ZUcfBCqiMhz.9H5LLWhucNz.QuBIdRtktB";
  const auto users =
      engine::ParseUsers("# people\n\n  A   read,submit " + hash + "\r\nB operator " + hash, "f");
  ASSERT_TRUE(users.ok()) << users.error().text;
  Words lines;
  for (const auto& [name, user] : *users) {
    lines.push_back(name + " " + engine::RightsText(user.rights) + (user.hash == hash ? "" : "?"));
  }
  EXPECT_EQ(lines, (Words{"A submit,read", "B operator"}));
  EXPECT_TRUE(engine::PasswordMatches("secretpass", hash));
  EXPECT_FALSE(engine::PasswordMatches("secretpasS", hash));
  const auto again = engine::ParseUsers(engine::FormatUsers(*users), "g");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->size(), 2u);
}

TEST(Users, OfAFileThatIsWrongAreRefusedWithItsLine) {
  const std::string hash =
      "$y$j7T$9/5EGkf3chDExUzXZ7UES1$jJoNa23i5ZUcfBCqiMhz.9H5LLWhucNz.QuBIdRtktB";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"A read", "f, line 1: user A has 2 words where 3 belong: NAME RIGHTS HASH"},
      {"\n#\nA read " + hash + " x", "f, line 3: user A has 4 words where 3 belong"},
      {"TOOLONG read " + hash, "f, line 1: the first word is no user name"},
      {"A+ read " + hash, "f, line 1: the first word is no user name"},
      {"A write " + hash, "f, line 1: \"write\" is no right; write submit, read or operator"},
      {"A read, " + hash, ""},
      {"A , " + hash, "f, line 1: \"\" is no right"},
      {"A read plain", "f, line 1: the password hash of user A is none that crypt(5) knows"},
      {"A read $zz$abcdefghijk", "f, line 1: the password hash of user A is none"},
      {"A read " + hash + "\nA read " + hash, "f, line 2: user A is there twice"},
  };
  for (const auto& [text, sentence] : cases) {
    const auto users = engine::ParseUsers(text, "f");
    if (sentence.empty()) {
      EXPECT_TRUE(users.ok()) << text;
      continue;
    }
    ASSERT_FALSE(users.ok()) << text;
    EXPECT_TRUE(users.error().text.starts_with(sentence)) << users.error().text;
    EXPECT_EQ(users.error().text.find(hash), std::string::npos);
  }
}

TEST_F(Logins, AreWrittenByATool) {
  std::string output;
  AddUser("ALICE", "submit,read", "al1ce!pw");
  AddUser("BOB", "operator", "b0b");
  struct stat information {};
  ASSERT_EQ(::stat(Path("users").c_str(), &information), 0);
  EXPECT_EQ(information.st_mode & 0777, 0600u);
  EXPECT_EQ(Run({"users", "list", Path("users")}, &output), 0);
  EXPECT_EQ(output, "ALICE  submit,read\nBOB    operator\n");
  const auto users = engine::LoadUsers(Path("users"));
  ASSERT_TRUE(users.ok());
  EXPECT_TRUE(engine::PasswordMatches("al1ce!pw", users->at("ALICE").hash));
  EXPECT_FALSE(engine::PasswordMatches("b0b", users->at("ALICE").hash));

  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"printf '\\n'", "the password is empty"},
      {"printf 'elevenchars\\n'", "the password has 11 characters"},
      {"printf 'a b\\n'", "the password has a blank"},
  };
  for (const auto& [password, sentence] : wrong) {
    const std::string file = Path("users");
    EXPECT_EQ(Shell("users add " + file + " EVE < $(" + password + " > " + Path("in") + "; echo " +
                        Path("in") + ")",
                    &output),
              2);
    EXPECT_NE(output.find(sentence), std::string::npos) << output;
  }
  ExpectEnds({"users", "remove", Path("users"), "EVE"}, 2, "has no user EVE");
  ExpectEnds({"users", "add", Path("users"), "TOOLONG"}, 2, "is no user name");
  ExpectEnds({"users", "add", Path("users"), "EVE", "--rights", "all"}, 2, "\"all\" is no right");
  ExpectEnds({"sequencer", "--log", Path("input"), "--session", "TEST", "--submissions", "0",
              "--stream", "0", "--users", Path("missing")},
             2, "cannot read");
  ::chmod(Path("users").c_str(), 0644);
  Sequencer sequencer = StartSequencer("input", {"--users", Path("users")});
  EXPECT_TRUE(sequencer.program.Says("other users of this host may read " + Path("users")));
}

}  // namespace
}  // namespace tandem::test
