// SPDX-License-Identifier: Apache-2.0
//
// StreamClient: reads one stream from a server, from the number that its handler wants, and
// connects again for ever, with backoff from 20 ms to 2 s. A reconnect asks for the next number
// wanted: that is the whole recovery. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "engine/transport/connection.h"
#include "engine/transport/listener.h"
#include "proto/message.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

class StreamClient : private Connection::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// The next number to read, asked at each login.
    virtual std::uint64_t WantedNumber() = 0;
    /// The session to ask for; "" takes what there is.
    virtual std::string WantedSession() = 0;
    virtual void OnLogin(proto::Session session, std::uint64_t number) = 0;
    virtual void OnSchema(const std::string& schema) { (void)schema; }
    /// A sequenced message, whole; number and digest are for the handler to check. It may call
    /// Reconnect or Stop.
    virtual void OnMessage(const proto::MessageView& message) = 0;
    virtual void OnStatus(const pb::Status& status) { (void)status; }
    /// All that one read brought has been handed over: the time to flush.
    virtual void OnBatchEnd() {}
    virtual void OnDisconnected(const std::string& why) = 0;
    /// The server refuses us: session not available or not authorised. The client tries again.
    virtual void OnRejected(const std::string& why) { OnDisconnected(why); }
  };

  /// `user`: up to 6 characters, names us in the server's log. `handler` outlives the client.
  StreamClient(boost::asio::io_context& context, Endpoint server, std::string user,
               Handler& handler);
  ~StreamClient() override;

  void Start();
  void Stop();
  void Reconnect(const std::string& why);
  [[nodiscard]] bool connected() const { return logged_in_; }
  [[nodiscard]] const Endpoint& server() const { return server_; }

 private:
  void Connect();
  void ConnectLater();
  void OnConnected(boost::asio::ip::tcp::socket socket);
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnBatchEnd() override;
  void OnClosed(const std::string& why) override;
  void OnLoginAnswer(const proto::soup::Packet& packet);
  void OnUnsequenced(const proto::MessageView& message);

  Endpoint server_;
  std::string user_;
  Handler& handler_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::ip::tcp::socket connecting_;
  boost::asio::steady_timer retry_;
  std::chrono::milliseconds backoff_;
  std::shared_ptr<Connection> connection_;
  std::chrono::steady_clock::time_point connected_at_;
  std::string schema_;  ///< parts so far
  std::string rejected_;
  bool logged_in_ = false;
  bool stopped_ = false;
};

}  // namespace tandem::engine
