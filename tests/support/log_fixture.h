// SPDX-License-Identifier: Apache-2.0
//
// TestLog: a log in memory, with verbs, so that every case of damage is three readable lines:
//
//   TestLog log;
//   log.Write(3);
//   log.Crash();
//   log.ShrinkSize(1, 5);
//   EXPECT_EQ(log.Read(), Messages(1, 2, "end"));
//
// Message n of every test log is the same bytes (MessageOf), so what is read is compared whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tests/support/memory_storage.h"

namespace tandem::test {

/// "AAA" to have a digest, a size and a content that depend on `number`; chained from the start.
/// `variant` other than 0 gives another stream.
[[nodiscard]] std::vector<std::byte> MessageOf(std::uint64_t number, std::uint64_t variant = 0);
/// A message as one line of text: number, digest, payload.
[[nodiscard]] std::string LineOf(const proto::MessageView& message);
/// The lines of messages `first` to `last`, and `end` if it is not empty.
[[nodiscard]] std::vector<std::string> Messages(std::uint64_t first, std::uint64_t last,
                                                const std::string& end = "");

/// All that `reader` gives now, as lines; the last one is "end" or "damaged".
[[nodiscard]] std::vector<std::string> ReadAll(replay::LogReader& reader);

class TestLog {
 public:
  /// Small segments, so that a few messages fill some.
  explicit TestLog(std::uint64_t segment_bytes = 512);

  void Reopen();                    ///< a writer; fails the test if that gives an error
  Status TryReopen();               ///< a writer, or why not
  void Write(std::uint64_t count);  ///< appends the next messages and flushes; opens if need be
  void Sync();
  void Close();
  void Crash();  ///< of the process
  void CrashHost(std::mt19937_64* random = nullptr);

  /// All messages from `from` on, then "end", "damaged: ..." or "refused: ...".
  [[nodiscard]] std::vector<std::string> Read(std::uint64_t from = 0);
  /// "whole", or the problems that verifying finds, or why it cannot be verified.
  [[nodiscard]] std::string Verify();

  void ShrinkSize(std::uint64_t segment, std::uint64_t by);
  void SetByte(std::uint64_t segment, std::uint64_t offset, std::uint8_t value);
  void FlipByte(std::uint64_t segment, std::uint64_t offset);
  /// Makes the CRC of the record at `offset` right again.
  void FixChecksum(std::uint64_t segment, std::uint64_t offset);
  void FixHeaderChecksum(std::uint64_t segment);
  /// Where record `index` of a segment begins: 0 is the schema, if there is one.
  [[nodiscard]] std::uint64_t OffsetOf(std::uint64_t segment, std::uint64_t index);
  [[nodiscard]] std::string Path(std::uint64_t segment) const;

  MemoryStorage storage;
  std::string folder = "log";
  replay::LogOptions options;
  std::optional<replay::LogWriter> writer;
};

}  // namespace tandem::test
