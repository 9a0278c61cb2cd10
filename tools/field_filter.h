// SPDX-License-Identifier: Apache-2.0
//
// FieldFilter: what differs between two messages, but for the fields that a person wants ignored.
// One thread.
#pragma once

#include <string>
#include <vector>

#include "proto/schema.h"

namespace tandem::tools {

class FieldFilter {
 public:
  /// "price", "legs.size" of each leg, "Trade.price" of one type, or a field of the header. Once a
  /// field is ignored, so is what follows from all of them: digest and payload_size.
  explicit FieldFilter(std::vector<std::string> ignored = {}) : ignored_(std::move(ignored)) {}

  [[nodiscard]] bool empty() const { return ignored_.empty(); }
  /// An error that names a field that none of the schemas knows.
  [[nodiscard]] Status Check(const std::vector<proto::Schema>& schemas) const;

  /// Each message is decoded by the schema of its own log; the fields are those of B's, unless only
  /// A's shows them.
  [[nodiscard]] std::vector<proto::FieldDifference> Differences(proto::Schema& schema_a,
                                                                const proto::MessageView& a,
                                                                proto::Schema& schema_b,
                                                                const proto::MessageView& b) const;

 private:
  [[nodiscard]] bool Ignores(const std::string& path, const std::string& type) const;

  std::vector<std::string> ignored_;
};

/// "  differs: price: A 100, B 101\n" for each.
[[nodiscard]] std::string TextOf(const std::vector<proto::FieldDifference>& differences,
                                 const std::string& indent, const std::string& a = "A",
                                 const std::string& b = "B");
/// [{"path":"price","a":"100","b":"101"}]
[[nodiscard]] std::string JsonOf(const std::vector<proto::FieldDifference>& differences);

}  // namespace tandem::tools
