// SPDX-License-Identifier: Apache-2.0
//
// JsonObject: the members of one JSON object, each value as the text that it is; what lies within a
// value is checked for its form and left as it is. For lines of JSON whose members are few and
// known. Looks at the text, which must live as long. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pools/result.h"

namespace tandem::replay {

class JsonObject {
 public:
  /// An error says at which character the text is no object, or which member is there twice, in it
  /// or in an object within it; there, "order_id" and "orderId" are one, as in Protobuf's JSON.
  static Result<JsonObject> Parse(std::string_view text);

  struct Member {
    std::string name;
    std::string_view value;
  };
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  /// The value of a member as it stands; null: there is none.
  [[nodiscard]] std::optional<std::string_view> Find(std::string_view name) const;

 private:
  std::vector<Member> members_;
};

/// The text that a JSON string stands for; null if `value` is no string.
[[nodiscard]] std::optional<std::string> JsonText(std::string_view value);
/// A whole number, bare or as a string, as 64-bit ones are in Protobuf's JSON; null if it is none
/// or does not fit.
[[nodiscard]] std::optional<std::uint64_t> JsonUnsigned(std::string_view value);
[[nodiscard]] std::optional<std::int64_t> JsonSigned(std::string_view value);
/// The first number within `value`, strings apart, that is no whole one of 64 bits, or is written
/// with a point or an exponent and would be rounded where it is read as a floating-point one, as
/// Protobuf does; empty: there is none. `value` is one of a JsonObject.
[[nodiscard]] std::string_view JsonInexactNumber(std::string_view value);

}  // namespace tandem::replay
