// SPDX-License-Identifier: Apache-2.0
//
// Serving and reading a stream over the simulated network: what the transports do over TCP, without
// schema and status. StreamServer serves one log from any number on; StreamClient reads one stream
// and connects again for ever. One thread.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "proto/message.h"
#include "replay/log_reader.h"
#include "tests/simulation/environment.h"

namespace tandem::simulation {

class StreamServer {
 public:
  StreamServer(Environment& environment, Port port, replay::Storage& storage, std::string folder);
  ~StreamServer();

  /// Messages up to `number` are in the log and may be read.
  void Publish(std::uint64_t number);

 private:
  class Reader;

  Environment& environment_;
  Port port_;
  replay::Storage& storage_;
  std::string folder_;
  std::uint64_t published_ = 0;
  std::list<std::unique_ptr<Reader>> readers_;  ///< a list: readers come and go while it is walked
};

class StreamClient : private Socket::Handler {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    /// The next number to read, asked at each login.
    virtual std::uint64_t WantedNumber(std::size_t source) = 0;
    virtual void OnMessage(std::size_t source, const proto::MessageView& message) = 0;
  };

  /// `source`: what the handler calls this stream.
  StreamClient(Environment& environment, Port port, std::size_t source, Handler& handler);

  void Connect();
  void Reconnect();

 private:
  void ConnectLater();
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnClosed() override;

  Environment& environment_;
  Port port_;
  std::size_t source_;
  Handler& handler_;
  std::unique_ptr<Socket> socket_;
  std::uint64_t asked_for_ = 0;
  bool reconnects_ = false;
  Life life_ = NewLife();
};

}  // namespace tandem::simulation
