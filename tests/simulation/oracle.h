// SPDX-License-Identifier: Apache-2.0
//
// Oracle: what one perfect engine says, written a second time, from docs/wire.md and from what the
// counter application is meant to do, with none of the product's step, sealing or digest code. It
// is given the input as it stands in the log and checks that, too. At an input that kills whoever
// steps it, it waits for the Skip. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tandem::simulation {

using Bytes = std::vector<std::byte>;

/// An addition of so much kills the engine that steps it.
inline constexpr std::int64_t kDeadlyAmount = 666'666;

class Oracle {
 public:
  explicit Oracle(std::string session) : session_(std::move(session)) {}

  /// Takes the next input. Empty, or what docs/wire.md forbids about it.
  std::string TakeInput(std::span<const std::byte> message);

  /// What the perfect engine has said so far; message n stands at n - 1.
  [[nodiscard]] const std::vector<Bytes>& outputs() const { return outputs_; }
  [[nodiscard]] const std::vector<Bytes>& inputs() const { return inputs_; }

  [[nodiscard]] bool ended() const { return ended_; }
  /// The first input that nobody can step, as long as no Skip of it is there; 0: none.
  [[nodiscard]] std::uint64_t blocked_at() const {
    return answered_ < inputs_.size() ? answered_ + 1 : 0;
  }
  /// The input is a Skip of `number`.
  [[nodiscard]] bool skips(std::uint64_t number) const { return skips_.contains(number); }
  [[nodiscard]] std::uint64_t last_digest() const { return output_digest_; }

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

  void AnswerWhatCanBe();
  std::vector<Output> Answer(std::uint16_t type, const std::string& payload);
  void Say(const std::vector<Output>& outputs, std::span<const std::byte> cause);
  std::uint64_t Random(std::uint64_t bound);

  std::string session_;
  std::vector<Bytes> inputs_;
  std::vector<Bytes> outputs_;
  std::size_t answered_ = 0;                    ///< inputs
  std::map<std::uint64_t, std::string> skips_;  ///< reason by number
  std::uint64_t input_digest_ = kDigestOfNothing;
  std::uint64_t output_digest_ = kDigestOfNothing;
  std::int64_t time_ns_ = 0;
  std::uint32_t epoch_ = 1;
  bool ended_ = false;
  std::map<std::uint32_t, Counter> counters_;
  std::uint64_t random_ = 0;
};

}  // namespace tandem::simulation
