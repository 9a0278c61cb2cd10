// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>

namespace tandem::engine {

namespace asio = boost::asio;
using boost::system::error_code;
using proto::soup::PacketType;

Connection::Connection(asio::ip::tcp::socket socket, Side side)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      side_(side),
      received_(kReceiveBufferSize),
      last_received_(Clock::now()),
      last_sent_(last_received_) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto remote = socket_.remote_endpoint(ignored);
  peer_ = ignored ? "a peer that is gone"
                  : remote.address().to_string() + ":" + std::to_string(remote.port());
}

void Connection::Start(Handler& handler) {
  handler_ = &handler;
  Watch();
  Read();
}

void Connection::Send(PacketType type, std::span<const std::byte> payload) {
  if (closed_) return;
  proto::soup::AppendPacket(filling_, type, payload);
}

void Connection::Send(PacketType type, std::string_view text) {
  Send(type, std::as_bytes(std::span(text)));
}

void Connection::Flush() {
  if (closed_ || !writing_.empty() || filling_.empty()) return;
  writing_.swap(filling_);
  last_sent_ = Clock::now();
  asio::async_write(socket_, asio::buffer(writing_),
                    [self = shared_from_this()](const error_code& error, std::size_t) {
                      if (self->closed_) return;
                      if (error) return self->Close("writing failed: " + error.message());
                      self->OnWritten();
                    });
}

void Connection::OnWritten() {
  writing_.clear();
  Flush();
  if (!writing_.empty()) return;
  if (!closing_why_.empty()) return Close(closing_why_);
  if (handler_ != nullptr) handler_->OnWritable();
}

void Connection::Read() {
  if (closed_ || is_reading_ || reading_paused_ || !closing_why_.empty()) return;
  is_reading_ = true;
  socket_.async_read_some(
      asio::buffer(received_.data() + received_size_, received_.size() - received_size_),
      [self = shared_from_this()](const error_code& error, std::size_t size) {
        self->is_reading_ = false;
        if (self->closed_) return;
        if (error == asio::error::eof) return self->Close("the peer closed the connection");
        if (error) return self->Close("reading failed: " + error.message());
        self->OnRead(size);
      });
}

void Connection::OnRead(std::size_t size) {
  last_received_ = Clock::now();
  received_size_ += size;
  std::size_t begin = 0;
  while (!closed_ && closing_why_.empty()) {
    const auto framed = proto::soup::NextPacket(
        {received_.data() + begin, received_size_ - begin});
    if (!framed) return Close("the peer does not speak SoupBinTCP: a packet of length zero");
    if (!framed->packet) break;
    begin += framed->size;
    if (framed->packet->type == PacketType::kServerHeartbeat ||
        framed->packet->type == PacketType::kClientHeartbeat) {
      continue;
    }
    if (handler_ != nullptr) handler_->OnPacket(*framed->packet);
  }
  if (closed_) return;
  if (handler_ != nullptr) handler_->OnBatchEnd();
  if (closed_) return;
  std::memmove(received_.data(), received_.data() + begin, received_size_ - begin);
  received_size_ -= begin;
  Flush();
  Read();
}

void Connection::ResumeReading() {
  if (!reading_paused_) return;
  reading_paused_ = false;
  Read();
}

void Connection::Watch() {
  timer_.expires_after(std::chrono::milliseconds(proto::soup::kHeartbeatMs));
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->closed_) return;
    const auto now = Clock::now();
    const auto dead_after = std::chrono::milliseconds(proto::soup::kPeerDeadMs);
    // A reader that we paused ourselves is not silent.
    if (!self->reading_paused_ && now - self->last_received_ > dead_after) {
      return self->Close("the peer was silent for " +
                         std::to_string(proto::soup::kPeerDeadMs / 1000) + " s");
    }
    // Sending with nothing taken for as long: the peer stopped reading.
    if (!self->writing_.empty() && now - self->last_sent_ > dead_after) {
      return self->Close("the peer took nothing for " +
                         std::to_string(proto::soup::kPeerDeadMs / 1000) + " s");
    }
    if (self->writing_.empty() &&
        now - self->last_sent_ >= std::chrono::milliseconds(proto::soup::kHeartbeatMs)) {
      self->Send(self->side_ == Side::kServer ? PacketType::kServerHeartbeat
                                              : PacketType::kClientHeartbeat);
      self->Flush();
    }
    self->Watch();
  });
}

void Connection::CloseAfterSending(std::string why) {
  if (closed_) return;
  closing_why_ = std::move(why);
  Flush();
  if (writing_.empty()) Close(closing_why_);
}

void Connection::Close(std::string why) {
  if (closed_) return;
  closed_ = true;
  timer_.cancel();
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  if (Handler* const handler = std::exchange(handler_, nullptr); handler != nullptr) {
    handler->OnClosed(why);
  }
}

}  // namespace tandem::engine
