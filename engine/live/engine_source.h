// SPDX-License-Identifier: Apache-2.0
//
// EngineSource: one engine of a pair as the deduplicator reads it: its connection, what it says of
// itself, and whether it moves. On the thread of the io_context.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "engine/deduplicator.h"
#include "engine/transport/stream_client.h"

namespace tandem::engine {

constexpr std::array<std::string_view, Deduplicator::kEngines> kEngineNames = {"A", "B"};

class EngineSource : private StreamClient::Handler {
 public:
  using Clock = std::chrono::steady_clock;

  class Handler {
   public:
    virtual ~Handler() = default;
    virtual std::uint64_t WantedNumber(std::size_t engine) = 0;
    virtual std::string WantedSession() = 0;
    virtual void OnSchema(const std::string& schema) = 0;
    virtual void OnMessage(std::size_t engine, const proto::MessageView& message) = 0;
    virtual void OnStatus(std::size_t engine, const pb::Status& status) = 0;
    virtual void OnBatchEnd(std::size_t engine) = 0;
  };

  /// `owner`: name of the deduplicator. `handler` outlives it.
  EngineSource(boost::asio::io_context& context, std::size_t engine, const Endpoint& server,
               std::string owner, Handler& handler, const ConnectionLimits& limits);

  /// What it logs in with; empty: no password. Before AskAgain.
  void SetPassword(std::string password) { client_.SetPassword(std::move(password)); }
  void Stop() { client_.Stop(); }
  /// Ends this connection; a new one follows, not at once if that happens often.
  void Reconnect(const std::string& why);
  /// Connects, at once, and asks for what is wanted now.
  void AskAgain();
  /// Reads nothing more from the engine until Resume. If that takes long, it is left alone.
  void Pause();
  /// No connection until Resume: an engine that is not read for long would end it anyway.
  void LeaveAlone();
  void Resume();
  /// Called now and then.
  void OnTime(Clock::time_point now);

  /// True if it is there, but for longer than `limit` neither sent anything nor stepped an input.
  [[nodiscard]] bool StandsStill(Clock::time_point now, std::chrono::milliseconds limit) const;

  [[nodiscard]] bool connected() const { return client_.connected() || left_alone_; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::uint64_t connections() const { return connections_; }
  [[nodiscard]] const pb::Status& status() const { return status_; }  ///< the last one
  [[nodiscard]] bool has_status() const { return has_status_; }
  /// Name and process of the engine; empty: not known.
  [[nodiscard]] const std::string& process() const { return process_; }
  [[nodiscard]] std::string address() const { return client_.server().text(); }
  [[nodiscard]] std::string_view label() const { return kEngineNames[engine_]; }

 private:
  std::uint64_t WantedNumber() override { return handler_.WantedNumber(engine_); }
  std::string WantedSession() override { return handler_.WantedSession(); }
  void OnLogin(proto::Session session, std::uint64_t number) override;
  void OnSchema(const std::string& schema) override { handler_.OnSchema(schema); }
  void OnMessage(const proto::MessageView& message) override;
  void OnStatus(const pb::Status& status) override;
  void OnBatchEnd() override;
  void OnDisconnected(const std::string& why) override;
  void TellIfBehind(const pb::Status& status);

  std::size_t engine_;
  std::string owner_;
  Handler& handler_;
  std::uint64_t connections_ = 0;
  bool is_behind_ = false;
  pb::Status status_;
  bool has_status_ = false;
  std::string process_;
  std::string told_;             ///< why there was no connection; not told again before all is well
  std::uint64_t told_at_ = 0;    ///< the number of that connection
  bool has_complained_ = false;  ///< it was us who ended the connection
  bool has_message_ = false;     ///< in this batch
  bool paused_ = false;
  bool left_alone_ = false;  ///< paused for long
  Clock::time_point paused_at_;
  Clock::time_point moved_at_;
  bool has_moved_ = false;  ///< since OnTime
  StreamClient client_;
};

}  // namespace tandem::engine
