// SPDX-License-Identifier: Apache-2.0
#include "engine/live/sequencer_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>

#include "engine/context.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"

namespace tandem::engine {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kTickCheck{10};
constexpr std::chrono::milliseconds kSyncInterval{100};

/// Appended and not written yet; with more, a turn of the event loop is not waited for.
constexpr std::size_t kBatchBytesMax = 4u << 20;

/// A clock that is so far behind the log is worth a word.
constexpr std::int64_t kBehindNs = 1'000'000'000;

template <class Clock>
std::int64_t Read() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

/// Seconds since 1970, as the least epoch of a start.
std::uint32_t EpochAt(std::int64_t now_ns) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(now_ns / 1'000'000'000, 1, kMax));
}

std::string Seconds(std::int64_t ns) {
  const std::int64_t tenths = (ns + 50'000'000) / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

SequencerRole::SequencerRole(SequencerRoleOptions options, replay::Storage& storage)
    : options_(std::move(options)),
      storage_(storage),
      tick_timer_(loop_.context()),
      sync_timer_(loop_.context()),
      clock_(options_.clock_jump_max.count()),
      snapshots_(options_.snapshots),
      gate_(loop_.context(), options_.users),
      take_back_(loop_.context(), storage,
                 {.replicas = options_.replicas,
                  .wait = options_.replica_wait,
                  .password = options_.password,
                  .limits = options_.limits}),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits),
      submissions_(loop_.context(), storage, options_.folder,
                   static_cast<SubmissionServer::Backend&>(*this), gate_, options_.limits) {
  if (!options_.wall_clock) options_.wall_clock = Read<std::chrono::system_clock>;
  if (!options_.steady_clock) options_.steady_clock = Read<std::chrono::steady_clock>;
  stream_.UseGate(gate_);
  stream_.SetOnReaderStatus([this](const std::string&, const pb::Status& status) {
    engines_.OnStatus(status);
    if (status.role() == kEngineRole) snapshots_.OnStatus(status);
  });
  gate_.OnChange([this] {
    submissions_.UsersChanged();
    stream_.UsersChanged();
  });
}

std::int64_t SequencerRole::Now() {
  const std::int64_t now_ns = clock_.Now(options_.wall_clock(), options_.steady_clock());
  switch (clock_.event()) {
    case SequencedClock::Event::kNone:
      break;
    case SequencedClock::Event::kJumpRefused:
      ++clock_jumps_;
      spdlog::error(
          "the clock of this host jumped {} {}, which is refused: times go on without it until it "
          "is back within {}, or the sequencer is started again",
          Seconds(std::abs(clock_.offset_ns())), clock_.offset_ns() > 0 ? "ahead" : "back",
          Seconds(options_.clock_jump_max.count()));
      break;
    case SequencedClock::Event::kJumpEnded:
      spdlog::info("the clock of this host is back; times follow it again");
      break;
  }
  return now_ns;
}

ExitCode SequencerRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  if (const Status opened = Open(); !opened) {
    log_.reset();
    folder.TakeBack();
    if (take_back_.was_stopped()) {
      spdlog::info("{}: {}", options_.name, opened.error().text);
    } else {
      loop_.Fail(opened.error());
    }
    return loop_.exit_code();
  }
  snapshots_.StartAt(sequencer_->position().number, options_.steady_clock());
  OnTime();
  SyncLater();
  loop_.Run();
  submissions_.Close();
  stream_.Close();
  if (Status status = log_->Close(); !status) loop_.Fail(status.error());
  spdlog::info("{} stopped after input message {}", options_.name, log_->flushed_position().number);
  return loop_.exit_code();
}

