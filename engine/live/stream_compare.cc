// SPDX-License-Identifier: Apache-2.0
#include "engine/live/stream_compare.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <deque>
#include <memory>
#include <utility>

#include "engine/context.h"
#include "engine/engine.h"
#include "engine/live/role_loop.h"
#include "engine/transport/served_role.h"
#include "engine/transport/stream_client.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tandem/status.pb.h"

namespace tandem::engine {
namespace {

constexpr std::size_t kAheadMax = 4'000'000;
constexpr auto kLook = std::chrono::milliseconds(50);  ///< how often a log is looked at
constexpr auto kTell = std::chrono::seconds(1);

class Probe final : private StreamClient::Handler {
 public:
  Probe(const Endpoint& from, std::uint64_t number)
      : from_(from), number_(number), client_(context_, from, "diff", *this) {}

  Result<StreamProbe> Run(std::chrono::milliseconds patience) {
    client_.Start();
    context_.run_for(patience);
    client_.Stop();
    if (error_) return *error_;
    if (found_) return probe_;
    return Error::Failure(
        from_.text() + " did not give " +
        (number_ == 0 ? "its status" : "message " + std::to_string(number_)) + " within " +
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(patience).count()) + " s" +
        (why_.empty() ? "" : ": " + why_));
  }

 private:
  /// 0: the most recent one, if there is one.
  std::uint64_t WantedNumber() override { return number_; }
  std::string WantedSession() override { return ""; }
  void OnLogin(proto::Session session, std::uint64_t /*number*/) override {
    probe_.session = session;
  }
  void OnMessage(const proto::MessageView& message) override {
    if (number_ == 0 || found_) return;
    if (message.header.number != number_) {
      return End(Error::Failure(from_.text() + " begins at message " +
                                std::to_string(message.header.number) + "; message " +
                                std::to_string(number_) + " is not to be had from it"));
    }
    probe_.digest = message.header.digest;
    End();
  }
  void OnStatus(const pb::Status& status) override {
    if (found_) return;
    if (status.role() == kSubmissionsRole) {
      return End(Error::BadInput(from_.text() + " serves " + WhatItServes(status) +
                                 "; give the port of a stream"));
    }
    probe_.role = status.role();
    probe_.last = status.number();
    if (number_ == 0) return End();
    if (status.number() >= number_) return;
    End(Error::Failure(from_.text() + " ends with message " + std::to_string(status.number()) +
                       " and had message " + std::to_string(number_) + " a moment ago"));
  }
  void OnDisconnected(const std::string& why) override { why_ = why; }

  void End(std::optional<Error> error = {}) {
    found_ = true;
    error_ = std::move(error);
    context_.stop();
  }

  boost::asio::io_context context_;
  const Endpoint from_;
  const std::uint64_t number_;
  StreamProbe probe_;
  bool found_ = false;
  std::optional<Error> error_;
  std::string why_;
  StreamClient client_;
};

/// One of the two that are followed: digests by number, from the one after the last compared on.
class Followed : private StreamClient::Handler {
 public:
  Followed(RoleLoop& loop, replay::Storage& storage, ComparedSide side, std::uint64_t same_to,
           std::function<void()> on_more)
      : loop_(loop),
        storage_(storage),
        side_(std::move(side)),
        last_(same_to),
        on_more_(std::move(on_more)) {
    if (side_.stream)
      client_.emplace(loop_.context(), *side_.stream, "diff",
                      static_cast<StreamClient::Handler&>(*this));
  }

  void Start() {
    if (client_) client_->Start();
  }
  void Stop() {
    if (client_) client_->Stop();
  }

  /// Of a log: takes what is there by now.
  Status Look() {
    if (client_) return {};
    if (!reader_) {
      auto opened = replay::LogReader::Open(storage_, side_.folder, {.from_number = last_ + 1});
      if (!opened) return opened.error();
      reader_.emplace(std::move(*opened));
    }
    while (digests_.size() < kAheadMax) {
      const replay::ReadOutcome outcome = reader_->Next();
      if (outcome == replay::ReadOutcome::kDamaged) return reader_->error();
      if (outcome == replay::ReadOutcome::kEnd) return {};
      Take(reader_->message());
    }
    return {};
  }

