// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>

namespace tandem::engine {

namespace asio = boost::asio;
using boost::system::error_code;
using proto::soup::PacketType;

namespace {

std::string Text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Side side, const ConnectionLimits& limits)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      side_(side),
      limits_(limits),
      received_(side == Side::kServer ? kLoginBufferSize : kReceiveBufferSize),
      started_(Clock::now()),
      last_received_(started_),
      last_sent_(started_) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto remote = socket_.remote_endpoint(ignored);
  peer_ = ignored ? "a peer that is gone"
                  : remote.address().to_string() + ":" + std::to_string(remote.port());
  address_ = remote.address();
}

void Connection::Start(Handler& handler) {
  handler_ = &handler;
  Watch();
  Read();
}

void Connection::Send(PacketType type, std::span<const std::byte> payload) {
  if (open()) proto::soup::AppendPacket(filling_, type, payload);
}

void Connection::Send(PacketType type, std::string_view text) {
  Send(type, std::as_bytes(std::span(text)));
}

void Connection::SendPackets(std::span<const std::byte> packets) {
  if (open()) filling_.insert(filling_.end(), packets.begin(), packets.end());
}

void Connection::Flush() {
  if (closed_ || !writing_.empty() || filling_.empty()) return;
  writing_.swap(filling_);
  last_sent_ = Clock::now();
  writing_since_ = last_sent_;
  Write();
}

void Connection::Write() {
  socket_.async_write_some(asio::buffer(writing_.data() + written_, writing_.size() - written_),
                           [self = shared_from_this()](const error_code& error, std::size_t size) {
                             if (self->closed_) return;
                             if (error)
                               return self->OnWritingFailed("writing failed: " + error.message());
                             self->last_sent_ = Clock::now();
                             self->written_ += size;
                             if (self->written_ < self->writing_.size()) return self->Write();
                             self->OnWritten();
                           });
}

void Connection::OnWritten() {
  writing_.clear();
  written_ = 0;
  Flush();
  if (!writing_.empty()) return;
  if (!closing_why_.empty()) {
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    return;
  }
  if (handler_ != nullptr) handler_->OnWritable();
}

// A server that ends a connection says why before: what it said is still to be read.
void Connection::OnWritingFailed(const std::string& why) {
  if (side_ == Side::kServer || !is_reading_) return Close(why);
  writing_.clear();
  filling_.clear();
  written_ = 0;
  closing_why_ = why;
  closing_since_ = Clock::now();
}

void Connection::Read() {
  if (closed_ || is_reading_ || reading_paused_) return;
  if (handed_over_ > 0) {
    std::memmove(received_.data(), received_.data() + handed_over_, received_size_ - handed_over_);
    received_size_ -= handed_over_;
    handed_over_ = 0;
  }
  if (logged_in_ && received_.size() < kReceiveBufferSize) received_.resize(kReceiveBufferSize);
  is_reading_ = true;
  socket_.async_read_some(
      asio::buffer(received_.data() + received_size_, received_.size() - received_size_),
      [self = shared_from_this()](const error_code& error, std::size_t size) {
        if (self->closed_) return;
        if (error) {
          return self->Close(!self->closing_why_.empty() ? self->closing_why_
                             : error == asio::error::eof ? "the peer closed the connection"
                                                         : "reading failed: " + error.message());
        }
        self->last_received_ = Clock::now();
        self->received_size_ += size;
        self->HandOver();
      });
}

void Connection::HandOverSoon() {
  is_reading_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->closed_) self->HandOver();
  });
}

