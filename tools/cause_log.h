// SPDX-License-Identifier: Apache-2.0
//
// CauseLog: looks up, in the input log, the messages that caused outputs. Cheap for numbers that
// grow. One thread.
#pragma once

#include <optional>
#include <string>

#include "pools/result.h"
#include "replay/log_reader.h"
#include "tools/log_schema.h"

namespace tandem::tools {

class CauseLog {
 public:
  /// `folder`: of the input log; empty: there is none, and no cause is known.
  CauseLog(replay::Storage& storage, std::string folder)
      : storage_(storage), folder_(std::move(folder)) {}

  /// Goes to input message `number`. False: the log has none, or there is no log.
  Result<bool> GoTo(std::uint64_t number) {
    if (folder_.empty() || number == 0) return false;
    if (last_ == 0) {
      if (Status status = FindEnds(); !status) return status.error();
    }
    if (number < first_ || (number > last_ && !damage_)) return false;
    if (number > last_) return *damage_;
    // What lies close ahead is read through; a jump looks its segment up.
    constexpr std::uint64_t kClose = 100'000;
    const std::uint64_t at = reader_ ? reader_->position().number : 0;
    if (at == number) return true;
    if (!reader_ || number < at || number - at > kClose) {
      auto opened = replay::LogReader::Open(storage_, folder_,
                                            {.from_number = number, .check_digest = false});
      if (!opened) return opened.error();
      reader_.emplace(std::move(*opened));
    }
    while (reader_->position().number < number) {
      switch (reader_->Next()) {
        case replay::ReadOutcome::kMessage:
          break;
        case replay::ReadOutcome::kEnd:
          return Error::BadInput("the log " + folder_ + " ends before message " +
                                 std::to_string(number) + ", which is named as a cause");
        case replay::ReadOutcome::kDamaged:
          return reader_->error();
      }
    }
    return true;
  }

  /// What to say of a cause that GoTo did not find.
  [[nodiscard]] std::string NotThere(std::uint64_t number) const {
    return "input message " + std::to_string(number) +
           (folder_.empty() ? "" : ", which is not in " + folder_);
  }

  /// Of the message that GoTo found.
  [[nodiscard]] const proto::MessageView& message() const { return reader_->message(); }
  [[nodiscard]] proto::Schema& schema() { return schema_.For(*reader_); }

 private:
  Status FindEnds() {
    const auto reader = replay::LogReader::Open(storage_, folder_, {.check_digest = false});
    if (!reader) return reader.error();
    auto end = replay::LogReader::FindEnd(storage_, folder_);
    if (!end) return end.error();
    first_ = reader->first_number();
    last_ = end->last.number;
    damage_ = std::move(end->damage);
    return {};
  }

  replay::Storage& storage_;
  std::string folder_;
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;       ///< 0: not looked for, or there are no messages
  std::optional<Error> damage_;  ///< that follows it
  std::optional<replay::LogReader> reader_;
  LogSchema schema_;
};

}  // namespace tandem::tools
