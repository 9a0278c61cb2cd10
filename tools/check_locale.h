// SPDX-License-Identifier: Apache-2.0
//
// The locales that `tandem check` runs an application in: one that is made for it, if the system
// has localedef (Debian: libc-bin, which is always there), and those that are installed.
#pragma once

#include <string>
#include <vector>

namespace tandem::tools {

struct CheckLocale {
  std::string name;    ///< for LC_ALL
  std::string folder;  ///< for LOCPATH; empty: the system knows it
};

/// At least C.UTF-8 and POSIX. What is made goes into the folder `work`, which may be empty: then
/// none is made.
[[nodiscard]] std::vector<CheckLocale> CheckLocales(const std::string& work);

}  // namespace tandem::tools
