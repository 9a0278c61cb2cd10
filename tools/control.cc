// SPDX-License-Identifier: Apache-2.0
//
// `tandem control`: what an operator has to say goes through the sequencer, so that both engines,
// and every replay, hear it at the same place of the stream.
#include <cstdio>
#include <memory>

#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/control_client.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

struct Options {
  ControlClient client;
  std::uint64_t number = 0;
  std::string reason;
  std::uint32_t version = 0;
  std::string engine;
};

Result<ExitCode> Submit(const Options& options, const google::protobuf::Message& message,
                        const char* what) {
  const auto number = options.client.Submit(message);
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
  return Submit(options, skip, "the skip");
}

Result<ExitCode> Activate(const Options& options) {
  pb::Activate activate;
  activate.set_version(options.version);
  return Submit(options, activate, "the activation");
}

Result<ExitCode> Snapshot(const Options& options) {
  pb::Snapshot snapshot;
  snapshot.set_engine(options.engine);
  return Submit(options, snapshot, "the snapshot");
}

Result<ExitCode> End(const Options& options) {
  return Submit(options, pb::EndOfSession(), "the end of the session");
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
  AddEndpoint(group, "SUBMISSIONS", options->client.to, "The sequencer's address for submissions");
  options->client.AddTo(group);

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
