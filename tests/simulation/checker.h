// SPDX-License-Identifier: Apache-2.0
//
// Checker: what must hold after every step, whatever has failed so far. Reads the logs themselves,
// as any reader does (CRC and digest chain checked), compares every message with what the oracle
// says, and is told what clients see.
//
//   input log       is a chain whose time and epoch never go back; each client's submissions are in
//                   it exactly once, in order, unchanged
//   output logs     are prefixes of what the oracle says, byte for byte; so are the merged logs; an
//                   engine's copy of the input is a prefix of the input, and has what is answered
//   acknowledgement is the header that stands in the input log
//   merged readers  read what the oracle says, from 1 on, each number once
//   status          a deduplicator agrees on nothing that it has not published; with policy agree,
//                   it publishes nothing that one engine has not said
//   after a crash   nothing that was flushed (a host, of the input: synced) is gone
//
// With a lying engine B: its log is the lie, a merged log may go along with it from the first
// difference on, but nothing from there on is ever agreed, and the difference is named exactly.
// If the deduplicator's host then loses what it had published but not synced, the other copy may be
// published in its place; a client that had read the lie must notice it by the digest chain. Once
// it has been decided against the lie and engine B is rebuilt, all logs are the truth.
//
// With another durability than always the host of the sequencer may lose inputs, and give others
// their numbers: then there are two truths, and each log and each reader holds to one of them. An
// engine that has acted on the lost ones ends, and a deduplicator or a client notices.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/header.h"
#include "proto/message.h"
#include "replay/log_reader.h"
#include "replay/storage.h"
#include "tandem/status.pb.h"
#include "tests/simulation/environment.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/plan.h"

namespace tandem::simulation {

inline constexpr proto::Session kSession{"SIM"};

enum class Log { kInput, kOutputA, kOutputB, kMerged1, kMerged2, kCopyA, kCopyB };
constexpr std::size_t kLogs = 7;
constexpr std::array<const char*, kLogs> kLogNames = {
    "the input log", "the log of engine A",          "the log of engine B",         "merged log 1",
    "merged log 2",  "engine A's copy of the input", "engine B's copy of the input"};

class Checker {
 public:
  Checker(Environment& environment, const Plan& plan)
      : environment_(environment), plan_(plan), engine_b_lies_(plan.lie_at > 0) {}

  /// What `user` submits, in order; before the run begins.
  void ExpectSubmissions(proto::User user, std::vector<Bytes> submissions);
  /// Where a log is; it is read whenever a process has it open.
  void Follow(Log log, replay::Storage& storage, const std::string& folder);

  /// The process that writes the log is gone.
  void ProcessEnded(Log log) {
    logs_[Index(log)].reader.reset();
    if (log == Log::kInput) serves_ = false;
  }
  /// So is what was not synced.
  void HostCrashed(Log log);
  /// Some of a merged log was taken back: it begins anew.
  void MergedWasCut(std::size_t which);
  /// The sequencer has recovered, and serves what its log has.
  void SequencerServes();
  /// Every deduplicator goes on without engine B, whose log is set aside: no more lies.
  void LieIsOver();
  /// A role has ended with "input forked at `number` or before it".
  void ForkNamed(const std::string& who, std::uint64_t number);

  void Acknowledged(proto::User user, const proto::Header& header);
  void MergedRead(const std::string& who, const proto::MessageView& message);
  /// A client got number `got` where `wanted` is next.
  void Gap(const std::string& who, std::uint64_t got, std::uint64_t wanted);
  /// A client found that the merged stream does not follow from what it read before.
  void ForkNoticed(const std::string& user, std::uint64_t number);
  /// What deduplicator `which` (0 or 1) says of itself.
  void DedupStatus(std::size_t which, const pb::Status& status);

  /// After every step: reads what is new in the logs.
  void Check();

