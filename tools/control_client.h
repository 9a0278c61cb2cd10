// SPDX-License-Identifier: Apache-2.0
//
// What an operator has to say goes through the sequencer, so that both engines, and every replay,
// hear it at the same place of the stream: one message, submitted under the operator's name.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "engine/transport/gate.h"
#include "engine/transport/listener.h"
#include "pools/result.h"

namespace google::protobuf {
class Message;
}

namespace tandem::tools {

struct ControlClient {
  engine::Endpoint to;  ///< the sequencer's address for submissions
  std::string user = engine::kOperatorUser;
  std::string password_file{};
  std::uint64_t timeout_seconds = 10;

  /// --user, --password-file, --timeout.
  void AddTo(CLI::App& command);
  /// Submits it and waits until it is in the input log: the number that it has there. An error says
  /// why it was refused, or that nobody answered in time. Once in a process.
  [[nodiscard]] Result<std::uint64_t> Submit(const google::protobuf::Message& message) const;
};

}  // namespace tandem::tools
