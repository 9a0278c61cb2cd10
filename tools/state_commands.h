// SPDX-License-Identifier: Apache-2.0
//
// The commands that look into states; see command.h.
#pragma once

namespace tandem::tools {

class Commands;

void RegisterState(Commands& commands);
void RegisterAudit(Commands& commands);
void RegisterBisect(Commands& commands);

}  // namespace tandem::tools
