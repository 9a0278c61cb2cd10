// SPDX-License-Identifier: Apache-2.0
#include "tests/check/build.h"

namespace tandem::subject {

int Build() { return TANDEM_SUBJECT_BUILD; }

}  // namespace tandem::subject
