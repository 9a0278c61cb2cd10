// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/checker.h"

#include <algorithm>
#include <cstring>
#include <utility>

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
  // With durability always the sequencer syncs before it acknowledges or publishes; engines and
  // deduplicators can say it all again.
  ProcessEnded(log);
  const bool is_input = log == Log::kInput;
  if (is_input && plan_.durability == engine::Durability::kAlways) {
    // Of what one that takes back has found and not synced yet nobody knows.
    logs_[Index(log)].count = served_;
    return;
  }
  logs_[Index(log)].count = 0;
  logs_[Index(log)].lost_power = true;
  host_was_lost_ = host_was_lost_ || is_input;
}

void Checker::MergedWasCut(std::size_t which) {
  const Log log = which == 0 ? Log::kMerged1 : Log::kMerged2;
  ProcessEnded(log);
  logs_[Index(log)].count = 0;
}

void Checker::SequencerServes() {
  const std::uint64_t count = logs_[Index(Log::kInput)].count;
  serves_ = true;
  served_ = count;
  if (count >= oracle_.inputs().size()) {
    host_was_lost_ = false;
  } else if (std::exchange(host_was_lost_, false)) {
    LoseFrom(count + 1);
  } else {
    ForkAt(count + 1);  // nobody was served what is gone
  }
}

void Checker::LoseFrom(std::uint64_t number) {
  lost_from_ = lost_from_ == 0 ? number : std::min(lost_from_, number);
  environment_.scheduler.Trace("inputs from " + Number(number) + " on are lost");
}

void Checker::LieIsOver() {
  engine_b_lies_ = false;
  HostCrashed(Log::kOutputB);
  // All of them are read again.
  for (const std::size_t which : {0, 1}) MergedWasCut(which);
}

void Checker::ForkNamed(const std::string& who, std::uint64_t number) {
  fork_was_noticed_ = true;
  if (lost_from_ == 0) {
    environment_.Fail(who + " says that the input forked, but nothing was lost");
  } else if (number < lost_from_) {
    environment_.Fail(who + " says that the input forked at " + Number(number) +
                      " or before it, but what was lost begins with " + Number(lost_from_));
  }
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
      followed.count_max = std::max(followed.count_max, ++followed.count);
      followed.origin = followed.reader->message().header.origin;
      CheckMessage(static_cast<Log>(log), followed.reader->message());
      if (!environment_.failure.empty()) return;
    }
    if (serves_ && static_cast<Log>(log) == Log::kInput) served_ = followed.count;
    if (outcome == ReadOutcome::kDamaged) return environment_.Fail(followed.reader->error().text);
    if (!is_opened) continue;
    followed.begun_at = followed.count;
    if (followed.count < followed.count_before) {
      environment_.Fail(std::string(kLogNames[log]) + " had " + Number(followed.count_before) +
                        " messages before the crash and has " + Number(followed.count) + " now");
    }
  }
  CheckCopyHasWhatIsAnswered(Log::kOutputA, Log::kCopyA);
  CheckCopyHasWhatIsAnswered(Log::kOutputB, Log::kCopyB);
}

// What is stepped is in the copy first. A host that lost power may have kept more of one log than
// of the other, which the engine finds out when it gets there.
void Checker::CheckCopyHasWhatIsAnswered(Log output, Log copy) {
  const Followed& answered = logs_[Index(output)];
  const Followed& copied = logs_[Index(copy)];
  if (!answered.reader || !copied.reader) return;
  if (answered.lost_power && answered.count <= answered.begun_at) return;
  if (answered.origin <= copied.count) return;
  environment_.Fail(std::string(kLogNames[Index(output)]) + " answers input " +
                    Number(answered.origin) + ", and " + kLogNames[Index(copy)] + " has only " +
                    Number(copied.count));
}

void Checker::CheckMessage(Log log, const MessageView& message) {
  const std::uint64_t count = logs_[Index(log)].count;
  if (message.header.number != count) {
    return environment_.Fail(std::string(kLogNames[Index(log)]) + " holds number " +
                             Number(message.header.number) + " at place " + Number(count));
  }
  if (log == Log::kInput) return CheckInput(message);
  log >= Log::kCopyA ? CheckCopy(log, message) : CheckOutput(log, message);
}

void Checker::CheckCopy(Log log, const MessageView& message) {
  if (IsInput(message.header.number, message.bytes)) return;
  environment_.Fail(std::string(kLogNames[Index(log)]) + " has another message " +
                    Number(message.header.number) + " than the input");
}

