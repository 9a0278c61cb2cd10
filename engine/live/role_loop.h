// SPDX-License-Identifier: Apache-2.0
//
// RoleLoop: the thread of one live role. Runs its io_context until SIGINT, SIGTERM, Stop or Fail,
// and says with which code the program is to end.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <string>

#include "pools/result.h"

namespace tandem::engine {

class RoleLoop {
 public:
  RoleLoop();

  boost::asio::io_context& context() { return context_; }

  /// Returns when the role is to end. Then close what must be closed.
  void Run();
  /// Ends Run after the handler that calls it. The first code that is not kYes stays.
  void Stop(ExitCode code = ExitCode::kYes);
  /// Ends Run soon, as SIGTERM does. From any thread.
  void StopSoon();
  /// Logs the error, unless it is the one that Fail had last, and stops with its code.
  void Fail(const Error& error);
  /// Fail if there is an error. True if there is none.
  bool Check(const Status& status);

  [[nodiscard]] ExitCode exit_code() const { return exit_code_; }

 private:
  boost::asio::io_context context_;
  boost::asio::signal_set signals_;
  ExitCode exit_code_ = ExitCode::kYes;
  std::string failure_;  ///< what Fail had last
};

}  // namespace tandem::engine
