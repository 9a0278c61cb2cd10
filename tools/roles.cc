// SPDX-License-Identifier: Apache-2.0
#include "tools/roles.h"

#include <csignal>

#include "pools/ensure.h"

namespace tandem::tools {

struct Roles::Role {
  RoleSpec spec;
  std::optional<Process> process;
  std::unique_ptr<StatusWatch> watch;  ///< null: it answers nowhere
};

Roles::Roles(std::string program, std::vector<RoleSpec> specs) : program_(std::move(program)) {
  for (RoleSpec& spec : specs) {
    auto role = std::make_unique<Role>();
    if (!spec.stream.empty()) {
      const auto endpoint = engine::ParseEndpoint(spec.stream);
      ENSURE(endpoint.ok(), "%s answers at \"%s\", which is no address", spec.name.c_str(),
             spec.stream.c_str());
      role->watch = std::make_unique<StatusWatch>(context_, *endpoint, spec.password_file);
    }
    role->spec = std::move(spec);
    roles_.push_back(std::move(role));
  }
}

Roles::~Roles() = default;

const RoleSpec& Roles::spec(std::size_t role) const { return roles_[role]->spec; }

std::optional<std::size_t> Roles::Find(const std::string& name) const {
  for (std::size_t role = 0; role < size(); ++role) {
    if (spec(role).name == name) return role;
  }
  return std::nullopt;
}

std::vector<std::size_t> Roles::OfKind(const std::string& kind) const {
  std::vector<std::size_t> found;
  for (std::size_t role = 0; role < size(); ++role) {
    if (spec(role).kind == kind) found.push_back(role);
  }
  return found;
}

Status Roles::Start(std::size_t role, const std::vector<std::string>& extra) {
  Role& of = *roles_[role];
  std::vector<std::string> arguments = {program_, of.spec.kind};
  arguments.insert(arguments.end(), of.spec.arguments.begin(), of.spec.arguments.end());
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  auto process = Process::Start(arguments, of.spec.output_file);
  if (!process) return process.error();
  of.process.reset();
  of.process.emplace(std::move(*process));
  return {};
}

void Roles::Signal(std::size_t role, int number) {
  if (roles_[role]->process) roles_[role]->process->Signal(number);
}

void Roles::Kill(std::size_t role) {
  if (roles_[role]->process) roles_[role]->process->Kill();
}

std::optional<int> Roles::Stop(std::size_t role, std::chrono::milliseconds timeout) {
  auto& process = roles_[role]->process;
  if (!process) return std::nullopt;
  process->Signal(SIGTERM);
  const std::optional<int> code = process->Wait(timeout);
  if (!code) process->Kill();
  return code;
}

std::vector<std::optional<int>> Roles::StopAll() {
  std::vector<std::optional<int>> codes(size());
  for (std::size_t role = size(); role-- > 0;) codes[role] = Stop(role);
  return codes;
}

bool Roles::running(std::size_t role) { return roles_[role]->process && !ended(role); }

std::optional<int> Roles::ended(std::size_t role) {
  auto& process = roles_[role]->process;
  return process ? process->Poll() : std::nullopt;
}

pid_t Roles::pid(std::size_t role) const {
  const auto& process = roles_[role]->process;
  return process ? process->pid() : -1;
}

void Roles::RunFor(std::chrono::milliseconds duration) {
  context_.restart();
  context_.run_for(duration);
}

const pb::Status& Roles::status(std::size_t role) const {
  const auto& watch = roles_[role]->watch;
  return watch ? watch->status() : pb::Status::default_instance();
}

bool Roles::Answers(std::size_t role) {
  const auto& watch = roles_[role]->watch;
  if (!running(role)) return false;
  if (!watch) return true;
  return watch->state() == StatusWatch::State::kNoSession || IsCurrent(role);
}

bool Roles::IsCurrent(std::size_t role) {
  const auto& watch = roles_[role]->watch;
  return running(role) && watch && watch->state() == StatusWatch::State::kUp &&
         watch->status().process() == static_cast<std::uint64_t>(pid(role));
}

}  // namespace tandem::tools
