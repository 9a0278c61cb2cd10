// SPDX-License-Identifier: Apache-2.0
//
// DiffAll: logs of outputs that a test writes down answer by answer, for diff --all.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/tools/log_tools.h"

namespace tandem::test {

/// Two releases that answered the same inputs.
class DiffAll : public LogTools {
 protected:
  /// An answer: type by name, order id or size, cause. Unless `index` and `last` are given, they
  /// are as an engine makes them.
  struct Answer {
    std::uint64_t cause = 0;
    char kind = 'a';  ///< 'a' Accepted, 't' Trade, 'c' Cancelled
    std::uint64_t value = 0;
    int index = -1;
    int last = -1;
    std::uint8_t other_flags = 0;
    bool operator==(const Answer&) const = default;
  };

  /// Index and last as they are if nothing else is wanted.
  static std::vector<Answer> Placed(std::vector<Answer> answers) {
    for (std::size_t i = 0; i < answers.size(); ++i) {
      Answer& answer = answers[i];
      const bool is_first = i == 0 || answers[i - 1].cause != answer.cause;
      const bool is_last = i + 1 == answers.size() || answers[i + 1].cause != answer.cause;
      if (answer.index < 0) answer.index = is_first ? 0 : answers[i - 1].index + 1;
      if (answer.last < 0) answer.last = is_last ? 1 : 0;
    }
    return answers;
  }

  void Answers(const std::string& name, std::vector<Answer> answers, std::uint64_t first = 1,
               std::uint64_t digest_before = proto::kDigestStart,
               replay::LogRole role = replay::kOutputRole) {
    auto writer =
        replay::LogWriter::Open(storage_, Path(name),
                                {.session = proto::Session("DAY1"),
                                 .role = role,
                                 .schema = proto::SchemaOf({book::pb::NewOrder::descriptor()}),
                                 .start = {.number = first - 1, .digest = digest_before}});
    ASSERT_TRUE(writer) << writer.error().text;
    for (const Answer& answer : Placed(std::move(answers))) {
      std::string payload;
      proto::Header header;
      if (answer.kind == 't') {
        book::pb::Trade trade;
        trade.set_size(answer.value);
        payload = trade.SerializeAsString();
        header.type = 210;
      } else if (answer.kind == 'c') {
        book::pb::Cancelled cancelled;
        cancelled.set_order_id(answer.value);
        payload = cancelled.SerializeAsString();
        header.type = 202;
      } else {
        book::pb::Accepted accepted;
        accepted.set_order_id(answer.value);
        payload = accepted.SerializeAsString();
        header.type = 200;
      }
      header.session = proto::Session("DAY1");
      header.payload_size = static_cast<std::uint16_t>(payload.size());
      header.number = writer->position().number + 1;
      header.time_ns = 5;
      header.origin = answer.cause;
      header.index = static_cast<std::uint32_t>(answer.index);
      header.epoch = 1;
      header.flags = static_cast<std::uint8_t>(answer.other_flags | answer.last);
      std::vector<std::byte> bytes(sizeof header + payload.size());
      std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
      std::memcpy(bytes.data(), &header, sizeof header);
      header.digest = proto::Digest(writer->position().digest, bytes);
      std::memcpy(bytes.data(), &header, sizeof header);
      writer->Append(bytes);
    }
    ASSERT_TRUE(writer->Close());
  }

  /// The lines of the summary that count something.
  std::vector<std::string> Counts(std::vector<std::string> options) {
    options.insert(options.begin(), {"diff", Path("a"), Path("b"), "--all", "--examples", "0"});
    const Ran ran = Tandem(options);
    EXPECT_EQ(ran.err, "");
    auto lines = Lines(ran.out);
    lines.push_back("exit " + std::to_string(ran.exit_code));
    return lines;
  }
};

}  // namespace tandem::test
