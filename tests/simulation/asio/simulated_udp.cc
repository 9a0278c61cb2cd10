// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/asio/simulated_udp.h"

#include <algorithm>
#include <charconv>

namespace boost::asio::ip {

using tandem::simulation::HostId;
using tandem::simulation::Network;

namespace {

/// Datagrams that wait to be read; more are dropped.
constexpr std::size_t kReceivedMax = 64;
constexpr std::uint16_t kPortsOfNobody = 40'000;

Network& NetworkOf(io_context& context) { return context.process().environment().network; }

/// As it stands on the wire: nobody is known to others as 127.0.0.1.
std::uint32_t OnTheWire(io_context& context, const address_v4& address) {
  const bool is_own = address.is_loopback() || address.is_unspecified();
  return is_own ? Network::AddressOf(context.process().host()) : address.to_uint();
}

}  // namespace

udp::socket::Impl::~Impl() {
  for (const std::uint64_t receiver : receivers) NetworkOf(context).StopReceiving(receiver);
}

void udp::socket::open(const udp& /*protocol*/, error_code& error) {
  error = {};
  impl_ = std::make_shared<Impl>(*context_);
}

void udp::socket::Receive(const address_v4& address) {
  impl_->receivers.push_back(NetworkOf(*context_).Receive(
      context_->process().host(), OnTheWire(*context_, address), impl_->at.port(),
      [weak = std::weak_ptr(impl_)](const Network::Datagram& datagram) {
        const auto impl = weak.lock();
        if (impl == nullptr || impl->received.size() >= kReceivedMax) return;
        impl->received.push_back(datagram);
        Changed(*impl);
      }));
}

void udp::socket::bind(const endpoint& at, error_code& error) {
  error = {};
  impl_->at = at;
  const address_v4 address = at.address().to_v4();
  if (at.port() == 0) return BindAnywhere();
  if (address.is_multicast()) return;
  if (NetworkOf(*context_).IsReceiving(OnTheWire(*context_, address), at.port())) {
    error = error::address_in_use;
    return;
  }
  Receive(address);
}

void udp::socket::BindAnywhere() {
  std::uint16_t port = kPortsOfNobody;
  const std::uint32_t own = Network::AddressOf(context_->process().host());
  while (NetworkOf(*context_).IsReceiving(own, port)) ++port;
  impl_->at = endpoint(address_v4(own), port);
  Receive(address_v4(own));
}

void udp::socket::set_option(const multicast::join_group& join, error_code& error) {
  error = {};
  Receive(join.group);
}

udp::endpoint udp::socket::local_endpoint(error_code& error) const {
  error = {};
  return impl_->at;
}

void udp::socket::Changed(Impl& impl) {
  if (!impl.waiting || impl.received.empty() || impl.context.process().is_crashing()) return;
  impl.context.Post([call = impl.waiting.Take()] { (*call)(error_code()); });
}

std::size_t udp::socket::receive_from(const mutable_buffer& into, endpoint& from, int /*flags*/,
                                      error_code& error) {
  error = {};
  if (impl_->received.empty()) {
    error = error::would_block;
    return 0;
  }
  const Network::Datagram datagram = std::move(impl_->received.front());
  impl_->received.pop_front();
  from = endpoint(address_v4(datagram.from), datagram.from_port);
  const std::size_t size = std::min(into.size(), datagram.bytes.size());
  std::copy_n(datagram.bytes.begin(), size, static_cast<std::byte*>(into.data()));
  return size;
}

std::size_t udp::socket::send_to(const const_buffer& bytes, const endpoint& to, int /*flags*/,
                                 error_code& error) {
  error = {};
  if (context_->process().is_crashing()) return 0;
  if (impl_->at.port() == 0) BindAnywhere();
  const HostId host = context_->process().host();
  const auto* const data = static_cast<const std::byte*>(bytes.data());
  NetworkOf(*context_).SendDatagram(host, OnTheWire(*context_, to.address().to_v4()), to.port(),
                                    {.from = Network::AddressOf(host),
                                     .from_port = impl_->at.port(),
                                     .bytes = {data, data + bytes.size()}});
  return bytes.size();
}

void udp::socket::Close() {
  const std::shared_ptr<Impl> impl = std::exchange(impl_, nullptr);
  if (impl == nullptr || !impl->waiting) return;
  impl->context.Post([call = impl->waiting.Take()] { (*call)(error::operation_aborted); });
}

udp::resolver::results_type udp::resolver::resolve(const udp&, const std::string& host,
                                                   const std::string& port, error_code& error) {
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  address_v4 address = make_address_v4(host, error);
  if (error) {
    error = {};
    const HostId own = context_.process().host();
    address = address_v4(Network::AddressOf(NetworkOf(context_).FindHost(host, own)));
  }
  return {entry{udp::endpoint(address, static_cast<std::uint16_t>(number))}};
}

}  // namespace boost::asio::ip
