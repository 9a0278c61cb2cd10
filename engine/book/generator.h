// SPDX-License-Identifier: Apache-2.0
//
// Generator: order flow for `book` that looks like that of an exchange, without end. Limit orders
// around a moving middle, immediate-or-cancel orders through the best price, cancels and reduces of
// live orders, and about one message in a hundred that the book must reject. It matches its own
// orders in a plain model, so it knows which ones are live and only sends a bad message on purpose.
// With all_kinds there are also market, fill-or-kill and post-only orders, replaces, mass cancels,
// halts that end with the next message, and owners whose orders do not trade with each other.
//
// Equal options give equal messages, byte for byte, on every machine: one seeded integer generator,
// no clock, no floating point. About 0.5 us a message. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/book/flow.h"
#include "pools/result.h"

namespace tandem::book {

struct GeneratorOptions {
  std::uint32_t symbols = 100;  ///< 1 to 10,000; the first ones are traded most
  std::uint32_t users = 8;      ///< 1 to 9,999: U1, U2, ...
  std::uint64_t seed = 1;
  std::int64_t start_ns = 1'767'605'400'000'000'000;  ///< 2026-01-05 09:30 UTC
  std::int64_t gap_ns_max = 20'000;                   ///< between two messages; evenly from 1
  bool all_kinds = false;                             ///< everything that book understands

  /// An error says which option cannot be.
  [[nodiscard]] Status Check() const;
};

class Generator {
 public:
  explicit Generator(const GeneratorOptions& options);  ///< options that passed Check
  Generator(Generator&&) noexcept;
  ~Generator();

  /// The next message. `message` may be the same object each time.
  void Next(FlowMessage& message);

  /// Orders that rest in the books now, in all.
  [[nodiscard]] std::uint64_t live_orders() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::book
