// SPDX-License-Identifier: Apache-2.0
//
// Log reading, verifying and recovery. The input says how a small log is damaged: steps of four
// bytes: what, place (two), value. Whatever it does: a reader gives a correct beginning of what was
// written, and a writer that opens the log goes on with a whole one or refuses.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "pools/ensure.h"
#include "tests/support/log_fixture.h"

using tandem::test::Messages;
using tandem::test::TestLog;

namespace {

constexpr std::uint64_t kWritten = 12;

void Damage(TestLog& log, std::uint8_t what, std::uint16_t place, std::uint8_t value) {
  const std::uint64_t segment = 1 + place % 4;
  if (!log.storage.Exists(log.Path(segment))) return;
  std::vector<std::byte>& bytes = log.storage.Bytes(log.Path(segment));
  if (bytes.empty()) return;
  const std::size_t at = place / 4 % bytes.size();
  const auto is_header = at < 128;
  switch (what % 8) {
    case 0:
      bytes[at] = std::byte{value};
      break;
    case 1:
      bytes[at] ^= std::byte{value};
      break;
    case 2:  // a change that the checksum of a header covers
      if (is_header && bytes.size() >= 128) {
        bytes[at] = std::byte{value};
        log.FixHeaderChecksum(segment);
      }
      break;
    case 3:
      bytes.resize(at);
      break;
    case 4:
      bytes.resize(bytes.size() + value);
      break;
    case 5: {
      const std::size_t size = std::min<std::size_t>(value, bytes.size() - at);
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
      break;
    }
    case 6:
      log.storage.Copy(log.Path(segment), log.Path(1 + value % 5));
      break;
    default:
      (void)log.storage.Remove(value % 4 == 0 ? log.folder + "/mark" : log.Path(segment)).ok();
  }
}

/// Is this a place in what was written? A header that was changed, checksum and all, may name any.
bool GoesOn(tandem::proto::StreamPosition position) {
  if (position.number > kWritten) return false;
  if (position.number == 0) return position.digest == tandem::proto::kDigestStart;
  const auto bytes = tandem::test::MessageOf(position.number);
  return tandem::proto::ParseMessage(bytes)->header.digest == position.digest;
}

/// Do `lines`, but for the last one, say what was written, from some message on?
void CheckBeginning(const std::vector<std::string>& lines, std::uint64_t last) {
  if (lines.size() < 2) return;
  const std::uint64_t first = std::stoull(lines[0]);
  ENSURE(first >= 1 && first + lines.size() - 2 <= last, "messages that nobody wrote: %s",
         lines[0].c_str());
  const auto expected = Messages(first, first + lines.size() - 2);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    ENSURE(lines[i] == expected[i], "a wrong message: %s", lines[i].c_str());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TestLog log;
  log.Write(kWritten / 2);
  if (size > 0 && data[0] % 2 == 0) log.Sync();
  log.Write(kWritten - kWritten / 2);
  if (size > 0 && data[0] % 3 == 0) log.Close();
  log.Crash();
  if (size > 0 && data[0] % 5 == 0) log.CrashHost();
  for (std::size_t i = 1; i + 4 <= size && i < 64; i += 4) {
    Damage(log, data[i], static_cast<std::uint16_t>(data[i + 1] << 8 | data[i + 2]), data[i + 3]);
  }
  // A header may say that its segment has any size.
  log.storage.LimitBytes(1 << 20);
  CheckBeginning(log.Read(), kWritten);
  CheckBeginning(log.Read(5), kWritten);
  (void)log.Verify();
  if (log.TryReopen().ok() && GoesOn(log.writer->position())) {
    const std::uint64_t next = log.writer->position().number + 1;
    log.Write(2);
    log.Close();
    CheckBeginning(log.Read(), next + 1);
  }
  return 0;
}
