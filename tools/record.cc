// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <cstdio>
#include <optional>

#include "engine/context.h"
#include "engine/live/role_loop.h"
#include "engine/transport/stream_client.h"
#include "proto/digest.h"
#include "replay/log_writer.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::Endpoint from;
  std::string folder;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// Writes a live stream to a log; verifies the digest chain as it comes.
class Recorder : private engine::StreamClient::Handler {
 public:
  Recorder(const Options& options, replay::Storage& storage)
      : options_(options), storage_(storage), client_(loop_.context(), options.from, "rec", *this) {
    if (options.first > 1) before_.number = options.first - 2;
  }

  Result<ExitCode> Run() {
    if (storage_.FolderExists(options_.folder)) {
      const auto names = storage_.List(options_.folder);
      if (!names) return names.error();
      if (!names->empty()) {
        if (Status status = OpenLog(proto::Session{}, {}); !status) return status.error();
      }
    }
    client_.Start();
    loop_.Run();
    client_.Stop();
    if (!log_) return loop_.exit_code();
    const proto::StreamPosition position = log_->position();
    if (Status status = log_->Close(); !status) return status.error();
    if (position.number < log_first_) {
      std::printf("nothing recorded\n");
    } else {
      std::printf("recorded messages %lu to %lu in %s, digest %016lx\n",
                  static_cast<unsigned long>(log_first_),
                  static_cast<unsigned long>(position.number), options_.folder.c_str(),
                  static_cast<unsigned long>(position.digest));
    }
    return loop_.exit_code();
  }

 private:
  std::uint64_t WantedNumber() override {
    return (log_ ? log_->position().number : before_.number) + 1;
  }
  std::string WantedSession() override { return log_ ? log_->session().str() : ""; }

  void OnLogin(proto::Session session, std::uint64_t number) override {
    spdlog::info("recording session {} from message {}", session.view(), number);
  }
  void OnSchema(const std::string& schema) override { schema_ = schema; }

  void OnMessage(const proto::MessageView& message) override {
    if (done_ || loop_.exit_code() != ExitCode::kYes) return;
    if (!log_ && before_.number + 2 == options_.first && message.header.number + 1 == options_.first) {
      // The message before the first one gives the digest that the log begins with.
      before_ = {.number = message.header.number, .digest = message.header.digest};
      return;
    }
    if (message.header.number != WantedNumber()) {
      if (message.header.number < WantedNumber()) return;
      return client_.Reconnect("message " + std::to_string(message.header.number) +
                               " came too early");
    }
    if (!log_ && !loop_.Check(OpenLog(message.header.session, before_))) return;
    if (proto::Digest(log_->position().digest, message.bytes) != message.header.digest) {
      return loop_.Fail(Error{ExitCode::kDivergence,
                              "message " + std::to_string(message.header.number) + " from " +
                                  options_.from.text() +
                                  " does not follow from what is recorded: it is another stream, "
                                  "or it was changed on the way"});
    }
    log_->Append(message.bytes);
    if (message.header.number == options_.last ||
        message.header.type == engine::TypeOf<pb::EndOfSession>()) {
      done_ = true;
    }
  }

  void OnBatchEnd() override {
    if (log_ && !loop_.Check(log_->Flush())) return;
    if (done_) loop_.Stop();
  }
  void OnDisconnected(const std::string& why) override {
    spdlog::warn("{} is gone: {}; connecting again", options_.from.text(), why);
  }

  Status OpenLog(proto::Session session, proto::StreamPosition start) {
    auto log = replay::LogWriter::Open(storage_, options_.folder,
                                       {.session = session,
                                        .role = replay::LogRole("recorded"),
                                        .schema = schema_,
                                        .start = start});
    if (!log) return log.error();
    log_.emplace(std::move(*log));
    if (!log_->recovery().text.empty()) spdlog::warn("{}", log_->recovery().text);
    log_first_ = log_->first_number();
    return {};
  }

  Options options_;
  replay::Storage& storage_;
  engine::RoleLoop loop_;
  std::string schema_;
  std::optional<replay::LogWriter> log_;
  std::uint64_t log_first_ = 0;
  /// Of a new log: the position before its first message, or (number only) one before that, until
  /// the digest is known.
  proto::StreamPosition before_;
  bool done_ = false;
  engine::StreamClient client_;
};

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  return Recorder(options, storage).Run();
}

}  // namespace

void RegisterRecord(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "record", "Write a live stream to a log, without gap or repeat over reconnects",
      "  tandem record 127.0.0.1:9004 -o recorded\n"
      "Stop it with Ctrl-C; run it again and it goes on where the log ends.\n",
      [options] { return Run(*options); });
  AddEndpoint(command, "FROM", options->from, "A sequencer's, engine's or deduplicator's stream");
  command.add_option("-o,--output", options->folder, "Folder of the log; made if missing")
      ->required();
  command.add_option("--from", options->first, "First message of a new log; default: the first")
      ->type_name("NUMBER");
  command.add_option("--to", options->last, "Stop after this message; default: go on")
      ->type_name("NUMBER");
}

}  // namespace tandem::tools
