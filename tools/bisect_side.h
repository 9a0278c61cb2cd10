// SPDX-License-Identifier: Apache-2.0
//
// BisectSide: a replay in a process of its own, so that two can have their states at the same
// address, or be of two builds of an application. It stands at a number that was proven, and looks
// from there at later ones in children of its own, which have private copies of its state. One
// thread. The process ends with the BisectSide.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "pools/result.h"
#include "tools/options.h"

namespace tandem::tools {

class BisectSide {
 public:
  /// Begins with empty state, or with that of image `start`. An error: what is wrong with the
  /// application, the log or the image.
  static Result<BisectSide> Begin(const ApplicationOptions& application, const std::string& input,
                                  const std::string& start);
  BisectSide(BisectSide&& other) noexcept;
  BisectSide& operator=(BisectSide&&) = delete;
  ~BisectSide();

  struct Looked {
    std::uint64_t number = 0;       ///< input after which the state stands
    std::uint64_t bytes_hash = 0;   ///< of all its bytes
    std::uint64_t fields_hash = 0;  ///< of all described fields, pointers by the names of elements
    std::uint64_t address = 0;      ///< of its zone
    std::uint64_t layout = 0;       ///< fingerprint
  };
  /// Asks for the state after input `number`; Answer gives it. So two sides work at the same time.
  void Look(std::uint64_t number);
  /// Asks to go there for good.
  void GoTo(std::uint64_t number);
  /// Asks for an image after input `number`, as file `path`.
  void WriteImage(std::uint64_t number, const std::string& path);
  /// What the last question gave.
  Result<Looked> Answer();

 private:
  BisectSide(pid_t process, int socket) : process_(process), socket_(socket) {}
  void Ask(char what, std::uint64_t number, const std::string& path = "");

  pid_t process_;
  int socket_;
};

}  // namespace tandem::tools
