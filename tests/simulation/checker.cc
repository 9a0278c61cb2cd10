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

std::string Number(std::uint64_t number) { return std::to_string(number); }

}  // namespace

void Checker::ExpectSubmissions(proto::User user, std::vector<Bytes> submissions) {
  clients_[user].submissions = std::move(submissions);
}

void Checker::Follow(Log log, replay::Storage& storage, const std::string& folder) {
  logs_[Index(log)].storage = &storage;
  logs_[Index(log)].folder = folder;
}

void Checker::HostCrashed(Log log) {
  // The sequencer syncs before it acknowledges or publishes; the others can say it all again.
  ProcessEnded(log);
  if (log != Log::kInput) logs_[Index(log)].count = 0;
}

// Whoever has the lock has recovered the log by now.
void Checker::Open(Followed& followed) {
  if (followed.storage == nullptr || !followed.storage->Locked(followed.folder + "/mark")) return;
  auto reader = LogReader::Open(*followed.storage, followed.folder, {});
  if (!reader) return environment_.Fail(reader.error().text);
  followed.reader.emplace(std::move(*reader));
  followed.count_before = followed.count;
  followed.count = 0;
}

void Checker::Check() {
  for (std::size_t log = 0; log < kLogs && environment_.failure.empty(); ++log) {
    Followed& followed = logs_[log];
    const bool is_opened = !followed.reader;
    if (is_opened) Open(followed);
    if (!followed.reader) continue;
    ReadOutcome outcome;
    while ((outcome = followed.reader->Next()) == ReadOutcome::kMessage) {
      ++followed.count;
      CheckMessage(static_cast<Log>(log), followed.reader->message());
      if (!environment_.failure.empty()) return;
    }
    if (outcome == ReadOutcome::kDamaged) return environment_.Fail(followed.reader->error().text);
    if (!is_opened) continue;
    followed.begun_at = followed.count;
    if (followed.count < followed.count_before) {
      environment_.Fail(std::string(kLogNames[log]) + " had " + Number(followed.count_before) +
                        " messages before the crash and has " + Number(followed.count) + " now");
    }
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
  if (number <= oracle_.inputs().size()) {
    if (std::ranges::equal(oracle_.inputs()[number - 1], message.bytes)) return;
    return environment_.Fail("input message " + Number(number) + " has changed");
  }
  const std::string wrong = oracle_.TakeInput(message.bytes);
  if (!wrong.empty()) return environment_.Fail(wrong);
  CheckSubmission(message);
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

bool Checker::IsExpected(const MessageView& output) const {
  const std::uint64_t number = output.header.number;
  return number >= 1 && number <= oracle_.outputs().size() &&
         std::ranges::equal(oracle_.outputs()[number - 1], output.bytes);
}

bool Checker::IsLie(const MessageView& output) const {
  const std::uint64_t number = output.header.number;
  return lie_ != 0 && number >= lie_ && number - lie_ < lies_.size() &&
         std::ranges::equal(lies_[number - lie_], output.bytes);
}

void Checker::CheckOutput(Log log, const MessageView& message) {
  if (log == Log::kOutputB && engine_b_lies_ && (lie_ != 0 || !IsExpected(message))) {
    if (lie_ == 0) lie_ = message.header.number;
    lies_.push_back({message.bytes.begin(), message.bytes.end()});
    return;
  }
  if (IsExpected(message) || (log >= Log::kMerged1 && IsLie(message))) return;
  environment_.Fail(std::string(kLogNames[Index(log)]) + " holds another message " +
                    Number(message.header.number) + " than the perfect engine says");
}

void Checker::Acknowledged(proto::User user, const Header& header) {
  Client& client = clients_[user];
  client.acknowledged = std::max(client.acknowledged, header.origin);
  const std::vector<Bytes>& inputs = oracle_.inputs();
  if (header.number < 1 || header.number > inputs.size()) {
    return environment_.Fail("submission " + Number(header.origin) + " of " + user.str() +
                             " was acknowledged as input " + Number(header.number) +
                             ", which is not in the input log");
  }
  if (std::memcmp(inputs[header.number - 1].data(), &header, sizeof header) != 0) {
    environment_.Fail("the acknowledgement of submission " + Number(header.origin) + " of " +
                      user.str() + " is not the header of input " + Number(header.number));
  }
}

std::uint64_t Checker::acknowledged(proto::User user) const {
  const auto client = clients_.find(user);
  return client == clients_.end() ? 0 : client->second.acknowledged;
}

void Checker::MergedRead(const std::string& who, const MessageView& message) {
  if (IsExpected(message) || IsLie(message)) return;
  environment_.Fail(who + " read another message " + Number(message.header.number) +
                    " than the perfect engine says");
}

void Checker::Gap(const std::string& who, std::uint64_t got, std::uint64_t wanted) {
  environment_.Fail(who + " read message " + Number(got) + " of a merged stream where " +
                    Number(wanted) + " is next");
}

void Checker::ForkNoticed(const std::string& user, std::uint64_t number) {
  if (lie_ != 0 && number > lie_) return;
  environment_.Fail(user + " read a broken chain in the merged stream at " + Number(number));
}

void Checker::DedupStatus(std::size_t which, const pb::Status& status) {
  const std::string name = "deduplicator " + Number(which + 1);
  agreed_[which] = status.agreed();
  if (lie_ != 0 && status.agreed() >= lie_) {
    return environment_.Fail(name + " agreed on " + Number(status.agreed()) +
                             " although engine B lies from " + Number(lie_) + " on");
  }
  if (status.agreed() > status.number()) {
    return environment_.Fail(name + " agreed on " + Number(status.agreed()) +
                             " and published only " + Number(status.number()));
  }
  const std::uint64_t number = status.divergence_number();
  if (number == 0) return;
  // A deduplicator that began behind the lie can only say that the past differs.
  const Log log = which == 0 ? Log::kMerged1 : Log::kMerged2;
  const std::uint64_t begun_at = logs_[Index(log)].begun_at;
  if (lie_ == 0) {
    environment_.Fail(name + " found a difference at " + Number(number) + " where there is none");
  } else if (number != lie_ && (begun_at <= lie_ || number != begun_at)) {
    environment_.Fail(name + " named " + Number(number) + " as the first difference; it is " +
                      Number(lie_) + ", and it began at " + Number(begun_at));
  }
  named_[which] = true;
}

}  // namespace tandem::simulation