void Connection::HandOver() {
  const std::size_t begin = handed_over_;
  std::size_t packets = 0;
  bool more = false;
  // A server that is closing drops what still comes; a client reads on, see OnWritingFailed.
  while (!closed_ && (closing_why_.empty() || side_ == Side::kClient) && !reading_paused_) {
    const auto framed =
        proto::soup::NextPacket({received_.data() + handed_over_, received_size_ - handed_over_});
    if (!framed) {
      const char* const why = "the peer does not speak SoupBinTCP: a packet of length zero";
      if (side_ == Side::kClient) return Close(why);
      Send(PacketType::kDebug, "a packet of length zero is not SoupBinTCP");
      CloseAfterSending(why);
      break;
    }
    if (!framed->packet) break;
    if (packets++ == kPacketsPerTurn) {
      more = true;
      break;
    }
    handed_over_ += framed->size;
    if (framed->packet->type == PacketType::kServerHeartbeat ||
        framed->packet->type == PacketType::kClientHeartbeat) {
      continue;
    }
    if (handler_ != nullptr) handler_->OnPacket(*framed->packet);
  }
  if (closed_) return;
  if (!closing_why_.empty() && side_ == Side::kServer) {
    handed_over_ = received_size_;
  } else if (handler_ != nullptr) {
    handler_->OnBatchEnd();
  }
  if (closed_) return;
  if (handed_over_ > begin || !packet_is_unfinished_) packet_since_ = last_received_;
  packet_is_unfinished_ = received_size_ > handed_over_ && !more;
  if (RefuseLongLogin()) handed_over_ = received_size_;
  Flush();
  is_reading_ = false;
  if (closed_) return;
  if (more && !reading_paused_) return HandOverSoon();
  Read();
}

bool Connection::RefuseLongLogin() {
  if (received_size_ - handed_over_ < received_.size() || logged_in_ || reading_paused_ || !open())
    return false;
  const std::string why =
      "a packet of more than " + std::to_string(received_.size() - 3) + " bytes is no login";
  Send(PacketType::kDebug, why);
  CloseAfterSending("refused: " + why);
  return true;
}

void Connection::ResumeReading() {
  if (!reading_paused_) return;
  reading_paused_ = false;
  last_received_ = Clock::now();
  packet_since_ = last_received_;
  if (closed_ || is_reading_) return;
  if (received_size_ > handed_over_) return HandOverSoon();
  Read();
}

void Connection::Watch() {
  timer_.expires_after(limits_.heartbeat);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->closed_) return;
    const auto now = Clock::now();
    if (self->CloseIfLate(now)) return;
    if (self->writing_.empty() && now - self->last_sent_ >= self->limits_.heartbeat) {
      self->Send(self->side_ == Side::kServer ? PacketType::kServerHeartbeat
                                              : PacketType::kClientHeartbeat);
      self->Flush();
    }
    self->Watch();
  });
}

bool Connection::CloseIfLate(Clock::time_point now) {
  if (!closing_why_.empty() && now - closing_since_ > limits_.linger) {
    Close(closing_why_);
  } else if (!logged_in_ && !reading_paused_ && now - started_ > limits_.login) {
    // While a password is checked, nothing is read, and the peer is not late.
    Close((side_ == Side::kServer ? "it did not log in within "
                                  : "it did not answer the login within ") +
          Text(limits_.login));
  } else if (!reading_paused_ && now - last_received_ > limits_.silence) {
    // A peer that we do not read is not silent.
    Close("the peer was silent for " + Text(limits_.silence));
  } else if (!reading_paused_ && packet_is_unfinished_ && now - packet_since_ > limits_.silence) {
    Close("it did not finish a packet within " + Text(limits_.silence));
  } else if (!writing_.empty() && now - last_sent_ > limits_.silence) {
    Close("the peer took nothing for " + Text(limits_.silence));
  } else if (!writing_.empty() && now - writing_since_ > limits_.slow) {
    Close("the peer is too slow: it took less than " + std::to_string(writing_.size()) +
          " bytes in " + Text(limits_.slow));
  }
  return closed_;
}

void Connection::CloseAfterSending(std::string why) {
  if (!open()) return;
  closing_why_ = std::move(why);
  closing_since_ = Clock::now();
  reading_paused_ = false;
  packet_is_unfinished_ = false;
  if (side_ == Side::kServer && !is_reading_) handed_over_ = received_size_;
  Flush();
  if (writing_.empty()) return Close(closing_why_);
  Read();
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
