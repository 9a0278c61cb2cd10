// SPDX-License-Identifier: Apache-2.0
//
// OpenLoopClient: submits orders at times set beforehand, whatever has come back by then, and
// measures from the time at which each was due until its first output is read. So a stall counts
// for every order that was due while it lasted (no coordinated omission). Plain sockets and epoll,
// one thread; works with a pair and with pair_relay.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tandem::benchmarks {

class OpenLoopClient {
 public:
  /// Logs in at the port for submissions, submits one order, and logs in at each port of `streams`
  /// as soon as there is a stream; all of 127.0.0.1. From then on the outputs of every stream are
  /// timed. `from`: number with which it logs in at the streams; 0: with what comes next.
  /// `user`: who has submitted nothing yet.
  OpenLoopClient(std::uint16_t submissions, const std::vector<std::uint16_t>& streams,
                 std::uint64_t from = 1, const std::string& user = "BENCH");
  ~OpenLoopClient();
  OpenLoopClient(const OpenLoopClient&) = delete;
  OpenLoopClient& operator=(const OpenLoopClient&) = delete;

  /// Submits for `seconds` at random times, `rate` a second on average, and waits for the outputs.
  /// Round trips by stream, in microseconds, sorted. The first tenth is not counted.
  std::vector<std::vector<double>> RoundTrips(double rate, double seconds, std::uint64_t seed);

  /// Submits `count` as fast as they are taken; seconds until the last output is read.
  double Seconds(std::uint64_t count);

 private:
  struct Link {
    int socket = -1;
    std::vector<std::byte> received;
    std::size_t received_size = 0;
    std::vector<std::byte> sending;
    std::size_t sent = 0;
    bool is_logged_in = false;
    bool is_rejected = false;
    bool waits_to_write = false;
    std::vector<std::int64_t>
        output_at;               ///< by input after first_input_: when its first output was read
    std::uint64_t answered = 0;  ///< submissions that an output was read of
  };

  void Connect(Link& link, std::uint16_t port, std::uint64_t from);
  bool LogIn(Link& link, std::uint16_t port, std::uint64_t from);
  void Submit();
  /// Handles what is ready, and waits for that until `until_ns`.
  void Poll(std::int64_t until_ns);
  void Flush(std::size_t index);
  void Read(Link& link);
  void OnMessage(Link& link, std::span<const std::byte> message);
  void SendHeartbeats();
  [[nodiscard]] bool IsAnswered() const;
  void WaitForAnswers();

  std::string user_;
  int epoll_ = -1;
  std::vector<Link> links_;              ///< submissions, then the streams
  std::vector<std::uint64_t> input_of_;  ///< by submission, from 1: its number in the input
  std::uint64_t first_input_ = 0;        ///< of the first order, which is not timed
  std::uint64_t submitted_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::int64_t heartbeat_at_ = 0;
  std::int64_t read_at_ = 0;  ///< when what is being handled was read
};

}  // namespace tandem::benchmarks
