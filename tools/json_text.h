// SPDX-License-Identifier: Apache-2.0
//
// Text in what the tools print with --json.
#pragma once

#include "proto/shown_text.h"

namespace tandem::tools {

using proto::AppendJsonText;

}  // namespace tandem::tools
