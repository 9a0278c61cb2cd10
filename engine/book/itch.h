// SPDX-License-Identifier: Apache-2.0
//
// ITCH 5.0 day files as order flow for `book`. The rules are in docs/book.md; in short: adds become
// limit orders, executions immediate-or-cancel orders of the other side, partial cancels reduces,
// deletes cancels, a replace a cancel and a new order. What names an order that the file never
// opened says neither side nor price, so it is counted and left out, and so is every message that
// concerns no order.
//
// Memory: some 40 bytes for each order that is open at a time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "engine/book/flow.h"
#include "pools/result.h"

namespace tandem::book {

/// A message of the kinds that make or tell of orders.
struct ItchMessage {
  char type = 0;                ///< as in the specification; of other types only type and time
  std::uint16_t locate = 0;     ///< which stock, for this day
  std::int64_t time_ns = 0;     ///< since midnight
  std::uint64_t order = 0;      ///< reference
  std::uint64_t new_order = 0;  ///< U
  std::uint32_t shares = 0;
  std::uint32_t price = 0;  ///< in 1/10000: A, F, U; C: at which it was executed
  bool buy = false;         ///< A, F
  std::string stock;        ///< A, F, R
  bool operator==(const ItchMessage&) const = default;
};

/// One message without its length. The error says what is wrong, not in which file.
Result<ItchMessage> ParseItch(std::span<const std::byte> bytes);

/// What an import did. Every message of the file is taken, other or unknown_order.
struct ItchTotals {
  std::uint64_t read = 0;                         ///< messages in the file
  std::array<std::uint64_t, 128> read_by_type{};  ///< index: the type's letter
  std::uint64_t taken = 0;                        ///< became messages for the book
  std::uint64_t unknown_order = 0;  ///< name an order that the file never opened, or that is gone
  std::uint64_t symbols = 0;        ///< in the stock directory
  std::uint64_t messages = 0;       ///< for the book
  /// The file ends with a length of zero, as a BinaryFILE should; without it more may be missing.
  bool ended_properly = false;
  /// Tell of no order.
  [[nodiscard]] std::uint64_t other() const { return read - taken - unknown_order; }
  bool operator==(const ItchTotals&) const = default;
};

/// The day of a file by its name, as in 12302019.NASDAQ_ITCH50 or S081321-v50.txt.gz, or by `date`
/// (YYYY-MM-DD) if that is not empty: midnight UTC, ns since 1970.
Result<std::int64_t> ItchDay(const std::string& path, const std::string& date);

/// Takes each message in turn; an error ends the import.
using ItchSink = std::function<Status(const FlowMessage&)>;

/// Reads `path` (plain or gzip) and gives its messages, sent by `user`, to `sink`. An error names
/// file and message.
Result<ItchTotals> ReadItch(const std::string& path, std::int64_t midnight_ns, proto::User user,
                            const ItchSink& sink);

}  // namespace tandem::book
