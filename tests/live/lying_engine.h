// SPDX-License-Identifier: Apache-2.0
//
// LyingEngine: the output stream of an engine, served on a port of its own, with a lie in it. What
// it says comes from a list, or from an honest engine that it reads along with. Its status stands
// for its own stream, as that of a real engine. A thread of its own; any thread may call.
#pragma once

#include <atomic>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/transport/listener.h"
#include "tests/live/raw_peer.h"
#include "tests/support/liar.h"

namespace tandem::test {

class LyingEngine {
 public:
  /// Says `outputs`, and then that it stands after the input of the last of them.
  LyingEngine(std::string name, const std::vector<Bytes>& outputs, Lie lie = Lie::kNone,
              std::uint64_t at = 0);
  /// Reads along with the engine on `port`.
  LyingEngine(std::string name, std::uint16_t port, Lie lie, std::uint64_t at);
  ~LyingEngine();

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] engine::Endpoint endpoint() const {
    return {.host = "127.0.0.1", .port = std::to_string(port())};
  }
  /// Says these as they are, after what it has said.
  void Say(const std::vector<Bytes>& messages);
  /// What it says of where it stands; otherwise after the input of its last output.
  void StandAfter(std::uint64_t input);
  /// Says nothing behind this output until told a later one.
  void SayTo(std::uint64_t number);
  /// True: it accepts no connection, and ends the one it has.
  void BeGone(bool gone);
  /// It answers each login with number 1, and begins there.
  void BeginAlwaysAtOne() { begins_at_one_ = true; }
  /// The next thing that is sent is this, whatever it is.
  void SendBytes(std::string bytes);

 private:
  void Run();
  void Hear();
  void HearStatus(std::span<const std::byte> payload);
  bool Serve();
  bool LogIn();
  void SendStatus();

  const std::string name_;
  const std::uint16_t upstream_port_ = 0;
  std::optional<RawPeer> upstream_;
  std::string heard_;  ///< of upstream, not taken apart yet
  RawServer server_;
  std::optional<RawPeer> peer_;
  std::uint64_t next_ = 0;  ///< to be sent to the peer
  std::chrono::steady_clock::time_point status_at_;

  std::mutex mutex_;
  Liar liar_;
  std::vector<Bytes> said_;
  std::uint64_t stands_after_ = 0;
  bool stands_where_told_ = false;
  std::uint64_t says_to_ = std::numeric_limits<std::uint64_t>::max();
  bool gone_ = false;
  std::string bytes_;
  std::atomic<bool> begins_at_one_ = false;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace tandem::test
