// SPDX-License-Identifier: Apache-2.0
#include "tools/run_config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "engine/transport/listener.h"
#include "proto/header.h"
#include "tools/command.h"

namespace tandem::tools {

namespace {

struct Kind {
  const char* name;  ///< of the table and of the subcommand
  enum { kOne, kNamed, kEither } tables;
  const char* log_option;
  bool serves;
  void (*register_command)(Commands&);
};

/// In the order of starting.
constexpr std::array<Kind, 5> kKinds = {
    Kind{"sequencer", Kind::kOne, "log", true, RegisterSequencer},
    Kind{"engine", Kind::kNamed, "log", true, RegisterEngine},
    Kind{"dedup", Kind::kEither, "log", true, RegisterDedup},
    Kind{"record", Kind::kEither, "output", false, RegisterRecord},
    Kind{"audit", Kind::kOne, "incidents", false, RegisterAudit},
};

/// A command as the program has it, to ask for its options.
struct Command {
  explicit Command(const Kind& kind) : app("", "tandem"), commands(app) {
    kind.register_command(commands);
  }
  CLI::Option* Find(const Kind& kind, const std::string& key) {
    return app.get_subcommand(kind.name)->get_option_no_throw("--" + key);
  }

  CLI::App app;
  Commands commands;
};

std::size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// `, did you mean "stream"?` or nothing.
std::string Suggest(const std::string& key, const std::vector<std::string>& known) {
  for (const std::string& word : known) {
    if (EditDistance(key, word) <= 2) return ", did you mean \"" + word + "\"?";
  }
  return "";
}

std::string Joined(const std::string& folder, const std::string& name) {
  return folder.empty() || folder == "." ? name : folder + "/" + name;
}

/// One table of the file on its way to a RoleSpec.
struct Role {
  const Kind* kind = nullptr;
  const toml::table* table = nullptr;
  std::string id;                                  ///< "A"; empty: the only one of its kind
  std::string name;                                ///< "engine.A"
  std::map<std::string, const toml::node*> nodes;  ///< what was given, for places in errors
  std::map<std::string, std::vector<std::string>> options;
  std::vector<std::string> flags;
  std::vector<std::string> positionals;

  [[nodiscard]] bool Has(const std::string& key) const { return options.contains(key); }
};

class Loader {
 public:
  explicit Loader(const std::string& file) : file_(file) {}
  Result<Topology> Load();

 private:
  [[nodiscard]] Error At(const toml::node& node, const std::string& what) const {
    const toml::source_position& place = node.source().begin;
    return Error::BadInput(file_ + ":" + std::to_string(place.line) + ":" +
                           std::to_string(place.column) + ": " + what);
  }
  [[nodiscard]] static std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

  Status TakeTop();
  Status TakeKind(const Kind& kind, const toml::node& node);
  Status TakeShared();
  Status TakeOption(Role& role, const std::string& key, const toml::node& node);
  [[nodiscard]] Result<std::vector<std::string>> ValuesOf(const toml::node& node,
                                                          const std::string& key) const;
  Status Complete();
  Status CompleteAudit(Role& role);
  Status CompleteRecord(Role& role);
  [[nodiscard]] Result<RoleSpec> MakeSpec(const Role& role) const;
  [[nodiscard]] Status CheckAsTheRoleDoes(const Role& role, const RoleSpec& spec) const;
  [[nodiscard]] Status CheckApart(const std::vector<RoleSpec>& specs) const;
  [[nodiscard]] std::vector<Role*> OfKind(const std::string& kind);
  [[nodiscard]] static std::string StreamOf(const Role& role);

