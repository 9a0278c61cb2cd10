// SPDX-License-Identifier: Apache-2.0
//
// What tells two copies apart that should be alike: the build of this program, the processor, the
// host. Read once; the same for the life of the process. Any thread.
#pragma once

#include <string>

#include "engine/live/engine_about.h"

namespace tandem::pb {
class Status;
}

namespace tandem::engine {

/// The build id that the linker wrote into this program, as hexadecimal digits; "" if there is
/// none.
[[nodiscard]] const std::string& BuildId();
/// The build that steps: that of the program and, after a '+', of the library, if there is one.
[[nodiscard]] std::string BuildOf(const EngineAbout& about);
/// "model name" of the first processor.
[[nodiscard]] const std::string& CpuModel();
[[nodiscard]] const std::string& HostName();

/// Puts all of it, and `about`, into the status of an engine.
void FillAbout(const EngineAbout& about, pb::Status* status);

}  // namespace tandem::engine
