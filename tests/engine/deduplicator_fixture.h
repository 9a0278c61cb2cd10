// SPDX-License-Identifier: Apache-2.0
//
// DeduplicatorTest: a deduplicator in the hands of a test: outputs of an engine made from words,
// and the merged log that it makes.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/deduplicator.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {

using test::Bytes;
using test::View;
using Outcome = Deduplicator::Outcome;

constexpr std::size_t kA = 0;
constexpr std::size_t kB = 1;

/// What an engine says: each word is the outputs of one input, each character one output.
inline std::vector<Bytes> Outputs(const std::vector<std::string>& words) {
  std::vector<Bytes> outputs;
  std::uint64_t digest = proto::kDigestStart;
  for (std::size_t input = 1; input <= words.size(); ++input) {
    const std::string& word = words[input - 1];
    for (std::size_t index = 0; index < word.size(); ++index) {
      proto::Header header;
      header.session = proto::Session("TEST");
      header.type = 200;
      header.flags = index + 1 == word.size() ? proto::kLast : 0;
      header.number = outputs.size() + 1;
      header.time_ns = static_cast<std::int64_t>(1000 + input);
      header.origin = input;
      header.index = static_cast<std::uint32_t>(index);
      header.epoch = 1;
      outputs.push_back(test::Seal(header, word.substr(index, 1), digest));
      digest = View(outputs.back()).header.digest;
    }
  }
  return outputs;
}

inline proto::StreamPosition PositionAt(const std::vector<Bytes>& outputs, std::uint64_t number) {
  if (number == 0) return {};
  return {.number = number, .digest = View(outputs.at(number - 1)).header.digest};
}

/// The merged log, and a record of what was asked of it.
class MergedLog : public OutputHistory {
 public:
  Result<OutputMark> MarkAt(std::size_t engine, std::uint64_t number) override {
    asked.emplace_back(engine, number);
    if (broken) return Error::Failure("the merged log cannot be read");
    if (number < begins_at) return Error::BadInput("the merged log was trimmed");
    const proto::Header header = View(messages.at(number - 1)).header;
    return OutputMark{.digest = header.digest, .origin = header.origin};
  }

  std::vector<Bytes> messages;
  std::vector<std::pair<std::size_t, std::uint64_t>> asked;
  bool broken = false;
  std::uint64_t begins_at = 1;
};

class DeduplicatorTest : public testing::Test {
 protected:
  Outcome Give(std::size_t engine, const Bytes& message) {
    const Outcome outcome = deduplicator_->OnMessage(engine, View(message));
    if (outcome == Outcome::kPublish) merged_.messages.push_back(message);
    return outcome;
  }
  /// Messages `from` to `to` of `outputs`, by number, and what came of each.
  std::vector<Outcome> Give(std::size_t engine, const std::vector<Bytes>& outputs,
                            std::uint64_t from, std::uint64_t to) {
    std::vector<Outcome> outcomes;
    for (std::uint64_t n = from; n <= to; ++n) outcomes.push_back(Give(engine, outputs.at(n - 1)));
    return outcomes;
  }
  /// As after a restart with the first `published` messages of `outputs` in the merged log.
  void Restart(const std::vector<Bytes>& outputs, std::uint64_t published,
               const DeduplicatorOptions& options = {}) {
    merged_.messages.assign(outputs.begin(),
                            outputs.begin() + static_cast<std::ptrdiff_t>(published));
    deduplicator_.emplace(proto::Session("TEST"),
                          PositionAt(outputs, published == 0 ? 0 : published - 1),
                          PositionAt(outputs, published), merged_, options);
  }
  /// All that waits goes out.
  void Release() {
    while (const auto held = deduplicator_->TakeHeld()) {
      merged_.messages.emplace_back(held->begin(), held->end());
    }
  }
  /// `engine` says that it stands after `input` with the first `count` of `outputs`.
  Outcome Stand(std::size_t engine, const std::vector<Bytes>& outputs, std::uint64_t input,
                std::uint64_t count) {
    return deduplicator_->OnStand(engine, {.input = input, .output = PositionAt(outputs, count)});
  }
  const Deduplicator::Divergence& divergence() const { return *deduplicator_->divergence(); }
  std::uint64_t published() const { return deduplicator_->published().number; }
  std::uint64_t agreed() const { return deduplicator_->agreed(); }

  const std::vector<Bytes> outputs_ = Outputs({"ab", "cde", "f", "gh", "ij"});
  MergedLog merged_;
  std::optional<Deduplicator> deduplicator_{std::in_place, proto::Session("TEST"),
                                            proto::StreamPosition{}, proto::StreamPosition{},
                                            merged_};
};

}  // namespace tandem::engine
