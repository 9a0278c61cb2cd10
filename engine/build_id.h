// SPDX-License-Identifier: Apache-2.0
//
// The build id that the linker wrote into a program or a shared library: which of them steps.
#pragma once

#include <string>

namespace tandem::engine {

/// Of the program or library that holds `code`, as hexadecimal digits; null: of the program. "" if
/// it has none. Any thread.
[[nodiscard]] std::string BuildIdOf(const void* code);

}  // namespace tandem::engine
