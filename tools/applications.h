// SPDX-License-Identifier: Apache-2.0
//
// The applications that are linked into `tandem`, by the name given to --app.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pools/declarations/model.h"
#include "pools/result.h"
#include "pools/zone.h"
#include "replay/application.h"

namespace tandem::tools {

/// "book, ..." for --help.
[[nodiscard]] std::string ApplicationNames();

/// A new application with empty state. `site`: records that change its pools; null: none. An error
/// names the applications that there are, or says what is wrong with the records or the zone.
Result<std::unique_ptr<replay::Application>> MakeApplication(
    const std::string& name, const pools::ZoneOptions& zone,
    const declarations::Declarations* site = nullptr);

/// The declarations of its pools, as built. An error names the applications that there are.
Result<std::string_view> PoolDeclarationsOf(const std::string& name);

}  // namespace tandem::tools
