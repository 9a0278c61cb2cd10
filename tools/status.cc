// SPDX-License-Identifier: Apache-2.0
//
// `tandem status`: what every role of a topology says of itself, and whether all is well.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "engine/transport/served_role.h"
#include "pools/ensure.h"
#include "tools/audit_watch.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/json_text.h"
#include "tools/options.h"
#include "tools/port_options.h"
#include "tools/run_config.h"
#include "tools/status_watch.h"

namespace tandem::tools {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using State = StatusWatch::State;

struct Options {
  std::vector<std::string> targets;
  std::string password_file;
  std::uint64_t wait_ms = 3'000;
  bool json = false;
  bool watch = false;
};

struct Watched {
  std::string name;  ///< as in the configuration; empty: known once it answers
  engine::Endpoint endpoint;
  std::string password_file;
  std::unique_ptr<StatusWatch> watch;
};

/// Appends a message as a JSON object with all its fields. Digests are hexadecimal text.
void AppendJson(const google::protobuf::Message& message, std::string* out);

void AppendValue(const google::protobuf::Message& message,
                 const google::protobuf::FieldDescriptor& field, int index, std::string* out) {
  using Field = google::protobuf::FieldDescriptor;
  const auto& of = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_BOOL: {
      const bool value =
          repeated ? of.GetRepeatedBool(message, &field, index) : of.GetBool(message, &field);
      *out += value ? "true" : "false";
      break;
    }
    case Field::CPPTYPE_UINT64: {
      const std::uint64_t value =
          repeated ? of.GetRepeatedUInt64(message, &field, index) : of.GetUInt64(message, &field);
      char text[24];
      std::snprintf(text, sizeof text, field.type() == Field::TYPE_FIXED64 ? "\"%016lx\"" : "%lu",
                    static_cast<unsigned long>(value));
      *out += text;
      break;
    }
    case Field::CPPTYPE_UINT32:
      *out += std::to_string(repeated ? of.GetRepeatedUInt32(message, &field, index)
                                      : of.GetUInt32(message, &field));
      break;
    case Field::CPPTYPE_INT64:
      *out += std::to_string(repeated ? of.GetRepeatedInt64(message, &field, index)
                                      : of.GetInt64(message, &field));
      break;
    case Field::CPPTYPE_STRING:
      AppendJsonText(engine::Printable(repeated ? of.GetRepeatedString(message, &field, index)
                                                : of.GetString(message, &field)),
                     out);
      break;
    case Field::CPPTYPE_MESSAGE:
      AppendJson(
          repeated ? of.GetRepeatedMessage(message, &field, index) : of.GetMessage(message, &field),
          out);
      break;
    default:
      *out += "null";
  }
}

void AppendJson(const google::protobuf::Message& message, std::string* out) {
  const auto& type = *message.GetDescriptor();
  *out += '{';
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    *out += i == 0 ? "" : ",";
    AppendJsonText(field.name(), out);
    *out += ':';
    if (!field.is_repeated()) {
      AppendValue(message, field, 0, out);
      continue;
    }
    *out += '[';
    for (int k = 0; k < message.GetReflection()->FieldSize(message, &field); ++k) {
      *out += k == 0 ? "" : ",";
      AppendValue(message, field, k, out);
    }
    *out += ']';
  }
  *out += '}';
}

const char* NameOf(State state) {
  switch (state) {
    case State::kUp:
      return "up";
    case State::kNoSession:
      return "waits";
    case State::kLogin:
      return "LOGIN";
    case State::kUnknown:
    case State::kDown:
      break;
  }
  return "DOWN";
}

const char* StateText(const StatusWatch& watch) {
  if (watch.state() == State::kLogin) return "login";
  return watch.answers() ? NameOf(watch.state()) : "down";
}

class Observer {
 public:
  Observer(std::vector<Watched> roles, std::vector<AuditWatch> audits)
      : roles_(std::move(roles)), audits_(std::move(audits)) {
    for (Watched& role : roles_) {
      role.watch = std::make_unique<StatusWatch>(context_, role.endpoint, role.password_file);
    }
  }

  /// Until all is well, or for `limit`. The problems that are left.
  std::vector<std::string> Observe(milliseconds limit);
  [[nodiscard]] std::string Text() const;
  [[nodiscard]] std::string Json(const std::vector<std::string>& problems) const;

 private:
  [[nodiscard]] std::string NameOfRole(const Watched& role) const;
  [[nodiscard]] std::string Detail(const Watched& role) const;
  [[nodiscard]] std::uint64_t InputsNow() const;
  void AddProblemsOf(const Watched& role, std::vector<std::string>& problems) const;
  void AddProblemsOfEngine(const Watched& role, std::vector<std::string>& problems) const;
  void AddProblemsOfDedup(const Watched& role, std::vector<std::string>& problems) const;

