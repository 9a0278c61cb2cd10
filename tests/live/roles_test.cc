// SPDX-License-Identifier: Apache-2.0
//
// The live roles with a storage that is watched and made to fail: what is synced and written when,
// what is acknowledged and published when, and how a role ends when its disk does.
#include <atomic>
#include <condition_variable>

#include "engine/live/dedup_role.h"
#include "engine/live/engine_role.h"
#include "engine/live/record_role.h"
#include "engine/live/sequencer_role.h"
#include "tests/live/live_test.h"
#include "tests/live/role_thread.h"
#include "tests/support/echo_application.h"
#include "tests/support/test_stream.h"

namespace tandem::test {
namespace {

using engine::Durability;
using Operation = WatchedStorage::Operation;
using Lines = std::vector<std::string>;

const engine::Endpoint kAnyPort{.host = "127.0.0.1", .port = "0"};

/// A segment has ".new" in its name until its first bytes are written.
bool IsSegment(const std::string& path) { return path.find(".segment") != std::string::npos; }

/// Heartbeats would be bytes on a connection that should have none.
engine::ConnectionLimits NoHeartbeats() {
  engine::ConnectionLimits limits;
  limits.heartbeat = std::chrono::hours(1);
  return limits;
}

engine::ConnectionLimits QuickRetries() {
  engine::ConnectionLimits limits;
  limits.backoff = std::chrono::milliseconds(20);
  return limits;
}

/// What happens to a log while one client submits "submission 1", "submission 2" ..., each after
/// the acknowledgement of the one before. Thread-safe.
class Diary {
 public:
  /// Notes writes that hold a submission, and the first sync after each.
  Status Note(Operation operation, const std::string& path, std::string_view data) {
    const std::lock_guard lock(mutex_);
    if (operation == Operation::kSync && IsSegment(path)) ++syncs_;
    const std::size_t found = data.find("submission ");
    if (operation == Operation::kWrite && found != std::string_view::npos && IsSegment(path)) {
      writing_ = std::string(data.substr(found, data.find('.', found) - found));
      Add("write");
      if (writing_ == fail_at_ && !fails_at_sync_) fails_ = true;
    } else if (operation == Operation::kSync && IsSegment(path) && !writing_.empty()) {
      Add("sync");
      if (writing_ == fail_at_ && fails_at_sync_) fails_ = true;
      writing_.clear();
    }
    if (fails_) return Error::Failure("cannot work on " + path + ": No space left on device");
    return {};
  }
  /// From this write, or this sync, on everything fails.
  void FailAt(const std::string& submission, bool at_sync) {
    const std::lock_guard lock(mutex_);
    fail_at_ = submission;
    fails_at_sync_ = at_sync;
  }
  void Look(const RawPeer* client) {
    const std::lock_guard lock(mutex_);
    client_ = client;
  }
  [[nodiscard]] Lines lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] int syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

 private:
  void Add(const std::string& what) {
    const bool answered = client_ != nullptr && client_->HasInput();
    lines_.push_back(what + " " + writing_ + (answered ? ", acknowledged already" : ""));
  }

