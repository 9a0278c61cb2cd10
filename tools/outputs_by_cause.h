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
#include "tools/log_schema.h"

namespace tandem::tools {

/// What belongs together is told by `origin`, whatever the flags say: outputs that follow each
/// other and name one input. In an input log each message is a cause, and its only output.
class OutputsByCause {
 public:
  /// Further outputs of one cause are given as another group, so that memory stays bounded.
  static constexpr std::size_t kOutputsMax = 100'000;

  OutputsByCause(replay::LogReader reader, bool is_input)
      : reader_(std::move(reader)), is_input_(is_input) {}

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
    while (has_next_ && messages_.size() < kOutputsMax &&
           CauseOf(reader_.message().header) == cause_) {
      const proto::MessageView& message = reader_.message();
      bytes_.insert(bytes_.end(), message.bytes.begin(), message.bytes.end());
      ends_.push_back(bytes_.size());
      messages_.emplace_back(message.header, std::span<const std::byte>());
      if (Status status = Read(); !status) return status;
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); begin = ends_[i++]) {
      messages_[i].bytes = std::span(bytes_).subspan(begin, ends_[i] - begin);
    }
    return {};
  }

  /// The next group is of the same cause.
  [[nodiscard]] bool goes_on() const {
    return has_next_ && CauseOf(reader_.message().header) == cause_;
  }
  /// There was no further cause.
  [[nodiscard]] bool done() const { return messages_.empty(); }
  [[nodiscard]] std::uint64_t cause() const { return cause_; }
  /// In order; valid until Next.
  [[nodiscard]] const std::vector<proto::MessageView>& messages() const { return messages_; }
  [[nodiscard]] proto::Schema& schema() { return *group_schema_; }

 private:
  [[nodiscard]] std::uint64_t CauseOf(const proto::Header& header) const {
    return is_input_ ? header.number : header.origin;
  }

  Status Read() {
    const replay::ReadOutcome outcome = reader_.Next();
    has_next_ = outcome == replay::ReadOutcome::kMessage;
    return outcome == replay::ReadOutcome::kDamaged ? Status(reader_.error()) : Status();
  }

  replay::LogReader reader_;
  bool is_input_;
  bool has_next_ = false;  ///< the reader gives the first output of the next cause
  LogSchema schema_;
  proto::Schema* group_schema_ = nullptr;
  std::uint64_t cause_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
  std::vector<proto::MessageView> messages_;
};

}  // namespace tandem::tools
