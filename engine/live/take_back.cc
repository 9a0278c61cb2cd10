// SPDX-License-Identifier: Apache-2.0
#include "engine/live/take_back.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "engine/engine.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "engine/transport/stream_client.h"

namespace tandem::engine {

namespace {

using Clock = std::chrono::steady_clock;

Error Conflict(std::uint64_t number, const std::string& replica, const std::string& with) {
  return Error{ExitCode::kDivergence,
               ForkedAt(number) + "the engine's copy of the input at " + replica +
                   " has another message " + std::to_string(number) + " than " + with +
                   ", so one of them acted on what the other never had; leave out the --replica "
                   "that is wrong, and begin that engine anew, or stop and compare both with "
                   "`tandem diff`"};
}

std::string Seconds(std::chrono::milliseconds time) {
  const std::string thousandths = std::to_string(time.count() % 1000 + 1000).substr(1);
  return std::to_string(time.count() / 1000) + (thousandths == "000" ? "" : "." + thousandths) +
         " s";
}

}  // namespace

/// One replica. First it is asked how far it goes, and for the last message of the log; the longest
/// one then gives what follows.
class TakeBack::Source final : public StreamClient::Handler {
 public:
  Source(TakeBack& owner, const Endpoint& at)
      : owner_(owner), client(owner.context_, at, "taker", *this, owner.options_.limits) {
    client.SetPassword(owner.options_.password);
  }

  std::uint64_t WantedNumber() override {
    const std::uint64_t end = owner_.log_->position().number;
    return takes_to > 0 ? end + 1 : std::max<std::uint64_t>(end, 1);
  }
  std::string WantedSession() override { return owner_.log_->session().str(); }
  void OnLogin(proto::Session, std::uint64_t) override {}

  void OnStatus(const pb::Status& of) override {
    if (status) return;
    if (const Status right = CheckServes(of, kReplicaRole, client.server().text(),
                                         "--replica the --input-stream of an engine");
        !right) {
      owner_.error_ = right.error();
    } else {
      status = of;
    }
    owner_.Look();
  }

  void OnMessage(const proto::MessageView& message) override {
    if (owner_.error_) return;
    const proto::StreamPosition end = owner_.log_->position();
    if (takes_to == 0) {
      if (message.header.number == end.number) last_digest = message.header.digest;
      return;
    }
    if (message.header.number > takes_to || message.header.number <= end.number) return;
    if (!Follows(message, end)) {
      owner_.error_ = Conflict(message.header.number, client.server().text(),
                               "what follows from the log " + owner_.log_->folder());
      return;
    }
    for (const auto& other : owner_.sources_) {
      if (other->status && other->status->number() == message.header.number &&
          other->status->digest() != message.header.digest) {
        owner_.error_ = Conflict(message.header.number, other->client.server().text(),
                                 "that at " + client.server().text());
        return;
      }
    }
    owner_.log_->Append(message.bytes);
  }

  void OnBatchEnd() override {
    if (takes_to > 0 && !owner_.error_) {
      if (Status flushed = owner_.log_->Flush(); !flushed) owner_.error_ = flushed.error();
    }
    owner_.Look();
  }

  void OnDisconnected(const std::string& reason) override {
    why = reason;
    has_nothing = has_nothing || reason.starts_with("it does not have session");
    owner_.Look();
  }

  /// All is known that was asked for.
  [[nodiscard]] bool answered() const {
    const std::uint64_t end = owner_.log_->position().number;
    return has_nothing ||
           (status && (end == 0 || status->number() < end || last_digest.has_value()));
  }

 private:
  TakeBack& owner_;

