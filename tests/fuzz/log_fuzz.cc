// SPDX-License-Identifier: Apache-2.0
//
// Log reading, verifying and recovery. The input says how a small log is damaged: steps of four
// bytes: what, place (two), value. Whatever it does: a reader gives a correct beginning of what was
// written, and a writer that opens the log goes on with a whole one or refuses.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "pools/ensure.h"
#include "tests/support/log_fixture.h"

using tandem::replay::LogReader;
using tandem::replay::ReadOutcome;
using tandem::test::MemoryStorage;
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

/// Message `number` as every test log has it.
const std::vector<std::byte>& Written(std::uint64_t number) {
  static const std::vector<std::vector<std::byte>> messages = [] {
    std::vector<std::vector<std::byte>> made;
    for (std::uint64_t next = 1; next <= kWritten + 2; ++next) {
      made.push_back(tandem::test::MessageOf(next));
    }
    return made;
  }();
  return messages.at(number - 1);
}

/// Is this a place in what was written? A header that was changed, checksum and all, may name any.
bool GoesOn(tandem::proto::StreamPosition position) {
  if (position.number > kWritten) return false;
  if (position.number == 0) return position.digest == tandem::proto::kDigestStart;
  return tandem::proto::ParseMessage(Written(position.number))->header.digest == position.digest;
}

/// What a reader gives from `from` on is what was written, up to `last` at most.
void CheckReading(TestLog& log, std::uint64_t from, std::uint64_t last) {
  auto reader = LogReader::Open(log.storage, log.folder, {.from_number = from});
  if (!reader) {
    ENSURE(!reader.error().text.empty(), "an error without a word");
    return;
  }
  for (std::uint64_t next = from;;) {
    const ReadOutcome outcome = reader->Next();
    if (outcome == ReadOutcome::kMessage) {
      const std::uint64_t number = reader->message().header.number;
      ENSURE(number >= 1 && number <= last && (next == 0 || number == next),
             "message %zu, which nobody wrote or which is not the next one",
             static_cast<std::size_t>(number));
      next = number + 1;
      ENSURE(std::ranges::equal(reader->message().bytes, Written(number)), "message %zu is wrong",
             static_cast<std::size_t>(number));
      continue;
    }
    ENSURE(outcome == ReadOutcome::kEnd || !reader->error().text.empty(),
           "an error without a word");
    return;
  }
}

/// A log of twelve messages after an end of its writer: which one, `kind` says.
MemoryStorage Begin(std::uint8_t kind) {
  TestLog log;
  log.Write(kWritten / 2);
  if (kind % 2 == 0) log.Sync();
  log.Write(kWritten - kWritten / 2);
  if (kind % 3 == 0) log.Close();
  log.Crash();
  if (kind % 5 == 0) log.CrashHost();
  return log.storage.Clone();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::map<std::uint8_t, MemoryStorage> begun;
  const auto kind = static_cast<std::uint8_t>(size > 0 ? data[0] % 30 : 1);
  auto begin = begun.find(kind);
  if (begin == begun.end()) begin = begun.emplace(kind, Begin(kind)).first;
  TestLog log;
  log.storage = begin->second.Clone();
  for (std::size_t i = 1; i + 4 <= size && i < 64; i += 4) {
    Damage(log, data[i], static_cast<std::uint16_t>(data[i + 1] << 8 | data[i + 2]), data[i + 3]);
  }
  // A header may say that its segment has any size.
  log.storage.LimitBytes(1 << 16);
  CheckReading(log, 0, kWritten);
  CheckReading(log, 5, kWritten);
  (void)log.Verify();
  if (log.TryReopen().ok() && GoesOn(log.writer->position())) {
    const std::uint64_t next = log.writer->position().number + 1;
    for (const std::uint64_t number : {next, next + 1}) log.writer->Append(Written(number));
    // A header may also say that its segment has more bytes than the disk has.
    if (log.writer->Close().ok()) CheckReading(log, 0, next + 1);
    log.writer.reset();
  }
  return 0;
}
