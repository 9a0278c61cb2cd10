// SPDX-License-Identifier: Apache-2.0
#include "tools/pair.h"

#include <csignal>
#include <limits>

#include "engine/transport/stream_client.h"

namespace tandem::tools {

namespace {

std::string Address(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

constexpr std::array<const char*, kRoles> kNames = {"sequencer", "engine A", "engine B", "dedup"};
constexpr std::array<const char*, kRoles> kFolders = {"input", "a", "b", "merged"};
constexpr std::array<const char*, kRoles> kOutputs = {"sequencer.out", "a.out", "b.out",
                                                      "dedup.out"};

}  // namespace

const char* NameOf(RoleId role) { return kNames[static_cast<std::size_t>(role)]; }

/// Reads the status of one role and none of its stream: it asks for a number that never comes.
class Pair::Watcher : private engine::StreamClient::Handler {
 public:
  Watcher(boost::asio::io_context& context, std::uint16_t port)
      : client_(context, {.host = "127.0.0.1", .port = std::to_string(port)}, "watch", *this) {
    client_.Start();
  }
  [[nodiscard]] const pb::Status& status() const { return status_; }

 private:
  std::uint64_t WantedNumber() override { return std::numeric_limits<std::uint64_t>::max(); }
  std::string WantedSession() override { return ""; }
  void OnLogin(proto::Session, std::uint64_t) override {}
  void OnMessage(const proto::MessageView&) override {}
  void OnStatus(const pb::Status& status) override { status_ = status; }
  void OnDisconnected(const std::string&) override {}

  pb::Status status_;
  engine::StreamClient client_;
};

Pair::Pair(std::string program, std::string folder, std::string session,
           std::vector<std::uint16_t> ports)
    : program_(std::move(program)),
      folder_(std::move(folder)),
      session_(std::move(session)),
      ports_(std::move(ports)) {
  for (std::size_t role = 0; role < kRoles; ++role) {
    watchers_[role] = std::make_unique<Watcher>(context_, ports_[1 + role]);
  }
}

Pair::~Pair() = default;

Result<std::unique_ptr<Pair>> Pair::Make(std::string program, std::string folder,
                                         std::string session) {
  auto ports = FreePorts(1 + kRoles);
  if (!ports) return ports.error();
  return std::unique_ptr<Pair>(
      new Pair(std::move(program), std::move(folder), std::move(session), std::move(*ports)));
}

std::string Pair::Folder(RoleId role) const {
  return folder_ + "/" + kFolders[static_cast<std::size_t>(role)];
}

std::string Pair::submissions() const { return Address(ports_[0]); }

std::string Pair::stream(RoleId role) const {
  return Address(ports_[1 + static_cast<std::size_t>(role)]);
}

std::vector<std::string> Pair::Arguments(RoleId role) const {
  const std::vector<std::string> common = {"--log", Folder(role), "--stream", stream(role)};
  std::vector<std::string> arguments;
  switch (role) {
    case RoleId::kSequencer:
      arguments = {program_, "sequencer", "--session", session_, "--submissions", submissions()};
      break;
    case RoleId::kEngineA:
      arguments = {program_, "engine", "--name", "A", "--input", stream(RoleId::kSequencer)};
      break;
    case RoleId::kEngineB:
      arguments = {program_, "engine", "--name", "B", "--input", stream(RoleId::kSequencer)};
      break;
    case RoleId::kDedup:
      arguments = {
          program_, "dedup", "--a", stream(RoleId::kEngineA), "--b", stream(RoleId::kEngineB)};
      break;
  }
  arguments.insert(arguments.end(), common.begin(), common.end());
  return arguments;
}

Status Pair::Start(RoleId role, const std::vector<std::string>& extra) {
  std::vector<std::string> arguments = Arguments(role);
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  const std::size_t index = static_cast<std::size_t>(role);
  auto process = Process::Start(arguments, folder_ + "/" + kOutputs[index]);
  if (!process) return process.error();
  processes_[index].reset();
  processes_[index].emplace(std::move(*process));
  return {};
}

Status Pair::StartAll(const std::vector<std::string>& extra_for_b) {
  for (const RoleId role :
       {RoleId::kSequencer, RoleId::kEngineA, RoleId::kEngineB, RoleId::kDedup}) {
    Status status =
        Start(role, role == RoleId::kEngineB ? extra_for_b : std::vector<std::string>{});
    if (!status) return status;
  }
  return {};
}

void Pair::Kill(RoleId role) {
  auto& process = processes_[static_cast<std::size_t>(role)];
  if (process) process->Kill();
}

std::array<std::optional<int>, kRoles> Pair::StopAll() {
  std::array<std::optional<int>, kRoles> exit_codes;
  for (std::size_t i = kRoles; i-- > 0;) {
    if (!processes_[i]) continue;
    processes_[i]->Signal(SIGTERM);
    exit_codes[i] = processes_[i]->Wait(std::chrono::seconds(20));
    if (!exit_codes[i]) processes_[i]->Kill();
  }
  return exit_codes;
}

bool Pair::running(RoleId role) {
  auto& process = processes_[static_cast<std::size_t>(role)];
  return process && !process->Poll();
}

pid_t Pair::pid(RoleId role) const {
  const auto& process = processes_[static_cast<std::size_t>(role)];
  return process ? process->pid() : -1;
}

void Pair::RunFor(std::chrono::milliseconds duration) {
  context_.restart();
  context_.run_for(duration);
}

const pb::Status& Pair::status(RoleId role) const {
  return watchers_[static_cast<std::size_t>(role)]->status();
}

bool Pair::Settled() const {
  const std::uint64_t inputs = status(RoleId::kSequencer).number();
  const pb::Status& a = status(RoleId::kEngineA);
  const pb::Status& b = status(RoleId::kEngineB);
  const pb::Status& dedup = status(RoleId::kDedup);
  // Ticks go on; one on its way makes no output.
  const auto stepped = [&](const pb::Status& engine) {
    return engine.input_number() + 3 >= inputs;
  };
  return inputs > 0 && stepped(a) && stepped(b) && a.number() == b.number() &&
         dedup.number() == a.number() && dedup.agreed() == a.number();
}

}  // namespace tandem::tools
