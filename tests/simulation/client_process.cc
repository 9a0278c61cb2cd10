// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/client_process.h"

#include <cstring>
#include <utility>

namespace tandem::simulation {

namespace soup = proto::soup;

ClientProcess::ClientProcess(Environment& environment, Checker& checker, std::string user,
                             const std::vector<Bytes>& flow)
    : environment_(environment),
      checker_(checker),
      user_(std::move(user)),
      flow_(flow),
      reader_(environment, Port::kMerged, 0, *this) {
  Connect();
  reader_.Connect();
}

void ClientProcess::Connect() {
  environment_.network.Connect(Port::kSubmissions, life_, [this](std::unique_ptr<Socket> socket) {
    if (socket == nullptr) return ConnectLater();
    socket_ = std::move(socket);
    socket_->Start(*this);
    ++login_;
    const bool asks_anew = !began_ || environment_.has(Bug::kClientRenumbers);
    socket_->Send(soup::PacketType::kLoginRequest,
                  Encode(soup::LoginRequest{.user = user_,
                                            .password = "",
                                            .session = "",
                                            .number = asks_anew ? 0 : acknowledged_ + 1}));
  });
}

void ClientProcess::ConnectLater() {
  Scheduler& scheduler = environment_.scheduler;
  scheduler.After(scheduler.Between(5 * kMs, 50 * kMs), life_, [this] { Connect(); });
}

void ClientProcess::OnPacket(const soup::Packet& packet) {
  if (packet.type == soup::PacketType::kSequenced) return OnAcknowledgement(packet.payload);
  const auto accepted = soup::ParseLoginAccepted(packet.payload);
  if (packet.type != soup::PacketType::kLoginAccepted || !accepted || accepted->number == 0) {
    return environment_.Fail(user_ + " got an answer that is no login accepted");
  }
  OnLogin(accepted->number);
}

void ClientProcess::OnLogin(std::uint64_t number) {
  if (!began_) {
    acknowledged_ = number - 1;
  } else if (environment_.has(Bug::kClientRenumbers)) {
    renumbered_by_ = number - 1 - acknowledged_;
  } else if (number != acknowledged_ + 1) {
    return environment_.Fail("the sequencer says that submission " + std::to_string(number) +
                             " of " + user_ + " is next, but it acknowledged " +
                             std::to_string(acknowledged_));
  }
  if (number - 1 < checker_.acknowledged(proto::User(user_)) && !began_) {
    return environment_.Fail("the sequencer has forgotten acknowledged submissions of " + user_);
  }
  began_ = true;
  sent_ = acknowledged_;
  SendLater();
}

void ClientProcess::SendLater() {
  Scheduler& scheduler = environment_.scheduler;
  scheduler.After(scheduler.Between(0, 8 * kMs), life_, [this, login = login_] {
    if (login != login_ || socket_ == nullptr) return;
    if (sent_ < flow_.size() && sent_ < acknowledged_ + kWindow) {
      Bytes submission = flow_[sent_++];
      const std::uint64_t origin = sent_ + renumbered_by_;
      std::memcpy(submission.data() + offsetof(proto::Header, origin), &origin, sizeof origin);
      socket_->Send(soup::PacketType::kUnsequenced, submission);
    }
    if (acknowledged_ < flow_.size()) SendLater();
  });
}

void ClientProcess::OnAcknowledgement(std::span<const std::byte> payload) {
  proto::Header header;
  if (payload.size() != sizeof header) {
    return environment_.Fail(user_ + " got an acknowledgement that is none");
  }
  std::memcpy(&header, payload.data(), sizeof header);
  checker_.Acknowledged(proto::User(user_), header);
  if (header.origin != acknowledged_ + 1 + renumbered_by_) {
    return environment_.Fail(user_ + " got acknowledgement " + std::to_string(header.origin) +
                             " where " + std::to_string(acknowledged_ + 1) + " is next");
  }
  ++acknowledged_;
}

void ClientProcess::OnClosed() {
  socket_.reset();
  ConnectLater();
}

void ClientProcess::OnMessage(std::size_t, const proto::MessageView& message) {
  if (merged_is_forked_) return;
  if (message.header.number != merged_.number + 1) {
    return environment_.Fail(user_ + " read message " + std::to_string(message.header.number) +
                             " of the merged stream where " + std::to_string(merged_.number + 1) +
                             " is next");
  }
  if (message.header.digest != proto::Digest(merged_.digest, message.bytes)) {
    merged_is_forked_ = true;
    return checker_.ForkNoticed(user_, message.header.number);
  }
  merged_ = {.number = message.header.number, .digest = message.header.digest};
  checker_.MergedRead(message);
}

}  // namespace tandem::simulation
