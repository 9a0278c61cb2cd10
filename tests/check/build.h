// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem::subject {

/// Which build of the library this is: each is linked with a number of its own.
int Build();

}  // namespace tandem::subject
