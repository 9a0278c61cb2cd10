// SPDX-License-Identifier: Apache-2.0
//
// MoldClient: reads one stream for a StreamClient::Handler: from MoldUDP64 lines, with requests for
// what they lost, and a SoupBinTCP connection to the stream's own port, if one is given, for the
// start, for the schema and the status, and for what nobody else brings. Without lines it is that
// connection and nothing else. What the handler gets is in order, without gap, and follows by its
// digest, but for what SoupBinTCP or five answers say: then the handler judges. On the thread of
// the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/transport/mold_line.h"
#include "engine/transport/mold_receiver.h"
#include "engine/transport/stream_client.h"

namespace tandem::engine {

struct MoldClientOptions {
  std::vector<MoldLine> lines;     ///< none: SoupBinTCP only
  std::vector<Endpoint> requests;  ///< of servers, asked in turn
  proto::Session session;          ///< to read if neither the handler nor SoupBinTCP knows it
};

class MoldClient : private StreamClient::Handler, private MoldReceiver::Sink {
 public:
  /// So long may a line say nothing; publishers send a heartbeat every 100 ms.
  static constexpr std::chrono::milliseconds kSilence{3'000};

  /// `server`, `user`, `limits`: of the SoupBinTCP connection; no host: there is none. `handler`
  /// outlives the client.
  MoldClient(boost::asio::io_context& context, MoldClientOptions options, const Endpoint& server,
             std::string user, StreamClient::Handler& handler, const ConnectionLimits& limits = {});
  ~MoldClient() override;

  /// As of StreamClient; nothing without a connection.
  void AddServer(Endpoint server);
  void SetPassword(std::string password);
  void SendStatus(const pb::Status& status);
  /// An error if a line cannot be had, or nobody says which session to read.
  Status Start();
  void Stop();
  /// The handler did not take the last message: go on where it wants to.
  void Reconnect(const std::string& why);

  [[nodiscard]] bool connected() const;
  /// Where the stream comes from, for a person.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] StreamClient* soup() { return soup_.get(); }
  void AddTo(pb::Status& status) const;

 private:
  using Clock = std::chrono::steady_clock;
  class Sockets;

  // From the connection.
  std::uint64_t WantedNumber() override;
  std::string WantedSession() override;
  void OnLogin(proto::Session session, std::uint64_t number) override;
  void OnSchema(const std::string& schema) override { handler_.OnSchema(schema); }
  void OnStatus(const pb::Status& status) override;
  void OnMessage(const proto::MessageView& message) override;
  void OnBatchEnd() override;
  void OnDisconnected(const std::string& why) override;
  // From the receiver.
  void OnNext(const proto::MessageView& message) override;

  [[nodiscard]] pb::Status Judged(const pb::Status& status);

  void WatchLater();
  void Watch();
  void Begin();
  void AfterEvent();
  void SetTimer();

  boost::asio::io_context& context_;
  MoldClientOptions options_;
  StreamClient::Handler& handler_;
  std::string text_;
  std::unique_ptr<StreamClient> soup_;
  MoldReceiver receiver_;
  std::unique_ptr<Sockets> sockets_;  ///< of the lines and for requests; null: no lines
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer watch_;
  std::int64_t timer_at_ns_ = MoldReceiver::kNever;
  bool running_ = false;
  bool told_login_ = false;
  bool all_silent_ = false;
  bool soup_reads_ = false;  ///< the connection was made for the stream, not for its status only
  bool handed_on_ = false;   ///< messages since the last OnBatchEnd
  /// Since when statuses have told of less than was taken, and what was taken at the first of them.
  std::optional<Clock::time_point> behind_since_;
  std::uint64_t behind_from_ = 0;
};

}  // namespace tandem::engine