  boost::asio::io_context context_;
  std::vector<Watched> roles_;
  std::vector<AuditWatch> audits_;
  std::optional<std::uint64_t> inputs_;   ///< sequenced when we began to look
  std::vector<std::uint64_t> published_;  ///< by each role when we began to look
};

std::string Observer::NameOfRole(const Watched& role) const {
  const pb::Status& status = role.watch->status();
  if (role.watch->count() == 0) return role.name.empty() ? "a role" : role.name;
  if (status.role() == engine::kEngineRole) return "engine " + engine::Printable(status.name());
  if (!role.name.empty()) return role.name;
  return engine::Printable(status.role());
}

std::uint64_t Observer::InputsNow() const {
  std::uint64_t inputs = 0;
  for (const Watched& role : roles_) {
    if (role.watch->status().role() != engine::kSequencerRole) continue;
    inputs = std::max(inputs, role.watch->status().number());
  }
  return inputs;
}

std::string Observer::Detail(const Watched& role) const {
  const pb::Status& status = role.watch->status();
  if (role.watch->state() == State::kNoSession) return "it is up; nothing has reached it yet";
  if (!role.watch->answers()) {
    return role.watch->why().empty() ? "no answer" : engine::Printable(role.watch->why());
  }
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  if (status.role() == engine::kSequencerRole) {
    return "input " + number(status.number()) + "; " + number(status.accepted()) +
           " submissions accepted, " + number(status.clients()) + " clients";
  }
  if (status.role() == engine::kEngineRole) {
    std::string text = "input " + number(status.input_number());
    const std::uint64_t inputs = InputsNow();
    if (inputs > status.input_number()) {
      text += " (" + number(inputs - status.input_number()) + " behind)";
    }
    text += ", output " + number(status.number());
    if (status.image_number() != 0) text += "; image after input " + number(status.image_number());
    if (status.image_writing()) text += "; writes an image";
    if (!status.image_failure().empty()) {
      text += "; THE LAST IMAGE FAILED: " + engine::Printable(status.image_failure());
    }
    return status.catching_up() ? text + "; CATCHING UP" : text;
  }
  if (status.role() == engine::kDedupRole) {
    std::string text =
        "published " + number(status.number()) + ", agreed " + number(status.agreed());
    for (const pb::EngineStatus& engine : status.engines()) {
      text += "; " + engine::Printable(engine.name()) +
              (engine.connected() ? " at " + number(engine.number()) : " GONE");
    }
    if (!status.policy().empty()) text += "; policy " + engine::Printable(status.policy());
    if (status.held() > 0) text += ", " + number(status.held()) + " wait for their second copy";
    if (!status.alone().empty()) text += ", " + engine::Printable(status.alone()) + " ALONE";
    if (status.divergence_number() != 0) {
      text += "; DIVERGENCE at output " + number(status.divergence_number());
    }
    return text;
  }
  return "serves " + engine::WhatItServes(status);
}

void Observer::AddProblemsOfEngine(const Watched& role, std::vector<std::string>& problems) const {
  const pb::Status& status = role.watch->status();
  const std::string where = ": it has stepped input " + std::to_string(status.input_number()) +
                            " of " + std::to_string(InputsNow());
  if (status.catching_up()) {
    problems.push_back(NameOfRole(role) + " still catches up" + where);
  } else if (status.input_number() < inputs_.value_or(0)) {
    problems.push_back(NameOfRole(role) + " is behind" + where);
  }
}

void Observer::AddProblemsOfDedup(const Watched& role, std::vector<std::string>& problems) const {
  const pb::Status& status = role.watch->status();
  const std::string name = NameOfRole(role);
  if (status.divergence_number() != 0) {
    problems.push_back(name + ": the copies differ at output " +
                       std::to_string(status.divergence_number()) +
                       ", nothing is published any more");
    return;
  }
  if (!status.alone().empty()) {
    problems.push_back(name + ": engine " + engine::Printable(status.alone()) +
                       " goes on alone; nothing checks what it says");
  }
  for (const pb::EngineStatus& engine : status.engines()) {
    if (!engine.connected()) {
      problems.push_back(name + ": nothing comes from engine " + engine::Printable(engine.name()));
    }
    if (engine.silent()) {
      problems.push_back(name + ": engine " + engine::Printable(engine.name()) +
                         " stands still while the other one goes on");
    }
    if (engine.fenced()) {
      problems.push_back(name + ": engine " + engine::Printable(engine.name()) +
                         " is fenced until it has proven that it says the same");
    }
  }
  const auto index = static_cast<std::size_t>(&role - roles_.data());
  if (index < published_.size() && status.agreed() < published_[index]) {
    problems.push_back(name + ": outputs up to " + std::to_string(published_[index]) +
                       " were published, but both engines agree up to " +
                       std::to_string(status.agreed()) + " only");
  }
}

