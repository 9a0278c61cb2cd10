// SPDX-License-Identifier: Apache-2.0
#include "engine/live/divergence_report.h"

#include "pools/ensure.h"
#include "proto/schema.h"

namespace tandem::engine {

std::string DescribeDivergence(const Deduplicator::Divergence& divergence,
                               std::optional<std::span<const std::byte>> published,
                               std::span<const std::string_view, Deduplicator::kEngines> names,
                               std::string_view schema_bytes) {
  auto schema = proto::Schema::Parse(schema_bytes);
  if (!schema) schema = proto::Schema::Parse("");
  const auto late = proto::ParseMessage(divergence.message);
  ENSURE(schema.ok() && late.has_value(), "a divergence that cannot be described");
  const std::string name(names[divergence.engine]);
  const std::string number = std::to_string(divergence.number);

  std::string report = "DIVERGENCE at output " + number + ", caused by input " +
                       std::to_string(late->header.origin) + "\n";
  if (!divergence.is_first) {
    report += "  engine " + name + " broke off from the merged stream at this output or before\n";
  }
  if (divergence.broken_chain) {
    report +=
        "  engine " + name + " sent a message that does not carry the digest of its content\n";
  }
  const auto other = published ? proto::ParseMessage(*published) : std::nullopt;
  if (other) report += "  published: " + schema->Text(*other) + "\n";
  report += "  engine " + name + ":  " + schema->Text(*late) + "\n";
  if (other) {
    for (const proto::FieldDifference& field : schema->Compare(*other, *late)) {
      report += "  differs: " + field.path + ": published " + field.a + ", engine " + name + " " +
                field.b + "\n";
    }
  }
  return report;
}

}  // namespace tandem::engine
