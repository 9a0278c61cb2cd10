// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/checker.h"

#include <algorithm>
#include <cstring>

namespace tandem::simulation {

using proto::Header;
using proto::MessageView;
using replay::LogReader;
using replay::ReadOutcome;

namespace {

constexpr std::uintptr_t kZoneOfThePerfectEngine = 0x7e8000000000 + 0x2000000000;

std::string Number(std::uint64_t number) { return std::to_string(number); }

Bytes Copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Checker::Checker(Environment& environment)
    : environment_(environment),
      perfect_(counter::MakeCounter(kZoneOfThePerfectEngine)),
      stepper_(*perfect_, kSession) {}

void Checker::ExpectSubmissions(proto::User user, std::vector<Bytes> submissions) {
  clients_[user].submissions = std::move(submissions);
}

void Checker::Opened(Log log, replay::Storage& storage, const std::string& folder) {
  Followed& followed = logs_[Index(log)];
  followed.count_before = followed.count;
  followed.count = 0;
  auto reader = LogReader::Open(storage, folder, {});
  if (!reader) return environment_.Fail(reader.error().text);
  followed.reader.emplace(std::move(*reader));
  const std::uint64_t had = followed.count_before;
  Check();
  if (followed.count < had) {
    environment_.Fail(std::string(kLogNames[Index(log)]) + " had " + Number(had) +
                      " messages before the crash and has " + Number(followed.count) + " now");
  }
}

void Checker::HostCrashed(Log log) {
  // The sequencer syncs before it acknowledges or publishes; the others can say it all again.
  ProcessCrashed(log);
  if (log != Log::kInput) logs_[Index(log)].count = 0;
}

void Checker::Check() {
  for (std::size_t log = 0; log < kLogs && environment_.failure.empty(); ++log) {
    Followed& followed = logs_[log];
    if (!followed.reader) continue;
    ReadOutcome outcome;
    while ((outcome = followed.reader->Next()) == ReadOutcome::kMessage) {
      ++followed.count;
      CheckMessage(static_cast<Log>(log), followed.reader->message());
      if (!environment_.failure.empty()) return;
    }
    if (outcome == ReadOutcome::kDamaged) environment_.Fail(followed.reader->error().text);
  }
}

void Checker::CheckMessage(Log log, const MessageView& message) {
  const std::uint64_t count = logs_[Index(log)].count;
  if (message.header.number != count) {
    return environment_.Fail(std::string(kLogNames[Index(log)]) + " holds number " +
                             Number(message.header.number) + " at place " + Number(count));
  }
  log == Log::kInput ? CheckInput(message) : CheckOutput(log, message);
}

void Checker::CheckInput(const MessageView& message) {
  const std::uint64_t number = message.header.number;
  if (number > input_.size()) {
    input_.push_back(Copy(message.bytes));
    if (message.header.time_ns < input_time_ns_ || message.header.epoch < input_epoch_) {
      return environment_.Fail("time or epoch goes back at input " + Number(number));
    }
    input_time_ns_ = message.header.time_ns;
    input_epoch_ = message.header.epoch;
    CheckSubmission(message);
    Step(message);
  } else if (!std::ranges::equal(input_[number - 1], message.bytes)) {
    environment_.Fail("input message " + Number(number) + " has changed");
  }
}

void Checker::CheckSubmission(const MessageView& message) {
  if (message.header.type < proto::kFirstApplicationType) return;
  Client& client = clients_[message.header.user];
  const std::string name =
      "submission " + Number(message.header.origin) + " of " + message.header.user.str();
  if (message.header.origin != ++client.sequenced) {
    return environment_.Fail(name + " stands in the input where number " +
                             Number(client.sequenced) + " is next");
  }
  if (client.sequenced > client.submissions.size()) {
    return environment_.Fail(name + " was never submitted");
  }
  const Bytes& submitted = client.submissions[client.sequenced - 1];
  if (!std::ranges::equal(std::span(submitted).subspan(sizeof(Header)), message.payload())) {
    environment_.Fail(name + " stands in the input with another content");
  }
}

void Checker::Step(const MessageView& input) {
  if (!environment_.Check("the perfect engine", stepper_.Apply(input))) return;
  const std::size_t count = stepper_.outputs().count();
  for (std::size_t i = 0; i < count; ++i) {
    expected_.push_back(Copy(stepper_.outputs().message(i)));
    CheckHeader(input.header, i, count);
  }
}

// The header of the last expected output, the `index`-th of `count` that `input` has: what
// docs/wire.md says of it, not what the code makes of it.
void Checker::CheckHeader(const Header& input, std::size_t index, std::size_t count) {
  const Bytes& output = expected_.back();
  Header header;
  std::memcpy(&header, output.data(), sizeof header);
  Header wanted;
  wanted.session = kSession;
  wanted.type = header.type;
  wanted.payload_size = static_cast<std::uint16_t>(output.size() - sizeof header);
  wanted.flags = index + 1 == count ? proto::kLast : 0;
  wanted.index = static_cast<std::uint32_t>(index);
  wanted.number = expected_.size();
  wanted.time_ns = input.time_ns;
  wanted.origin = input.number;
  wanted.user = header.user;
  wanted.epoch = input.epoch;
  wanted.digest = proto::Digest(output_digest_, output);
  output_digest_ = wanted.digest;
  if (std::memcmp(&header, &wanted, sizeof header) != 0) {
    environment_.Fail("output " + Number(wanted.number) + " has a wrong header");
  }
}

bool Checker::IsExpected(const MessageView& output) const {
  const std::uint64_t number = output.header.number;
  return number >= 1 && number <= expected_.size() &&
         std::ranges::equal(expected_[number - 1], output.bytes);
}

bool Checker::IsLie(const MessageView& output) const {
  const std::uint64_t number = output.header.number;
  return lie_ != 0 && number >= lie_ && number - lie_ < lies_.size() &&
         std::ranges::equal(lies_[number - lie_], output.bytes);
}

void Checker::CheckOutput(Log log, const MessageView& message) {
  if (log == Log::kOutputB && environment_.options.engine_b_lies &&
      (lie_ != 0 || !IsExpected(message))) {
    if (lie_ == 0) lie_ = message.header.number;
    lies_.push_back(Copy(message.bytes));
    return;
  }
  if (IsExpected(message) || (log == Log::kMerged && IsLie(message))) return;
  environment_.Fail(std::string(kLogNames[Index(log)]) + " holds another message " +
                    Number(message.header.number) + " than the perfect engine says");
}

void Checker::Acknowledged(proto::User user, const Header& header) {
  Client& client = clients_[user];
  client.acknowledged = std::max(client.acknowledged, header.origin);
  if (header.number < 1 || header.number > input_.size()) {
    return environment_.Fail("submission " + Number(header.origin) + " of " + user.str() +
                             " was acknowledged as input " + Number(header.number) +
                             ", which is not in the input log");
  }
  if (std::memcmp(input_[header.number - 1].data(), &header, sizeof header) != 0) {
    environment_.Fail("the acknowledgement of submission " + Number(header.origin) + " of " +
                      user.str() + " is not the header of input " + Number(header.number));
  }
}

std::uint64_t Checker::acknowledged(proto::User user) const {
  const auto client = clients_.find(user);
  return client == clients_.end() ? 0 : client->second.acknowledged;
}

void Checker::MergedRead(const MessageView& message) {
  if (IsExpected(message) || IsLie(message)) return;
  environment_.Fail("a client read another message " + Number(message.header.number) +
                    " than the perfect engine says");
}

void Checker::ForkNoticed(const std::string& user, std::uint64_t number) {
  if (lie_ != 0 && number > lie_) return;
  environment_.Fail(user + " read a broken chain in the merged stream at " + Number(number));
}

void Checker::Agreed(std::uint64_t number) {
  if (lie_ != 0 && number >= lie_) {
    environment_.Fail("the deduplicator agreed on " + Number(number) +
                      " although engine B lies from " + Number(lie_) + " on");
  }
}

void Checker::Diverged(std::uint64_t number, std::uint64_t begun_at) {
  // A deduplicator that began behind the lie can only say that the past differs.
  const std::uint64_t exact = std::max(lie_, begun_at);
  if (lie_ == 0) {
    environment_.Fail("the deduplicator found a difference at " + Number(number) +
                      " where there is none");
  } else if (number != exact) {
    environment_.Fail("the deduplicator named " + Number(number) +
                      " as the first difference; it is " + Number(exact));
  }
  divergence_was_named_ = true;
}

}  // namespace tandem::simulation
