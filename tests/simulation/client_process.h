// SPDX-License-Identifier: Apache-2.0
//
// The simulated client: submits its flow, each message exactly once over reconnects and restarts of
// either side, as engine/transport/submission_client.h, and reads the merged stream from 1 on.
// Keeps nothing over a crash but its flow: the login says how much of it the sequencer has.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/process.h"
#include "tests/simulation/stream.h"

namespace tandem::simulation {

class ClientProcess final : public Process, private Socket::Handler, private StreamClient::Handler {
 public:
  static constexpr std::uint64_t kWindow = 8;  ///< submissions sent and not acknowledged

  /// `flow`: submissions, origin 1 on.
  ClientProcess(Environment& environment, Checker& checker, std::string user,
                const std::vector<Bytes>& flow);

  [[nodiscard]] bool all_acknowledged() const { return acknowledged_ == flow_.size(); }
  [[nodiscard]] std::uint64_t merged_read() const { return merged_.number; }

 private:
  void Connect();
  void ConnectLater();
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnClosed() override;
  void OnLogin(std::uint64_t number);
  void OnAcknowledgement(std::span<const std::byte> payload);
  void SendLater();

  std::uint64_t WantedNumber(std::size_t) override { return merged_.number + 1; }
  void OnMessage(std::size_t, const proto::MessageView& message) override;

  Environment& environment_;
  Checker& checker_;
  std::string user_;
  const std::vector<Bytes>& flow_;
  std::unique_ptr<Socket> socket_;
  bool began_ = false;               ///< a login succeeded: acknowledged_ is known
  std::uint64_t login_ = 0;          ///< counts logins; what an earlier one planned is dropped
  std::uint64_t acknowledged_ = 0;   ///< of the flow
  std::uint64_t sent_ = 0;           ///< of the flow, on this connection
  std::uint64_t renumbered_by_ = 0;  ///< only for the planted defect
  proto::StreamPosition merged_;
  bool merged_is_forked_ = false;  ///< the chain broke: nothing more is believed
  StreamClient reader_;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