  mutable std::mutex mutex_;
  const RawPeer* client_ = nullptr;
  std::string writing_;
  std::string fail_at_;
  bool fails_at_sync_ = false;
  bool fails_ = false;
  int syncs_ = 0;
  Lines lines_;
};

class Roles : public LiveTest {
 protected:
  engine::SequencerRoleOptions Sequencing(Durability durability) const {
    engine::SequencerRoleOptions options;
    options.folder = Path("input");
    options.session = proto::Session("TEST");
    options.submissions = kAnyPort;
    options.stream = kAnyPort;
    options.durability = durability;
    options.limits = NoHeartbeats();
    return options;
  }
  engine::EngineRoleOptions Engine(const RawServer& input) const {
    engine::EngineRoleOptions options;
    options.name = "A";
    options.folder = Path("a");
    options.input = {.host = "127.0.0.1", .port = std::to_string(input.port())};
    options.stream = kAnyPort;
    options.limits = QuickRetries();
    return options;
  }
  engine::DedupRoleOptions Dedup(const RawServer& a, const RawServer& b) const {
    engine::DedupRoleOptions options;
    options.folder = Path("merged");
    options.engines = {engine::Endpoint{.host = "127.0.0.1", .port = std::to_string(a.port())},
                       engine::Endpoint{.host = "127.0.0.1", .port = std::to_string(b.port())}};
    options.stream = kAnyPort;
    options.limits = QuickRetries();
    return options;
  }
  engine::RecordRoleOptions Record(const RawServer& from) const {
    engine::RecordRoleOptions options;
    options.folder = Path("recorded");
    options.from = {.host = "127.0.0.1", .port = std::to_string(from.port())};
    options.limits = QuickRetries();
    return options;
  }

  RawPeer LogIn(std::uint64_t number = 0) {
    RawPeer client = RawPeer::Connect(log_.PortAfter("submissions on "));
    client.Login("U1", number);
    return client;
  }
  static void Submit(RawPeer& client, int number) {
    client.Submit(static_cast<std::uint64_t>(number), 100,
                  "submission " + std::to_string(number) + ".");
  }

  /// The application messages of a log, as "user origin payload-size".
  Lines Submissions(const std::string& name) {
    Lines lines;
    for (const std::string& line : ReadLog(name)) {
      if (line.find(" 100 ") != std::string::npos) lines.push_back(line.substr(line.find("U1")));
    }
    return lines;
  }

  CapturedLog log_;
  Diary diary_;
  WatchedStorage storage_{
      [this](Operation operation, const std::string& path, std::string_view data) {
        return diary_.Note(operation, path, data);
      }};
  replay::PosixStorage files_;
};

TEST_F(Roles, AlwaysMeansWrittenThenSyncedThenAcknowledged) {
  RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kAlways), storage_);
  RawPeer client = LogIn();
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  diary_.Look(&client);
  Lines expected;
  for (int i = 1; i <= 20; ++i) {
    Submit(client, i);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(i));
    expected.push_back("write submission " + std::to_string(i));
    expected.push_back("sync submission " + std::to_string(i));
  }
  EXPECT_EQ(diary_.lines(), expected);
  diary_.Look(nullptr);
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
}

TEST_F(Roles, NoneMeansWrittenThenAcknowledgedAndSyncedAtTheEnd) {
  RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kNone), storage_);
  RawPeer client = LogIn();
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  diary_.Look(&client);
  const int syncs_before = diary_.syncs();
  Lines expected;
  for (int i = 1; i <= 20; ++i) {
    Submit(client, i);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(i));
    expected.push_back("write submission " + std::to_string(i));
  }
  EXPECT_EQ(diary_.lines(), expected);
  EXPECT_EQ(diary_.syncs(), syncs_before);
  diary_.Look(nullptr);
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
  EXPECT_GT(diary_.syncs(), syncs_before);
}

TEST_F(Roles, AnEpochIsOnTheDiskBeforeAnyOfItIsAcknowledged) {
  for (int life = 0; life < 3; ++life) {
    const std::uint64_t held = life == 0 ? 0 : ReadLog("input").size();
    log_.Clear();
    RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kNone), storage_);
    RawPeer client = LogIn();
    EXPECT_EQ(client.Next().substr(0, 1), "A");
    Submit(client, 2 * life + 1);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(2 * life + 1));
    Submit(client, 2 * life + 2);
    EXPECT_EQ(client.Acknowledgements(1), std::to_string(2 * life + 2));
    auto log = replay::LogReader::Open(files_, Path("input"), {});
    ASSERT_TRUE(log.ok()) << log.error().text;
    const auto mark = log->ReadMark();
    ASSERT_TRUE(mark.ok()) << mark.error().text;
    EXPECT_GT(mark->mark.number, held);
    // And no more than the write that it began with: this is durability none.
    EXPECT_LT(mark->mark.number, log->LastPosition(files_, Path("input"))->number);
    EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
  }
}

