// SPDX-License-Identifier: Apache-2.0
//
// LosePower: leaves a log as a crash of its host may leave it. What was synced stays; of what was
// written after the last completed sync, any sectors and any later segments are gone, from nothing
// to all; the newest mark may be gone too, for it reaches the disk with a later sync only. The
// host's next start is another one, so the marks are those of another boot.
#pragma once

#include <random>
#include <string>

namespace tandem::test {

/// The log in `folder`, which nobody writes and which need not exist, is changed in place. What was
/// synced is remembered in the file `folder`.synced. Says what was done, as a line.
std::string LosePower(const std::string& folder, std::mt19937_64& random);

}  // namespace tandem::test
