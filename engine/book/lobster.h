// SPDX-License-Identifier: Apache-2.0
//
// LOBSTER message files as order flow for `book`. The rules are in docs/book.md; in short: new
// orders, partial cancels and deletes are sent as they are, an execution becomes an
// immediate-or-cancel order of the other side, and an order that the file uses but never opened is
// entered just before its first use. Rows that concern no visible order are counted and left out.
//
// A file is read twice: first to know what the orders it never opened must have held.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "engine/book/flow.h"
#include "pools/result.h"

namespace tandem::book {

/// A row of the file. Rows that concern no visible order (types 5 to 7) say no more than their type
/// and time: what stands in their other fields differs by age of the file.
struct LobsterRow {
  enum Type : std::uint8_t {
    kNew = 1,
    kReduce = 2,
    kDelete = 3,
    kExecution = 4,
    kHiddenExecution = 5,
    kCross = 6,
    kHalt = 7,
  };
  std::int64_t time_ns = 0;  ///< since midnight
  Type type = kNew;
  std::uint64_t order_id = 0;  ///< below 2^63
  std::uint64_t size = 0;
  std::int64_t price = 0;  ///< in 1/10000
  bool buy = false;        ///< side of the resting order

  bool operator==(const LobsterRow&) const = default;
};

/// One line without its end. The error says which field is wrong and how, not in which file or
/// line.
Result<LobsterRow> ParseLobsterRow(std::string_view line);

/// The day and the ticker of a file; neither stands in the rows.
struct LobsterDay {
  std::string symbol;
  std::int64_t midnight_ns = 0;  ///< UTC, since 1970

  /// From a file name such as AAPL_2012-06-21_34200000_57600000_message_1.csv.gz. What is not empty
  /// in `symbol` and `date` (YYYY-MM-DD) is taken instead.
  static Result<LobsterDay> Of(const std::string& path, const std::string& symbol,
                               const std::string& date);
};

/// What an import did.
struct LobsterTotals {
  std::uint64_t rows = 0;
  std::array<std::uint64_t, 8> rows_by_type{};  ///< index: LobsterRow::Type
  std::uint64_t opened = 0;                     ///< orders entered that the file never opened
  std::uint64_t messages = 0;

  /// Rows that became no message.
  [[nodiscard]] std::uint64_t skipped() const {
    return rows_by_type[LobsterRow::kHiddenExecution] + rows_by_type[LobsterRow::kCross] +
           rows_by_type[LobsterRow::kHalt];
  }
  bool operator==(const LobsterTotals&) const = default;
};

/// Takes each message in turn; an error ends the import.
using LobsterSink = std::function<Status(const FlowMessage&)>;

/// Reads `path` (plain or gzip) and gives its messages, sent by `user`, to `sink`. An error names
/// file and line.
Result<LobsterTotals> ReadLobster(const std::string& path, const LobsterDay& day, proto::User user,
                                  const LobsterSink& sink);

}  // namespace tandem::book
