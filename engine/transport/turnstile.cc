// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/turnstile.h"

#include <spdlog/spdlog.h>

namespace tandem::engine {

namespace {

constexpr double kLinesPerSecond = 20;
constexpr double kLinesAtOnce = 200;

}  // namespace

Turnstile::Turnstile(std::string what, std::size_t connections, std::size_t per_address)
    : what_(std::move(what)),
      connections_max_(connections),
      per_address_max_(per_address != 0 ? per_address : std::max<std::size_t>(1, connections / 2)),
      lines_(kLinesPerSecond, kLinesAtOnce, TokenBucket::Clock::now()) {}

std::optional<Turnstile::Ticket> Turnstile::Enter(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code gone;
  const std::string address = socket.remote_endpoint(gone).address().to_string();
  const auto found = by_address_.find(address);
  const bool is_full = connections_ >= connections_max_;
  const bool address_is_full = found != by_address_.end() && found->second >= per_address_max_;
  if (is_full || address_is_full) {
    ++turned_away_;
    if (MayLog()) {
      spdlog::warn("a {} was turned away: there are {} {}already, which is the limit", what_,
                   is_full ? connections_max_ : per_address_max_,
                   is_full ? std::string() : "from " + address + " ");
    }
    return std::nullopt;
  }
  ++connections_;
  ++by_address_[address];
  return Ticket(*this, address);
}

bool Turnstile::MayLog() {
  if (!lines_.Take(TokenBucket::Clock::now())) {
    ++lines_left_out_;
    return false;
  }
  if (lines_left_out_ > 0) {
    spdlog::warn("{} lines about {}s were left out here: there were too many", lines_left_out_,
                 what_);
    lines_left_out_ = 0;
  }
  return true;
}

void Turnstile::Leave(const std::string& address) {
  --connections_;
  const auto found = by_address_.find(address);
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace tandem::engine
