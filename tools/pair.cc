// SPDX-License-Identifier: Apache-2.0
#include "tools/pair.h"

namespace tandem::tools {

namespace {

std::string Address(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

constexpr std::array<const char*, kRoles> kNames = {"sequencer", "engine A", "engine B", "dedup"};

}  // namespace

const char* NameOf(RoleId role) { return kNames[static_cast<std::size_t>(role)]; }

Pair::Pair(std::string program, std::string folder, std::vector<RoleSpec> specs,
           std::string submissions)
    : program_(std::move(program)),
      folder_(std::move(folder)),
      submissions_(std::move(submissions)),
      roles_(program_, std::move(specs)) {}

Pair::~Pair() = default;

Result<std::unique_ptr<Pair>> Pair::Make(std::string program, std::string folder,
                                         std::string session, const std::string& application) {
  const auto ports = FreePorts(1 + kRoles);
  if (!ports) return ports.error();
  const std::string submissions = Address((*ports)[0]);
  const std::string input = Address((*ports)[1]);
  const std::string a = Address((*ports)[2]);
  const std::string b = Address((*ports)[3]);
  const std::string merged = Address((*ports)[4]);
  std::vector<RoleSpec> specs;
  const auto add = [&](const std::string& kind, const std::string& stream, const std::string& log,
                       const std::string& output, std::vector<std::string> arguments) {
    RoleSpec spec;
    spec.kind = kind;
    spec.name = output;
    spec.stream = stream;
    spec.log = folder + "/" + log;
    spec.output_file = folder + "/" + output + ".out";
    spec.arguments = std::move(arguments);
    spec.arguments.insert(spec.arguments.end(), {"--log", spec.log, "--stream", stream});
    if (!application.empty() && kind != "dedup") {
      spec.arguments.insert(spec.arguments.end(), {"--app", application});
    }
    specs.push_back(std::move(spec));
  };
  add("sequencer", input, "input", "sequencer",
      {"--session", session, "--submissions", submissions});
  add("engine", a, "a", "a", {"--name", "A", "--input", input});
  add("engine", b, "b", "b", {"--name", "B", "--input", input});
  add("dedup", merged, "merged", "dedup", {"--a", a, "--b", b});
  return std::unique_ptr<Pair>(
      new Pair(std::move(program), std::move(folder), std::move(specs), submissions));
}

std::string Pair::Folder(RoleId role) const { return roles_.spec(IndexOf(role)).log; }

std::string Pair::submissions() const { return submissions_; }

std::string Pair::stream(RoleId role) const { return roles_.spec(IndexOf(role)).stream; }

Status Pair::Start(RoleId role, const std::vector<std::string>& extra) {
  return roles_.Start(IndexOf(role), extra);
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

void Pair::Kill(RoleId role) { roles_.Kill(IndexOf(role)); }

std::array<std::optional<int>, kRoles> Pair::StopAll() {
  std::array<std::optional<int>, kRoles> exit_codes;
  const std::vector<std::optional<int>> codes = roles_.StopAll();
  for (std::size_t role = 0; role < kRoles; ++role) exit_codes[role] = codes[role];
  return exit_codes;
}

bool Pair::running(RoleId role) { return roles_.running(IndexOf(role)); }

pid_t Pair::pid(RoleId role) const { return roles_.pid(IndexOf(role)); }

void Pair::RunFor(std::chrono::milliseconds duration) { roles_.RunFor(duration); }

const pb::Status& Pair::status(RoleId role) const { return roles_.status(IndexOf(role)); }

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