TEST_F(Roles, IntervalMeansSyncedSoonWithoutBeingAsked) {
  RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kInterval), storage_);
  RawPeer client = LogIn();
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  diary_.Look(&client);
  Submit(client, 1);
  EXPECT_EQ(client.Acknowledgements(1), "1");
  diary_.Look(nullptr);
  const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
  while (diary_.lines().size() < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(diary_.lines(), (Lines{"write submission 1", "sync submission 1"}));
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
}

/// A write and a sync that fail, in the mode of durability where each stands before the
/// acknowledgement.
struct FailingCommit {
  Durability durability;
  bool at_sync;
};
class FailingCommits : public Roles, public testing::WithParamInterface<FailingCommit> {};

TEST_P(FailingCommits, AcknowledgeNothingMoreAndLoseNothing) {
  diary_.FailAt("submission 4", GetParam().at_sync);
  {
    RoleThread<engine::SequencerRole> sequencer(Sequencing(GetParam().durability), storage_);
    RawPeer reader = RawPeer::Connect(log_.PortAfter(", stream on "));
    reader.Login("R", 1);
    EXPECT_EQ(reader.Next(), "A      TEST                   1");
    RawPeer client = LogIn();
    EXPECT_EQ(client.Next(), "A      TEST                   1");
    for (int i = 1; i <= 3; ++i) {
      Submit(client, i);
      EXPECT_EQ(client.Acknowledgements(1), std::to_string(i));
    }
    Submit(client, 4);
    EXPECT_EQ(client.UntilClosed(), Lines{});
    EXPECT_EQ(sequencer.Wait(), ExitCode::kFailure);
    Lines published;
    for (const std::string& packet : reader.UntilClosed()) {
      if (HeaderIn(packet, 1).type == 100) published.push_back(packet.substr(1 + 64));
    }
    EXPECT_EQ(published, (Lines{"submission 1.", "submission 2.", "submission 3."}));
  }
  const Lines errors = log_.errors();
  ASSERT_EQ(errors.size(), 1u) << log_.text();
  EXPECT_NE(errors[0].find("No space left on device"), std::string::npos) << errors[0];

  log_.Clear();
  RoleThread<engine::SequencerRole> sequencer(Sequencing(GetParam().durability), files_);
  RawPeer client = LogIn(4);
  // A write that failed half-way is cut; what only could not be synced is there.
  EXPECT_EQ(client.Next(), "A      TEST                   4");
  Submit(client, 4);
  Submit(client, 5);
  EXPECT_EQ(client.Acknowledgements(2), "4 5");
  EXPECT_EQ(sequencer.Stop(), ExitCode::kYes);
  EXPECT_EQ(Submissions("input"), (Lines{"U1 1 13", "U1 2 13", "U1 3 13", "U1 4 13", "U1 5 13"}));
  ExpectVerifies("input");
}

INSTANTIATE_TEST_SUITE_P(Roles, FailingCommits,
                         testing::Values(FailingCommit{Durability::kNone, false},
                                         FailingCommit{Durability::kInterval, false},
                                         FailingCommit{Durability::kAlways, false},
                                         FailingCommit{Durability::kAlways, true}),
                         [](const auto& info) {
                           const Durability durability = info.param.durability;
                           return std::string(info.param.at_sync ? "Sync" : "Write") +
                                  (durability == Durability::kNone       ? "WithNone"
                                   : durability == Durability::kInterval ? "WithInterval"
                                                                         : "WithAlways");
                         });

TEST_F(Roles, ASyncThatFailsInTheIntervalEndsTheSequencer) {
  diary_.FailAt("submission 1", true);
  RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kInterval), storage_);
  RawPeer client = LogIn();
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  Submit(client, 1);
  EXPECT_EQ(client.Acknowledgements(1), "1");
  EXPECT_EQ(sequencer.Wait(), ExitCode::kFailure);
  EXPECT_EQ(log_.errors().size(), 1u) << log_.text();
}

