// SPDX-License-Identifier: Apache-2.0
//
// Whether the messages of a log are those of an application. A log says by its schema which message
// a type number is, and an application that knows another one by that number would take its
// payloads for something that they are not.
#pragma once

#include <string>
#include <vector>

#include "pools/result.h"
#include "replay/application.h"
#include "replay/log_reader.h"

namespace tandem::tools {

/// Compares, at the place of `reader` and at the end of the log in `folder`, which message each
/// type number is; fields may differ. An error if one is another message, or if the application
/// knows none of the log's. Gives what it does not know as sentences for a person. Without a usable
/// schema on either side nothing is compared. Reads no messages.
Result<std::vector<std::string>> CheckMessageNames(replay::Storage& storage,
                                                   const std::string& folder,
                                                   const replay::LogReader& reader,
                                                   const replay::Application& application);

}  // namespace tandem::tools
