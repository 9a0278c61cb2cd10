// SPDX-License-Identifier: Apache-2.0
//
// One input message for `book` before it has a place in a stream: what the generator and the
// importers make, and what is written to a log, submitted, or given to a book in a test.
#pragma once

#include <cstdint>
#include <string>

#include "proto/header.h"

namespace tandem::book {

// Message types of the inputs, as options in book.proto; book_test compares them.
constexpr std::uint16_t kNewOrderType = 100;
constexpr std::uint16_t kCancelType = 101;
constexpr std::uint16_t kReduceType = 102;
constexpr std::uint16_t kConfigureType = 103;
constexpr std::uint16_t kReplaceType = 104;
constexpr std::uint16_t kMassCancelType = 105;
constexpr std::uint16_t kHaltType = 106;
constexpr std::uint16_t kResumeType = 107;

/// Made to be filled again and again: the payload keeps its memory.
struct FlowMessage {
  proto::User user;
  std::int64_t time_ns = 0;  ///< since 1970 UTC; never before that of the message before it
  std::uint16_t type = 0;
  std::string payload;  ///< serialised
};

}  // namespace tandem::book