  [[nodiscard]] std::uint64_t count(Log log) const { return logs_[Index(log)].count; }
  [[nodiscard]] std::uint64_t acknowledged(proto::User user) const;
  [[nodiscard]] std::uint64_t inputs() const { return oracle_.inputs().size(); }
  [[nodiscard]] std::uint64_t expected_outputs() const { return oracle_.outputs().size(); }
  /// The input's last message is there.
  [[nodiscard]] bool has_ended() const { return oracle_.ended(); }
  /// First message of engine B's log that is a lie; 0: none yet.
  [[nodiscard]] std::uint64_t lie() const { return lie_; }
  [[nodiscard]] bool divergence_was_named(std::size_t which) const { return named_[which]; }
  /// The sequencer has lost inputs for good.
  [[nodiscard]] bool inputs_were_lost() const { return lost_from_ > 0; }
  /// Somebody has said that there are two truths: an engine, a deduplicator, a client.
  [[nodiscard]] bool fork_was_noticed() const { return fork_was_noticed_; }
  /// Of the deadly input that nobody can pass yet; 0: there is none.
  [[nodiscard]] std::uint64_t blocked_at() const { return oracle_.blocked_at(); }
  [[nodiscard]] bool skips(std::uint64_t number) const { return oracle_.skips(number); }
  /// After the last output.
  [[nodiscard]] proto::StreamPosition end() const {
    return {.number = oracle_.outputs().size(), .digest = oracle_.last_digest()};
  }
  [[nodiscard]] std::uint64_t agreed(std::size_t which) const { return agreed_[which]; }

 private:
  struct Followed {
    replay::Storage* storage = nullptr;
    std::string folder;
    std::optional<replay::LogReader> reader;
    std::uint64_t count = 0;         ///< messages in it now
    std::uint64_t count_max = 0;     ///< that it ever had
    std::uint64_t count_before = 0;  ///< that a restart must find again
    std::uint64_t begun_at = 0;      ///< messages that its writer found when it started
    std::uint64_t origin = 0;        ///< of the last message
    bool lost_power = false;
  };

  static std::size_t Index(Log log) { return static_cast<std::size_t>(log); }

  void Open(Followed& followed);
  void CheckMessage(Log log, const proto::MessageView& message);
  void CheckInput(const proto::MessageView& message);
  void CheckSubmission(const proto::MessageView& message);
  void CheckCopy(Log log, const proto::MessageView& message);
  void CheckOutput(Log log, const proto::MessageView& message);
  void CheckAgreed(Log log, std::uint64_t number);
  void CheckCopyHasWhatIsAnswered(Log output, Log copy);
  void LoseFrom(std::uint64_t number);
  void ForkAt(std::uint64_t number);
  /// One of the truths has it at its place.
  [[nodiscard]] bool IsInput(std::uint64_t number, std::span<const std::byte> message) const;
  [[nodiscard]] bool IsExpected(const proto::MessageView& output) const;
  [[nodiscard]] bool IsLie(const proto::MessageView& output) const;

  Environment& environment_;
  const Plan& plan_;
  bool engine_b_lies_;  ///< and is not rebuilt
  std::array<Followed, kLogs> logs_;
  Oracle oracle_{kSession.str()};
  std::vector<Oracle> past_;  ///< truths whose end the sequencer's host has lost
  std::uint64_t lost_from_ = 0;
  bool host_was_lost_ = false;  ///< of the sequencer, since it served last
  bool fork_was_noticed_ = false;
  bool serves_ = false;       ///< the sequencer does
  std::uint64_t served_ = 0;  ///< inputs that somebody may have from it
  std::vector<Bytes> lies_;   ///< engine B's log from lie_ on
  std::uint64_t lie_ = 0;
  std::array<bool, 2> named_{};
  std::array<std::uint64_t, 2> agreed_{};

  struct Client {
    std::vector<Bytes> submissions;
    std::uint64_t sequenced = 0;     ///< how many are in the input log
    std::uint64_t acknowledged = 0;  ///< how many were, at most
  };
  std::map<proto::User, Client> clients_;
};

}  // namespace tandem::simulation
