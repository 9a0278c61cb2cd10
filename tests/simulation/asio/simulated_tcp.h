// SPDX-License-Identifier: Apache-2.0
//
// TCP of the simulated Asio: see simulated_asio.h. Hosts have addresses from 10.0.0.1 on and are
// found by name; an unknown name is the own host.
#pragma once

#include <boost/asio/ip/address.hpp>

#include "tests/simulation/asio/simulated_asio.h"

namespace boost::asio {

class socket_base {
 public:
  enum shutdown_type { shutdown_receive, shutdown_send, shutdown_both };
  static constexpr int max_listen_connections = 128;
  enum wait_type { wait_read, wait_write, wait_error };
  struct reuse_address {
    explicit reuse_address(bool) {}
  };
  struct receive_buffer_size {
    explicit receive_buffer_size(int) {}
  };
  struct send_buffer_size {
    explicit send_buffer_size(int) {}
  };
};

namespace ip {

class tcp {
 public:
  class endpoint {
   public:
    endpoint() = default;
    endpoint(ip::address address, tandem::simulation::HostId host, std::uint16_t port)
        : address_(std::move(address)), host_(host), port_(port) {}
    [[nodiscard]] ip::address address() const { return address_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int protocol() const { return 0; }
    [[nodiscard]] tandem::simulation::HostId host() const { return host_; }

   private:
    ip::address address_;
    tandem::simulation::HostId host_ = 0;
    std::uint16_t port_ = 0;
  };

  struct no_delay {
    explicit no_delay(bool) {}
  };

  class socket : public socket_base {
   public:
    explicit socket(io_context& context) : context_(&context) {}
    explicit socket(const io_context::executor_type& executor) : socket(executor.context()) {}
    socket(io_context& context, std::unique_ptr<tandem::simulation::End> end);
    socket(socket&& other) noexcept
        : context_(other.context_), impl_(std::exchange(other.impl_, nullptr)) {}
    socket& operator=(socket&& other) noexcept {
      Close();
      context_ = other.context_;
      impl_ = std::exchange(other.impl_, nullptr);
      return *this;
    }
    ~socket() { Close(); }

    [[nodiscard]] bool is_open() const { return impl_ != nullptr; }
    [[nodiscard]] io_context::executor_type get_executor() { return context_->get_executor(); }
    template <class Option>
    void set_option(const Option&, error_code& error) {
      error = {};
    }
    [[nodiscard]] endpoint remote_endpoint(error_code& error) const;
    void shutdown(shutdown_type what, error_code& error);
    void close(error_code& error) {
      error = {};
      Close();
    }
    void close() { Close(); }

    template <class Handler>
    void async_read_some(const mutable_buffer& into, Handler handler) {
      Start(impl_->reading, std::move(handler));
      impl_->read_into = {static_cast<std::byte*>(into.data()), into.size()};
      Changed(impl_);
    }
    template <class Handler>
    void async_write_some(const const_buffer& from, Handler handler) {
      Start(impl_->writing, std::move(handler));
      impl_->write_from = {static_cast<const std::byte*>(from.data()), from.size()};
      Changed(impl_);
    }
    template <class Handler>
    void async_connect(const endpoint& to, Handler handler) {
      auto shared = std::make_shared<Handler>(std::move(handler));
      Connect(to, [shared](error_code error) { (*shared)(error); });
    }
    void Connect(const endpoint& to, std::function<void(error_code)> handler);

   private:
    struct Impl : io_context::Pending {
      using Pending::Pending;
      void Drop(std::vector<std::shared_ptr<void>>& handlers) override {
        connecting.Drop(handlers);
        reading.Drop(handlers);
        writing.Drop(handlers);
      }
      std::unique_ptr<tandem::simulation::End> end;  ///< null: not connected yet
      bool is_shut = false;
      WaitingHandler<error_code> connecting;
      WaitingHandler<error_code, std::size_t> reading;
      WaitingHandler<error_code, std::size_t> writing;
      std::span<std::byte> read_into;
      std::span<const std::byte> write_from;
    };
    template <class Handler>
    void Start(WaitingHandler<error_code, std::size_t>& waiting, Handler handler) {
      if (impl_ == nullptr) impl_ = std::make_shared<Impl>(*context_);
      waiting.Set(std::move(handler));
    }
    void Close();
    static void Attach(const std::shared_ptr<Impl>& impl,
                       std::unique_ptr<tandem::simulation::End> end);
    static void Changed(const std::shared_ptr<Impl>& impl);
    static void Complete(Impl& impl, WaitingHandler<error_code, std::size_t>& waiting,
                         error_code error, std::size_t size);

    io_context* context_;
    std::shared_ptr<Impl> impl_;
  };

  class acceptor : public socket_base {
   public:
    explicit acceptor(io_context& context) : context_(context) {}
    ~acceptor() { Close(); }
    acceptor(const acceptor&) = delete;
    acceptor& operator=(const acceptor&) = delete;

    [[nodiscard]] io_context::executor_type get_executor() { return context_.get_executor(); }
    [[nodiscard]] bool is_open() const { return impl_ != nullptr; }
    void open(int protocol, error_code& error);
    template <class Option>
    void set_option(const Option&, error_code& error) {
      error = {};
    }
    void bind(const endpoint& at, error_code& error);
    void listen(int backlog, error_code& error);
    [[nodiscard]] endpoint local_endpoint(error_code& error) const;
    void close(error_code& error) {
      error = {};
      Close();
    }
    template <class Handler>
    void async_accept(Handler handler) {
      impl_->accepting.Set(std::move(handler));
      Changed(impl_);
    }

   private:
    struct Impl : io_context::Pending {
      using Pending::Pending;
      void Drop(std::vector<std::shared_ptr<void>>& handlers) override { accepting.Drop(handlers); }
      WaitingHandler<error_code, socket> accepting;
      std::deque<std::unique_ptr<tandem::simulation::End>> accepted;
      endpoint at;
      bool is_listening = false;
    };
    void Close();
    static void Changed(const std::shared_ptr<Impl>& impl);

    io_context& context_;
    std::shared_ptr<Impl> impl_;
  };

  class resolver {
   public:
    struct entry {
      tcp::endpoint at;
      [[nodiscard]] const tcp::endpoint& endpoint() const { return at; }
    };
    using results_type = std::vector<entry>;

    explicit resolver(io_context& context) : context_(context) {}
    explicit resolver(const io_context::executor_type& executor) : context_(executor.context()) {}

    results_type resolve(const std::string& host, const std::string& port, error_code& error);
    template <class Handler>
    void async_resolve(const std::string& host, const std::string& port, Handler handler) {
      error_code error;
      auto found = resolve(host, port, error);
      post(context_,
           [handler = std::move(handler), found, error]() mutable { handler(error, found); });
    }
    void cancel() {}

   private:
    io_context& context_;
  };
};

}  // namespace ip

template <class Handler>
void async_connect(ip::tcp::socket& socket, const ip::tcp::resolver::results_type& found,
                   Handler handler) {
  const ip::tcp::endpoint to = found.front().endpoint();
  socket.async_connect(
      to, [handler = std::move(handler), to](error_code error) mutable { handler(error, to); });
}

}  // namespace boost::asio
