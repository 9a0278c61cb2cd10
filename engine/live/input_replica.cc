// SPDX-License-Identifier: Apache-2.0
#include "engine/live/input_replica.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/live/log_folder.h"
#include "engine/transport/served_role.h"

namespace tandem::engine {

InputReplica::InputReplica(boost::asio::io_context& context, replay::Storage& storage,
                           std::string folder, std::string name, std::uint64_t segment_bytes,
                           const ConnectionLimits& limits)
    : storage_(storage),
      folder_(std::move(folder)),
      name_(std::move(name)),
      segment_bytes_(segment_bytes),
      stream_(
          context, storage, [this] { return MakeStatus(); }, limits) {}

Status InputReplica::Listen(const Endpoint& endpoint, const std::string& users) {
  if (Status status = stream_.RequireLogins(users); !status) return status;
  return stream_.Listen(endpoint);
}

Status InputReplica::OpenExisting() {
  const auto holds = HoldsLog(storage_, folder_);
  if (!holds) return holds.error();
  if (!*holds) return storage_.MakeFolder(folder_);
  return Adopt(replay::LogWriter::Open(
      storage_, folder_,
      {.session = {}, .role = replay::kInputRole, .schema = {}, .segment_bytes = segment_bytes_}));
}

Status InputReplica::Create(proto::Session session, const std::string& schema) {
  return Adopt(replay::LogWriter::Open(storage_, folder_,
                                       {.session = session,
                                        .role = replay::kInputRole,
                                        .schema = schema,
                                        .segment_bytes = segment_bytes_}));
}

Status InputReplica::Adopt(Result<replay::LogWriter> log) {
  if (!log) return log.error();
  log_.emplace(std::move(*log));
  if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
  if (Status status =
          CheckHasBeginning(*log_, "an engine that begins from nothing steps all of it");
      !status) {
    return status;
  }
  if (Status status = log_->Flush(); !status) return status;
  stream_.Serve(folder_, log_->session());
  stream_.Publish(log_->position().number);
  return {};
}

Status InputReplica::Append(const proto::MessageView& message) {
  if (!Follows(message, log_->position())) {
    const std::string number = std::to_string(message.header.number);
    return Error{ExitCode::kDivergence,
                 ForkedAt(message.header.number) + "input " + number + " (epoch " +
                     std::to_string(message.header.epoch) + ") does not follow from input " +
                     std::to_string(log_->position().number) + " in this engine's copy " + folder_ +
                     " (epoch " + std::to_string(log_->epoch()) +
                     "): the sequencer has given other messages in place of some that it lost, or "
                     "this one was changed on the way; " +
                     std::string(kAfterAFork)};
  }
  log_->Append(message.bytes);
  return {};
}

Status InputReplica::Compare(const pb::Status& status) const {
  const proto::StreamPosition here = position();
  if (status.number() != here.number || here.number == 0 || status.digest() == here.digest) {
    return {};
  }
  return Error{ExitCode::kDivergence,
               ForkedAt(here.number) + "the sequencer has another input " +
                   std::to_string(here.number) + " than this engine's copy " + folder_ +
                   ": it has given other messages in place of some that it lost; " +
                   std::string(kAfterAFork)};
}

Status InputReplica::Flush() {
  if (!log_) return {};
  if (Status status = log_->Flush(); !status) return status;
  stream_.Publish(log_->flushed_position().number);
  return {};
}

Result<proto::MessageView> InputReplica::Read(std::uint64_t number) {
  if (!reader_ || reader_->position().number + 1 != number) {
    // The stepper checks the digests.
    auto reader =
        replay::LogReader::Open(storage_, folder_, {.from_number = number, .check_digest = false});
    if (!reader) return reader.error();
    reader_.emplace(std::move(*reader));
  }
  switch (reader_->Next()) {
    case replay::ReadOutcome::kMessage:
      return reader_->message();
    case replay::ReadOutcome::kDamaged:
      return reader_->error();
    case replay::ReadOutcome::kEnd:
      break;
  }
  return Error::Failure("the log " + folder_ + " ends before input " + std::to_string(number) +
                        "; check it with `tandem verify`");
}

Status InputReplica::Close() {
  stream_.Close();
  reader_.reset();
  return log_ ? log_->Close() : Status{};
}

pb::Status InputReplica::MakeStatus() const {
  pb::Status status;
  status.set_role(std::string(kReplicaRole));
  status.set_name(name_);
  status.set_process(static_cast<std::uint64_t>(::getpid()));
  if (log_) {
    status.set_number(log_->flushed_position().number);
    status.set_digest(log_->flushed_position().digest);
  }
  return status;
}

}  // namespace tandem::engine
