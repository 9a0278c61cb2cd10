// SPDX-License-Identifier: Apache-2.0
//
// Turnstile: how many connections a port has, in all and from one address, and how many lines about
// them go into the operator's log: a flood of peers must not become a flood of lines. On the thread
// of the io_context; outlives its tickets.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "engine/transport/token_bucket.h"

namespace tandem::engine {

class Turnstile {
 public:
  /// A place at the port, held as long as it lives.
  class Ticket {
   public:
    Ticket(Turnstile& turnstile, std::string address)
        : turnstile_(&turnstile), address_(std::move(address)) {}
    Ticket(Ticket&& other) noexcept
        : turnstile_(std::exchange(other.turnstile_, nullptr)),
          address_(std::move(other.address_)) {}
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (turnstile_ != nullptr) turnstile_->Leave(address_);
    }

   private:
    Turnstile* turnstile_;
    std::string address_;
  };

  /// `what`: for the log, as "client". `per_address` 0: half of `connections`.
  Turnstile(std::string what, std::size_t connections, std::size_t per_address);

  /// Null: there is no place; said in the log, though not each time.
  [[nodiscard]] std::optional<Ticket> Enter(const boost::asio::ip::tcp::socket& socket);
  /// False: too many lines of this port were logged just now; the next one that may be says so.
  [[nodiscard]] bool MayLog();

  [[nodiscard]] std::size_t connections() const { return connections_; }
  [[nodiscard]] std::uint64_t turned_away() const { return turned_away_; }

 private:
  void Leave(const std::string& address);

  const std::string what_;
  const std::size_t connections_max_;
  const std::size_t per_address_max_;
  std::size_t connections_ = 0;
  std::map<std::string, std::size_t> by_address_;
  std::uint64_t turned_away_ = 0;
  TokenBucket lines_;
  std::uint64_t lines_left_out_ = 0;
};

}  // namespace tandem::engine
