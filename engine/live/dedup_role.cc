// SPDX-License-Identifier: Apache-2.0
#include "engine/live/dedup_role.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "engine/live/divergence_report.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"
#include "replay/log_reader.h"

namespace tandem::engine {

using replay::LogReader;
using replay::ReadOutcome;

namespace {

constexpr std::array<std::string_view, Deduplicator::kEngines> kEngineNames = {"A", "B"};

}  // namespace

/// One engine as a source of messages.
class DedupRole::Source : private StreamClient::Handler {
 public:
  Source(DedupRole& role, std::size_t engine, const Endpoint& server)
      : role_(role),
        engine_(engine),
        client_(role.loop_.context(), server, role.options_.name.substr(0, proto::kUserSizeMax),
                *this, role.options_.limits) {}

  void Start() { client_.Start(); }
  void Stop() { client_.Stop(); }
  void Reconnect(const std::string& why) { client_.Reconnect(why); }
  [[nodiscard]] bool connected() const { return client_.connected(); }
  [[nodiscard]] std::uint64_t connections() const { return connections_; }
  [[nodiscard]] const std::string& process() const { return process_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string address() const { return client_.server().text(); }

 private:
  std::uint64_t WantedNumber() override {
    return role_.deduplicator_ ? role_.deduplicator_->wanted(engine_) : 1;
  }
  std::string WantedSession() override { return role_.session_.str(); }
  void OnLogin(proto::Session /*session*/, std::uint64_t number) override {
    ++connections_;
    spdlog::info("{}: reading engine {} at {} from {}", role_.options_.name, kEngineNames[engine_],
                 client_.server().text(), number);
  }
  void OnSchema(const std::string& schema) override { role_.OnSchema(schema); }
  void OnMessage(const proto::MessageView& message) override { role_.OnMessage(engine_, message); }
  void OnStatus(const pb::Status& status) override {
    if (!role_.loop_.Check(CheckServes(
            status, kEngineRole, address(),
            engine_ == 0 ? "--a the stream of an engine" : "--b the stream of an engine"))) {
      return;
    }
    name_ = status.name();
    process_ = name_ + "/" + std::to_string(status.process());
    role_.CheckTwoEngines();
    TellIfBehind(status);
  }
  /// An engine that steps its input again is behind what it gave before; it must give the same.
  void TellIfBehind(const pb::Status& status) {
    const std::uint64_t had = WantedNumber() - 1;
    const bool is_behind = status.number() < had;
    if (is_behind && !is_behind_) {
      spdlog::warn(
          "{}: engine {} at {} has outputs up to {} only, where {} are merged that it must give "
          "again; nothing is taken from it until it has",
          role_.options_.name, kEngineNames[engine_], address(), status.number(), had);
    }
    is_behind_ = is_behind;
  }
  void OnBatchEnd() override { role_.OnBatchEnd(); }
  void OnDisconnected(const std::string& why) override {
    spdlog::warn("{}: nothing from engine {} at {}: {}; trying again until there is",
                 role_.options_.name, kEngineNames[engine_], client_.server().text(), why);
  }

  DedupRole& role_;
  std::size_t engine_;
  std::uint64_t connections_ = 0;
  bool is_behind_ = false;
  std::string name_;     ///< as the engine calls itself
  std::string process_;  ///< name and process of the engine; empty: not known
  StreamClient client_;
};

/// The merged log, read along with an engine that is far behind.
class DedupRole::MergedHistory : public DigestHistory {
 public:
  MergedHistory(replay::Storage& storage, std::string folder)
      : storage_(storage), folder_(std::move(folder)) {}

