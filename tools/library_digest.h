// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "pools/result.h"

namespace tandem::tools {

/// What tells builds of an application apart beside the program's own build id: the digest of the
/// shared library that --app names; empty if the application is linked in.
[[nodiscard]] Result<std::string> LibraryDigest(const std::string& application);

}  // namespace tandem::tools
