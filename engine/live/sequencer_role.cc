// SPDX-License-Identifier: Apache-2.0
#include "engine/live/sequencer_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <limits>

#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "replay/log_reader.h"

namespace tandem::engine {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kTickCheck{10};
constexpr std::chrono::milliseconds kSyncInterval{100};

std::int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Seconds since 1970, as the least epoch of a start.
std::uint32_t EpochNow() {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(NowNs() / 1'000'000'000, 1, kMax));
}

}  // namespace

SequencerRole::SequencerRole(SequencerRoleOptions options, replay::Storage& storage)
    : options_(std::move(options)),
      storage_(storage),
      tick_timer_(loop_.context()),
      sync_timer_(loop_.context()),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits),
      submissions_(loop_.context(), storage, options_.folder,
                   static_cast<SubmissionServer::Backend&>(*this), options_.limits) {}

ExitCode SequencerRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  if (!loop_.Check(Open())) {
    log_.reset();
    folder.TakeBack();
    return loop_.exit_code();
  }
  OnTime();
  SyncLater();
  loop_.Run();
  submissions_.Close();
  stream_.Close();
  if (Status status = log_->Close(); !status) loop_.Fail(status.error());
  spdlog::info("{} stopped after input message {}", options_.name, sequencer_->position().number);
  return loop_.exit_code();
}

Status SequencerRole::Open() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  if (!*holds && options_.session.empty()) {
    return Error::BadInput("there is no log in " + options_.folder +
                           "; name the session to begin with --session");
  }
  // A port that is in use must not cost a new log. Nobody is answered before the loop runs, when
  // everything that the log holds is published.
  if (Status status = submissions_.Listen(options_.submissions); !status) return status;
  if (Status status = stream_.Listen(options_.stream); !status) return status;
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = options_.session,
                                      .role = replay::kInputRole,
                                      .schema = options_.schema,
                                      .segment_bytes = options_.segment_bytes});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  if (Status status = CheckHasBeginning(
          *log_, "a sequencer learns from the whole log what each client has submitted");
      !status) {
    return status;
  }
  sequencer_.emplace(SequencerOptions{.session = log_->session(),
                                      .message_size_max = options_.message_size_max,
                                      .epoch_min = EpochNow()});
  if (Status status = Recover(); !status) return status;
  if (options_.end_session && sequencer_->EndSession(NowNs())) AppendMessage();
  if (sequencer_->ended() && !options_.end_session) {
    return Error::BadInput("session \"" + log_->session().str() + "\" in " + options_.folder +
                           " has ended; begin another session in another folder, or serve this "
                           "one with --end-session");
  }

  submissions_.Serve(log_->session());
  stream_.Serve(options_.folder, log_->session());
  if (Status status = Write(); !status) return status;
  spdlog::info(
      "{}: session {}, epoch {}, input message {} is next; submissions on {}, stream on {}",
      options_.name, log_->session().view(), sequencer_->epoch(), sequencer_->position().number + 1,
      submissions_.port(), stream_.port());
  return {};
}

Status SequencerRole::Recover() {
  recovered_ = log_->position().number;
  if (recovered_ == 0) return {};
  auto reader = replay::LogReader::Open(storage_, options_.folder, {});
  if (!reader) return reader.error();
  for (;;) {
    switch (reader->Next()) {
      case replay::ReadOutcome::kMessage:
        sequencer_->Recover(reader->message());
        break;
      case replay::ReadOutcome::kEnd:
        return {};
      case replay::ReadOutcome::kDamaged:
        return reader->error();
    }
  }
}

void SequencerRole::OnTime() {
  if (sequencer_->OnTime(NowNs())) {
    AppendMessage();
    if (!Commit()) return;
  }
  tick_timer_.expires_after(kTickCheck);
  tick_timer_.async_wait([this](const error_code& error) {
    if (!error) OnTime();
  });
}

void SequencerRole::SyncLater() {
  if (options_.durability != Durability::kInterval) return;
  sync_timer_.expires_after(kSyncInterval);
  sync_timer_.async_wait([this](const error_code& error) {
    if (!error && loop_.Check(log_->Sync())) SyncLater();
  });
}

void SequencerRole::AppendMessage() {
  log_->Append(sequencer_->message());
  stream_.Append(sequencer_->message());
}

Sequencer::Verdict SequencerRole::Submit(proto::User user, const proto::MessageView& message) {
  const Sequencer::Verdict verdict = sequencer_->Submit(user, message, NowNs());
  if (verdict == Sequencer::Verdict::kAccepted) AppendMessage();
  return verdict;
}

bool SequencerRole::Commit() { return loop_.Check(Write()); }

Status SequencerRole::Write() {
  // Once the first message of an epoch is on the disk, no later start gives that epoch again.
  const bool begins_epoch = !epoch_is_synced_ && log_->position().number > recovered_;
  const bool syncs = options_.durability == Durability::kAlways || begins_epoch;
  if (Status status = syncs ? log_->Sync() : log_->Flush(); !status) return status;
  if (begins_epoch) epoch_is_synced_ = true;
  const std::uint64_t number = log_->flushed_position().number;
  submissions_.Committed(number);
  stream_.Publish(number);
  return {};
}

void SequencerRole::CommitSoon() {
  if (commit_is_scheduled_) return;
  commit_is_scheduled_ = true;
  asio::post(loop_.context(), [this] {
    commit_is_scheduled_ = false;
    Commit();
  });
}

pb::Status SequencerRole::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kSequencerRole));
  status.set_name(options_.name);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  const proto::StreamPosition position = log_->flushed_position();
  status.set_number(position.number);
  status.set_digest(position.digest);
  status.set_accepted(sequencer_->accepted_total());
  status.set_clients(submissions_.clients());
  return status;
}

}  // namespace tandem::engine
