// SPDX-License-Identifier: Apache-2.0
#include "tools/library_digest.h"

#include "engine/live/sheet.h"
#include "proto/schema.h"
#include "tools/options.h"

namespace tandem::tools {

Result<std::string> LibraryDigest(const std::string& application) {
  if (!IsSharedApplication(application)) return std::string();
  constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 32;
  replay::PosixStorage storage;
  const auto bytes = engine::ReadWhole(storage, application, kSizeMax);
  if (!bytes) return bytes.error();
  return *bytes ? proto::DigestText(engine::CheckOf(**bytes)) : std::string();
}

}  // namespace tandem::tools