Status SequencerRole::Open() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  if (!*holds && options_.session.empty()) {
    return Error::BadInput("there is no log in " + options_.folder +
                           "; name the session to begin with --session");
  }
  if (Status status = gate_.Open(); !status) return status;
  // A port that is in use must not cost a new log. Nobody is answered before the loop runs, when
  // everything that the log holds is published.
  if (Status status = submissions_.Listen(options_.submissions); !status) return status;
  if (Status status = stream_.Listen(options_.stream); !status) return status;
  options_.mold.message_size_max = options_.message_size_max;
  if (Status status = stream_.ListenMold(options_.mold); !status) return status;
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = options_.session,
                                      .role = replay::kInputRole,
                                      .schema = options_.schema,
                                      .segment_bytes = options_.segment_bytes,
                                      .checkpoint = [this] { return CheckpointBody(); }});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  sequencer_.emplace(SequencerOptions{.session = log_->session(),
                                      .message_size_max = options_.message_size_max,
                                      .epoch_min = EpochAt(Now())});
  if (Status status = take_back_.Run(*log_); !status) return status;
  if (Status status = Recover(); !status) return status;
  if (options_.end_session && sequencer_->EndSession(Now())) AppendMessage();
  if (sequencer_->ended() && !options_.end_session) {
    return Error::BadInput("session \"" + log_->session().str() + "\" in " + options_.folder +
                           " has ended; begin another session in another folder, or serve this "
                           "one with --end-session");
  }

  if (const std::int64_t behind_ns = log_->time_ns() - Now(); behind_ns > kBehindNs) {
    spdlog::warn(
        "the clock of this host is {} behind the last message of the log; times stand still until "
        "it has caught up",
        Seconds(behind_ns));
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

std::vector<std::byte> SequencerRole::CheckpointBody() const {
  // The first segment of a new log is made before there is anything to know.
  if (!sequencer_ || sequencer_->position().number == 0) return {};
  return replay::Encode(sequencer_->checkpoint());
}

Status SequencerRole::Recover() {
  recovered_ = log_->position().number;
  if (recovered_ == 0) return {};
  const auto found = replay::FindCheckpoint(storage_, options_.folder);
  if (!found) return found.error();
  const std::uint64_t from = found->checkpoint.position.number + 1;
  if (!found->why.empty()) {
    spdlog::info("{}: {}, so the log is read from message {} on", options_.name, found->why, from);
  }
  sequencer_->Recover(found->checkpoint);
  auto reader = replay::LogReader::Open(storage_, options_.folder, {.from_number = from});
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
  const bool ticked = sequencer_->OnTime(Now());
  if (ticked) AppendMessage();
  const bool told = TellSnapshot();
  if ((ticked || told) && !Commit()) return;
  tick_timer_.expires_after(kTickCheck);
  tick_timer_.async_wait([this](const error_code& error) {
    if (!error) OnTime();
  });
}

bool SequencerRole::TellSnapshot() {
  const std::int64_t now_ns = options_.steady_clock();
  const auto engine = snapshots_.Due(sequencer_->position().number, now_ns);
  if (!engine || !sequencer_->TellSnapshot(*engine, Now())) return false;
  AppendMessage();
  snapshots_.Told(*engine, sequencer_->position().number, now_ns);
  return true;
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

Sequencer::Verdict SequencerRole::Submit(proto::User user, const proto::MessageView& message,
                                         Sequencer::Rights rights) {
  const std::int64_t now_ns = batch_ns_ ? *batch_ns_ : Now();
  const bool is_control = Sequencer::IsControl(message.header.type);
  if (is_control && rights.control && message.header.origin == sequencer_->accepted(user) + 1) {
    const Status check = CheckControl(message, engines_, storage_, options_.folder,
                                      log_->flushed_position().number, now_ns);
    if (!check) {
      reason_ = check.error().text;
      return Sequencer::Verdict::kRefused;
    }
    if (message.header.type == TypeOf<pb::Snapshot>()) {
      if (Status wait = snapshots_.MayTell(options_.steady_clock()); !wait) {
        reason_ = wait.error().text;
        return Sequencer::Verdict::kRefused;
      }
    }
  }
  const Sequencer::Verdict verdict = sequencer_->Submit(user, message, now_ns, rights);
  if (verdict == Sequencer::Verdict::kRefused) reason_ = sequencer_->reason();
  if (verdict != Sequencer::Verdict::kAccepted) return verdict;
  AppendMessage();
  batch_ns_ = now_ns;
  if (is_control) {
    if (pb::Snapshot snapshot; message.header.type == TypeOf<pb::Snapshot>() &&
                               snapshot.ParseFromString(std::string(message.payload_text()))) {
      snapshots_.Told(snapshot.engine(), sequencer_->position().number, options_.steady_clock());
    }
    spdlog::info("{}: input {} is of type {}, by operator {}", options_.name,
                 sequencer_->position().number, message.header.type, user.view());
  }
  return verdict;
}

bool SequencerRole::Commit() { return loop_.Check(Write()); }

Status SequencerRole::Write() {
  batch_ns_.reset();
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
  if (log_->buffered_bytes() >= kBatchBytesMax) {
    Commit();
    return;
  }
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
  status.set_skips_until(sequencer_->skips_until());
  status.set_accepted(sequencer_->accepted_total());
  status.set_clients(submissions_.clients());
  status.set_clock_jumps_refused(clock_jumps_);
  status.set_clock_jump_ns(clock_.offset_ns());
  status.set_connections(submissions_.turnstile().connections() +
                         stream_.turnstile().connections());
  status.set_turned_away(submissions_.turnstile().turned_away() +
                         stream_.turnstile().turned_away());
  status.set_logins_refused(gate_.refused());
  status.set_pauses(submissions_.paused());
  return status;
}

}  // namespace tandem::engine
