// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/network.h"

#include <algorithm>
#include <utility>

#include "pools/ensure.h"

namespace tandem::simulation {

/// Both ends of a connection and what is between them. Direction d carries what side d sends.
class Link : public std::enable_shared_from_this<Link> {
 public:
  struct Segment {
    std::int64_t arrives_ns = 0;
    std::vector<std::byte> bytes;
    bool is_end = false;
  };
  struct Direction {
    std::deque<Segment> under_way;
    bool delivery_is_scheduled = false;
    std::deque<std::byte> arrived;
    bool end_was_sent = false;
    bool end_has_arrived = false;
    std::size_t unacknowledged = 0;  ///< sent and, as far as the sender knows, not read
  };
  struct Side {
    HostId host = 0;
    std::function<void()> on_change;
    bool is_open = true;
    bool is_gone = false;  ///< its host was turned off
    Trouble trouble = Trouble::kNone;
  };

  Link(Network& network, HostId listener, HostId connector)
      : network_(network), window_(network.window_) {
    sides[0].host = listener;
    sides[1].host = connector;
  }

  void Send(std::size_t side, std::vector<std::byte> bytes, bool is_end) {
    Direction& direction = directions[side];
    direction.unacknowledged += bytes.size();
    direction.end_was_sent |= is_end;
    if (is_broken || sides[side].is_gone) return;
    std::int64_t arrives_ns = Now() + network_.Delay();
    if (!direction.under_way.empty()) {
      arrives_ns = std::max(arrives_ns, direction.under_way.back().arrives_ns);
    }
    direction.under_way.push_back({arrives_ns, std::move(bytes), is_end});
    ScheduleDelivery(side, arrives_ns);
  }

  void Acknowledge(std::size_t side, std::size_t size) {
    const HostId from = sides[1 - side].host, to = sides[side].host;
    const std::int64_t at = std::max(Now(), network_.CutUntil(from, to)) + network_.Delay();
    At(at, [this, side, size] {
      directions[side].unacknowledged -= size;
      Changed(side);
    });
  }

  void Close(std::size_t side) {
    Side& own = sides[side];
    if (!own.is_open) return;
    own.is_open = false;
    own.on_change = nullptr;
    if (own.is_gone) return;
    if (!directions[1 - side].arrived.empty()) return Refuse(1 - side);
    if (!directions[side].end_was_sent) Send(side, {}, true);
  }

  /// `side` is told that its connection is no more.
  void Refuse(std::size_t side) {
    const HostId from = sides[1 - side].host, to = sides[side].host;
    const std::int64_t at = std::max(Now(), network_.CutUntil(from, to)) + network_.Delay();
    At(at, [this, side] { Reset(side); });
  }

  void Break() {
    is_broken = true;
    for (const std::size_t side : {0, 1}) {
      Scheduler& chance = network_.scheduler_;
      const std::int64_t heard_after =
          chance.OneIn(20) ? chance.Between(0, 2 * kSecond) : chance.Between(0, 20 * kMs);
      At(Now() + heard_after, [this, side] { Reset(side); });
    }
  }

  void Reset(std::size_t side) {
    if (sides[side].trouble != Trouble::kNone || sides[side].is_gone) return;
    sides[side].trouble = Trouble::kReset;
    Direction& incoming = directions[1 - side];
    if (network_.scheduler_.OneIn(2)) incoming.arrived.clear();
    incoming.under_way.clear();
    Changed(side);
  }

  void Changed(std::size_t side) {
    if (sides[side].on_change) sides[side].on_change();
  }

  [[nodiscard]] bool over() const { return !sides[0].is_open && !sides[1].is_open; }
  [[nodiscard]] std::size_t window() const { return window_; }
  [[nodiscard]] Scheduler& scheduler() { return network_.scheduler_; }

  std::array<Side, 2> sides;
  std::array<Direction, 2> directions;
  bool is_broken = false;

 private:
  [[nodiscard]] std::int64_t Now() const { return network_.scheduler_.now_ns(); }

  void At(std::int64_t time_ns, std::function<void()> what) {
    network_.scheduler_.After(time_ns - Now(), network_.life_,
                              [self = shared_from_this(), what = std::move(what)] { what(); });
  }

