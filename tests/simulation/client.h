// SPDX-License-Identifier: Apache-2.0
//
// Clients of the simulated pair. What they do on the wire is the product's: SubmissionClient and
// StreamClient; what is here is what a program that links them would write. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/live/role_loop.h"
#include "engine/transport/mold_client.h"
#include "engine/transport/mold_server.h"
#include "engine/transport/submission_client.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/plan.h"

namespace tandem::simulation {

/// Reads a merged stream from a number on, checks the chain, moves between deduplicators. When it
/// finds that what it has read was taken back, a person sets it back to the beginning.
class MergedReader : private engine::StreamClient::Handler {
 public:
  /// `position`: what was read so far; outlives the reader, who keeps it true.
  MergedReader(engine::RoleLoop& loop, Checker& checker, std::string who,
               proto::StreamPosition& position, const Plan& plan);

  /// Reads from deduplicator `which` from now on, 0 or 1.
  void ReadFrom(std::size_t which);
  [[nodiscard]] std::size_t which() const { return which_; }

 private:
  std::uint64_t WantedNumber() override { return position_.number + 1; }
  std::optional<std::uint64_t> WantedDigest() override { return position_.digest; }
  std::string WantedSession() override { return ""; }
  void OnLogin(proto::Session, std::uint64_t number) override;
  void OnMessage(const proto::MessageView& message) override;
  void OnStatus(const pb::Status& status) override;
  void OnDisconnected(const std::string&) override {}
  void OnFork(std::uint64_t number);

  engine::RoleLoop& loop_;
  Checker& checker_;
  std::string who_;
  proto::StreamPosition& position_;
  const Plan& plan_;
  std::size_t which_ = 0;
  std::uint64_t logged_in_at_ = 0;
  bool is_forked_ = false;  ///< the chain broke: nothing more is believed
  int contradictions_ = 0;  ///< statuses in a row with another digest than ours
  std::unique_ptr<engine::MoldClient> client_;
  /// Stopped; what the loop has queued for them finds them still there.
  std::vector<std::unique_ptr<engine::MoldClient>> retired_;
};

struct ClientOptions {
  std::string user;
  double rate = 0;                  ///< submissions a second; 0: as fast as they are taken
  std::int64_t moves_every_ns = 0;  ///< to another deduplicator, about; 0: never
};

/// Submits its flow, each message exactly once, and reads a merged stream.
class Client : private engine::SubmissionClient::Handler {
 public:
  /// `flow`: submissions, in order. `position`: of its merged stream, kept over crashes.
  Client(Environment& environment, Checker& checker, const Plan& plan, const ClientOptions& options,
         const std::vector<Bytes>& flow, proto::StreamPosition& position);

  /// What Run gives if the sequencer has lost what it acknowledged.
  static constexpr ExitCode kForgotten = ExitCode::kNo;

  ExitCode Run();
  [[nodiscard]] bool all_acknowledged() const { return is_done_; }

 private:
  Result<std::optional<proto::MessageView>> NextMessage() override;
  void OnLogin(proto::Session, std::uint64_t accepted) override;
  void OnAcknowledged(const proto::Header& header) override;
  void OnDisconnected(const std::string&) override {}
  void OnDone(const Status& status) override;
  void MoveLater();

  Environment& environment_;
  Checker& checker_;
  const Plan& plan_;
  ClientOptions options_;
  const std::vector<Bytes>& flow_;
  engine::RoleLoop loop_;
  engine::SubmissionClient submissions_;
  MergedReader merged_;
  boost::asio::steady_timer move_;
  std::size_t given_ = 0;  ///< of the flow
  bool is_done_ = false;
};

/// Reads both merged streams, each from 1 on, and what the deduplicators say of themselves.
class Observer {
 public:
  Observer(Checker& checker, const Plan& plan, std::array<proto::StreamPosition, 2>& positions);
  ExitCode Run();

 private:
  std::size_t dedups_;
  engine::RoleLoop loop_;
  std::array<std::optional<MergedReader>, 2> readers_;
};

// Who listens where.
[[nodiscard]] engine::Endpoint SubmissionsPort();
[[nodiscard]] engine::Endpoint InputPort();
[[nodiscard]] engine::Endpoint OutputPort(std::size_t engine);
[[nodiscard]] engine::Endpoint CopyPort(std::size_t engine);
[[nodiscard]] engine::Endpoint MergedPort(std::size_t dedup);
// The same by multicast: two lines, and who answers requests.
[[nodiscard]] engine::MoldServerOptions InputLines();
[[nodiscard]] engine::MoldServerOptions MergedLines(std::size_t dedup);
/// For who reads them.
[[nodiscard]] engine::MoldClientOptions ReaderOf(const engine::MoldServerOptions& lines);

}  // namespace tandem::simulation