  [[nodiscard]] bool empty() const { return digests_.empty(); }
  [[nodiscard]] std::uint64_t last() const { return last_; }
  [[nodiscard]] bool ended() const { return ended_; }
  std::uint64_t Pop() {
    const std::uint64_t digest = digests_.front();
    digests_.pop_front();
    return digest;
  }

 private:
  void Take(const proto::MessageView& message) {
    digests_.push_back(message.header.digest);
    last_ = message.header.number;
    if (message.header.type == TypeOf<pb::EndOfSession>()) ended_ = true;
  }

  std::uint64_t WantedNumber() override { return last_ + 1; }
  std::string WantedSession() override { return ""; }
  void OnLogin(proto::Session /*session*/, std::uint64_t /*number*/) override {}
  void OnMessage(const proto::MessageView& message) override {
    if (message.header.number != last_ + 1) return;
    Take(message);
    if (digests_.size() < kAheadMax) return;
    loop_.Fail(Error::Failure(side_.stream->text() + " is " + std::to_string(digests_.size()) +
                              " messages ahead of the other; compare again when that has caught "
                              "up"));
  }
  void OnBatchEnd() override { on_more_(); }
  void OnDisconnected(const std::string& why) override {
    std::fprintf(stderr, "nothing from %s: %s; trying again until there is\n",
                 side_.stream->text().c_str(), why.c_str());
  }

  RoleLoop& loop_;
  replay::Storage& storage_;
  const ComparedSide side_;
  std::deque<std::uint64_t> digests_;
  std::uint64_t last_;  ///< number of the last one taken
  bool ended_ = false;
  const std::function<void()> on_more_;
  std::optional<replay::LogReader> reader_;
  std::optional<StreamClient> client_;
};

}  // namespace

Result<StreamProbe> ProbeStream(const Endpoint& from, std::uint64_t number,
                                std::chrono::milliseconds patience) {
  return Probe(from, number).Run(patience);
}

Result<FollowEnd> FollowBoth(
    replay::Storage& storage, const ComparedSide& a, const ComparedSide& b, std::uint64_t same_to,
    const std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)>& on_progress) {
  RoleLoop loop;
  FollowEnd end{.same_to = same_to, .differs_at = {}};
  std::optional<Error> error;
  std::array<std::unique_ptr<Followed>, 2> sides;
  const auto compare = [&] {
    while (!end.differs_at && !sides[0]->empty() && !sides[1]->empty()) {
      if (sides[0]->Pop() == sides[1]->Pop()) {
        ++end.same_to;
      } else {
        end.differs_at = end.same_to + 1;
      }
    }
    const bool ended = sides[0]->ended() && sides[1]->ended();
    if (end.differs_at || ended) loop.Stop();
  };
  sides[0] = std::make_unique<Followed>(loop, storage, a, same_to, compare);
  sides[1] = std::make_unique<Followed>(loop, storage, b, same_to, compare);

  boost::asio::steady_timer timer(loop.context());
  auto told = std::chrono::steady_clock::now();
  const std::function<void()> look = [&] {
    for (const auto& side : sides) {
      if (Status status = side->Look(); !status) {
        error = status.error();
        return loop.Stop();
      }
    }
    compare();
    if (const auto now = std::chrono::steady_clock::now(); now - told >= kTell) {
      told = now;
      on_progress(end.same_to, sides[0]->last(), sides[1]->last());
    }
    timer.expires_after(kLook);
    timer.async_wait([&](const boost::system::error_code& stopped) {
      if (!stopped) look();
    });
  };
  for (const auto& side : sides) side->Start();
  look();
  loop.Run();
  for (const auto& side : sides) side->Stop();
  if (error) return *error;
  if (loop.exit_code() != ExitCode::kYes) {
    return Error{loop.exit_code(), "the streams are the same up to message " +
                                       std::to_string(end.same_to) + "; following them failed"};
  }
  return end;
}

}  // namespace tandem::engine
