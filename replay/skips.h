// SPDX-License-Identifier: Apache-2.0
//
// Skips: which inputs are to be passed over. A Skip stands in the input behind the message that it
// names, which kills whoever steps it; so it has to be found before that message is stepped: by
// looking ahead. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pools/result.h"
#include "proto/message.h"
#include "replay/storage.h"

namespace tandem::replay {

class Skips {
 public:
  /// No such number.
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  /// Looks at an input; keeps what it says if it is a Skip of one before it. Of two for the same
  /// input the first one counts.
  void Take(const proto::MessageView& input) {
    if (input.header.type == kType) [[unlikely]]
      TakeSkip(input);
  }
  /// The first input after `number` that is to be passed over; kNone: there is none.
  [[nodiscard]] std::uint64_t After(std::uint64_t number) const;
  /// Why input `number` is passed over; null: it is not.
  [[nodiscard]] const std::string* ReasonFor(std::uint64_t number) const;
  [[nodiscard]] std::size_t count() const { return reasons_.size(); }
  /// Where a Skip may stand that is not known, as sentences; empty: nowhere.
  [[nodiscard]] const std::vector<std::string>& not_read() const { return not_read_; }
  void TellNotRead(std::string sentence) { not_read_.push_back(std::move(sentence)); }

 private:
  static constexpr std::uint16_t kType = 3;  // as in tandem/control.proto
  void TakeSkip(const proto::MessageView& input);

  std::map<std::uint64_t, std::string> reasons_;
  std::vector<std::string> not_read_;
};

/// What the input log in `folder` says of inputs that are to be passed over. Looks at the length
/// and type of each record only, so it costs about a hundredth of a replay. What cannot be gone
/// over is passed by and is in not_read(): whoever steps up to somewhere before it reads it never.
Result<Skips> ReadSkips(Storage& storage, const std::string& folder);

}  // namespace tandem::replay
