// SPDX-License-Identifier: Apache-2.0
//
// The applications that are linked into `tandem`, by the name given to --app.
#pragma once

#include <memory>
#include <string>

#include "pools/result.h"
#include "pools/zone.h"
#include "replay/application.h"

namespace tandem::tools {

/// "book, ..." for --help.
[[nodiscard]] std::string ApplicationNames();

/// A new application with empty state. An error names those that there are.
Result<std::unique_ptr<replay::Application>> MakeApplication(const std::string& name,
                                                             const pools::ZoneOptions& zone);

}  // namespace tandem::tools
