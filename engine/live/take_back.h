// SPDX-License-Identifier: Apache-2.0
//
// TakeBack: what a sequencer's own log has lost (by its disk, a backup put back, a wiped folder)
// and engines still have in their copies of the input. Asked once, before the sequencer accepts or
// publishes anything: whatever an engine has acted on is in its copy, so afterwards no engine has
// acted on more than the sequencer has. On the thread of the io_context; lives as long as that.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/transport/connection.h"
#include "engine/transport/listener.h"
#include "pools/result.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct TakeBackOptions {
  std::vector<Endpoint> replicas;         ///< --input-stream of engines
  std::chrono::milliseconds wait{5'000};  ///< for each to answer; and, while it gives, for more
  std::string password = {};              ///< of user `taker`, to log in with; empty: none
  ConnectionLimits limits;
};

class TakeBack {
 public:
  TakeBack(boost::asio::io_context& context, replay::Storage& storage, TakeBackOptions options);
  ~TakeBack();

  /// Runs the io_context until every replica has answered or the time is over. Appends to `log`
  /// what the longest one has beyond its end, as it was (number, time, epoch), and syncs it. A
  /// replica that does not answer is left out, with a warning. Error kDivergence: a replica has
  /// another message where the log, or the longest replica, has one. Then the log may have been
  /// continued up to there; nothing was given to anybody.
  Status Run(replay::LogWriter& log);
  /// Run gave an error because somebody stopped the role meanwhile.
  [[nodiscard]] bool was_stopped() const { return was_stopped_; }

 private:
  class Source;

  /// False: the time is over. `progress` puts the end of the time off when it changes.
  Result<bool> RunUntil(const std::function<bool()>& done,
                        const std::function<std::uint64_t()>& progress);
  void WatchTime(const std::function<std::uint64_t()>& progress);
  /// Something has come: ends RunUntil if it is done.
  void Look();
  Status Ask();
  Status CheckAgainstLog(const Source& source);
  Status Take(Source& longest);

  boost::asio::io_context& context_;
  boost::asio::steady_timer timer_;
  replay::Storage& storage_;
  TakeBackOptions options_;
  replay::LogWriter* log_ = nullptr;
  std::optional<Error> error_;
  std::function<bool()> done_;  ///< while the io_context runs
  bool ended_ = false;          ///< by us, not by who stops the role
  bool in_time_ = false;
  bool was_stopped_ = false;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace tandem::engine
