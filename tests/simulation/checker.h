// SPDX-License-Identifier: Apache-2.0
//
// Checker: what must hold after every step, whatever has failed so far. Reads the logs themselves,
// as any reader does (CRC and digest chain checked), and keeps one perfect engine beside the run:
// a state that never fails, in a zone of its own, stepped with the input log.
//
//   input log       is a chain whose time and epoch never go back; each client's submissions are in
//                   it exactly once, in order, unchanged
//   output logs     are prefixes of what the perfect engine says, whose headers are what the
//                   protocol asks for; so is the merged log
//   acknowledgement is the header that stands in the input log
//   merged readers  read what the perfect engine says, from 1 on
//   after a crash   nothing that was flushed (a host: synced) is gone
//
// With a lying engine B: its log is the lie, the merged log may go along with it from the first
// difference on, but nothing from there on is ever agreed, and the difference is named exactly.
// If the deduplicator's host then loses what it had published but not synced, the other copy may be
// published in its place; a client that had read the lie must notice it by the digest chain.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/log_reader.h"
#include "replay/stepper.h"
#include "tests/simulation/environment.h"
#include "tests/support/counter_application.h"

namespace tandem::simulation {

using Bytes = std::vector<std::byte>;

enum class Log { kInput, kOutputA, kOutputB, kMerged };
constexpr std::size_t kLogs = 4;
constexpr std::array<const char*, kLogs> kLogNames = {"the input log", "the log of engine A",
                                                      "the log of engine B", "the merged log"};

class Checker {
 public:
  explicit Checker(Environment& environment);

  /// What `user` submits, in order; before the run begins.
  void ExpectSubmissions(proto::User user, std::vector<Bytes> submissions);

  /// The log is open and may be read from now on, until it is closed by a crash.
  void Opened(Log log, replay::Storage& storage, const std::string& folder);
  void ProcessCrashed(Log log) { logs_[Index(log)].reader.reset(); }
  /// What was not synced may be gone.
  void HostCrashed(Log log);

  void Acknowledged(proto::User user, const proto::Header& header);
  void MergedRead(const proto::MessageView& message);
  /// A client found that the merged stream does not follow from what it read before.
  void ForkNoticed(const std::string& user, std::uint64_t number);
  void Agreed(std::uint64_t number);
  /// `begun_at`: the published number at which the deduplicator began.
  void Diverged(std::uint64_t number, std::uint64_t begun_at);

  /// After every step: reads what is new in the logs.
  void Check();

  [[nodiscard]] std::uint64_t count(Log log) const { return logs_[Index(log)].count; }
  [[nodiscard]] std::uint64_t acknowledged(proto::User user) const;
  [[nodiscard]] std::uint64_t expected_outputs() const { return expected_.size(); }
  /// First message of engine B's log that is a lie; 0: none yet.
  [[nodiscard]] std::uint64_t lie() const { return lie_; }
  [[nodiscard]] bool divergence_was_named() const { return divergence_was_named_; }

 private:
  struct Followed {
    std::optional<replay::LogReader> reader;
    std::uint64_t count = 0;         ///< messages in it now
    std::uint64_t count_before = 0;  ///< that a restart must find again
  };

  static std::size_t Index(Log log) { return static_cast<std::size_t>(log); }

  void CheckMessage(Log log, const proto::MessageView& message);
  void CheckInput(const proto::MessageView& message);
  void CheckSubmission(const proto::MessageView& message);
  void CheckOutput(Log log, const proto::MessageView& message);
  [[nodiscard]] bool IsExpected(const proto::MessageView& output) const;
  [[nodiscard]] bool IsLie(const proto::MessageView& output) const;
  void Step(const proto::MessageView& input);
  void CheckHeader(const proto::Header& input, std::size_t index, std::size_t count);

  Environment& environment_;
  std::array<Followed, kLogs> logs_;
  std::unique_ptr<counter::CounterApplication> perfect_;
  replay::Stepper stepper_;
  std::vector<Bytes> input_;
  std::int64_t input_time_ns_ = 0;
  std::uint32_t input_epoch_ = 1;  ///< of the last one; the first epoch is 1
  std::uint64_t output_digest_ = proto::kDigestStart;
  std::vector<Bytes> expected_;  ///< what the perfect engine says
  std::vector<Bytes> lies_;      ///< engine B's log from lie_ on
  std::uint64_t lie_ = 0;
  bool divergence_was_named_ = false;

  struct Client {
    std::vector<Bytes> submissions;
    std::uint64_t sequenced = 0;     ///< how many are in the input log
    std::uint64_t acknowledged = 0;  ///< how many were, at most
  };
  std::map<proto::User, Client> clients_;
};

}  // namespace tandem::simulation
