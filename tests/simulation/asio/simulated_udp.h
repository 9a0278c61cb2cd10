// SPDX-License-Identifier: Apache-2.0
//
// UDP of the simulated Asio: see simulated_asio.h. A socket takes datagrams for its port, and for
// the groups that it joins; what it does not read in time is dropped.
#pragma once

#include "tests/simulation/asio/simulated_tcp.h"

namespace boost::asio::ip {

namespace multicast {
struct outbound_interface {
  explicit outbound_interface(const address_v4&) {}
};
struct hops {
  explicit hops(int) {}
};
struct enable_loopback {
  explicit enable_loopback(bool) {}
};
struct join_group {
  explicit join_group(const address_v4& of, const address_v4& = {}) : group(of) {}
  address_v4 group;
};
}  // namespace multicast

class udp {
 public:
  [[nodiscard]] static udp v4() { return {}; }

  class endpoint {
   public:
    endpoint() = default;
    endpoint(const ip::address& address, std::uint16_t port) : address_(address), port_(port) {}
    [[nodiscard]] ip::address address() const { return address_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    auto operator<=>(const endpoint&) const = default;

   private:
    ip::address address_ = address_v4();
    std::uint16_t port_ = 0;
  };

  class socket : public socket_base {
   public:
    explicit socket(io_context& context) : context_(&context) {}
    socket(socket&&) noexcept = default;
    socket& operator=(socket&& other) noexcept {
      Close();
      context_ = other.context_;
      impl_ = std::move(other.impl_);
      return *this;
    }
    ~socket() { Close(); }

    [[nodiscard]] io_context::executor_type get_executor() { return context_->get_executor(); }
    [[nodiscard]] bool is_open() const { return impl_ != nullptr; }
    void open(const udp& protocol, error_code& error);
    void non_blocking(bool, error_code& error) { error = {}; }
    template <class Option>
    void set_option(const Option&, error_code& error) {
      error = {};
    }
    void set_option(const multicast::join_group& join, error_code& error);
    void bind(const endpoint& at, error_code& error);
    [[nodiscard]] endpoint local_endpoint(error_code& error) const;
    void close(error_code& error) {
      error = {};
      Close();
    }
    std::size_t receive_from(const mutable_buffer& into, endpoint& from, int flags,
                             error_code& error);
    std::size_t send_to(const const_buffer& bytes, const endpoint& to, int flags,
                        error_code& error);
    template <class Handler>
    void async_wait(wait_type, Handler handler) {
      impl_->waiting.Set(std::move(handler));
      Changed(*impl_);
    }

   private:
    struct Impl : io_context::Pending {
      using Pending::Pending;
      ~Impl() override;
      void Drop(std::vector<std::shared_ptr<void>>& handlers) override { waiting.Drop(handlers); }
      WaitingHandler<error_code> waiting;
      std::deque<tandem::simulation::Network::Datagram> received;
      endpoint at;
      std::vector<std::uint64_t> receivers;
    };
    void Close();
    void Receive(const address_v4& address);
    void BindAnywhere();
    static void Changed(Impl& impl);

    io_context* context_;
    std::shared_ptr<Impl> impl_;
  };

  class resolver {
   public:
    struct entry {
      udp::endpoint at;
      [[nodiscard]] const udp::endpoint& endpoint() const { return at; }
    };
    using results_type = std::vector<entry>;

    explicit resolver(io_context& context) : context_(context) {}
    results_type resolve(const udp&, const std::string& host, const std::string& port,
                         error_code& error);

   private:
    io_context& context_;
  };
};

}  // namespace boost::asio::ip
