// SPDX-License-Identifier: Apache-2.0
//
// The schemas by which the messages of a log are described, to know whether a name that a person
// gave is one of theirs: a log may have others in between than where it begins and ends.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "proto/schema.h"
#include "replay/log_reader.h"

namespace tandem::tools {

/// As bytes, each once.
using SchemaTexts = std::set<std::string>;

/// Of the message that comes next to `reader` and, if its end can be read, of the log's last one.
/// Reads no messages.
SchemaTexts SchemasAtEnds(replay::Storage& storage, const std::string& folder,
                          const replay::LogReader& reader);

/// Of all messages from `first` to `last`, or to where the log is damaged. Reads them all.
Result<SchemaTexts> SchemasOfRange(replay::Storage& storage, const std::string& folder,
                                   std::uint64_t first = replay::ReadOptions::kFirst,
                                   std::uint64_t last = std::numeric_limits<std::uint64_t>::max());

/// What cannot be used counts as a schema that knows Tandem's own messages only.
std::vector<proto::Schema> ParseSchemas(const SchemaTexts& texts);

}  // namespace tandem::tools
