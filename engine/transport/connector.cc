// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/connector.h"

#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <chrono>

#include "engine/transport/backoff.h"

namespace tandem::engine {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kBackoffMin{20};
/// A connection that lasted this long was a good one: the next is tried at once.
constexpr std::chrono::milliseconds kLasting{500};

/// Another number at each call and in each process. Of the clock and the process id, so that a
/// simulated run is the same each time. Mixed as SplitMix64 does.
std::uint64_t JitterNow() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::uint64_t mixed =
      static_cast<std::uint64_t>(now) + static_cast<std::uint64_t>(::getpid()) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Connector::Connector(asio::io_context& context, Endpoint server,
                     std::chrono::milliseconds backoff_max,
                     std::function<void(tcp::socket)> on_socket,
                     std::function<void(const std::string&)> on_failure)
    : servers_{std::move(server)},
      on_socket_(std::move(on_socket)),
      on_failure_(std::move(on_failure)),
      resolver_(context),
      connecting_(context),
      retry_(context),
      backoff_max_(backoff_max),
      backoff_(kBackoffMin) {}

void Connector::Start() {
  stopped_ = false;
  Connect();
}

void Connector::Stop() {
  stopped_ = true;
  ++life_;
  resolver_.cancel();
  retry_.cancel();
  error_code ignored;
  connecting_.close(ignored);
}

void Connector::Connect() {
  resolver_.async_resolve(
      server().host, server().port,
      [this, life = life_](const error_code& error, const tcp::resolver::results_type& found) {
        if (error == asio::error::operation_aborted || life != life_) return;
        if (error) return OnFailure(error);
        asio::async_connect(connecting_, found,
                            [this, life](const error_code& failed, tcp::endpoint) {
                              if (failed == asio::error::operation_aborted || life != life_) return;
                              if (failed) return OnFailure(failed);
                              connected_at_ = Clock::now();
                              on_socket_(std::move(connecting_));
                            });
      });
}

void Connector::OnFailure(const error_code& error) {
  on_failure_(kUnreachable + (": " + error.message()));
  if (!stopped_) ConnectLater();
}

void Connector::ConnectAgain() {
  if (stopped_) return;
  if (Clock::now() - connected_at_ >= kLasting) {
    backoff_ = kBackoffMin;
    failures_ = 0;
  }
  ConnectLater();
}

void Connector::ConnectLater() {
  error_code ignored;
  connecting_.close(ignored);
  current_ = (current_ + 1) % servers_.size();
  // The others are tried soon; who has tried all waits longer.
  const bool is_round = ++failures_ % servers_.size() == 0;
  retry_.expires_after(Jittered(is_round ? backoff_ : kBackoffMin, JitterNow()));
  if (is_round) backoff_ = NextBackoff(backoff_, backoff_max_);
  retry_.async_wait([this, life = life_](const error_code& error) {
    if (!error && life == life_) Connect();
  });
}

}  // namespace tandem::engine
