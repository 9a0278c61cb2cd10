// SPDX-License-Identifier: Apache-2.0
//
// SubmissionClient: submits the messages of one user, each exactly once over any number of
// reconnects and restarts of either side, and hands over every acknowledgement. What an earlier run
// submitted is compared with what is here, type and payload, byte for byte, by the digest that its
// acknowledgement carries. Keeps what is not
// acknowledged in a window of fixed size. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/transport/connection.h"
#include "engine/transport/connector.h"
#include "pools/result.h"
#include "proto/message.h"

namespace tandem::engine {

class SubmissionClient : private Connection::Handler {
 public:
  static constexpr std::size_t kWindow = 16'384;  ///< submissions sent and not acknowledged

  class Handler {
   public:
    virtual ~Handler() = default;
    /// The user's next message; type and payload count. Null: there are no more.
    virtual Result<std::optional<proto::MessageView>> NextMessage() = 0;
    /// At login: the sequencer holds `accepted` submissions of this user already.
    virtual void OnLogin(proto::Session session, std::uint64_t accepted) = 0;
    /// `header`: as the message stands in the input stream; origin is the user's own number.
    virtual void OnAcknowledged(const proto::Header& header) = 0;
    /// There is no connection, `why` as a sentence; another one is tried. Not called again until
    /// there is something else to say.
    virtual void OnDisconnected(const std::string& why) = 0;
    /// Everything is acknowledged, or it cannot go on. The last call.
    virtual void OnDone(const Status& status) = 0;
  };

  /// `rate`: submissions a second; 0: as fast as they are taken.
  SubmissionClient(boost::asio::io_context& context, Endpoint server, std::string user, double rate,
                   Handler& handler, const ConnectionLimits& limits = {});
  ~SubmissionClient() override;

  /// Go on from what the sequencer has of this user, and compare none of it. Before Start.
  void GoOnFromThere() { compares_ = false; }
  /// What it logs in with; empty: no password. Before Start.
  void SetPassword(std::string password) { password_ = std::move(password); }
  void Start() { connector_.Start(); }
  void Stop();
  [[nodiscard]] const Endpoint& server() const { return connector_.server(); }

 private:
  using Clock = std::chrono::steady_clock;

  void OnConnected(boost::asio::ip::tcp::socket socket);
  void OnPacket(const proto::soup::Packet& packet) override;
  void OnBatchEnd() override;
  void OnWritable() override { Pump(); }
  void OnClosed(const std::string& why) override;
  void OnLoginAnswer(const proto::soup::Packet& packet);
  void OnUnsequenced(std::span<const std::byte> payload);
  void OnAcknowledgement(std::span<const std::byte> payload);

  Status FillWindow();
  void Pump();
  [[nodiscard]] bool RateAllows();
  void Report(const std::string& why);
  void Finish(const Status& status);

  std::string user_;
  std::string password_;
  double rate_;
  Handler& handler_;
  ConnectionLimits limits_;
  Connector connector_;
  boost::asio::steady_timer pace_;
  std::shared_ptr<Connection> connection_;
  std::string debug_text_;  ///< what the server said last: why it will close
  std::string reported_;    ///< why there is no connection; empty: there is one
  proto::Session session_;  ///< blank until a login succeeded; `acknowledged_` is known then
  bool logged_in_ = false;
  bool compares_ = true;
  bool login_is_told_ = false;

  std::uint64_t there_before_ = 0;  ///< accepted before this client began
  std::uint64_t acknowledged_ = 0;  ///< in all; until there_before_ they are only compared
  std::deque<std::vector<std::byte>> window_;  ///< submissions acknowledged_ + 1 on
  std::size_t sent_ = 0;                       ///< how many of the window were sent here
  bool exhausted_ = false;
  Clock::time_point paced_from_;
  double paced_ = 0;
};

}  // namespace tandem::engine
