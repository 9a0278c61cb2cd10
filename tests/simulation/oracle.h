// SPDX-License-Identifier: Apache-2.0
//
// Oracle: what one perfect engine says, written a second time, from docs/wire.md and from what the
// counter application is meant to do, with none of the product's step, sealing or digest code. It
// is given the input as it stands in the log and checks that, too. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tandem::simulation {

using Bytes = std::vector<std::byte>;

class Oracle {
 public:
  explicit Oracle(std::string session) : session_(std::move(session)) {}

  /// Takes the next input. Empty, or what docs/wire.md forbids about it.
  std::string TakeInput(std::span<const std::byte> message);

  /// What the perfect engine has said so far; message n stands at n - 1.
  [[nodiscard]] const std::vector<Bytes>& outputs() const { return outputs_; }
  [[nodiscard]] const std::vector<Bytes>& inputs() const { return inputs_; }

  [[nodiscard]] bool ended() const { return ended_; }

  /// Forgets all: to be given the whole input again, from 1 on.
  void Reset() { *this = Oracle(session_); }

  /// XXH3-64 of the message from byte 18 on, seeded with the digest before.
  [[nodiscard]] static std::uint64_t Digest(std::uint64_t before,
                                            std::span<const std::byte> message);
  static constexpr std::uint64_t kDigestOfNothing = 0x54414e44454d0001;

 private:
  struct Output {
    std::uint16_t type = 0;
    bool to_sender = true;
    std::string payload;
  };
  struct Counter {
    std::int64_t value = 0;
    std::uint64_t additions = 0;
  };

  std::vector<Output> Answer(std::uint16_t type, const std::string& payload);
  void Say(const std::vector<Output>& outputs, std::span<const std::byte> cause);
  std::uint64_t Random(std::uint64_t bound);

  std::string session_;
  std::vector<Bytes> inputs_;
  std::vector<Bytes> outputs_;
  std::uint64_t input_digest_ = kDigestOfNothing;
  std::uint64_t output_digest_ = kDigestOfNothing;
  std::int64_t time_ns_ = 0;
  std::uint32_t epoch_ = 1;
  bool ended_ = false;
  std::map<std::uint32_t, Counter> counters_;
  std::uint64_t random_ = 0;
};

}  // namespace tandem::simulation
