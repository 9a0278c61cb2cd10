// SPDX-License-Identifier: Apache-2.0
//
// Which messages of a log a person wants to see: numbers or times, types, users, field values.
// Several types are alternatives, and so are several users; everything else must hold at once.
// One thread.
#pragma once

#include <CLI/CLI.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pools/result.h"
#include "replay/log_reader.h"
#include "tools/log_schema.h"
#include "tools/moment.h"
#include "tools/range_schemas.h"

namespace tandem::tools {

/// "price>=100": a field, how to compare, a value. Numbers, times and enums compare as such, all
/// else as text. Of a repeated field one value is enough; != wants none to be equal.
class FieldCondition {
 public:
  /// Null: there is no comparison in it, or no field before it.
  static std::optional<FieldCondition> Parse(std::string_view text);

  [[nodiscard]] const std::string& field() const { return field_; }
  [[nodiscard]] bool Holds(proto::Schema& schema, const proto::MessageView& message) const;
  /// An error if the field can never have such a value, in whatever message of `schema`.
  [[nodiscard]] Status CheckValue(const proto::Schema& schema) const;

 private:
  enum class Comparison : std::uint8_t { kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast };
  /// How `value`, of a message of `type`, compares with that of the condition; null: not at all.
  [[nodiscard]] std::optional<std::strong_ordering> Compare(const proto::Schema& schema,
                                                            std::uint16_t type,
                                                            const std::string& value) const;
  [[nodiscard]] bool HoldsFor(const proto::Schema& schema, std::uint16_t type,
                              const std::string& value) const;

  std::string field_;
  Comparison comparison_ = Comparison::kEqual;
  std::string value_;
};

struct MessageFilterOptions {
  std::optional<Moment> from;
  std::optional<Moment> to;
  std::vector<std::string> types;
  std::vector<std::string> users;
  std::vector<FieldCondition> conditions;

  /// --from, --to, --type, --user, --where. `this` must live as long as the command.
  void AddTo(CLI::App& command);
};

class MessageFilter {
 public:
  explicit MessageFilter(const MessageFilterOptions& options) : options_(options) {}

  /// A reader that stands before the first message to look at. An error also if all of the log lies
  /// before or after what is wanted, and if a type or a field is known to no schema of the log
  /// between the two ends; only then all of it is read.
  /// `follows`: what is wanted may still be to come; then the reader stands at the end.
  Result<replay::LogReader> Open(replay::Storage& storage, const std::string& folder,
                                 bool follows = false);

  /// The last number to look at.
  [[nodiscard]] std::uint64_t last() const { return range_.last; }
  /// True once a message is beyond the end, which only a follower can meet.
  [[nodiscard]] bool IsBeyond(const proto::Header& header) const {
    return until_ns_ && header.time_ns > *until_ns_;
  }
  /// Is the message that the reader has given wanted?
  bool Wants(const replay::LogReader& reader, LogSchema& schema);
  /// True if messages are picked by more than where they stand.
  [[nodiscard]] bool picks() const {
    return !options_.types.empty() || !options_.users.empty() || !options_.conditions.empty();
  }

 private:
  Status CheckRange(replay::Storage& storage, const std::string& folder, bool follows);
  Status Check(replay::Storage& storage, const std::string& folder,
               const replay::LogReader& first) const;
  [[nodiscard]] Status CheckNames(const std::string& folder, const SchemaTexts& texts) const;

  const MessageFilterOptions& options_;
  NumberRange range_;
  bool is_to_come_ = false;               ///< a follower's first message
  std::optional<std::int64_t> since_ns_;  ///< of a follower, whose range it says nothing about yet
  std::optional<std::int64_t> until_ns_;
  std::set<std::uint16_t> types_;  ///< by the schema of this generation:
  std::optional<std::uint32_t> generation_;
};

}  // namespace tandem::tools
