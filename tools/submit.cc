// SPDX-License-Identifier: Apache-2.0
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/live/role_loop.h"
#include "engine/transport/submission_client.h"
#include "replay/log_reader.h"
#include "tools/command.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

using replay::LogReader;
using replay::ReadOutcome;

struct Options {
  std::string log;
  engine::Endpoint to;
  std::string user;
  double rate = 0;
  std::string acknowledgements;
  std::string password_file;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;

/// That there is no sequencer, and why, told once for all users.
class Outage {
 public:
  explicit Outage(std::string server) : server_(std::move(server)) {}

  void Begins(const std::string& why) {
    // Nobody needs to hear that what has gone cannot be reached.
    if (!told_.empty() && why.starts_with(engine::Connector::kUnreachable)) return;
    if (!told_.insert(why).second) return;
    spdlog::warn("no sequencer at {}: {}; trying again until there is", server_, why);
  }
  void Ends() { told_.clear(); }

 private:
  std::string server_;
  std::set<std::string> told_;  ///< why, in this outage
};

/// One user of the log on one connection.
class UserFlow : private engine::SubmissionClient::Handler {
 public:
  /// `submitted_as`: the name to log in with. `only`: take this user's messages; null: all.
  UserFlow(engine::RoleLoop& loop, const Options& options, LogReader log, std::string submitted_as,
           std::optional<proto::User> only, double rate, std::FILE* acknowledgements,
           std::size_t& running, Outage& outage)
      : loop_(loop),
        log_(std::move(log)),
        only_(only),
        user_(submitted_as),
        acknowledgements_(acknowledgements),
        running_(running),
        outage_(outage),
        client_(loop.context(), options.to, std::move(submitted_as), rate, *this) {
    ++running_;
  }

