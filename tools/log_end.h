// SPDX-License-Identifier: Apache-2.0
//
// Tells on standard error what is wrong behind the end of a log, so that a log that lost messages
// is not taken for one that is whole. One thread.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "replay/log_verify.h"

namespace tandem::tools {

inline void NoteAll(const std::vector<std::string>& sentences) {
  for (const std::string& text : sentences) {
    std::fprintf(stderr, "tandem: note: %s\n", text.c_str());
  }
}

/// To be called where `reader` has found the end.
inline Status NoteEnd(replay::Storage& storage, const std::string& folder,
                      const replay::LogReader& reader) {
  const auto problems = replay::EndProblems(storage, folder, reader);
  if (!problems) return problems.error();
  NoteAll(*problems);
  return {};
}

}  // namespace tandem::tools
