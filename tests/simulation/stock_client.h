// SPDX-License-Identifier: Apache-2.0
//
// A client that knows SoupBinTCP and no more, as the stock ones do: it asks at login which
// submission is next, and, to be sure, sends some that the sequencer has already once more. Keeps
// nothing. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/live/role_loop.h"
#include "engine/transport/connection.h"
#include "engine/transport/connector.h"
#include "tests/simulation/checker.h"

namespace tandem::simulation {

class StockClient : private engine::Connection::Handler {
 public:
  /// `flow`: submissions, in order.
  StockClient(Environment& environment, Checker& checker, std::string user,
              const std::vector<Bytes>& flow, const engine::ConnectionLimits& limits);
  ~StockClient() override;

  ExitCode Run();
  [[nodiscard]] bool all_acknowledged() const { return acknowledged_ == flow_.size(); }

 private:
  void OnConnected(boost::asio::ip::tcp::socket socket);
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnLogin(std::uint64_t next);
  void OnAcknowledgement(std::span<const std::byte> payload);
  void OnClosed(const std::string& why) override;

  Environment& environment_;
  Checker& checker_;
  std::string user_;
  const std::vector<Bytes>& flow_;
  engine::ConnectionLimits limits_;
  engine::RoleLoop loop_;
  engine::Connector connector_;
  std::shared_ptr<engine::Connection> connection_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace tandem::simulation
