// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_request_server.h"

#include <chrono>

#include "engine/transport/mold_address.h"

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
namespace mold = proto::mold;

namespace {

/// Requests that are answered before anybody else on this thread gets a turn.
constexpr int kRequestsAtOnce = 32;

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

MoldRequestServer::MoldRequestServer(asio::io_context& context, std::size_t packet_size)
    : socket_(context), packet_size_(packet_size) {}

Status MoldRequestServer::Listen(const Endpoint& endpoint) {
  auto socket = OpenUdp(static_cast<asio::io_context&>(socket_.get_executor().context()), endpoint);
  if (!socket) return socket.error();
  socket_ = std::move(*socket);
  error_code ignored;
  port_ = socket_.local_endpoint(ignored).port();
  Wait();
  return {};
}

void MoldRequestServer::Serve(MoldHistory* history, proto::Session session) {
  history_ = history;
  session_ = session;
  packer_.emplace(session, packet_size_);
}

void MoldRequestServer::Close() {
  error_code ignored;
  socket_.close(ignored);
}

void MoldRequestServer::Wait() {
  socket_.async_wait(udp::socket::wait_read, [this](const error_code& error) {
    if (error == asio::error::operation_aborted || !socket_.is_open()) return;
    OnReadable();
    Wait();
  });
}

void MoldRequestServer::OnReadable() {
  for (int i = 0; i < kRequestsAtOnce; ++i) {
    udp::endpoint from;
    error_code error;
    const std::size_t size = socket_.receive_from(asio::buffer(received_), from, 0, error);
    // That an earlier answer found nobody is told here too.
    if (error == asio::error::connection_refused) continue;
    if (error) return;
    Answer(std::span(received_).first(size), from);
  }
}

void MoldRequestServer::Answer(std::span<const std::byte> request, const udp::endpoint& from) {
  const auto header = mold::ParseRequest(request);
  if (!header || history_ == nullptr || header->session != session_ || header->number == 0) {
    ++ignored_;
    return;
  }
  const std::int64_t now_ns = NowNs();
  if (!limit_.AllowAnswer(from.address().to_v4().to_uint(), now_ns)) {
    ++refused_;
    return;
  }
  if (header->number > published_) {
    return Send(mold::Encode({.session = session_, .number = published_ + 1}), from);
  }
  packer_->Clear();
  if (Pack(*header, now_ns)) Send(packer_->Finish(), from);
}

bool MoldRequestServer::Pack(const mold::PacketHeader& header, std::int64_t now_ns) {
  if (header.count == 0) {
    ++ignored_;
    return false;
  }
  const std::uint64_t last = std::min(published_, header.number + header.count - 1);
  for (std::uint64_t number = header.number; number <= last; ++number) {
    const bool may_search = !history_->NeedsSearch(number) || limit_.AllowSearch(now_ns);
    const auto message = history_->Find(number, may_search);
    if (message.empty()) {
      ++(may_search ? ignored_ : refused_);
      break;
    }
    if (!packer_->Add(number, message)) {
      history_->PutBack(number);
      break;
    }
  }
  return packer_->count() > 0;
}

void MoldRequestServer::Send(std::span<const std::byte> packet, const udp::endpoint& to) {
  ++answers_;
  error_code ignored;  // it asks again
  socket_.send_to(asio::buffer(packet.data(), packet.size()), to, 0, ignored);
}

}  // namespace tandem::engine
