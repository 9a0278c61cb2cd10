// SPDX-License-Identifier: Apache-2.0
//
// OutputsByCause: the outputs of a log, cause by cause. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "replay/log_reader.h"
#include "tools/cause_order.h"
#include "tools/log_schema.h"

namespace tandem::tools {

/// What belongs together is told by `origin`, whatever the flags say: outputs that follow each
/// other and name one input. Those whose origin is astray (CauseOrder) belong to the outputs around
/// them if those are of one cause, or their own index or flags say so; else they are a cause of
/// their own. In an input log each message is a cause, and its only output.
class OutputsByCause {
 public:
  /// Further outputs of one cause are given as another group, so that memory stays bounded.
  static constexpr std::size_t kOutputsMax = 100'000;

  /// Both readers stand before the first output to look at, and behind one of cause `before`, if
  /// known.
  OutputsByCause(replay::LogReader reader, replay::LogReader ahead, std::uint64_t before,
                 bool is_input)
      : reader_(std::move(reader)), order_(std::move(ahead), before), is_input_(is_input) {}

  /// Goes to the next cause, if there is one.
  Status Next() {
    bytes_.clear();
    ends_.clear();
    messages_.clear();
    if (!has_next_) {
      if (Status status = Read(); !status || !has_next_) return status;
    }
    // Now, for the reader may be beyond a change of the schema when the outputs are shown.
    group_schema_ = &schema_.For(reader_);
    cause_ = CauseOf(reader_.message().header);
    is_astray_ = !is_input_ && order_.is_astray();
    if (is_astray_ && BelongsToNext()) {
      cause_ = order_.CauseInOrder();
      is_astray_ = false;
    }
    do {
      const proto::MessageView& message = reader_.message();
      bytes_.insert(bytes_.end(), message.bytes.begin(), message.bytes.end());
      ends_.push_back(bytes_.size());
      messages_.emplace_back(message.header, std::span<const std::byte>());
      if (Status status = Read(); !status) return status;
    } while (messages_.size() < kOutputsMax && goes_on());
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); begin = ends_[i++]) {
      messages_[i].bytes = std::span(bytes_).subspan(begin, ends_[i] - begin);
    }
    return {};
  }

  /// The next group is of the same cause.
  [[nodiscard]] bool goes_on() const {
    if (!has_next_) return false;
    const proto::Header& header = reader_.message().header;
    if (CauseOf(header) == cause_) return true;
    if (is_input_ || is_astray_ || !order_.is_astray()) return false;
    return order_.CauseInOrder() == cause_ ||
           (header.index != 0 && header.index == messages_.back().header.index + 1);
  }
  /// There was no further cause.
  [[nodiscard]] bool done() const { return messages_.empty(); }
  [[nodiscard]] std::uint64_t cause() const { return cause_; }
  /// The cause does not fit in with those around it.
  [[nodiscard]] bool is_astray() const { return is_astray_; }
  /// The cause of the next group that is not astray; CauseOrder::kNone: there is none.
  [[nodiscard]] std::uint64_t next_cause() const { return order_.CauseInOrder(); }
  /// In order; valid until Next.
  [[nodiscard]] const std::vector<proto::MessageView>& messages() const { return messages_; }
  [[nodiscard]] proto::Schema& schema() { return *group_schema_; }

 private:
  [[nodiscard]] std::uint64_t CauseOf(const proto::Header& header) const {
    return is_input_ ? header.number : header.origin;
  }

  /// This one, astray, is the beginning of what goes on with the next one in order.
  [[nodiscard]] bool BelongsToNext() const {
    return reader_.message().header.index == 0 && !order_.is_complete() &&
           order_.CauseInOrder() != CauseOrder::kNone;
  }

  Status Read() {
    const std::uint64_t before = run_cause_;
    const replay::ReadOutcome outcome = reader_.Next();
    has_next_ = outcome == replay::ReadOutcome::kMessage;
    if (has_next_ && !is_input_) {
      run_cause_ = reader_.message().header.origin;
      if (!has_run_ || run_cause_ != before) order_.Next();
      has_run_ = true;
    }
    return outcome == replay::ReadOutcome::kDamaged ? Status(reader_.error()) : Status();
  }

  replay::LogReader reader_;
  CauseOrder order_;  ///< stands at the run of the message that the reader gives
  bool is_input_;
  bool has_run_ = false;
  std::uint64_t run_cause_ = 0;
  bool has_next_ = false;  ///< the reader gives the first output of the next cause
  LogSchema schema_;
  proto::Schema* group_schema_ = nullptr;
  std::uint64_t cause_ = 0;
  bool is_astray_ = false;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
  std::vector<proto::MessageView> messages_;
};

}  // namespace tandem::tools
