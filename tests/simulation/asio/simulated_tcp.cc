// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/asio/simulated_tcp.h"

#include <charconv>

namespace boost::asio::ip {

using tandem::simulation::End;
using tandem::simulation::HostId;
using tandem::simulation::Network;
using tandem::simulation::Trouble;

namespace {

error_code ErrorOf(Trouble trouble) {
  switch (trouble) {
    case Trouble::kNone:
      return {};
    case Trouble::kReset:
      return error::connection_reset;
    case Trouble::kRefused:
      return error::connection_refused;
    case Trouble::kTimedOut:
      return error::timed_out;
  }
  return {};
}

Network& NetworkOf(io_context& context) { return context.process().environment().network; }

tcp::endpoint EndpointOf(io_context& context, HostId host, std::uint16_t port) {
  const bool is_own = host == context.process().host();
  return {is_own ? address_v4::loopback() : address_v4(Network::AddressOf(host)), host, port};
}

}  // namespace

tcp::socket::socket(io_context& context, std::unique_ptr<End> end)
    : context_(&context), impl_(std::make_shared<Impl>(context)) {
  Attach(impl_, std::move(end));
}

void tcp::socket::Attach(const std::shared_ptr<Impl>& impl, std::unique_ptr<End> end) {
  impl->end = std::move(end);
  impl->end->OnChange([weak = std::weak_ptr(impl)] {
    if (const auto changed = weak.lock()) Changed(changed);
  });
}

void tcp::socket::Complete(Impl& impl, WaitingHandler<error_code, std::size_t>& waiting,
                           error_code error, std::size_t size) {
  impl.context.Post([call = waiting.Take(), error, size] { (*call)(error, size); });
}

void tcp::socket::Changed(const std::shared_ptr<Impl>& impl) {
  if (impl->context.process().is_crashing() || impl->end == nullptr) return;
  End& end = *impl->end;
  if (impl->reading) {
    if (end.readable() > 0 && !impl->read_into.empty()) {
      Complete(*impl, impl->reading, {}, end.Read(impl->read_into));
    } else if (end.trouble() != Trouble::kNone) {
      Complete(*impl, impl->reading, ErrorOf(end.trouble()), 0);
    } else if (end.at_end()) {
      Complete(*impl, impl->reading, error::eof, 0);
    }
  }
  if (impl->writing) {
    if (end.trouble() != Trouble::kNone) {
      Complete(*impl, impl->writing, ErrorOf(end.trouble()), 0);
    } else if (impl->is_shut) {
      Complete(*impl, impl->writing, error::broken_pipe, 0);
    } else if (end.room() > 0) {
      Complete(*impl, impl->writing, {}, end.Write(impl->write_from));
    }
  }
}

tcp::endpoint tcp::socket::remote_endpoint(error_code& error) const {
  error = {};
  if (impl_ == nullptr || impl_->end == nullptr || impl_->end->trouble() != Trouble::kNone) {
    error = error::not_connected;
    return {};
  }
  return EndpointOf(*context_, impl_->end->peer(), 0);
}

void tcp::socket::shutdown(shutdown_type what, error_code& error) {
  error = {};
  if (impl_ == nullptr || impl_->end == nullptr || what == shutdown_receive) return;
  impl_->is_shut = true;
  if (!context_->process().is_crashing()) impl_->end->ShutdownSend();
}

void tcp::socket::Close() {
  const std::shared_ptr<Impl> impl = std::exchange(impl_, nullptr);
  if (impl == nullptr) return;
  if (impl->connecting) {
    impl->context.Post([call = impl->connecting.Take()] { (*call)(error::operation_aborted); });
  }
  if (impl->reading) Complete(*impl, impl->reading, error::operation_aborted, 0);
  if (impl->writing) Complete(*impl, impl->writing, error::operation_aborted, 0);
}

void tcp::socket::Connect(const endpoint& to, std::function<void(error_code)> handler) {
  Close();
  impl_ = std::make_shared<Impl>(*context_);
  impl_->connecting.Set(std::move(handler));
  NetworkOf(*context_).Connect(
      context_->process().host(), to.host(), to.port(),
      [weak = std::weak_ptr(impl_)](std::unique_ptr<End> end, Trouble trouble) {
        const auto impl = weak.lock();
        if (impl == nullptr || !impl->connecting) return;
        if (end != nullptr) Attach(impl, std::move(end));
        impl->context.Post(
            [call = impl->connecting.Take(), trouble] { (*call)(ErrorOf(trouble)); });
      });
}

void tcp::acceptor::open(int /*protocol*/, error_code& error) {
  error = {};
  impl_ = std::make_shared<Impl>(context_);
}

void tcp::acceptor::bind(const endpoint& at, error_code& error) {
  error = {};
  impl_->at = at;
}

void tcp::acceptor::listen(int /*backlog*/, error_code& error) {
  error = {};
  impl_->is_listening = NetworkOf(context_).Listen(
      impl_->at.host(), impl_->at.port(), [weak = std::weak_ptr(impl_)](std::unique_ptr<End> end) {
        const auto impl = weak.lock();
        if (impl == nullptr) return;
        impl->accepted.push_back(std::move(end));
        Changed(impl);
      });
  if (!impl_->is_listening) error = error::address_in_use;
}

tcp::endpoint tcp::acceptor::local_endpoint(error_code& error) const {
  error = {};
  return impl_->at;
}

void tcp::acceptor::Changed(const std::shared_ptr<Impl>& impl) {
  if (!impl->accepting || impl->accepted.empty()) return;
  auto accepted = std::make_shared<socket>(impl->context, std::move(impl->accepted.front()));
  impl->accepted.pop_front();
  impl->context.Post(
      [call = impl->accepting.Take(), accepted] { (*call)(error_code(), std::move(*accepted)); });
}

void tcp::acceptor::Close() {
  const std::shared_ptr<Impl> impl = std::exchange(impl_, nullptr);
  if (impl == nullptr) return;
  if (impl->is_listening) {
    NetworkOf(context_).StopListening(impl->at.host(), impl->at.port());
  }
  if (!impl->accepting) return;
  auto none = std::make_shared<socket>(context_);
  context_.Post([call = impl->accepting.Take(), none] {
    (*call)(error::operation_aborted, std::move(*none));
  });
}

tcp::resolver::results_type tcp::resolver::resolve(const std::string& host, const std::string& port,
                                                   error_code& error) {
  error = {};
  unsigned number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  const HostId found = NetworkOf(context_).FindHost(host, context_.process().host());
  return {entry{EndpointOf(context_, found, static_cast<std::uint16_t>(number))}};
}

}  // namespace boost::asio::ip
