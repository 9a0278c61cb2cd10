// SPDX-License-Identifier: Apache-2.0
//
// StatusWatch: keeps the last status of one role, read from its stream's port, over reconnects.
// Reads none of the stream. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/transport/listener.h"
#include "tandem/status.pb.h"

namespace tandem::tools {

class StatusWatch {
 public:
  static constexpr const char* kUser = "watch";

  enum class State {
    kUnknown,    ///< no answer yet
    kDown,       ///< nobody answers, or not as a role does
    kNoSession,  ///< it is up and has no session: nothing has reached it yet
    kLogin,      ///< it is up and asks for a login that we have not, or have wrong
    kUp,         ///< statuses come in
  };

  /// Logs in as kUser; `password_file`: see engine::LoadPassword, "": none.
  StatusWatch(boost::asio::io_context& context, const engine::Endpoint& endpoint,
              const std::string& password_file = "");
  ~StatusWatch();

  [[nodiscard]] State state() const;
  [[nodiscard]] bool answers() const {
    return state() == State::kUp || state() == State::kNoSession;
  }
  /// Why there are no statuses, as a sentence; empty: there are, or it has no session.
  [[nodiscard]] const std::string& why() const;
  /// The last one; zero numbers before the first. Of the old process after it has gone.
  [[nodiscard]] const pb::Status& status() const;
  /// How many have come.
  [[nodiscard]] std::uint64_t count() const;

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace tandem::tools
