// SPDX-License-Identifier: Apache-2.0
//
// LossyRelay: passes UDP packets on, as a bad network does: some are lost, doubled, late and so out
// of order, or damaged, from a seed that is printed. Answers go back the same way to whoever sent
// last. On 127.0.0.1, on a thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

namespace tandem::test {

class LossyRelay {
 public:
  /// Percent of packets.
  struct Faults {
    unsigned lost = 0;
    unsigned twice = 0;
    unsigned late = 0;  ///< by up to 5 ms
    unsigned damaged = 0;
  };

  /// Listens on a port that the system chooses, passes on to `to_port`.
  LossyRelay(std::uint16_t to_port, unsigned seed, Faults faults);
  LossyRelay(const LossyRelay&) = delete;
  LossyRelay& operator=(const LossyRelay&) = delete;
  ~LossyRelay();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::uint64_t came() const { return came_; }  ///< packets, both ways
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  /// Everything is lost from now on, or nothing but what chance says.
  void Cut(bool is_cut) { is_cut_ = is_cut; }

 private:
  void Run(std::uint16_t to_port, unsigned seed, Faults faults);

  std::array<int, 2> sockets_;  ///< to the sender, to the receiver
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> came_ = 0;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<bool> is_cut_ = false;
  std::atomic<bool> stops_ = false;
  std::thread thread_;
};

}  // namespace tandem::test
