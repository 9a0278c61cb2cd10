// SPDX-License-Identifier: Apache-2.0
#include "tools/log_kind.h"

#include "replay/log_reader.h"

namespace tandem::tools {

LogKind KindOf(replay::LogRole role) {
  if (role == replay::kInputRole) return LogKind::kInputs;
  const bool is_outputs = role == replay::kOutputRole || role == replay::kMergedRole;
  return is_outputs ? LogKind::kOutputs : LogKind::kUnknown;
}

Result<LogKind> KindOf(replay::Storage& storage, const std::string& folder) {
  auto reader = replay::LogReader::Open(storage, folder, {.check_digest = false});
  if (!reader) return reader.error();
  if (const LogKind kind = KindOf(reader->role()); kind != LogKind::kUnknown) return kind;
  std::uint64_t origin = 0;
  for (;;) {
    switch (reader->Next()) {
      case replay::ReadOutcome::kDamaged:
        return reader->error();
      case replay::ReadOutcome::kEnd:
        return LogKind::kUnknown;
      case replay::ReadOutcome::kMessage:
        break;
    }
    const proto::Header& header = reader->message().header;
    if (header.index != 0 || !header.last()) return LogKind::kOutputs;
    if (header.origin == 0 || header.origin < origin) return LogKind::kInputs;
    origin = header.origin;
  }
}

}  // namespace tandem::tools
