// SPDX-License-Identifier: Apache-2.0
//
// StreamServer: serves one log to any number of readers, from any number on, by SoupBinTCP. Readers
// that are up to date get what was just appended from memory; every other one has a cursor in the
// log, so a slow one costs nobody memory. Sends the schema after login
// and the role's status beside the stream. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/transport/connection.h"
#include "engine/transport/gate.h"
#include "engine/transport/listener.h"
#include "engine/transport/mold_server.h"
#include "engine/transport/stream_tail.h"
#include "engine/transport/turnstile.h"
#include "pools/result.h"
#include "proto/header.h"
#include "replay/storage.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

class StreamServer {
 public:
  static constexpr std::chrono::milliseconds kStatusInterval{100};

  /// `status` makes the role's status when it is to be sent.
  StreamServer(boost::asio::io_context& context, replay::Storage& storage,
               std::function<pb::Status()> status, const ConnectionLimits& limits = {});
  ~StreamServer();

  /// Who may read; without one anybody may. Before Listen; `gate` outlives the server.
  void UseGate(Gate& gate) { gate_ = &gate; }
  /// A gate of its own, of this users file; "": none. Before Listen.
  Status RequireLogins(const std::string& users_file);
  /// What a reader says of itself beside the stream: an engine does, ten times a second.
  using OnReaderStatus = std::function<void(const std::string& user, const pb::Status& status)>;
  void SetOnReaderStatus(OnReaderStatus on_status) { on_reader_status_ = std::move(on_status); }

  Status Listen(const Endpoint& endpoint);
  /// Serves by MoldUDP64 as well.
  Status ListenMold(const MoldServerOptions& options);
  /// The log in `folder` exists; logins are answered from now on. Until then they are rejected:
  /// session not available.
  void Serve(const std::string& folder, proto::Session session);
  /// The next message of the stream, which is being appended to the log: kept for readers that are
  /// up to date when it is published.
  void Append(std::span<const std::byte> message) { tail_.Append(message); }
  /// Messages up to `number` are in the log and may be read.
  void Publish(std::uint64_t number);
  /// The log in `folder` is another one now and ends with `number`: whoever reads it has to log in
  /// again.
  void TakeBackTo(std::uint64_t number);
  /// Ends the connections of those who may not read any more.
  void UsersChanged();
  void Close();

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  [[nodiscard]] const Turnstile& turnstile() const { return turnstile_; }

 private:
  class Reader;

  void Accept(boost::asio::ip::tcp::socket socket);
  void SendStatus();
  [[nodiscard]] std::vector<std::byte> StatusMessage() const;

  boost::asio::io_context& context_;
  replay::Storage& storage_;
  std::function<pb::Status()> status_;
  OnReaderStatus on_reader_status_;
  ConnectionLimits limits_;
  Turnstile turnstile_;
  Gate* gate_ = nullptr;
  std::unique_ptr<Gate> own_gate_;
  Listener listener_;
  boost::asio::steady_timer status_timer_;
  std::string folder_;
  proto::Session session_;
  std::uint64_t published_ = 0;
  StreamTail tail_;
  std::vector<std::shared_ptr<Reader>> readers_;  ///< in the order of their arrival
  std::unique_ptr<MoldServer> mold_;              ///< null: SoupBinTCP only
};

}  // namespace tandem::engine