void Observer::AddProblemsOf(const Watched& role, std::vector<std::string>& problems) const {
  const State state = role.watch->state();
  if (state == State::kLogin) {
    problems.push_back(NameOfRole(role) + " at " + role.endpoint.text() +
                       " is up, but says nothing of itself: " + Detail(role));
    return;
  }
  if (!role.watch->answers()) {
    problems.push_back(NameOfRole(role) + " at " + role.endpoint.text() +
                       " is down: " + Detail(role));
    return;
  }
  if (state == State::kNoSession) {
    // Engines have a session with the first input, deduplicators with the first output.
    const bool is_engine = role.name.starts_with("engine");
    const bool should = std::ranges::any_of(roles_, [&](const Watched& other) {
      const pb::Status& status = other.watch->status();
      return status.role() == (is_engine ? engine::kSequencerRole : engine::kEngineRole) &&
             status.number() > 0;
    });
    if (should) problems.push_back(NameOfRole(role) + " has taken nothing yet");
    return;
  }
  const std::string& kind = role.watch->status().role();
  if (kind == engine::kEngineRole) AddProblemsOfEngine(role, problems);
  if (kind == engine::kDedupRole) AddProblemsOfDedup(role, problems);
}

std::vector<std::string> Observer::Observe(milliseconds limit) {
  const auto begin = Clock::now();
  inputs_.reset();
  published_.clear();
  std::vector<std::uint64_t> counts;
  for (const Watched& role : roles_) counts.push_back(role.watch->count());
  for (;;) {
    context_.restart();
    context_.run_for(milliseconds(20));
    const auto passed = Clock::now() - begin;
    bool all = true;
    for (std::size_t i = 0; i < roles_.size(); ++i) {
      const StatusWatch& watch = *roles_[i].watch;
      all = all && (watch.state() != State::kUp ? watch.state() != State::kUnknown
                                                : watch.count() > counts[i]);
    }
    if (!all && passed < limit && !Interrupted()) continue;
    if (!inputs_) {
      inputs_ = InputsNow();
      for (const Watched& role : roles_) published_.push_back(role.watch->status().number());
    }
    std::vector<std::string> problems;
    for (const Watched& role : roles_) AddProblemsOf(role, problems);
    for (AuditWatch& audit : audits_) {
      audit.Look();
      if (!audit.problem().empty()) problems.push_back(audit.problem());
    }
    if (problems.empty() || passed >= limit || Interrupted()) return problems;
  }
}

std::string Observer::Text() const {
  std::string text;
  for (const Watched& role : roles_) {
    char line[96];
    std::snprintf(line, sizeof line, "%-6s %-14s %-21s ", NameOf(role.watch->state()),
                  NameOfRole(role).c_str(), role.endpoint.text().c_str());
    text += line + Detail(role) + "\n";
  }
  for (const AuditWatch& audit : audits_) {
    char line[96];
    std::snprintf(line, sizeof line, "%-6s %-14s %-21s ", audit.runs() ? "up" : "DOWN",
                  audit.name().c_str(), "");
    text += line + audit.detail() + "\n";
  }
  return text;
}

std::string Observer::Json(const std::vector<std::string>& problems) const {
  std::string out =
      problems.empty() ? "{\"healthy\":true,\"problems\":[" : "{\"healthy\":false,\"problems\":[";
  for (std::size_t i = 0; i < problems.size(); ++i) {
    out += i == 0 ? "" : ",";
    AppendJsonText(problems[i], &out);
  }
  out += "],\"roles\":[";
  for (std::size_t i = 0; i < roles_.size(); ++i) {
    const Watched& role = roles_[i];
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    AppendJsonText(NameOfRole(role), &out);
    out += ",\"address\":";
    AppendJsonText(role.endpoint.text(), &out);
    out += ",\"state\":";
    AppendJsonText(StateText(*role.watch), &out);
    out += ",\"why\":";
    AppendJsonText(engine::Printable(role.watch->why()), &out);
    out += ",\"status\":";
    if (role.watch->state() == State::kUp) {
      AppendJson(role.watch->status(), &out);
    } else {
      out += "null";
    }
    out += '}';
  }
  for (const AuditWatch& audit : audits_) {
    out += roles_.empty() ? "{\"name\":" : ",{\"name\":";
    AppendJsonText(audit.name(), &out);
    out += std::string(",\"address\":\"\",\"state\":\"") + (audit.runs() ? "up" : "down") +
           "\",\"why\":";
    AppendJsonText(audit.problem(), &out);
    out += ",\"status\":" + audit.json() + "}";
  }
  return out + "]}\n";
}

