// SPDX-License-Identifier: Apache-2.0
#include "tools/message_names.h"

#include <map>
#include <optional>

#include "proto/schema.h"
#include "tools/range_schemas.h"

namespace tandem::tools {
namespace {

using FullNames = std::map<std::uint16_t, std::string>;

/// Null: there is no schema, or none that can be used.
std::optional<FullNames> FullNamesOf(const std::string& schema_text) {
  if (schema_text.empty()) return std::nullopt;
  const auto schema = proto::Schema::Parse(schema_text);
  if (!schema) return std::nullopt;
  FullNames names;
  for (const auto& [type, name] : schema->names()) {
    if (type >= proto::kFirstApplicationType) names[type] = schema->FullNameOf(type);
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> CheckMessageNames(replay::Storage& storage,
                                                   const std::string& folder,
                                                   const replay::LogReader& reader,
                                                   const replay::Application& application) {
  const replay::ApplicationInfo& info = application.info();
  const std::optional<FullNames> known = FullNamesOf(info.schema);
  if (!known) return std::vector<std::string>();
  const std::string advice = "; give --app the application that the log is for";
  FullNames unknown;
  for (const std::string& text : SchemasAtEnds(storage, folder, reader)) {
    const std::optional<FullNames> names = FullNamesOf(text);
    if (!names || names->empty()) continue;
    std::size_t shared = 0;
    for (const auto& [type, name] : *names) {
      const auto own = known->find(type);
      if (own == known->end()) {
        unknown[type] = name;
        continue;
      }
      if (own->second != name) {
        return Error::BadInput("the log " + folder + " says that type " + std::to_string(type) +
                               " is " + name + ", and for the application \"" + info.name +
                               "\" it is " + own->second + advice);
      }
      ++shared;
    }
    if (shared == 0) {
      const auto& [type, name] = *names->begin();
      return Error::BadInput("the application \"" + info.name + "\" knows no message of the log " +
                             folder + ", whose type " + std::to_string(type) + " is " + name +
                             advice);
    }
  }
  std::vector<std::string> notes;
  for (const auto& [type, name] : unknown) {
    notes.push_back("the log " + folder + " says that type " + std::to_string(type) + " is " +
                    name + ", which the application \"" + info.name + "\" does not know");
  }
  return notes;
}

}  // namespace tandem::tools