  std::string file_;
  toml::table root_;
  std::string folder_ = ".";
  std::vector<std::pair<std::string, const toml::node*>> shared_;
  std::vector<Role> roles_;
};

Result<Topology> Loader::Load() {
  try {
    root_ = toml::parse_file(file_);
  } catch (const toml::parse_error& error) {
    const toml::source_position& place = error.source().begin;
    if (place.line == 0) {
      return Error::BadInput(
          "cannot read " + file_ +
          ": it is missing or cannot be opened; see `tandem run --help` for one");
    }
    return Error::BadInput(file_ + ":" + std::to_string(place.line) + ":" +
                           std::to_string(place.column) + ": " + std::string(error.description()));
  }
  for (const auto& step : {&Loader::TakeTop, &Loader::TakeShared, &Loader::Complete}) {
    if (Status status = (this->*step)(); !status) return status.error();
  }
  Topology topology;
  topology.folder = folder_;
  for (const Role& role : roles_) {
    auto spec = MakeSpec(role);
    if (!spec) return spec.error();
    if (Status status = CheckAsTheRoleDoes(role, *spec); !status) return status.error();
    topology.roles.push_back(std::move(*spec));
  }
  if (Status status = CheckApart(topology.roles); !status) return status.error();
  return topology;
}

Status Loader::TakeTop() {
  std::vector<std::string> known = {"folder"};
  for (const Kind& kind : kKinds) {
    known.emplace_back(kind.name);
    if (const toml::node* const node = root_.get(kind.name)) {
      if (Status status = TakeKind(kind, *node); !status) return status;
    }
  }
  for (const auto& [toml_key, node] : root_) {
    const std::string key(toml_key.str());
    if (std::ranges::any_of(kKinds, [&](const Kind& kind) { return key == kind.name; })) continue;
    if (node.is_table() || node.is_array_of_tables()) {
      return At(node, "there is no role " + Quoted(key) + Suggest(key, known) +
                          "; roles are sequencer, engine, dedup and record");
    }
    if (key == "folder") {
      const auto value = node.value_exact<std::string>();
      if (!value || value->empty()) return At(node, "folder must be a text, as in \"day\"");
      folder_ = std::filesystem::path(*value).lexically_normal().string();
      while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
      continue;
    }
    shared_.emplace_back(key, &node);
  }
  if (roles_.empty()) {
    return Error::BadInput(file_ +
                           " names no role; give at least one of [sequencer], [engine.A], "
                           "[dedup], [record]");
  }
  return {};
}

Status Loader::TakeKind(const Kind& kind, const toml::node& node) {
  const std::string name = kind.name;
  const toml::table* const table = node.as_table();
  if (table == nullptr) {
    return At(node, name + " must be a table; write [" + name +
                        (kind.tables == Kind::kNamed ? ".NAME]" : "]"));
  }
  std::vector<Role> found;
  const bool named = !table->empty() && std::ranges::all_of(*table, [](const auto& of) {
    return of.second.is_table();
  });
  if (!named && kind.tables == Kind::kNamed) {
    return At(node, "each " + name + " needs a name; write [" + name + ".A]");
  }
  if (named && kind.tables == Kind::kOne) {
    return At(node, "there is one " + name + " only; write [" + name + "]");
  }
  if (!named) {
    Role role;
    role.kind = &kind;
    role.table = table;
    role.name = name;
    found.push_back(std::move(role));
  } else {
    for (const auto& [key, of] : *table) {
      Role role;
      role.kind = &kind;
      role.table = of.as_table();
      role.id = std::string(key.str());
      role.name = name + "." + role.id;
      if (!proto::IsName(role.id, proto::kSessionSizeMax)) {
        return At(of, Quoted(role.id) + " is no name; use 1 to 10 letters, digits, '-' or '_'");
      }
      found.push_back(std::move(role));
    }
    std::ranges::sort(found, {}, [](const Role& role) {
      const toml::source_position& place = role.table->source().begin;
      return std::pair(place.line, place.column);
    });
  }
  for (Role& role : found) {
    for (const auto& [key, of] : *role.table) {
      if (Status status = TakeOption(role, std::string(key.str()), of); !status) return status;
    }
    roles_.push_back(std::move(role));
  }
  return {};
}

/// Keys above the tables count for each role that has the option and does not say it itself.
Status Loader::TakeShared() {
  for (const auto& [key, node] : shared_) {
    bool anybody = false;
    for (const Kind& kind : kKinds) anybody = anybody || Command(kind).Find(kind, key) != nullptr;
    if (!anybody || key == "help") {
      return At(*node, "no role has an option " + Quoted(key) +
                           Suggest(key, {"folder", "session", "app", "pools"}) +
                           "; see `tandem engine --help` and those of the other roles");
    }
    for (Role& role : roles_) {
      // A recorder learns both from the stream; without a port to learn from, its own table says
      // it.
      if (std::string_view(role.kind->name) == "record" && (key == "session" || key == "app")) {
        continue;
      }
      if (role.nodes.contains(key) || Command(*role.kind).Find(*role.kind, key) == nullptr) {
        continue;
      }
      if (Status status = TakeOption(role, key, *node); !status) return status;
    }
  }
  return {};
}

Result<std::vector<std::string>> Loader::ValuesOf(const toml::node& node,
                                                  const std::string& key) const {
  std::vector<std::string> values;
  const auto add = [&](const toml::node& one) {
    if (const auto text = one.value_exact<std::string>()) {
      values.push_back(*text);
    } else if (const auto number = one.value_exact<std::int64_t>()) {
      values.push_back(std::to_string(*number));
    } else if (const auto real = one.value_exact<double>()) {
      std::ostringstream out;
      out << *real;
      values.push_back(out.str());
    } else {
      return false;
    }
    return true;
  };
  if (const toml::array* const array = node.as_array()) {
    for (const toml::node& one : *array) {
      if (!add(one)) return At(one, key + " must be a list of texts or numbers");
    }
    return values;
  }
  if (!add(node)) {
    return At(node, key + " must be a text or a number" +
                        (node.is_boolean() ? ", not true or false" : ""));
  }
  return values;
}

Status Loader::TakeOption(Role& role, const std::string& key, const toml::node& node) {
  const Kind& kind = *role.kind;
  role.nodes[key] = &node;
  if (std::string_view(kind.name) == "record" && key == "of") {
    auto values = ValuesOf(node, key);
    if (!values) return values.error();
    role.positionals = std::move(*values);
    return {};
  }
  Command command(kind);
  CLI::Option* const option = key == "help" ? nullptr : command.Find(kind, key);
  if (option == nullptr) {
    std::vector<std::string> known;
    for (const CLI::Option* one : command.app.get_subcommand(kind.name)->get_options()) {
      for (const std::string& name : one->get_lnames()) known.push_back(name);
    }
    return At(node, "[" + role.name + "] has no key " + Quoted(key) + Suggest(key, known) +
                        "; its keys are the options of `tandem " + kind.name + " --help`");
  }
  if (option->get_items_expected_max() == 0) {
    const auto value = node.value_exact<bool>();
    if (!value) return At(node, key + " must be true or false");
    if (*value) role.flags.push_back(key);
    return {};
  }
  auto values = ValuesOf(node, key);
  if (!values) return values.error();
  if (node.is_array() && option->get_items_expected_max() <= 1) {
    return At(node, key + " takes one value, not a list");
  }
  role.options[key] = std::move(*values);
  return {};
}

std::vector<Role*> Loader::OfKind(const std::string& kind) {
  std::vector<Role*> found;
  for (Role& role : roles_) {
    if (role.kind->name == kind) found.push_back(&role);
  }
  return found;
}

/// Where others on this host reach what the role serves; empty if it is no address.
std::string Loader::StreamOf(const Role& role) {
  const auto given = role.options.find("stream");
  if (given == role.options.end() || given->second.empty()) return "";
  auto endpoint = engine::ParseEndpoint(given->second.front());
  if (!endpoint) return "";
  if (endpoint->host == "0.0.0.0") endpoint->host = "127.0.0.1";
  if (endpoint->host == "::") endpoint->host = "::1";
  return endpoint->text();
}

/// What the roles of one file know of each other need not be said.
Status Loader::Complete() {
  const std::vector<Role*> sequencers = OfKind("sequencer");
  const std::vector<Role*> engines = OfKind("engine");
  for (Role& role : roles_) {
    const std::string kind = role.kind->name;
    const std::string log = role.kind->log_option;
    if (!role.Has(log)) {
      std::string name = role.id.empty() ? role.name : role.id;
      if (kind == "sequencer") name = "input";
      if (kind == "dedup") name = role.id.empty() ? "merged" : "merged-" + role.id;
      if (kind == "audit") name = "audit.incidents";
      role.options[log] = {Joined(folder_, name)};
    }
    if (kind == "engine") {
      if (!role.Has("name")) role.options["name"] = {role.id};
      if (!role.Has("input") && !sequencers.empty()) {
        role.options["input"] = {StreamOf(*sequencers.front())};
      }
    }
    if (kind == "dedup") {
      for (const auto& [option, index] : {std::pair{"a", 0u}, std::pair{"b", 1u}}) {
        if (role.Has(option)) continue;
        if (engines.size() <= index) {
          return At(*role.table, "[" + role.name + "] needs " + option +
                                     " = \"HOST:PORT\", the stream of an engine: this file has " +
                                     std::to_string(engines.size()) + " engines");
        }
        role.options[option] = {StreamOf(*engines[index])};
      }
    }
    if (kind == "record" || kind == "audit") {
      Status status = kind == "record" ? CompleteRecord(role) : CompleteAudit(role);
      if (!status) return status;
    }
  }
  return {};
}

/// It goes on until it is stopped, over the images of both engines and the sequencer's log.
Status Loader::CompleteAudit(Role& role) {
  const std::vector<Role*> engines = OfKind("engine");
  for (const auto& [option, index] : {std::pair{"a", 0u}, std::pair{"b", 1u}}) {
    if (role.Has(option)) continue;
    if (engines.size() <= index || !engines[index]->Has("images")) {
      return At(*role.table, "[audit] needs " + std::string(option) +
                                 " = \"FOLDER\", or an engine of this file that has images");
    }
    role.options[option] = engines[index]->options["images"];
  }
  for (const Role* sequencer : OfKind("sequencer")) {
    if (!role.Has("input")) role.options["input"] = sequencer->options.at("log");
  }
  if (!role.Has("status")) role.options["status"] = {Joined(folder_, "audit.json")};
  if (std::ranges::find(role.flags, "follow") == role.flags.end()) role.flags.push_back("follow");
  return {};
}

/// `of` names roles of this file, or addresses.
Status Loader::CompleteRecord(Role& role) {
  if (role.positionals.empty()) {
    return At(*role.table, "[" + role.name +
                               "] needs of = \"dedup\", or another role of this file "
                               "or HOST:PORT whose stream is to be recorded");
  }
  for (std::string& of : role.positionals) {
    const auto named =
        std::ranges::find_if(roles_, [&](const Role& other) { return other.name == of; });
    if (named != roles_.end()) {
      of = StreamOf(*named);
    } else if (!engine::ParseEndpoint(of)) {
      return At(*role.nodes["of"], Quoted(of) + " is neither a role of this file nor HOST:PORT");
    }
  }
  return {};
}

Result<RoleSpec> Loader::MakeSpec(const Role& role) const {
  RoleSpec spec;
  spec.kind = role.kind->name;
  spec.name = role.name;
  spec.output_file = Joined(folder_, role.name + ".out");
  std::string addresses;  // of one stream
  for (const std::string& one : role.positionals) addresses += (addresses.empty() ? "" : ",") + one;
  if (!addresses.empty()) spec.arguments.push_back(addresses);
  for (const auto& [key, values] : role.options) {
    for (const std::string& value : values) {
      spec.arguments.push_back("--" + key);
      spec.arguments.push_back(value);
    }
    if (key == role.kind->log_option && !values.empty()) spec.log = values.front();
    if (key == "password-file" && !values.empty()) spec.password_file = values.front();
  }
  for (const std::string& flag : role.flags) spec.arguments.push_back("--" + flag);
  if (!role.kind->serves) return spec;
  spec.stream = StreamOf(role);
  if (const auto endpoint = engine::ParseEndpoint(spec.stream); endpoint && endpoint->port == "0") {
    return At(*role.nodes.at("stream"), "stream needs a port of its own that others know, not 0");
  }
  return spec;
}

Status Loader::CheckAsTheRoleDoes(const Role& role, const RoleSpec& spec) const {
  Command command(*role.kind);
  std::vector<std::string> words(spec.arguments.rbegin(), spec.arguments.rend());
  words.push_back(spec.kind);
  try {
    command.app.parse(words);
    return {};
  } catch (const CLI::ParseError& error) {
    const std::string what = error.what();
    const toml::node* place = role.table;
    for (const auto& [key, node] : role.nodes) {
      const auto values = role.options.find(key);
      const bool named = what.find("--" + key) != std::string::npos;
      const bool shown = values != role.options.end() && !values->second.empty() &&
                         what.find(Quoted(values->second.front())) != std::string::npos;
      if (named || shown) place = node;
      if (named) break;
    }
    return At(*place, "[" + role.name + "]: " + what);
  }
}

/// No two roles write one log or listen on one port.
Status Loader::CheckApart(const std::vector<RoleSpec>& specs) const {
  std::map<std::string, std::string> owners;
  for (const RoleSpec& spec : specs) {
    const std::string log =
        "the log " + std::filesystem::path(spec.log).lexically_normal().string();
    const std::string port = "the port of the stream " + spec.stream;
    for (const std::string& what : {log, spec.stream.empty() ? log + " " : port}) {
      const auto [owner, is_new] = owners.emplace(what, spec.name);
      if (is_new) continue;
      return Error::BadInput(file_ + ": " + owner->second + " and " + spec.name + " both have " +
                             what + "; give each its own");
    }
  }
  return {};
}

}  // namespace

Result<Topology> LoadTopology(const std::string& file) { return Loader(file).Load(); }

Status EnterFolderOf(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  if (folder.empty()) return {};
  std::error_code error;
  std::filesystem::current_path(folder, error);
  if (!error) return {};
  return Error::BadInput("cannot work in " + folder.string() + ": " + error.message());
}

}  // namespace tandem::tools