/// Also the audits of a file, which serve nothing.
Result<std::vector<Watched>> RolesOf(const std::vector<std::string>& targets,
                                     std::vector<AuditWatch>& audits) {
  std::vector<Watched> roles;
  const auto add = [&](const std::string& name, const std::string& address) -> Status {
    auto endpoint = engine::ParseEndpoint(address);
    if (!endpoint) return endpoint.error();
    Watched role;
    role.name = name;
    role.endpoint = std::move(*endpoint);
    roles.push_back(std::move(role));
    return {};
  };
  for (const std::string& target : targets) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(target, error)) {
      if (Status status = add("", target); !status) {
        return Error::BadInput("\"" + target +
                               "\" is neither a file nor HOST:PORT; give the file "
                               "of `tandem run`, or the addresses of streams");
      }
      continue;
    }
    const auto topology = LoadTopology(target);
    if (!topology) return topology.error();
    for (const RoleSpec& spec : topology->roles) {
      if (spec.kind == "audit") {
        const auto option = std::ranges::find(spec.arguments, "--status");
        const std::filesystem::path folder = std::filesystem::path(target).parent_path();
        ENSURE(spec.arguments.end() - option > 1, "an audit without --status");
        audits.emplace_back(spec.name, folder / *(option + 1));
      }
      if (spec.stream.empty()) continue;
      if (Status status = add(spec.name, spec.stream); !status) return status.error();
      if (spec.password_file.empty()) continue;
      roles.back().password_file = std::filesystem::path(target).parent_path() / spec.password_file;
    }
  }
  if (roles.empty())
    return Error::BadInput("there is no role to ask: none of these serves a stream");
  return roles;
}

Result<ExitCode> Run(const Options& options) {
  std::vector<AuditWatch> audits;
  auto roles = RolesOf(options.targets, audits);
  if (!roles) return roles.error();
  if (!options.password_file.empty()) {
    if (const auto password = PasswordOf(StatusWatch::kUser, options.password_file); !password) {
      return password.error();
    }
    for (Watched& role : *roles) role.password_file = options.password_file;
  }
  CatchInterrupts();
  Observer observer(std::move(*roles), std::move(audits));
  for (;;) {
    const auto begin = Clock::now();
    const std::vector<std::string> problems = observer.Observe(milliseconds(options.wait_ms));
    std::string text;
    if (options.json) {
      text = observer.Json(problems);
    } else {
      if (options.watch && ::isatty(STDOUT_FILENO) != 0) text = "\033[H\033[J";
      text += observer.Text();
      for (const std::string& problem : problems) text += "NOT HEALTHY: " + problem + "\n";
      if (problems.empty()) text += "healthy: all roles answer, and the copies agree\n";
    }
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    if (!options.watch || Interrupted()) {
      return problems.empty() ? ExitCode::kYes : ExitCode::kNo;
    }
    while (!Interrupted() && Clock::now() - begin < std::chrono::seconds(1)) {
      ::usleep(20'000);
    }
    if (Interrupted()) return problems.empty() ? ExitCode::kYes : ExitCode::kNo;
  }
}

}  // namespace

void RegisterStatus(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "status", "Show what every role says of itself, and whether all is well",
      "  tandem status pair.toml\n"
      "  tandem status 127.0.0.1:9001 127.0.0.1:9002 127.0.0.1:9003 127.0.0.1:9004 --json\n"
      "All is well if every role answers, both engines have stepped what was sequenced when the\n"
      "command began, and the deduplicator has both engines' word for what was published then.\n"
      "Exit codes: 0 healthy; 1 not, with why; 2 wrong usage.\n",
      [options] { return Run(*options); });
  command
      .add_option("TARGET", options->targets, "The file of `tandem run`, or HOST:PORT of streams")
      ->required();
  AddPasswordFile(command, options->password_file)
      ->description(
          "Password of user `watch`, as which it logs in where logins are required: a line "
          "with it, or lines of NAME PASSWORD; default: the role's own file");
  command.add_flag("--json", options->json, "One JSON object, with all that the roles say");
  command.add_flag("--watch", options->watch, "Again each second, until Ctrl-C");
  command
      .add_option("--wait", options->wait_ms,
                  "Milliseconds that a role may take to answer, or to catch up")
      ->check(WholeNumber(1, 3'600'000))
      ->capture_default_str();
}

}  // namespace tandem::tools