 public:
  StreamClient client;
  std::optional<pb::Status> status;
  std::optional<std::uint64_t> last_digest;  ///< of the message with the number of the log's end
  bool has_nothing = false;                  ///< no log of this session
  std::uint64_t takes_to = 0;                ///< 0: it is still asked
  std::string why;                           ///< there is no connection
};

TakeBack::TakeBack(boost::asio::io_context& context, replay::Storage& storage,
                   TakeBackOptions options)
    : context_(context), timer_(context), storage_(storage), options_(std::move(options)) {}

TakeBack::~TakeBack() = default;

Status TakeBack::Run(replay::LogWriter& log) {
  if (options_.replicas.empty()) return {};
  log_ = &log;
  for (const Endpoint& at : options_.replicas) {
    sources_.push_back(std::make_unique<Source>(*this, at));
  }
  const std::uint64_t end = log.position().number;
  Status status = Ask();
  Source* longest = nullptr;
  for (const auto& source : sources_) {
    if (!status) break;
    source->client.Stop();
    if (source->has_nothing || !source->status) continue;
    status = CheckAgainstLog(*source);
    if (longest == nullptr || source->status->number() > longest->status->number()) {
      longest = source.get();
    }
  }
  const bool takes = status && longest != nullptr && longest->status->number() > end;
  if (takes) status = Take(*longest);
  for (const auto& source : sources_) source->client.Stop();
  if (status) status = log.Sync();
  if (!status) return status;
  const std::uint64_t taken = log.position().number - end;
  if (taken == 0) {
    spdlog::info("nothing to take back: no copy of the input goes beyond message {}", end);
  } else {
    spdlog::warn("took back {} input messages, {} to {}, that this log had lost, from {}", taken,
                 end + 1, end + taken, longest->client.server().text());
  }
  return {};
}

Status TakeBack::Ask() {
  for (const auto& source : sources_) {
    spdlog::info("asking the engine's copy of the input at {} for what this log may have lost",
                 source->client.server().text());
    source->client.Start();
  }
  const auto done = [this] {
    return std::ranges::all_of(sources_, [](const auto& source) { return source->answered(); });
  };
  const auto in_time = RunUntil(done, [] { return 0; });
  if (!in_time) return in_time.error();
  for (const auto& source : sources_) {
    if (source->answered()) continue;
    source->status.reset();
    spdlog::warn(
        "the engine's copy of the input at {} has not answered within {} (--replica-wait){}; going "
        "on without it: what only it has is lost",
        source->client.server().text(), Seconds(options_.wait),
        source->why.empty() ? "" : ": " + source->why);
  }
  return {};
}

// A replica that ends before the log must be a part of it, else the log must be a part of the
// replica.
Status TakeBack::CheckAgainstLog(const Source& source) {
  const proto::StreamPosition end = log_->position();
  const std::uint64_t number = std::min(source.status->number(), end.number);
  if (number == 0) return {};
  std::uint64_t here = end.digest;
  std::uint64_t there = source.last_digest.value_or(0);
  if (number < end.number) {
    const auto message = ReadOne(storage_, log_->folder(), number);
    if (!message) return message.error();
    here = proto::ParseMessage(*message)->header.digest;
    there = source.status->digest();
  }
  if (here == there) return {};
  return Conflict(number, source.client.server().text(), "the log " + log_->folder());
}

Status TakeBack::Take(Source& longest) {
  longest.takes_to = longest.status->number();
  longest.client.Start();
  const auto position = [this] { return log_->position().number; };
  const auto in_time = RunUntil([&] { return position() >= longest.takes_to; }, position);
  if (!in_time) return in_time.error();
  if (!*in_time) {
    spdlog::warn(
        "the engine's copy of the input at {} stopped giving at message {} of {}; going on without "
        "the rest, which is lost",
        longest.client.server().text(), position(), longest.takes_to);
  }
  return {};
}

Result<bool> TakeBack::RunUntil(const std::function<bool()>& done,
                                const std::function<std::uint64_t()>& progress) {
  if (done()) return true;
  done_ = done;
  ended_ = false;
  in_time_ = false;
  WatchTime(progress);
  context_.run();
  timer_.cancel();
  done_ = nullptr;
  if (!ended_) {
    was_stopped_ = true;
    return Error::Failure("stopped before lost input was taken back");
  }
  context_.restart();
  if (error_) return *error_;
  return in_time_;
}

// The time begins anew with each sign of progress.
void TakeBack::WatchTime(const std::function<std::uint64_t()>& progress) {
  timer_.expires_after(options_.wait);
  timer_.async_wait([this, progress, seen = progress()](const boost::system::error_code& error) {
    if (error || !done_) return;
    if (progress() != seen) return WatchTime(progress);
    ended_ = true;
    context_.stop();
  });
}

void TakeBack::Look() {
  if (!done_ || ended_ || (!error_ && !done_())) return;
  in_time_ = true;
  ended_ = true;
  context_.stop();
}

}  // namespace tandem::engine
