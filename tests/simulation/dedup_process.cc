// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/dedup_process.h"

namespace tandem::simulation {

using engine::Deduplicator;
using replay::LogReader;
using replay::ReadOutcome;

namespace {

constexpr const char* kFolder = "merged";

}  // namespace

class DedupProcess::MergedHistory : public engine::DigestHistory {
 public:
  MergedHistory(replay::Storage& storage, replay::LogWriter& log) : storage_(storage), log_(log) {}

  Result<std::uint64_t> DigestAt(std::size_t engine, std::uint64_t number) override {
    if (Status status = log_.Flush(); !status) return status.error();
    std::optional<LogReader>& reader = readers_[engine];
    if (!reader || reader->position().number + 1 != number) {
      auto opened = LogReader::Open(storage_, kFolder, {.from_number = number});
      if (!opened) return opened.error();
      reader.emplace(std::move(*opened));
    }
    if (reader->Next() == ReadOutcome::kMessage) return reader->message().header.digest;
    return Error::Failure("the merged log has no message " + std::to_string(number));
  }

 private:
  replay::Storage& storage_;
  replay::LogWriter& log_;
  std::array<std::optional<LogReader>, Deduplicator::kEngines> readers_;
};

DedupProcess::DedupProcess(const Place& place)
    : environment_(place.environment),
      checker_(place.checker),
      storage_(place.storage),
      log_(OpenLog(place, Log::kMerged, kFolder, replay::kMergedRole)) {
  if (log_ == nullptr) return;
  history_ = std::make_unique<MergedHistory>(place.storage, *log_);
  const proto::StreamPosition published = log_->position();
  begun_at_ = published.number;
  proto::StreamPosition before = published;
  if (published.number == 1) before = {};
  if (published.number > 1) {
    const auto digest = history_->DigestAt(0, published.number - 1);
    if (!digest) {
      environment_.Fail(digest.error().text);
      return;
    }
    before = {.number = published.number - 1, .digest = *digest};
  }
  const std::size_t ring_size = 1 + environment_.scheduler.Below(64);
  deduplicator_.emplace(kSession, before, published, *history_, ring_size);
  stream_.emplace(environment_, Port::kMerged, place.storage, kFolder);
  stream_->Publish(published.number);
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    sources_[engine].emplace(environment_, engine == 0 ? Port::kOutputA : Port::kOutputB, engine,
                             static_cast<StreamClient::Handler&>(*this));
    sources_[engine]->Connect();
  }
}

DedupProcess::~DedupProcess() = default;

DedupProcess::Outcome DedupProcess::Take(std::size_t engine, const proto::MessageView& message) {
  const bool is_second = message.header.number <= deduplicator_->published().number;
  if (!environment_.has(Bug::kDedupSkipsComparison) || !is_second) {
    return deduplicator_->OnMessage(engine, message);
  }
  // The defect: the merged log's own copy is looked at instead of the engine's.
  if (!environment_.Check("the deduplicator", log_->Flush())) return Outcome::kFailure;
  auto own = LogReader::Open(storage_, kFolder, {.from_number = message.header.number});
  if (!own || own->Next() != ReadOutcome::kMessage) return Outcome::kFailure;
  return deduplicator_->OnMessage(engine, own->message());
}

void DedupProcess::OnMessage(std::size_t engine, const proto::MessageView& message) {
  switch (Take(engine, message)) {
    case Outcome::kPublish:
      log_->Append(message.bytes);
      FlushSoon();
      break;
    case Outcome::kConfirmed:
    case Outcome::kRepeated:
      break;
    case Outcome::kGap:
      sources_[engine]->Reconnect();
      break;
    case Outcome::kWrongSession:
      environment_.Fail("the deduplicator met another session");
      break;
    case Outcome::kDivergence:
      if (divergence_is_reported_) break;
      divergence_is_reported_ = true;
      checker_.Diverged(deduplicator_->divergence()->number, begun_at_);
      break;
    case Outcome::kFailure:
      environment_.Fail("the deduplicator: " + deduplicator_->error());
      break;
  }
  checker_.Agreed(deduplicator_->agreed());
}

void DedupProcess::FlushSoon() {
  if (flush_is_scheduled_) return;
  flush_is_scheduled_ = true;
  environment_.scheduler.After(environment_.scheduler.Between(0, 5 * kMs), life_, [this] {
    flush_is_scheduled_ = false;
    if (!environment_.Check("the deduplicator", log_->Flush())) return;
    stream_->Publish(log_->flushed_position().number);
  });
}

}  // namespace tandem::simulation