TEST_F(Roles, ASyncThatFailsAtTheEndIsSaid) {
  diary_.FailAt("submission 1", true);
  RoleThread<engine::SequencerRole> sequencer(Sequencing(Durability::kNone), storage_);
  RawPeer client = LogIn();
  EXPECT_EQ(client.Next(), "A      TEST                   1");
  Submit(client, 1);
  EXPECT_EQ(client.Acknowledgements(1), "1");
  EXPECT_EQ(sequencer.Stop(), ExitCode::kFailure);
  EXPECT_EQ(log_.errors().size(), 1u) << log_.text();
}

/// A stream of type-200 messages with payloads "submission 1.", "submission 2." ..., and more of it
/// than fits the log in which the third one cannot be written.
class FailingLogs : public Roles {
 protected:
  FailingLogs() {
    for (int i = 1; i <= 5; ++i) {
      messages_.push_back(stream_.Add(200, "submission " + std::to_string(i) + "."));
    }
  }

  /// Sends messages `from` to `to`, from 1.
  void Serve(RawPeer& peer, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i <= to; ++i) peer.Send('S', TextOf(messages_[i - 1]));
  }
  void ExpectOneFullDisk() {
    const Lines errors = log_.errors();
    ASSERT_EQ(errors.size(), 1u) << log_.text();
    EXPECT_NE(errors[0].find("No space left on device"), std::string::npos) << errors[0];
    log_.Clear();
  }

  TestStream stream_{"TEST"};
  std::vector<Bytes> messages_;
  std::string login_;
};

TEST_F(FailingLogs, EndARecorderThatGoesOnLaterWithoutGapOrRepeat) {
  RawServer server;
  diary_.FailAt("submission 3", false);
  {
    RoleThread<engine::RecordRole> recorder(Record(server), storage_);
    RawPeer peer = server.AcceptLoginOf(&login_);
    EXPECT_EQ(login_, "record 1 ");
    peer.AcceptLogin("TEST", 1);
    Serve(peer, 1, 2);
    AwaitMessages("recorded", 2);
    Serve(peer, 3, 3);
    EXPECT_EQ(recorder.Wait(), ExitCode::kFailure);
  }
  ExpectOneFullDisk();
  RoleThread<engine::RecordRole> recorder(Record(server), files_);
  RawPeer peer = server.AcceptLoginOf(&login_);
  EXPECT_EQ(login_, "record 3 TEST");
  peer.AcceptLogin("TEST", 3);
  Serve(peer, 3, 5);
  AwaitMessages("recorded", 5);
  EXPECT_EQ(recorder.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadLog("recorded"), (Lines{"1 200 U1 1 13", "2 200 U1 2 13", "3 200 U1 3 13",
                                        "4 200 U1 4 13", "5 200 U1 5 13"}));
  ExpectVerifies("recorded");
}

