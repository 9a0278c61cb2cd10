// SPDX-License-Identifier: Apache-2.0
#include "tools/oracle.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "replay/log_reader.h"

namespace tandem::tools {

using replay::LogReader;
using replay::ReadOutcome;

Result<Sameness> CompareLogs(const std::string& a_folder, const std::string& b_folder) {
  replay::PosixStorage storage;
  auto a = LogReader::Open(storage, a_folder, {});
  if (!a) return a.error();
  auto b = LogReader::Open(storage, b_folder, {});
  if (!b) return b.error();
  Sameness sameness;
  for (;;) {
    const ReadOutcome of_a = a->Next();
    const ReadOutcome of_b = b->Next();
    if (of_a == ReadOutcome::kDamaged) return a->error();
    if (of_b == ReadOutcome::kDamaged) return b->error();
    if (of_a == ReadOutcome::kEnd && of_b == ReadOutcome::kEnd) {
      sameness.same = true;
      return sameness;
    }
    if (of_a != of_b || !proto::SameBytes(a->message().bytes, b->message().bytes)) {
      sameness.is_prefix = of_a == ReadOutcome::kEnd;
      sameness.difference = std::max(a->position().number, b->position().number);
      return sameness;
    }
    ++sameness.messages;
  }
}

Result<std::uint64_t> CheckAcknowledgements(const std::string& acknowledgements,
                                            const std::string& input_folder) {
  using Submission = std::pair<std::string, std::uint64_t>;  // user, own number
  std::ifstream file(acknowledgements);
  if (!file) return Error::Failure("cannot read " + acknowledgements);
  std::map<std::uint64_t, Submission> by_input;
  Submission submission;
  std::uint64_t number = 0;
  while (file >> submission.first >> submission.second >> number) {
    if (!by_input.emplace(number, submission).second) {
      return Error::Failure("input " + std::to_string(number) + " was acknowledged twice");
    }
  }
  if (!file.eof()) return Error::Failure("a line of " + acknowledgements + " is malformed");

  replay::PosixStorage storage;
  auto input = LogReader::Open(storage, input_folder, {});
  if (!input) return input.error();
  std::map<std::string, std::uint64_t> last_of;
  std::uint64_t found = 0;
  for (;;) {
    const ReadOutcome outcome = input->Next();
    if (outcome == ReadOutcome::kDamaged) return input->error();
    if (outcome == ReadOutcome::kEnd) break;
    const proto::Header& header = input->message().header;
    if (header.user.empty()) continue;  // of the sequencer
    const std::string where = "input " + std::to_string(header.number);
    const std::string user = header.user.str();
    if (header.origin != ++last_of[user]) {
      return Error::Failure(where + " is submission " + std::to_string(header.origin) + " of " +
                            user + ", where " + std::to_string(last_of[user]) + " is next");
    }
    const auto entry = by_input.find(header.number);
    if (entry == by_input.end()) return Error::Failure(where + " was not acknowledged");
    if (entry->second != Submission(user, header.origin)) {
      return Error::Failure(where + " is not what was acknowledged under its number");
    }
    ++found;
  }
  if (found != by_input.size()) {
    return Error::Failure(std::to_string(by_input.size() - found) +
                          " acknowledged submissions are not in the input");
  }
  return found;
}

}  // namespace tandem::tools
