// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_publisher.h"

#include <spdlog/spdlog.h>

#include "engine/context.h"
#include "pools/ensure.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

namespace asio = boost::asio;
using boost::system::error_code;
namespace mold = proto::mold;

MoldPublisher::MoldPublisher(asio::io_context& context, std::size_t packet_size)
    : packet_size_(packet_size), timer_(context) {}

Status MoldPublisher::Open(const std::vector<MoldLine>& lines, int hops) {
  for (const MoldLine& line : lines) {
    asio::ip::udp::endpoint to;
    auto socket = OpenSender(static_cast<asio::io_context&>(timer_.get_executor().context()), line,
                             hops, &to);
    if (!socket) return socket.error();
    lines_.push_back({.text = line.text(), .socket = std::move(*socket), .to = to});
  }
  return {};
}

void MoldPublisher::Begin(proto::Session session, std::uint64_t next) {
  session_ = session;
  next_ = next;
  ended_ = false;
  packer_.emplace(session, packet_size_);
  BeatLater();
}

void MoldPublisher::Add(const proto::MessageView& message) {
  if (!packer_->Add(message.header.number, message.bytes)) {
    SendPacket();
    const bool fits = packer_->Add(message.header.number, message.bytes);
    ENSURE(fits, "a message of %zu bytes for packets of %zu", message.bytes.size(), packet_size_);
  }
  next_ = message.header.number + 1;
  ended_ = message.header.type == TypeOf<pb::EndOfSession>();
}

void MoldPublisher::Flush() {
  if (packer_ && packer_->count() > 0) SendPacket();
}

void MoldPublisher::SendPacket() {
  Send(packer_->Finish());
  packer_->Clear();
  was_silent_ = false;
}

void MoldPublisher::Send(std::span<const std::byte> packet) {
  ++packets_;
  for (Line& line : lines_) {
    error_code error;
    line.socket.send_to(asio::buffer(packet.data(), packet.size()), line.to, 0, error);
    // Nobody listens at an address of one reader: that is no failure of ours.
    if (error == asio::error::connection_refused) error.clear();
    if (error) ++not_sent_;
    const bool fails = error && error != asio::error::would_block;
    if (fails && !line.fails) {
      spdlog::warn("line {}: {}; readers miss what is not sent, and request it again", line.text,
                   error.message());
    }
    line.fails = fails;
  }
}

void MoldPublisher::BeatLater() {
  timer_.expires_after(kHeartbeatInterval);
  timer_.async_wait([this](const error_code& error) {
    if (error) return;
    if (was_silent_) {
      Send(mold::Encode({.session = session_,
                         .number = next_,
                         .count = ended_ ? mold::kEndOfSession : mold::kHeartbeat}));
    }
    was_silent_ = true;
    BeatLater();
  });
}

void MoldPublisher::Close() {
  timer_.cancel();
  for (Line& line : lines_) {
    error_code ignored;
    line.socket.close(ignored);
  }
}

}  // namespace tandem::engine