TEST_F(FailingLogs, EndADeduplicatorThatPublishesNothingMore) {
  RawServer a;
  RawServer b;
  diary_.FailAt("submission 3", false);
  {
    RoleThread<engine::DedupRole> dedup(Dedup(a, b), storage_);
    RawPeer peer = a.AcceptLoginOf(&login_);
    EXPECT_EQ(login_, "dedup 1 ");
    peer.AcceptLogin("TEST", 1);
    RawPeer silent = b.AcceptLoginOf(&login_);
    EXPECT_EQ(login_, "dedup 1 ");
    Serve(peer, 1, 2);
    AwaitMessages("merged", 2);
    RawPeer reader = RawPeer::Connect(log_.PortAfter("merged stream on "));
    reader.Login("R", 1);
    EXPECT_EQ(reader.Next(), "A      TEST                   1");
    EXPECT_EQ(HeaderIn(reader.NextMessage()).number, 1u);
    EXPECT_EQ(HeaderIn(reader.NextMessage()).number, 2u);
    Serve(peer, 3, 3);
    EXPECT_EQ(dedup.Wait(), ExitCode::kFailure);
    EXPECT_EQ(reader.UntilClosed(), Lines{});
  }
  ExpectOneFullDisk();
  RoleThread<engine::DedupRole> dedup(Dedup(a, b), files_);
  // Each engine is asked for the last message that is published, to prove its past with it.
  RawPeer peer = b.AcceptLoginOf(&login_);
  EXPECT_EQ(login_, "dedup 2 TEST");
  peer.AcceptLogin("TEST", 2);
  Serve(peer, 2, 5);
  AwaitMessages("merged", 5);
  EXPECT_EQ(dedup.Stop(), ExitCode::kYes);
  EXPECT_EQ(ReadLog("merged").size(), 5u);
  ExpectVerifies("merged");
}

TEST_F(FailingLogs, EndAnEngineThatAnswersNothingWhichItsCopyOfTheInputHasNot) {
  RawServer input;
  diary_.FailAt("submission 3", false);
  {
    EchoApplication application;
    engine::EngineRoleOptions options = Engine(input);
    options.input_log = Path("copy");
    RoleThread<engine::EngineRole> engine(options, application, storage_);
    RawPeer peer = input.AcceptLoginOf(&login_);
    peer.AcceptLogin("TEST", 1);
    Serve(peer, 1, 2);
    AwaitMessages("a", 26);
    Serve(peer, 3, 3);
    EXPECT_EQ(engine.Wait(), ExitCode::kFailure);
  }
  ExpectOneFullDisk();
  EXPECT_EQ(ReadLog("copy").size(), 2u);
  EXPECT_EQ(ReadLog("a").size(), 26u) << "an input is answered that nobody has any more";
}

TEST_F(FailingLogs, EndAnEngineThatVerifiesAndGoesOnLater) {
  RawServer input;
  {
    // The echo of an input is a message for each of its characters. The first write is the header,
    // the fourth one has the outputs of the third input.
    std::atomic<int> segment_writes = 0;
    WatchedStorage failing([&](Operation operation, const std::string& path, std::string_view) {
      if (operation != Operation::kWrite || !IsSegment(path)) return Status();
      if (++segment_writes < 4) return Status();
      return Status(Error::Failure("cannot write to " + path + ": No space left on device"));
    });
    EchoApplication application;
    RoleThread<engine::EngineRole> engine(Engine(input), application, failing);
    RawPeer peer = input.AcceptLoginOf(&login_);
    EXPECT_EQ(login_, "A 1 ");
    peer.AcceptLogin("TEST", 1);
    Serve(peer, 1, 1);
    AwaitMessages("a", 13);
    Serve(peer, 2, 2);
    AwaitMessages("a", 26);
    RawPeer reader = RawPeer::Connect(log_.PortAfter("output on "));
    reader.Login("R", 27);
    EXPECT_EQ(reader.Next(), "A      TEST                  27");
    Serve(peer, 3, 4);
    EXPECT_EQ(engine.Wait(), ExitCode::kFailure);
    EXPECT_EQ(reader.UntilClosed(), Lines{});
  }
  ExpectOneFullDisk();
  EchoApplication application;
  RoleThread<engine::EngineRole> engine(Engine(input), application, files_);
  log_.Await("stepping the input from 1 to verify them");
  RawPeer peer = input.AcceptLoginOf(&login_);
  EXPECT_EQ(login_, "A 1 TEST");
  peer.AcceptLogin("TEST", 1);
  Serve(peer, 1, 5);
  AwaitMessages("a", 65);
  EXPECT_EQ(engine.Stop(), ExitCode::kYes);
  EXPECT_EQ(application.steps, 5);
  ExpectVerifies("a");
}

}  // namespace
}  // namespace tandem::test
