// SPDX-License-Identifier: Apache-2.0
//
// LiveImage: has an engine that runs write an image of its state, through the sequencer, and waits
// for it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "pools/result.h"
#include "tools/control_client.h"

namespace tandem::tools {

struct LiveImage {
  std::string engine{};  ///< its name; empty: none is asked
  ControlClient control{};

  /// --engine, --control, and what a ControlClient has.
  void AddTo(CLI::App& command);
  [[nodiscard]] bool is_wanted() const { return !engine.empty(); }
  /// The path of the image, in the folder that the engine has for them. An error: what the
  /// sequencer says, or that nothing came in time. The engine answers no one while it forks: for
  /// milliseconds.
  [[nodiscard]] Result<std::string> Take(const std::string& folder) const;
};

}  // namespace tandem::tools
