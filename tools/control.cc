// SPDX-License-Identifier: Apache-2.0
//
// `tandem control`: what an operator has to say goes through the sequencer, so that both engines,
// and every replay, hear it at the same place of the stream.
#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "engine/context.h"
#include "engine/live/role_loop.h"
#include "engine/transport/gate.h"
#include "engine/transport/submission_client.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

struct Options {
  engine::Endpoint to;
  std::string user = engine::kOperatorUser;
  std::string password_file;
  std::uint64_t timeout_seconds = 10;
  std::uint64_t number = 0;
  std::string reason;
  std::uint32_t version = 0;
  std::string engine;
};

template <class T>
std::vector<std::byte> Message(const T& payload) {
  proto::Header header;
  header.type = engine::TypeOf<T>();
  const std::string text = payload.SerializeAsString();
  header.payload_size = static_cast<std::uint16_t>(text.size());
  std::vector<std::byte> message(sizeof header + text.size());
  std::memcpy(message.data(), &header, sizeof header);
  if (!text.empty()) std::memcpy(message.data() + sizeof header, text.data(), text.size());
  return message;
}

/// Submits one message and waits until it is in the input log.
class Submitter : private engine::SubmissionClient::Handler {
 public:
  Submitter(const Options& options, std::vector<std::byte> message, std::string password)
      : options_(options),
        message_(std::move(message)),
        timer_(loop_.context()),
        client_(loop_.context(), options.to, options.user, 0, *this) {
    client_.SetPassword(std::move(password));
    client_.GoOnFromThere();
  }

  /// The number that it has in the input stream.
  Result<std::uint64_t> Run() {
    timer_.expires_after(std::chrono::seconds(options_.timeout_seconds));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) loop_.Stop(ExitCode::kFailure);
    });
    client_.Start();
    loop_.Run();
    client_.Stop();
    if (number_ != 0) return number_;
    if (!result_) return result_.error();
    return Error::Failure(
        "no answer from " + options_.to.text() + (why_.empty() ? "" : ": " + why_) +
        (was_sent_ ? "; whether it was taken is not known, so look into the input stream"
                   : "; nothing was submitted"));
  }

 private:
  Result<std::optional<proto::MessageView>> NextMessage() override {
    if (was_sent_) return std::optional<proto::MessageView>();
    was_sent_ = true;
    return proto::ParseMessage(message_);
  }
  void OnLogin(proto::Session session, std::uint64_t) override {
    spdlog::info("{}: session {}", options_.user, session.view());
  }
  void OnAcknowledged(const proto::Header& header) override { number_ = header.number; }
  void OnDisconnected(const std::string& why) override { why_ = why; }
  void OnDone(const Status& status) override {
    result_ = status;
    loop_.Stop();
  }

  const Options& options_;
  std::vector<std::byte> message_;
  engine::RoleLoop loop_;
  boost::asio::steady_timer timer_;
  bool was_sent_ = false;
  std::uint64_t number_ = 0;
  std::string why_;  ///< there is no connection
  Status result_;
  engine::SubmissionClient client_;
};

Result<ExitCode> Submit(const Options& options, std::vector<std::byte> message, const char* what) {
  auto password = PasswordOf(options.user, options.password_file);
  if (!password) return password.error();
  const auto number = Submitter(options, std::move(message), std::move(*password)).Run();
  if (!number) return number.error();
  std::printf("%s is input %lu\n", what, static_cast<unsigned long>(*number));
  return ExitCode::kYes;
}

Result<ExitCode> Skip(const Options& options) {
  constexpr std::size_t kReasonMax = 500;
  if (options.reason.empty() || options.reason.size() > kReasonMax) {
    return Error::BadInput("--reason must have 1 to 500 characters; it is read years later");
  }
  pb::Skip skip;
  skip.set_number(options.number);
  skip.set_reason(options.reason);
  return Submit(options, Message(skip), "the skip");
}

Result<ExitCode> Activate(const Options& options) {
  pb::Activate activate;
  activate.set_version(options.version);
  return Submit(options, Message(activate), "the activation");
}

Result<ExitCode> Snapshot(const Options& options) {
  pb::Snapshot snapshot;
  snapshot.set_engine(options.engine);
  return Submit(options, Message(snapshot), "the snapshot");
}

Result<ExitCode> End(const Options& options) {
  return Submit(options, Message(pb::EndOfSession()), "the end of the session");
}

}  // namespace

void RegisterControl(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& group = commands.AddGroup(
      "control", "Say something to both engines through the sequencer, as an operator",
      "  tandem control 127.0.0.1:9000 skip 4711 --reason \"kills both engines, ticket 12\"\n"
      "  tandem control 127.0.0.1:9000 activate 2\n"
      "  tandem control 127.0.0.1:9000 snapshot A\n"
      "  tandem control 127.0.0.1:9000 end\n"
      "With a users file at the sequencer the user needs the right `operator`; without one, user "
      "OPER on the\nsequencer's own host is an operator.\n");
  AddEndpoint(group, "SUBMISSIONS", options->to, "The sequencer's address for submissions");
  group.add_option("--user", options->user, "Who logs in")
      ->check(UserName())
      ->type_name("NAME")
      ->capture_default_str();
  AddPasswordFile(group, options->password_file);
  group
      .add_option("--timeout", options->timeout_seconds,
                  "Give up if the sequencer does not acknowledge within this time")
      ->check(WholeNumber(1, 3600))
      ->type_name("SECONDS")
      ->capture_default_str();

  CLI::App& skip = commands.AddBelow(
      group, "skip", "Have the engines pass over an input that kills them",
      "  tandem control 127.0.0.1:9000 skip 4711 --reason \"kills both engines, ticket 12\"\n"
      "Refused if an engine has stepped that input, for it would stop then.\n",
      [options] { return Skip(*options); });
  skip.add_option("NUMBER", options->number, "Number of the input")
      ->required()
      ->check(WholeNumber(1));
  skip.add_option("--reason", options->reason, "Why, for whoever reads the stream later")
      ->required();
  CLI::App& activate =
      commands.AddBelow(group, "activate", "Raise the behaviour version of the application",
                        "  tandem control 127.0.0.1:9000 activate 2\n"
                        "An engine whose build does not know that version stops before it.\n",
                        [options] { return Activate(*options); });
  activate.add_option("VERSION", options->version, "The version, from 1")
      ->required()
      ->check(WholeNumber(1, 0xffffffff));
  CLI::App& snapshot = commands.AddBelow(
      group, "snapshot", "Have one engine write an image of its state",
      "  tandem control 127.0.0.1:9000 snapshot A\n"
      "The engine needs --images FOLDER. One engine at a time: refused while another one writes.\n",
      [options] { return Snapshot(*options); });
  snapshot.add_option("ENGINE", options->engine, "Name of the engine, as A or B")
      ->required()
      ->check(UserName());
  commands.AddBelow(group, "end", "End the session: the last message of the input stream",
                    "  tandem control 127.0.0.1:9000 end\n", [options] { return End(*options); });
}

}  // namespace tandem::tools
