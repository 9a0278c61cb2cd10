// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>

#include "pools/ensure.h"

namespace tandem::simulation {

struct Socket::Link : std::enable_shared_from_this<Link> {
  struct Side {
    Handler* handler = nullptr;
    std::vector<std::byte> received;
    std::int64_t last_delivery_ns = 0;  ///< of what is under way to this side
  };

  explicit Link(Scheduler& of) : scheduler(of), life(NewLife()) {}

  /// Mostly quick, at times slow.
  std::int64_t Delay() {
    return scheduler.OneIn(50) ? scheduler.Between(1 * kMs, 60 * kMs)
                               : scheduler.Between(20 * kUs, 500 * kUs);
  }

  void Send(std::size_t to, std::vector<std::byte> bytes) {
    if (is_broken) return;
    if (bytes.size() > 1 && scheduler.OneIn(8)) {
      const auto cut = bytes.begin() + scheduler.Between(1, std::ssize(bytes) - 1);
      Transmit(to, {bytes.begin(), cut});
      bytes.erase(bytes.begin(), cut);
    }
    Transmit(to, std::move(bytes));
  }

  void Transmit(std::size_t to, std::vector<std::byte> bytes) {
    Side& side = sides[to];
    side.last_delivery_ns = std::max(side.last_delivery_ns, scheduler.now_ns() + Delay());
    scheduler.After(side.last_delivery_ns - scheduler.now_ns(), life,
                    [self = shared_from_this(), to, bytes = std::move(bytes)] {
                      if (!self->is_broken) self->Deliver(to, bytes);
                    });
  }

  void Deliver(std::size_t to, const std::vector<std::byte>& bytes) {
    Side& side = sides[to];
    side.received.insert(side.received.end(), bytes.begin(), bytes.end());
    std::size_t begin = 0;
    while (side.handler != nullptr) {
      const auto framed = proto::soup::NextPacket(std::span(side.received).subspan(begin));
      ENSURE(framed.has_value(), "the simulated network made up a packet");
      if (!framed->packet) break;
      begin += framed->size;
      side.handler->OnPacket(*framed->packet);
    }
    side.received.erase(side.received.begin(),
                        side.received.begin() + static_cast<std::ptrdiff_t>(begin));
    if (side.handler != nullptr) side.handler->OnBatchEnd();
  }

  void Break() {
    if (is_broken) return;
    is_broken = true;
    for (Side& side : sides) {
      const std::int64_t noticed =
          scheduler.OneIn(20) ? scheduler.Between(0, 2 * kSecond) : scheduler.Between(0, 20 * kMs);
      scheduler.After(noticed, life, [self = shared_from_this(), &side] {
        if (Handler* handler = std::exchange(side.handler, nullptr)) handler->OnClosed();
      });
    }
  }

  Scheduler& scheduler;
  Life life;
  bool is_broken = false;
  std::array<Side, 2> sides;
};

Socket::~Socket() {
  link_->sides[side_].handler = nullptr;
  link_->Break();
}

void Socket::Start(Handler& handler) { link_->sides[side_].handler = &handler; }

void Socket::Send(proto::soup::PacketType type, std::span<const std::byte> payload) {
  std::vector<std::byte> bytes;
  proto::soup::AppendPacket(bytes, type, payload);
  link_->Send(1 - side_, std::move(bytes));
}

void Network::Connect(Port port, const Life& life, OnSocket on_socket) {
  scheduler_.After(scheduler_.Between(50 * kUs, 1 * kMs), life,
                   [this, port, on_socket = std::move(on_socket)] {
                     const auto listener = listeners_.find(port);
                     if (listener == listeners_.end()) return on_socket(nullptr);
                     auto link = std::make_shared<Socket::Link>(scheduler_);
                     links_.push_back(link);
                     listener->second(std::make_unique<Socket>(link, 0));
                     on_socket(std::make_unique<Socket>(link, 1));
                   });
}

bool Network::BreakOne() {
  std::erase_if(links_, [](const auto& weak) {
    const auto link = weak.lock();
    return !link || link->is_broken;
  });
  if (links_.empty()) return false;
  links_[scheduler_.Below(links_.size())].lock()->Break();
  return true;
}

}  // namespace tandem::simulation
