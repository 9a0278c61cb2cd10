// SPDX-License-Identifier: Apache-2.0
#include "engine/live/role_loop.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <csignal>

namespace tandem::engine {

RoleLoop::RoleLoop() : context_(1), signals_(context_, SIGINT, SIGTERM) {
  // Errors of sockets and files are values, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    spdlog::info("{}: stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    Stop();
  });
}

void RoleLoop::Run() { context_.run(); }

void RoleLoop::Stop(ExitCode code) {
  if (exit_code_ == ExitCode::kYes) exit_code_ = code;
  context_.stop();
}

void RoleLoop::StopSoon() {
  boost::asio::post(context_, [this] { Stop(); });
}

void RoleLoop::Fail(const Error& error) {
  if (error.text != failure_) spdlog::error("{}", error.text);
  failure_ = error.text;
  Stop(error.code);
}

bool RoleLoop::Check(const Status& status) {
  if (!status) Fail(status.error());
  return status.ok();
}

}  // namespace tandem::engine