  void SetPassword(std::string password) { client_.SetPassword(std::move(password)); }
  void Start() { client_.Start(); }
  void Stop() { client_.Stop(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t accepted_before() const { return accepted_before_; }

 private:
  Result<std::optional<proto::MessageView>> NextMessage() override {
    for (;;) {
      switch (log_.Next()) {
        case ReadOutcome::kDamaged:
          return log_.error();
        case ReadOutcome::kEnd:
          return std::optional<proto::MessageView>();
        case ReadOutcome::kMessage:
          break;
      }
      const proto::Header& header = log_.message().header;
      if (header.type < proto::kFirstApplicationType) continue;
      if (!only_ || header.user == *only_) return std::optional(log_.message());
    }
  }

  void OnLogin(proto::Session session, std::uint64_t accepted) override {
    accepted_before_ = accepted;
    spdlog::info("{}: session {}; {} submissions are there already", user_, session.view(),
                 accepted);
  }
  void OnAcknowledged(const proto::Header& header) override {
    ++acknowledged_;
    outage_.Ends();
    if (acknowledgements_ != nullptr) {
      std::fprintf(acknowledgements_, "%s %lu %lu\n", user_.c_str(),
                   static_cast<unsigned long>(header.origin),
                   static_cast<unsigned long>(header.number));
    }
  }
  void OnDisconnected(const std::string& why) override { outage_.Begins(why); }
  void OnDone(const Status& status) override {
    --running_;
    if (!status) return loop_.Fail(status.error());
    if (running_ == 0) loop_.Stop();
  }

  engine::RoleLoop& loop_;
  LogReader log_;
  std::optional<proto::User> only_;
  std::string user_;
  std::FILE* acknowledgements_;
  std::size_t& running_;
  Outage& outage_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t accepted_before_ = 0;
  engine::SubmissionClient client_;
};

/// Who sent the application messages of the log.
Result<std::set<proto::User>> UsersOf(replay::Storage& storage, const std::string& folder) {
  auto reader = LogReader::Open(storage, folder, {});
  if (!reader) return reader.error();
  if (Status status = CheckIsInput(reader->role(), folder); !status) return status.error();
  std::set<proto::User> users;
  for (;;) {
    const ReadOutcome outcome = reader->Next();
    if (outcome == ReadOutcome::kDamaged) return reader->error();
    if (outcome == ReadOutcome::kEnd) return users;
    const proto::Header& header = reader->message().header;
    if (header.type < proto::kFirstApplicationType) continue;
    if (reader->message().bytes.size() > proto::kMessageSizeMax) {
      return Error::BadInput("message " + std::to_string(header.number) + " of the log " + folder +
                             " has " + std::to_string(reader->message().bytes.size()) +
                             " bytes; no sequencer takes more than " +
                             std::to_string(proto::kMessageSizeMax));
    }
    users.insert(header.user);
  }
}

Result<ExitCode> Run(const Options& options) {
  constexpr std::size_t kUsersMax = 64;
  replay::PosixStorage storage;
  const auto users = UsersOf(storage, options.log);
  if (!users) return users.error();
  if (users->empty()) {
    return Error::BadInput("the log " + options.log + " holds no application message to submit");
  }
  if (options.user.empty() && users->size() > kUsersMax) {
    return Error::BadInput("the log " + options.log + " has messages of " +
                           std::to_string(users->size()) + " users; at most " +
                           std::to_string(kUsersMax) +
                           " are submitted at once, give --user to submit all as one");
  }
  FilePointer acknowledgements;
  if (!options.acknowledgements.empty()) {
    acknowledgements.reset(std::fopen(options.acknowledgements.c_str(), "a"));
    if (!acknowledgements) {
      return Error::BadInput("cannot write " + options.acknowledgements + ": " +
                             std::generic_category().message(errno));
    }
  }

  engine::RoleLoop loop;
  std::size_t running = 0;
  Outage outage(options.to.text());
  std::vector<std::unique_ptr<UserFlow>> flows;
  const auto add = [&](const std::string& name, std::optional<proto::User> only,
                       double rate) -> Status {
    auto log = LogReader::Open(storage, options.log, {});
    if (!log) return log.error();
    auto password = PasswordOf(name, options.password_file);
    if (!password) return password.error();
    flows.push_back(std::make_unique<UserFlow>(loop, options, std::move(*log), name, only, rate,
                                               acknowledgements.get(), running, outage));
    flows.back()->SetPassword(std::move(*password));
    return {};
  };
  if (!options.user.empty()) {
    if (Status status = add(options.user, std::nullopt, options.rate); !status) {
      return status.error();
    }
  } else {
    for (const proto::User& user : *users) {
      if (!proto::IsName(user.view(), proto::kUserSizeMax)) {
        return Error::BadInput("the log " + options.log + " has messages of \"" + user.str() +
                               "\", which is no user name; give --user to submit all as one");
      }
      const double rate = options.rate / static_cast<double>(users->size());
      if (Status status = add(user.str(), user, rate); !status) return status.error();
    }
  }
  for (const auto& flow : flows) flow->Start();
  loop.Run();

  std::uint64_t acknowledged = 0;
  std::uint64_t before = 0;
  for (const auto& flow : flows) {
    flow->Stop();
    acknowledged += flow->acknowledged();
    before += flow->accepted_before();
  }
  if (acknowledgements) {
    const bool flushed = std::fflush(acknowledgements.get()) == 0;
    if (!flushed || std::ferror(acknowledgements.get()) != 0) {
      return Error::Failure("writing " + options.acknowledgements +
                            " failed: it does not hold every acknowledgement");
    }
  }
  std::printf("%lu submissions acknowledged, %lu were there before, %zu users%s\n",
              static_cast<unsigned long>(acknowledged), static_cast<unsigned long>(before),
              flows.size(), running == 0 ? "" : "; stopped before the end");
  const bool interrupted = running > 0 && loop.exit_code() == ExitCode::kYes;
  return interrupted ? ExitCode::kFailure : loop.exit_code();
}

}  // namespace

void RegisterSubmit(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "submit", "Submit the messages of a log to a sequencer, each exactly once",
      "  tandem submit flow --to 127.0.0.1:9000\n"
      "  tandem submit flow --to 127.0.0.1:9000 --user ALICE --rate 50000\n"
      "Run it again after a crash of either side: it goes on where the sequencer stands.\n",
      [options] { return Run(*options); });
  command.add_option("LOG", options->log, "Folder of an input log: generated, imported, recorded")
      ->required();
  AddEndpoint(command, "--to", options->to, "The sequencer's address for submissions");
  command
      .add_option_function<std::string>(
          "--user",
          [options](const std::string& user) {
            if (!proto::IsName(user, proto::kUserSizeMax)) {
              throw CLI::ValidationError(
                  "\"" + user + "\" is no user name; use 1 to 6 letters, digits, '-', '_'");
            }
            options->user = user;
          },
          "Submit everything as this user; otherwise each user of the log on a connection of its "
          "own")
      ->type_name("NAME");
  AddPasswordFile(command, options->password_file);
  command.add_option("--rate", options->rate, "Messages a second, all users together; 0: no limit")
      ->check(Rate())
      ->capture_default_str();
  command.add_option("--acks", options->acknowledgements,
                     "Append a line for each acknowledgement: user, own number, input number");
}

}  // namespace tandem::tools
