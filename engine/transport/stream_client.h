// SPDX-License-Identifier: Apache-2.0
//
// StreamClient: reads one stream from a server, from the number that its handler wants, and
// connects again for ever. A reconnect asks for the next number wanted: that is the whole recovery.
// A server that talks nonsense costs a connection, never more. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "engine/transport/connection.h"
#include "engine/transport/connector.h"
#include "proto/message.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

class StreamClient : private Connection::Handler {
 public:
  /// Why there is no connection to a server that has no log yet.
  static constexpr const char* kNoSession = "it has no session yet";
  /// Why there is none to a server that does not know user and password.
  static constexpr const char* kNotAdmitted = "it does not admit us";

  class Handler {
   public:
    virtual ~Handler() = default;
    /// The next number to read, asked at each login.
    virtual std::uint64_t WantedNumber() = 0;
    /// The digest of the message before it. Null: not known.
    virtual std::optional<std::uint64_t> WantedDigest() { return std::nullopt; }
    /// The session to ask for, and to take no other than; "" takes what there is.
    virtual std::string WantedSession() = 0;
    virtual void OnLogin(proto::Session session, std::uint64_t number) = 0;
    /// Of the messages to come; it can be loaded.
    virtual void OnSchema(const std::string& schema) { (void)schema; }
    /// A sequenced message of the session that OnLogin named, whole; number and digest are for the
    /// handler to check. It may call Reconnect or Stop.
    virtual void OnMessage(const proto::MessageView& message) = 0;
    virtual void OnStatus(const pb::Status& status) { (void)status; }
    /// All that one read brought has been handed over: the time to flush.
    virtual void OnBatchEnd() {}
    /// There is no connection, `why` as a sentence; another one is tried. Not called again until
    /// there is something else to say.
    virtual void OnDisconnected(const std::string& why) = 0;
  };

  /// `user`: up to 6 characters, names us in the server's log. `handler` outlives the client.
  StreamClient(boost::asio::io_context& context, Endpoint server, std::string user,
               Handler& handler, const ConnectionLimits& limits = {});
  ~StreamClient() override;

  /// Another server of the same stream, tried in turn when one fails. Before Start.
  void AddServer(Endpoint server) { connector_.AddServer(std::move(server)); }
  /// What it logs in with; empty: no password. Before Start.
  void SetPassword(std::string password) { password_ = std::move(password); }
  void Start();
  void Stop();
  void Reconnect(const std::string& why);
  /// Reads no more after what was read already, so that the server has to wait, until ResumeReading
  /// or the next connection. The server ends the connection if that takes long.
  void PauseReading();
  void ResumeReading();
  /// Tells the server how we are. Nothing if there is no connection or it is behind.
  void SendStatus(const pb::Status& status);
  [[nodiscard]] bool connected() const { return logged_in_; }
  /// The one that is read, or tried next.
  [[nodiscard]] const Endpoint& server() const { return connector_.server(); }
  [[nodiscard]] std::size_t server_count() const { return connector_.server_count(); }

 private:
  void OnConnected(boost::asio::ip::tcp::socket socket);
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnBatchEnd() override { handler_.OnBatchEnd(); }
  void OnClosed(const std::string& why) override;
  void OnLoginAnswer(const proto::soup::Packet& packet);
  void OnUnsequenced(const proto::MessageView& message);
  void Report(const std::string& why);

  std::string user_;
  std::string password_;
  Handler& handler_;
  ConnectionLimits limits_;
  Connector connector_;
  std::shared_ptr<Connection> connection_;
  proto::Session session_;  ///< as the server named it
  std::string schema_;      ///< parts so far
  std::string debug_text_;  ///< what the server said last: why it will close
  std::string reported_;    ///< why there is no connection; empty: there is one
  bool logged_in_ = false;
};

}  // namespace tandem::engine