bool Checker::IsInput(std::uint64_t number, std::span<const std::byte> message) const {
  const auto has = [&](const Oracle& oracle) {
    return number >= 1 && number <= oracle.inputs().size() &&
           std::ranges::equal(oracle.inputs()[number - 1], message);
  };
  return has(oracle_) || std::ranges::any_of(past_, has);
}

void Checker::CheckInput(const MessageView& message) {
  const std::uint64_t number = message.header.number;
  if (number <= oracle_.inputs().size()) {
    if (std::ranges::equal(oracle_.inputs()[number - 1], message.bytes)) return;
    if (host_was_lost_) LoseFrom(number);
    if (lost_from_ == 0 && number <= served_) {
      return environment_.Fail("input message " + Number(number) + " has changed");
    }
    ForkAt(number);
  }
  const std::string wrong = oracle_.TakeInput(message.bytes);
  if (!wrong.empty()) return environment_.Fail(wrong);
  CheckSubmission(message);
}

// Another input has number `number` from now on.
void Checker::ForkAt(std::uint64_t number) {
  past_.push_back(std::exchange(oracle_, Oracle(kSession.str())));
  for (auto& [user, client] : clients_) client.sequenced = 0;
  for (std::uint64_t before = 1; before < number; ++before) {
    const Bytes& input = past_.back().inputs()[before - 1];
    (void)oracle_.TakeInput(input);
    const auto message = proto::ParseMessage(input);
    if (message->header.type >= proto::kFirstApplicationType) {
      ++clients_[message->header.user].sequenced;
    }
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

bool Checker::IsExpected(const MessageView& output) const {
  const std::uint64_t number = output.header.number;
  const auto says = [&](const Oracle& oracle) {
    return number >= 1 && number <= oracle.outputs().size() &&
           std::ranges::equal(oracle.outputs()[number - 1], output.bytes);
  };
  return says(oracle_) || std::ranges::any_of(past_, says);
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
  if (log >= Log::kMerged1) CheckAgreed(log, message.header.number);
  if (IsExpected(message) || (log >= Log::kMerged1 && engine_b_lies_ && IsLie(message))) return;
  environment_.Fail(std::string(kLogNames[Index(log)]) + " holds another message " +
                    Number(message.header.number) + " than the perfect engine says");
}

// Where nothing goes out alone. After a decision the engine that is kept does.
void Checker::CheckAgreed(Log log, std::uint64_t number) {
  const std::size_t which = log == Log::kMerged1 ? 0 : 1;
  if (plan_.policies[which] != engine::DedupPolicy::kAgree || plan_.alone_after) return;
  if (plan_.is_led_back && named_[which]) return;
  if (lie_ > 0 && number >= lie_) {
    return environment_.Fail(std::string(kLogNames[Index(log)]) + " has output " + Number(number) +
                             ", on which the engines do not agree");
  }
  for (const Log engine : {Log::kOutputA, Log::kOutputB}) {
    if (logs_[Index(engine)].count_max >= number) continue;
    environment_.Fail(std::string(kLogNames[Index(log)]) + " has output " + Number(number) +
                      " and " + kLogNames[Index(engine)] + " has never had it");
  }
}

void Checker::Acknowledged(proto::User user, const Header& header) {
  Client& client = clients_[user];
  client.acknowledged = std::max(client.acknowledged, header.origin);
  const auto has = [&](const Oracle& oracle) {
    return header.number >= 1 && header.number <= oracle.inputs().size() &&
           std::memcmp(oracle.inputs()[header.number - 1].data(), &header, sizeof header) == 0;
  };
  if (has(oracle_) || std::ranges::any_of(past_, has)) return;
  environment_.Fail("submission " + Number(header.origin) + " of " + user.str() +
                    " was acknowledged as input " + Number(header.number) +
                    ", which is not in the input log");
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
  if (inputs_were_lost()) {
    fork_was_noticed_ = true;
    return;
  }
  environment_.Fail(user + " read a broken chain in the merged stream at " + Number(number));
}

void Checker::DedupStatus(std::size_t which, const pb::Status& status) {
  const std::string name = "deduplicator " + Number(which + 1);
  agreed_[which] = status.agreed();
  if (engine_b_lies_ && lie_ != 0 && status.agreed() >= lie_) {
    return environment_.Fail(name + " agreed on " + Number(status.agreed()) +
                             " although engine B lies from " + Number(lie_) + " on");
  }
  if (status.agreed() > status.number()) {
    return environment_.Fail(name + " agreed on " + Number(status.agreed()) +
                             " and published only " + Number(status.number()));
  }
  const std::uint64_t number = status.divergence_number();
  if (number == 0) return;
  if (lie_ == 0 && inputs_were_lost()) {
    fork_was_noticed_ = true;
    return;
  }
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
