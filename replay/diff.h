// SPDX-License-Identifier: Apache-2.0
//
// The first difference of two logs of one stream. It is found by bisection over the running
// digests: first over the segment headers, which carry the digest before them, then in the one
// segment that is left, which is read to the difference with every check. What is equal before it
// is not read. That two logs are the same is only said after every message was compared byte for
// byte, unless the digests are to be trusted.
// Costs: two walks over the record lengths of one segment, one more for each doubling of the number
// of segments where the two are not cut alike, and reading one segment of each.
// One thread; changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "replay/log_reader.h"
#include "replay/storage.h"

namespace tandem::replay {

enum class DiffVerdict : std::uint8_t {
  kSame,
  kDiffers,         ///< at `number` both have a message, and not the same one
  kDiffersEarlier,  ///< before `number`, the first message that both have
  kUnproven,        ///< the same but for what does not matter, as far as both go back; they differ
                    ///< before `first`, and nobody knows whether that matters
  kLonger,          ///< equal as far as both go; `number` is the first that only one has
  kOtherSession,    ///< not copies of one stream: the sessions differ
  kOtherRole,       ///< an input log and a log of outputs
  kNoOverlap,       ///< there is no number that both logs have
};

struct DiffOptions {
  bool ignore_session =
      false;                   ///< compare what the sessions hold; digests do not cover their names
  bool trust_digests = false;  ///< equal digests are taken for equal messages
  /// Asked about each two messages of one number whose bytes differ: does it matter? Once it was
  /// asked, every later message is read and compared. Null: each difference matters.
  std::function<bool(const LogReader& a, const LogReader& b)> matters = {};
  std::string name_a = {};  ///< what sentences call the logs; empty: by their folders
  std::string name_b = {};
};

struct LogDifference {
  DiffVerdict verdict = DiffVerdict::kSame;
  std::uint64_t first = 0;      ///< numbers from here were compared
  std::uint64_t number = 0;     ///< of the first difference; of the last message if there is none
  std::uint64_t ignored = 0;    ///< messages that differ in more than the running digest, and in
                                ///< nothing that matters
  bool differs_before = false;  ///< the running digests before `first` differ
  std::vector<std::byte> a;     ///< message `number` in each log; empty: it has none
  std::vector<std::byte> b;
  std::uint64_t last_a = 0;  ///< last number of each log
  std::uint64_t last_b = 0;
  std::string text;                ///< one sentence for a person
  std::vector<std::string> notes;  ///< what is wrong behind the ends of the logs, one sentence each
};

/// An error if one of them cannot be read.
Result<LogDifference> DiffLogs(Storage& storage, const std::string& a, const std::string& b,
                               const DiffOptions& options = {});

}  // namespace tandem::replay
