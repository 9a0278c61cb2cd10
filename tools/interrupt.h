// SPDX-License-Identifier: Apache-2.0
//
// SIGINT and SIGTERM for jobs that run to an end: they ask now and then and clean up. Roles, which
// run until they are told to stop, have engine/live/role_loop.h.
#pragma once

namespace tandem::tools {

/// From here on SIGINT and SIGTERM only set a flag.
void CatchInterrupts();
[[nodiscard]] bool Interrupted();

}  // namespace tandem::tools
