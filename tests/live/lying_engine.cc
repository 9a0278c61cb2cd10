// SPDX-License-Identifier: Apache-2.0
#include "tests/live/lying_engine.h"

#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "engine/transport/unsequenced.h"
#include "proto/soupbintcp.h"
#include "tandem/status.pb.h"

namespace tandem::test {

namespace {

constexpr std::chrono::milliseconds kStatusInterval{20};
constexpr std::chrono::milliseconds kTurn{1};

}  // namespace

LyingEngine::LyingEngine(std::string name, const std::vector<Bytes>& outputs, Lie lie,
                         std::uint64_t at)
    : name_(std::move(name)), liar_(lie, at) {
  for (const Bytes& output : outputs) {
    for (Bytes& one : liar_.Hear(output)) said_.push_back(std::move(one));
    stands_after_ = View(output).header.origin;
  }
  thread_ = std::thread([this] { Run(); });
}

LyingEngine::LyingEngine(std::string name, std::uint16_t port, Lie lie, std::uint64_t at)
    : name_(std::move(name)), upstream_port_(port), liar_(lie, at) {
  thread_ = std::thread([this] { Run(); });
}

LyingEngine::~LyingEngine() {
  stopped_ = true;
  thread_.join();
}

void LyingEngine::Say(const std::vector<Bytes>& messages) {
  const std::lock_guard lock(mutex_);
  for (const Bytes& message : messages) {
    said_.push_back(message);
    if (!stands_where_told_) stands_after_ = View(message).header.origin;
  }
}

void LyingEngine::StandAfter(std::uint64_t input) {
  const std::lock_guard lock(mutex_);
  stands_after_ = input;
  stands_where_told_ = true;
}

void LyingEngine::SayTo(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  says_to_ = number;
}

void LyingEngine::BeGone(bool gone) {
  const std::lock_guard lock(mutex_);
  gone_ = gone;
}

void LyingEngine::SendBytes(std::string bytes) {
  const std::lock_guard lock(mutex_);
  bytes_ = std::move(bytes);
}

void LyingEngine::Run() {
  while (!stopped_) {
    if (upstream_port_ != 0) Hear();
    if (!Serve()) peer_.reset();
    std::this_thread::sleep_for(kTurn);
  }
}

/// Takes what the honest engine has said since.
void LyingEngine::Hear() {
  if (!upstream_) {
    upstream_.emplace(RawPeer::Connect(upstream_port_));
    upstream_->Login("relay", 1);
  }
  char bytes[65536];
  for (;;) {
    const ssize_t got = ::recv(upstream_->socket(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) break;
    heard_.append(bytes, static_cast<std::size_t>(got));
  }
  const std::lock_guard lock(mutex_);
  std::size_t at = 0;
  for (;;) {
    const auto framed = proto::soup::NextPacket(std::as_bytes(std::span(heard_).subspan(at)));
    if (!framed || !framed->packet) break;
    at += framed->size;
    const std::span<const std::byte> payload = framed->packet->payload;
    if (framed->packet->type == proto::soup::PacketType::kUnsequenced) HearStatus(payload);
    if (framed->packet->type != proto::soup::PacketType::kSequenced) continue;
    for (Bytes& one : liar_.Hear(payload)) said_.push_back(std::move(one));
  }
  heard_.erase(0, at);
}

void LyingEngine::HearStatus(std::span<const std::byte> payload) {
  pb::Status status;
  if (!engine::ParseUnsequenced(View(payload), status)) return;
  if (status.number() == liar_.heard()) stands_after_ = status.input_number();
}

bool LyingEngine::Serve() {
  const std::lock_guard lock(mutex_);
  if (gone_) return false;
  if (!peer_) return LogIn();
  char ignored[4096];
  const ssize_t got = ::recv(peer_->socket(), ignored, sizeof ignored, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
  if (!bytes_.empty() && !peer_->SendBytes(std::exchange(bytes_, {}))) return false;
  for (; next_ <= std::min<std::uint64_t>(said_.size(), says_to_); ++next_) {
    if (!peer_->Send('S', TextOf(said_[next_ - 1]))) return false;
  }
  if (std::chrono::steady_clock::now() - status_at_ >= kStatusInterval) SendStatus();
  return true;
}

bool LyingEngine::LogIn() {
  peer_ = server_.AcceptWithin(kTurn);
  if (!peer_) return true;
  const std::string packet = peer_->Next();
  if (!packet.starts_with('L')) return false;
  const auto login = proto::soup::ParseLoginRequest(std::as_bytes(std::span(packet)).subspan(1));
  if (!login) return false;
  const std::string session = said_.empty() ? "TEST" : View(said_.front()).header.session.str();
  if (!login->session.empty() && login->session != session) {
    peer_->Send('J', "S");
    return false;
  }
  next_ = begins_at_one_ ? 1 : login->number;
  if (!peer_->AcceptLogin(session, next_)) return false;
  SendStatus();
  return true;
}

void LyingEngine::SendStatus() {
  pb::Status status;
  status.set_role("engine");
  status.set_name(name_);
  status.set_process(std::hash<std::string>()(name_) % 100'000);
  status.set_input_number(stands_after_);
  status.set_number(said_.size());
  status.set_digest(said_.empty() ? proto::kDigestStart : View(said_.back()).header.digest);
  peer_->Send('U', TextOf(engine::UnsequencedMessage(status)));
  status_at_ = std::chrono::steady_clock::now();
}

}  // namespace tandem::test
