// SPDX-License-Identifier: Apache-2.0
//
// `tandem new`: writes a user's own application, ready to build and test.
#pragma once

#include "tools/command.h"

namespace tandem::tools {

void RegisterNew(Commands& commands);

}  // namespace tandem::tools
