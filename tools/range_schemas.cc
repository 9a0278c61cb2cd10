// SPDX-License-Identifier: Apache-2.0
#include "tools/range_schemas.h"

#include <utility>

namespace tandem::tools {

using replay::LogReader;

SchemaTexts SchemasAtEnds(replay::Storage& storage, const std::string& folder,
                          const LogReader& reader) {
  SchemaTexts texts{reader.schema()};
  const auto end = LogReader::Open(
      storage, folder, {.from_number = replay::ReadOptions::kEnd, .check_digest = false});
  if (end) texts.insert(end->schema());
  return texts;
}

Result<SchemaTexts> SchemasOfRange(replay::Storage& storage, const std::string& folder,
                                   std::uint64_t first, std::uint64_t last) {
  auto reader = LogReader::Open(storage, folder, {.from_number = first, .check_digest = false});
  if (!reader) return reader.error();
  SchemaTexts texts{reader->schema()};
  std::uint32_t generation = reader->schema_generation();
  while (reader->Next(last) == replay::ReadOutcome::kMessage) {
    if (generation == reader->schema_generation()) continue;
    generation = reader->schema_generation();
    texts.insert(reader->schema());
  }
  return texts;
}

std::vector<proto::Schema> ParseSchemas(const SchemaTexts& texts) {
  std::vector<proto::Schema> schemas;
  for (const std::string& text : texts) {
    auto schema = proto::Schema::Parse(text);
    if (!schema) schema = proto::Schema::Parse("");
    if (schema) schemas.push_back(std::move(*schema));
  }
  return schemas;
}

}  // namespace tandem::tools