  void ScheduleDelivery(std::size_t side, std::int64_t time_ns) {
    Direction& direction = directions[side];
    if (direction.delivery_is_scheduled) return;
    direction.delivery_is_scheduled = true;
    At(time_ns, [this, side] {
      directions[side].delivery_is_scheduled = false;
      Deliver(side);
    });
  }

  void Deliver(std::size_t side) {
    Direction& direction = directions[side];
    Side& to = sides[1 - side];
    const std::int64_t cut_until = network_.CutUntil(sides[side].host, to.host);
    if (cut_until > Now()) {
      // Sent again and again, at growing intervals, until one gets through.
      return ScheduleDelivery(side, cut_until + network_.scheduler_.Between(0, 300 * kMs));
    }
    bool came = false;
    while (!is_broken && !direction.under_way.empty() &&
           direction.under_way.front().arrives_ns <= Now()) {
      Segment segment = std::move(direction.under_way.front());
      direction.under_way.pop_front();
      if (to.is_gone || to.trouble != Trouble::kNone) continue;
      if (!to.is_open) {
        if (!segment.is_end) Refuse(side);
        continue;
      }
      direction.arrived.insert(direction.arrived.end(), segment.bytes.begin(), segment.bytes.end());
      direction.end_has_arrived |= segment.is_end;
      came = true;
    }
    if (!is_broken && !direction.under_way.empty()) {
      ScheduleDelivery(side, direction.under_way.front().arrives_ns);
    }
    if (came) Changed(1 - side);
  }

