// SPDX-License-Identifier: Apache-2.0
//
// DedupTest: a live deduplicator between two engines in the hands of the test.
#pragma once

#include <unistd.h>

#include <mutex>

#include "engine/live/dedup_role.h"
#include "engine/transport/unsequenced.h"
#include "tests/live/live_test.h"
#include "tests/live/lying_engine.h"
#include "tests/live/role_thread.h"

namespace tandem::test {

/// Keeps in memory what the deduplicator tells, and decides as the test says. Any thread.
class KeeperInMemory final : public engine::IncidentKeeper {
 public:
  void PutTakenBackInto(std::string folder) { folder_ = std::move(folder); }
  Result<std::optional<engine::OpenIncident>> Unfinished() override {
    const std::lock_guard lock(mutex_);
    return open_;
  }
  Status OnDivergence(const engine::IncidentFacts& facts) override {
    const std::lock_guard lock(mutex_);
    facts_.push_back(facts);
    open_ = engine::OpenIncident{.number = facts.divergence.number,
                                 .engine = facts.divergence.engine,
                                 .is_first = facts.divergence.is_first,
                                 .report = facts.report,
                                 .keep = {}};
    return {};
  }
  Status OnLost(const proto::StreamPosition& /*published*/) override {
    const std::lock_guard lock(mutex_);
    open_.reset();
    return {};
  }
  Result<std::optional<std::size_t>> Decision() override {
    const std::lock_guard lock(mutex_);
    return keep_;
  }
  std::string FolderForTakenBack() override { return folder_ + "/taken-back"; }
  Status OnResolved(std::size_t keep, const proto::StreamPosition& published) override {
    const std::lock_guard lock(mutex_);
    open_->keep = keep;
    open_->is_applied = true;
    resolved_at_ = published.number;
    return {};
  }
  Status OnReadmitted(std::size_t engine, const proto::StreamPosition& equal_to) override {
    const std::lock_guard lock(mutex_);
    open_.reset();
    keep_.reset();
    readmitted_ = {engine, equal_to.number};
    return {};
  }

  void Keep(std::size_t engine) {
    const std::lock_guard lock(mutex_);
    keep_ = engine;
  }
  [[nodiscard]] std::vector<engine::IncidentFacts> facts() {
    const std::lock_guard lock(mutex_);
    return facts_;
  }
  [[nodiscard]] std::optional<std::uint64_t> resolved_at() {
    const std::lock_guard lock(mutex_);
    return resolved_at_;
  }
  [[nodiscard]] std::optional<std::pair<std::size_t, std::uint64_t>> readmitted() {
    const std::lock_guard lock(mutex_);
    return readmitted_;
  }

 private:
  std::mutex mutex_;
  std::string folder_;
  std::vector<engine::IncidentFacts> facts_;
  std::optional<engine::OpenIncident> open_;
  std::optional<std::size_t> keep_;
  std::optional<std::uint64_t> resolved_at_;
  std::optional<std::pair<std::size_t, std::uint64_t>> readmitted_;
};

class DedupTest : public LiveTest {
 protected:
  /// `inputs` inputs with 1, 2, 3, 1 ... outputs.
  static std::vector<Bytes> Outputs(std::uint64_t inputs) {
    std::vector<Bytes> outputs;
    std::uint64_t digest = proto::kDigestStart;
    for (std::uint64_t input = 1; input <= inputs; ++input) {
      const std::uint32_t count = 1 + (input - 1) % 3;
      for (std::uint32_t index = 0; index < count; ++index) {
        proto::Header header;
        header.session = proto::Session("TEST");
        header.type = 200;
        header.flags = index + 1 == count ? proto::kLast : 0;
        header.number = outputs.size() + 1;
        header.time_ns = static_cast<std::int64_t>(1000 + input);
        header.origin = input;
        header.index = index;
        header.epoch = 1;
        outputs.push_back(Seal(header, "output " + std::to_string(header.number), digest));
        digest = View(outputs.back()).header.digest;
      }
    }
    return outputs;
  }
  static std::vector<Bytes> First(const std::vector<Bytes>& outputs, std::size_t count) {
    return {outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  engine::DedupRoleOptions Options(const LyingEngine& a, const LyingEngine& b) {
    engine::DedupRoleOptions options;
    options.folder = Path("merged");
    options.engines = {a.endpoint(), b.endpoint()};
    options.stream = {.host = "127.0.0.1", .port = "0"};
    options.incidents = &keeper_;
    keeper_.PutTakenBackInto(folder_);
    options.limits.backoff = std::chrono::milliseconds(50);
    return options;
  }
  /// Waits until it is true; fails the test if it never is.
  template <class Condition>
  void Await(const char* what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "in vain waited for " << what << "; logged:\n" << log_.text();
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  /// What the role on `port` says of itself now.
  static pb::Status StatusOf(std::uint16_t port) {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      // It admits nobody until it has a stream.
      RawPeer client = RawPeer::Connect(port);
      client.Login("STATUS", std::uint64_t{1} << 60);
      RawPeer unsequenced(::dup(client.socket()), "HAS");
      for (std::string packet = unsequenced.Next(); packet.starts_with('U');
           packet = unsequenced.Next()) {
        const auto message = proto::ParseMessage(std::as_bytes(std::span(packet)).subspan(1));
        pb::Status status;
        if (message && engine::ParseUnsequenced(*message, status)) return status;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "no status on port " << port;
    pb::Status none;
    for (int engine = 0; engine < 2; ++engine) none.add_engines();
    return none;
  }
  std::vector<Bytes> ReadBytes(const std::string& name) {
    std::vector<Bytes> messages;
    auto log = replay::LogReader::Open(storage_, Path(name), {});
    if (!log) return messages;
    while (log->Next() == replay::ReadOutcome::kMessage) {
      messages.emplace_back(log->message().bytes.begin(), log->message().bytes.end());
    }
    return messages;
  }

  CapturedLog log_;
  replay::PosixStorage storage_;
  KeeperInMemory keeper_;
};

}  // namespace tandem::test
