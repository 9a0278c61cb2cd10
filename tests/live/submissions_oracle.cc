// SPDX-License-Identifier: Apache-2.0
#include "tests/live/submissions_oracle.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "replay/log_reader.h"

namespace tandem::test {

namespace {

using replay::LogReader;
using replay::ReadOutcome;

/// Calls `on_message` with each application message of the log; an error of it ends that.
Status ForEach(LogReader& log, const std::function<Status(const proto::MessageView&)>& on_message) {
  for (;;) {
    const ReadOutcome outcome = log.Next();
    if (outcome == ReadOutcome::kDamaged) return log.error();
    if (outcome == ReadOutcome::kEnd) return {};
    if (log.message().header.type < proto::kFirstApplicationType) continue;
    if (Status status = on_message(log.message()); !status) return status;
  }
}

Status ForEach(const std::string& folder,
               const std::function<Status(const proto::MessageView&)>& on_message) {
  replay::PosixStorage storage;
  auto log = LogReader::Open(storage, folder, {});
  if (!log) return log.error();
  return ForEach(*log, on_message);
}

/// The application messages of a flow, one after the other; null at the end.
Result<std::optional<proto::MessageView>> NextOf(LogReader& log) {
  for (;;) {
    const ReadOutcome outcome = log.Next();
    if (outcome == ReadOutcome::kDamaged) return log.error();
    if (outcome == ReadOutcome::kEnd) return std::optional<proto::MessageView>();
    if (log.message().header.type >= proto::kFirstApplicationType) {
      return std::optional(log.message());
    }
  }
}

std::span<const std::byte> PayloadOf(const proto::MessageView& message) {
  return std::span(message.bytes).subspan(sizeof(proto::Header));
}

}  // namespace

Result<std::uint64_t> CheckFlows(const std::string& input,
                                 const std::map<std::string, std::string>& flows) {
  replay::PosixStorage storage;
  std::map<std::string, LogReader> readers;
  for (const auto& [user, folder] : flows) {
    auto reader = LogReader::Open(storage, folder, {});
    if (!reader) return reader.error();
    readers.emplace(user, std::move(*reader));
  }
  std::uint64_t found = 0;
  const Status same = ForEach(input, [&](const proto::MessageView& message) -> Status {
    const std::string user = message.header.user.str();
    const std::string what = "input " + std::to_string(message.header.number) + ", submission " +
                             std::to_string(message.header.origin) + " of " + user + ", ";
    const auto reader = readers.find(user);
    if (reader == readers.end()) return Error::Failure(what + "is of nobody");
    const auto expected = NextOf(reader->second);
    if (!expected) return expected.error();
    if (!*expected) return Error::Failure(what + "comes after the end of the flow");
    if ((*expected)->header.type != message.header.type ||
        !std::ranges::equal(PayloadOf(**expected), PayloadOf(message))) {
      return Error::Failure(what + "is not what is next in the flow: lost, doubled or reordered");
    }
    ++found;
    return {};
  });
  if (!same) return same.error();
  for (auto& [user, reader] : readers) {
    const auto more = NextOf(reader);
    if (!more) return more.error();
    if (*more) return Error::Failure("the input does not hold all that " + user + " submitted");
  }
  return found;
}

Result<std::uint64_t> CheckEachOnce(const std::string& input) {
  std::map<std::string, std::uint64_t> last_of;
  std::uint64_t found = 0;
  const Status once = ForEach(input, [&](const proto::MessageView& message) -> Status {
    std::uint64_t& last = last_of[message.header.user.str()];
    if (message.header.origin != last + 1) {
      return Error::Failure("input " + std::to_string(message.header.number) + " is submission " +
                            std::to_string(message.header.origin) + " of " +
                            message.header.user.str() + ", where " + std::to_string(last + 1) +
                            " is next");
    }
    ++last;
    ++found;
    return {};
  });
  if (!once) return once.error();
  return found;
}

Result<std::uint64_t> CheckAcknowledged(const std::string& acknowledgements,
                                        const std::string& input) {
  using Submission = std::pair<std::string, std::uint64_t>;  // user, own number
  std::ifstream file(acknowledgements);
  if (!file) return Error::Failure("cannot read " + acknowledgements);
  std::map<std::uint64_t, Submission> by_input;
  std::set<Submission> seen;
  Submission submission;
  std::uint64_t number = 0;
  while (file >> submission.first >> submission.second >> number) {
    if (!by_input.emplace(number, submission).second || !seen.insert(submission).second) {
      return Error::Failure("input " + std::to_string(number) + ", or submission " +
                            std::to_string(submission.second) + " of " + submission.first +
                            ", was acknowledged twice");
    }
  }
  if (!file.eof()) return Error::Failure("a line of " + acknowledgements + " is malformed");
  const std::uint64_t lines = by_input.size();
  const Status there = ForEach(input, [&](const proto::MessageView& message) -> Status {
    const auto entry = by_input.find(message.header.number);
    if (entry == by_input.end()) return {};
    if (entry->second != Submission(message.header.user.str(), message.header.origin)) {
      return Error::Failure("input " + std::to_string(message.header.number) +
                            " is not what was acknowledged under its number");
    }
    by_input.erase(entry);
    return {};
  });
  if (!there) return there.error();
  if (!by_input.empty()) {
    return Error::Failure(std::to_string(by_input.size()) +
                          " acknowledged submissions are not in the input");
  }
  return lines;
}

}  // namespace tandem::test