  Network& network_;
  std::size_t window_;
};

End::~End() { link_->Close(side_); }

void End::OnChange(std::function<void()> on_change) {
  link_->sides[side_].on_change = std::move(on_change);
}

std::size_t End::readable() const { return link_->directions[1 - side_].arrived.size(); }

bool End::at_end() const {
  const Link::Direction& incoming = link_->directions[1 - side_];
  return incoming.end_has_arrived && incoming.arrived.empty();
}

Trouble End::trouble() const { return link_->sides[side_].trouble; }

std::size_t End::Read(std::span<std::byte> into) {
  std::deque<std::byte>& arrived = link_->directions[1 - side_].arrived;
  std::size_t size = std::min(into.size(), arrived.size());
  if (size > 1 && link_->scheduler().OneIn(8)) size = 1 + link_->scheduler().Below(size);
  const auto end = arrived.begin() + static_cast<std::ptrdiff_t>(size);
  std::copy(arrived.begin(), end, into.begin());
  arrived.erase(arrived.begin(), end);
  if (size > 0) link_->Acknowledge(1 - side_, size);
  return size;
}

std::size_t End::room() const {
  const std::size_t unacknowledged = link_->directions[side_].unacknowledged;
  return link_->window() > unacknowledged ? link_->window() - unacknowledged : 0;
}

std::size_t End::Write(std::span<const std::byte> bytes) {
  std::size_t size = std::min(bytes.size(), room());
  if (size > 1 && link_->scheduler().OneIn(20)) size = 1 + link_->scheduler().Below(size);
  if (size > 0) link_->Send(side_, {bytes.begin(), bytes.begin() + std::ptrdiff_t(size)}, false);
  return size;
}

void End::ShutdownSend() {
  if (!link_->directions[side_].end_was_sent) link_->Send(side_, {}, true);
}

HostId End::peer() const { return link_->sides[1 - side_].host; }

HostId Network::AddHost(const std::string& name) {
  hosts_.push_back({.name = name});
  return hosts_.size() - 1;
}

HostId Network::FindHost(const std::string& name, HostId self) const {
  for (HostId host = 0; host < hosts_.size(); ++host) {
    if (hosts_[host].name == name) return host;
  }
  return self;
}

bool Network::Listen(HostId host, std::uint16_t port, OnAccept on_accept) {
  return listeners_.emplace(std::pair(host, port), std::move(on_accept)).second;
}

void Network::Connect(HostId from, HostId to, std::uint16_t port, OnEnd on_end) {
  const bool is_unreachable = !hosts_[to].is_on || IsCut(from, to) || IsCut(to, from);
  const std::int64_t after =
      is_unreachable ? scheduler_.Between(500 * kMs, 3 * kSecond) : 2 * Delay();
  scheduler_.After(after, life_, [=, this, on_end = std::move(on_end)] {
    if (is_unreachable || !hosts_[to].is_on) return on_end(nullptr, Trouble::kTimedOut);
    const auto listener = listeners_.find({to, port});
    if (listener == listeners_.end()) return on_end(nullptr, Trouble::kRefused);
    auto link = std::make_shared<Link>(*this, to, from);
    std::erase_if(links_, [](const auto& weak) {
      const auto other = weak.lock();
      return !other || other->over();
    });
    links_.push_back(link);
    listener->second(std::make_unique<End>(link, 0));
    on_end(std::make_unique<End>(link, 1), Trouble::kNone);
  });
}

std::uint64_t Network::Receive(HostId host, std::uint32_t address, std::uint16_t port,
                               OnDatagram handler) {
  receivers_[++receivers_made_] = {host, address, port, std::move(handler)};
  return receivers_made_;
}

bool Network::IsReceiving(std::uint32_t address, std::uint16_t port) const {
  return std::ranges::any_of(receivers_, [&](const auto& entry) {
    return entry.second.address == address && entry.second.port == port;
  });
}

void Network::SendDatagram(HostId from, std::uint32_t to, std::uint16_t port,
                           const Datagram& datagram) {
  for (const auto& [number, receiver] : receivers_) {
    if (receiver.address != to || receiver.port != port) continue;
    if (IsCut(from, receiver.host) || !hosts_[receiver.host].is_on) continue;
    const int copies = !is_lossy_             ? 1
                       : scheduler_.OneIn(12) ? 0
                                              : 1 + static_cast<int>(scheduler_.OneIn(20));
    if (copies != 1) ++losses_;
    for (int copy = 0; copy < copies; ++copy) {
      const std::int64_t after = scheduler_.OneIn(20) ? scheduler_.Between(1 * kMs, 40 * kMs)
                                                      : scheduler_.Between(20 * kUs, 200 * kUs);
      scheduler_.After(after, life_, [this, receiver_number = number, datagram] {
        const auto found = receivers_.find(receiver_number);
        if (found != receivers_.end()) found->second.handler(datagram);
      });
    }
  }
}

std::int64_t Network::Delay() {
  if (is_lossy_ && scheduler_.OneIn(300)) {
    ++losses_;
    return scheduler_.Between(200 * kMs, 1200 * kMs);  // until it is sent again
  }
  return scheduler_.OneIn(50) ? scheduler_.Between(1 * kMs, 40 * kMs)
                              : scheduler_.Between(20 * kUs, 500 * kUs);
}

bool Network::BreakOne() {
  std::vector<std::shared_ptr<Link>> links;
  for (const auto& weak : links_) {
    if (auto link = weak.lock(); link && !link->is_broken && !link->over()) links.push_back(link);
  }
  if (links.empty()) return false;
  links[scheduler_.Below(links.size())]->Break();
  return true;
}

void Network::Cut(HostId from, HostId to, std::int64_t until_ns) {
  std::int64_t& until = cuts_[{from, to}];
  until = std::max(until, until_ns);
}

bool Network::IsCut(HostId from, HostId to) const {
  return CutUntil(from, to) > scheduler_.now_ns();
}

std::int64_t Network::CutUntil(HostId from, HostId to) const {
  const auto cut = cuts_.find({from, to});
  return cut == cuts_.end() ? 0 : cut->second;
}

void Network::TurnOff(HostId host) {
  hosts_[host].is_on = false;
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (!link) continue;
    for (Link::Side& side : link->sides) {
      if (side.host != host) continue;
      side.is_gone = true;
      side.on_change = nullptr;
    }
  }
}

void Network::TurnOn(HostId host) {
  hosts_[host].is_on = true;
  for (const auto& weak : links_) {
    const auto link = weak.lock();
    if (!link) continue;
    for (const std::size_t side : {0, 1}) {
      if (!link->sides[side].is_gone || link->sides[side].host != host) continue;
      // The other side hears of it when it sends something, or never, and then has to find out.
      if (scheduler_.OneIn(4)) continue;
      scheduler_.After(scheduler_.Between(0, 1 * kSecond), life_,
                       [link, side] { link->Reset(1 - side); });
    }
  }
}

}  // namespace tandem::simulation