  Result<std::uint64_t> DigestAt(std::size_t engine, std::uint64_t number) override {
    std::optional<LogReader>& reader = readers_[engine];
    if (!reader || reader->position().number + 1 != number) {
      auto opened = LogReader::Open(storage_, folder_, {.from_number = number});
      if (!opened) return opened.error();
      reader.emplace(std::move(*opened));
    }
    switch (reader->Next()) {
      case ReadOutcome::kMessage:
        return reader->message().header.digest;
      case ReadOutcome::kDamaged:
        return reader->error();
      case ReadOutcome::kEnd:
        break;
    }
    return Error::Failure("the merged log in " + folder_ + " ends before message " +
                          std::to_string(number) + "; check it with `tandem verify`");
  }

 private:
  replay::Storage& storage_;
  std::string folder_;
  std::array<std::optional<LogReader>, Deduplicator::kEngines> readers_;
};

DedupRole::DedupRole(DedupRoleOptions options, replay::Storage& storage)
    : options_(std::move(options)),
      storage_(storage),
      stream_(
          loop_.context(), storage, [this] { return MakeStatus(); }, options_.limits) {
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    sources_[engine] = std::make_unique<Source>(*this, engine, options_.engines[engine]);
  }
}

DedupRole::~DedupRole() = default;

ExitCode DedupRole::Run() {
  NewLogFolder folder(storage_, options_.folder);
  const ExitCode code = RunInFolder();
  if (!log_) folder.TakeBack();
  return code;
}

ExitCode DedupRole::RunInFolder() {
  if (!loop_.Check(stream_.Listen(options_.stream)) || !loop_.Check(OpenExistingLog())) {
    return loop_.exit_code();
  }
  spdlog::info("{}: engine A at {}, engine B at {}, merged stream on {}", options_.name,
               sources_[0]->address(), sources_[1]->address(), stream_.port());
  for (const auto& source : sources_) source->Start();
  loop_.Run();
  for (const auto& source : sources_) source->Stop();
  stream_.Close();
  if (log_) {
    if (Status status = log_->Close(); !status) loop_.Fail(status.error());
  }
  if (deduplicator_) {
    spdlog::info("{} stopped: published {}, agreed {}", options_.name,
                 deduplicator_->published().number, deduplicator_->agreed());
  }
  if (!report_.empty()) loop_.Stop(ExitCode::kDivergence);
  return loop_.exit_code();
}

Status DedupRole::OpenExistingLog() {
  const auto holds = HoldsLog(storage_, options_.folder);
  if (!holds) return holds.error();
  return *holds ? OpenLog(proto::Session{}) : storage_.MakeFolder(options_.folder);
}

Status DedupRole::OpenLog(proto::Session session) {
  auto log = replay::LogWriter::Open(storage_, options_.folder,
                                     {.session = session,
                                      .role = replay::kMergedRole,
                                      .schema = schema_,
                                      .segment_bytes = options_.segment_bytes});
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  session_ = log_->session();
  if (Status status = log_->Flush(); !status) return status;

  const proto::StreamPosition published = log_->position();
  proto::StreamPosition before = published;
  if (published.number > 0) {
    before = {};
    if (published.number > 1) {
      const auto bytes = ReadOne(storage_, options_.folder, published.number - 1);
      if (!bytes) return bytes.error();
      const auto message = proto::ParseMessage(*bytes);
      ENSURE(message.has_value(), "the log gave something that is no message");
      before = {.number = published.number - 1, .digest = message->header.digest};
    }
  }
  history_ = std::make_unique<MergedHistory>(storage_, options_.folder);
  deduplicator_.emplace(session_, before, published, *history_, options_.ring_size);
  stream_.Serve(options_.folder, session_);
  stream_.Publish(published.number);
  return {};
}

void DedupRole::CheckTwoEngines() {
  const Source& a = *sources_[0];
  const Source& b = *sources_[1];
  if (a.process().empty() || b.process().empty() || a.name() != b.name()) return;
  if (a.process() != b.process()) {
    if (!std::exchange(warned_of_names_, true)) {
      spdlog::warn(
          "{}: the engines at {} and {} both call themselves \"{}\"; give each a --name of its "
          "own, so that it is known which one says what",
          options_.name, a.address(), b.address(), Printable(a.name()));
    }
    return;
  }
  loop_.Fail(Error::BadInput(a.address() + " and " + b.address() +
                             " are the same engine, which proves nothing about itself; give two"));
}

void DedupRole::OnSchema(const std::string& schema) {
  if (schema_.empty()) schema_ = schema;
}

void DedupRole::OnMessage(std::size_t engine, const proto::MessageView& message) {
  if (loop_.exit_code() != ExitCode::kYes) return;
  if (!log_) {
    // The log takes its session from the first message that can be one.
    const std::string output = "output " + std::to_string(message.header.number);
    if (message.header.number != 1) {
      return sources_[engine]->Reconnect(output + " came where number 1 is next");
    }
    if (!Follows(message, proto::StreamPosition{})) {
      return sources_[engine]->Reconnect(output + " does not carry the digest of its content");
    }
    if (!loop_.Check(OpenLog(message.header.session))) return;
  }
  const bool was_halted = deduplicator_->divergence().has_value();
  switch (deduplicator_->OnMessage(engine, message)) {
    case Deduplicator::Outcome::kPublish:
      log_->Append(message.bytes);
      stream_.Append(message.bytes);
      break;
    case Deduplicator::Outcome::kConfirmed:
    case Deduplicator::Outcome::kRepeated:
      break;
    case Deduplicator::Outcome::kGap:
      sources_[engine]->Reconnect("output " + std::to_string(message.header.number) +
                                  " came where number " +
                                  std::to_string(deduplicator_->wanted(engine)) + " is next");
      break;
    case Deduplicator::Outcome::kWrongSession:
      sources_[engine]->Reconnect("its messages are of another session");
      break;
    case Deduplicator::Outcome::kDivergence:
      if (!was_halted) OnDivergence();
      break;
    case Deduplicator::Outcome::kFailure:
      loop_.Fail(Error::Failure(deduplicator_->error()));
      break;
  }
}

void DedupRole::OnBatchEnd() {
  if (!log_ || !loop_.Check(log_->Flush())) return;
  stream_.Publish(log_->flushed_position().number);
}

void DedupRole::OnDivergence() {
  OnBatchEnd();
  const Deduplicator::Divergence& divergence = *deduplicator_->divergence();
  std::optional<std::vector<std::byte>> published;
  if (divergence.number <= deduplicator_->published().number) {
    auto bytes = ReadOne(storage_, options_.folder, divergence.number);
    if (bytes) published = std::move(*bytes);
  }
  report_ = DescribeDivergence(divergence, published, kEngineNames, schema_);
  spdlog::critical("{}: the copies differ; nothing is published any more", options_.name);
  std::fputs(report_.c_str(), stdout);
  std::fflush(stdout);
  if (options_.exit_on_divergence) {
    loop_.Stop(ExitCode::kDivergence);
  } else {
    spdlog::info("{}: still serving what is published, and the status", options_.name);
  }
}

pb::Status DedupRole::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kDedupRole));
  status.set_name(options_.name);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  if (log_) {
    status.set_number(log_->flushed_position().number);
    status.set_digest(log_->flushed_position().digest);
  }
  if (deduplicator_) {
    status.set_agreed(deduplicator_->agreed());
    if (deduplicator_->divergence()) {
      status.set_divergence_number(deduplicator_->divergence()->number);
      // The whole of it is on stdout; a status fits one packet.
      status.set_divergence(report_.substr(0, 16'000));
    }
  }
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    pb::EngineStatus& of = *status.add_engines();
    of.set_name(std::string(kEngineNames[engine]));
    of.set_connected(sources_[engine]->connected());
    of.set_connections(sources_[engine]->connections());
    if (deduplicator_) {
      of.set_number(deduplicator_->wanted(engine) - 1);
      of.set_wins(deduplicator_->wins(engine));
    }
  }
  return status;
}

}  // namespace tandem::engine
