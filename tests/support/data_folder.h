// SPDX-License-Identifier: Apache-2.0
//
// Where tests find real data: the folder that TANDEM_DATA names, or shared/data beside the
// repository. Tests that need a file that is not there are skipped.
// Link tandem_real_data.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tandem::tests {

inline std::filesystem::path DataFolder() {
  const char* const folder = std::getenv("TANDEM_DATA");
  if (folder != nullptr && *folder != '\0') return folder;
  return TANDEM_REAL_DATA;
}

/// A Nasdaq day of AAPL from LOBSTER: its messages, compressed.
inline std::string RealDayFile() {
  return (DataFolder() / "AAPL_2012-06-21_34200000_57600000_message_1.csv.gz").string();
}

}  // namespace tandem::tests
