// SPDX-License-Identifier: Apache-2.0
#include "engine/live/divergence_report.h"

#include "pools/ensure.h"
#include "proto/schema.h"
#include "proto/shown_text.h"

namespace tandem::engine {

std::string DescribeDivergence(const Deduplicator::Divergence& divergence,
                               std::optional<std::span<const std::byte>> published,
                               std::span<const std::string_view, Deduplicator::kEngines> names,
                               std::string_view schema_bytes) {
  auto schema = proto::Schema::Parse(schema_bytes);
  if (!schema) schema = proto::Schema::Parse("");
  ENSURE(schema.ok(), "the empty schema is none");
  const std::string name(names[divergence.engine]);
  const std::string other_name =
      divergence.held.empty() ? "published" : "engine " + std::string(names[1 - divergence.engine]);
  const auto late = proto::ParseMessage(divergence.message);
  const auto other = !divergence.held.empty() ? proto::ParseMessage(divergence.held)
                     : published              ? proto::ParseMessage(*published)
                                              : std::nullopt;
  const auto& caused = late ? late : other;

  std::string report = "DIVERGENCE at output " + std::to_string(divergence.number);
  if (caused) report += ", caused by input " + std::to_string(caused->header.origin);
  report += "\n";
  if (!divergence.is_first) {
    report += "  engine " + name + " broke off from the merged stream at this output or before\n";
  }
  if (divergence.broken_chain) {
    report +=
        "  engine " + name + " sent a message that does not carry the digest of its content\n";
  }
  if (other) report += "  " + other_name + ": " + schema->Text(*other) + "\n";
  if (late) report += "  engine " + name + ":  " + schema->Text(*late) + "\n";
  if (divergence.is_omitted) report += "  engine " + name + ":  nothing\n";
  if (other && late) {
    for (const proto::FieldDifference& field : schema->Compare(*other, *late)) {
      report += "  differs: " + field.path + ": " + other_name + " " + proto::Escaped(field.a) +
                ", engine " + name + " " + proto::Escaped(field.b) + "\n";
    }
  }
  return report;
}

}  // namespace tandem::engine
