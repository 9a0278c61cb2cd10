// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/stock_client.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/simulation/client.h"

namespace tandem::simulation {

namespace soup = proto::soup;
using engine::Connection;

StockClient::StockClient(Environment& environment, Checker& checker, std::string user,
                         const std::vector<Bytes>& flow, const engine::ConnectionLimits& limits)
    : environment_(environment),
      checker_(checker),
      user_(std::move(user)),
      flow_(flow),
      limits_(limits),
      connector_(
          loop_.context(), SubmissionsPort(), limits.backoff,
          [this](boost::asio::ip::tcp::socket socket) { OnConnected(std::move(socket)); },
          [](const std::string&) {}) {}

StockClient::~StockClient() {
  if (connection_) connection_->Detach();
}

ExitCode StockClient::Run() {
  connector_.Start();
  loop_.Run();
  return loop_.exit_code();
}

void StockClient::OnConnected(boost::asio::ip::tcp::socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket), Connection::Side::kClient, limits_);
  connection_->Start(*this);
  connection_->Send(soup::PacketType::kLoginRequest,
                    Encode(soup::LoginRequest{.user = user_, .password = "", .session = ""}));
  connection_->Flush();
}

void StockClient::OnPacket(const soup::Packet& packet) {
  if (packet.type == soup::PacketType::kSequenced) return OnAcknowledgement(packet.payload);
  if (packet.type != soup::PacketType::kLoginAccepted) return;
  const auto accepted = soup::ParseLoginAccepted(packet.payload);
  if (!accepted || accepted->number == 0) {
    return environment_.Fail(user_ + " got an answer that is no login accepted");
  }
  OnLogin(accepted->number);
}

void StockClient::OnLogin(std::uint64_t next) {
  connection_->LoggedIn();
  if (next - 1 < checker_.acknowledged(proto::User(user_)) && !checker_.inputs_were_lost()) {
    return environment_.Fail("the sequencer has forgotten acknowledged submissions of " + user_);
  }
  acknowledged_ = next - 1;
  const std::uint64_t again = environment_.scheduler.Below(std::min<std::uint64_t>(next, 5));
  for (std::uint64_t i = acknowledged_ - again; i < flow_.size(); ++i) {
    connection_->Send(soup::PacketType::kUnsequenced, flow_[i]);
  }
  connection_->Flush();
}

void StockClient::OnAcknowledgement(std::span<const std::byte> payload) {
  proto::Header header;
  if (payload.size() < sizeof header) {
    return environment_.Fail(user_ + " got an acknowledgement that is none");
  }
  std::memcpy(&header, payload.data(), sizeof header);
  checker_.Acknowledged(proto::User(user_), header);
  if (header.origin != acknowledged_ + 1) {
    return environment_.Fail(user_ + " got acknowledgement " + std::to_string(header.origin) +
                             " where " + std::to_string(acknowledged_ + 1) + " is next");
  }
  ++acknowledged_;
}

void StockClient::OnClosed(const std::string& /*why*/) {
  connection_.reset();
  connector_.ConnectAgain();
}

}  // namespace tandem::simulation
