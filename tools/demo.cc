// SPDX-License-Identifier: Apache-2.0
//
// `tandem demo`: a whole pair on this machine, as real processes, with kills or a planted lie, and
// a verdict from a replay in a fresh process.
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>

#include "replay/log_reader.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/oracle.h"
#include "tools/pair.h"

namespace tandem::tools {

namespace {

using std::chrono::milliseconds;

struct Options {
  std::uint64_t orders = 400'000;
  std::uint64_t symbols = 100;
  std::uint64_t seed = 1;
  double rate = 30'000;
  std::string folder;
  std::string plant;
  std::string application = "book";
  std::string flow;  ///< log to submit; empty: orders are generated
};

/// Takes a line while it is built, prints it with the time since the start.
class Story {
 public:
  [[gnu::format(printf, 2, 3)]] void Tell(const char* format, ...) {
    std::printf("%6.1f s  ", Seconds());
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
    std::putchar('\n');
    std::fflush(stdout);
  }
  [[nodiscard]] double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

unsigned long Plain(std::uint64_t number) { return static_cast<unsigned long>(number); }

class Demo {
 public:
  explicit Demo(const Options& options) : options_(options) {}
  Result<ExitCode> Run();

 private:
  Status MakeFolder();
  /// Makes the log of what is to be submitted, or looks at the one that was given.
  Status MakeFlow();
  [[nodiscard]] std::string FlowFolder() const {
    return options_.flow.empty() ? Path("flow") : options_.flow;
  }
  /// Replays the live input into the folder "replayed".
  Status ReplayInput() {
    return RunToEnd("replay", {"replay", pair_->Folder(RoleId::kSequencer), "--app",
                               options_.application, "-o", Path("replayed")});
  }
  /// Runs `tandem` with these arguments to its end; its output goes to NAME.out.
  Status RunToEnd(const std::string& name, const std::vector<std::string>& arguments);
  Result<Process> Begin(const std::string& name, const std::vector<std::string>& arguments);
  Status Flow();
  void Events();
  void Recovering(RoleId role, bool& is_recovering);
  void ShowPositions();
  Status Settle();
  [[nodiscard]] bool ReaderHas(std::uint64_t number) const;
  Status StopEverything();
  Result<ExitCode> Verdict();
  Result<ExitCode> DivergenceVerdict();
  Result<bool> SameMessages(const std::string& what, const std::string& folder);
  void PrintNextCommands() const;

  [[nodiscard]] std::string Path(const std::string& name) const {
    return options_.folder + "/" + name;
  }
  [[nodiscard]] bool planting() const { return !options_.plant.empty(); }
  [[nodiscard]] bool diverged() const {
    return pair_->status(RoleId::kDedup).divergence_number() != 0;
  }

  Options options_;
  Story story_;
  std::unique_ptr<Pair> pair_;
  std::optional<Process> submitter_;
  std::optional<Process> reader_;
  std::chrono::steady_clock::time_point shown_{};
  std::chrono::steady_clock::time_point killed_a_{};
  std::chrono::steady_clock::time_point killed_b_{};
  bool a_is_recovering_ = false;
  bool b_is_recovering_ = false;
  int kills_ = 0;
};

Status Demo::MakeFolder() {
  std::error_code error;
  if (options_.folder.empty()) {
    const std::time_t now = std::time(nullptr);
    char text[64];
    std::strftime(text, sizeof text, "demo/%Y%m%d-%H%M%S", std::localtime(&now));
    options_.folder = text;
    // Another demo may have begun in the same second; who makes the folder has it.
    std::filesystem::create_directories("demo", error);
    for (int more = 2; !error && !std::filesystem::create_directory(options_.folder, error);
         ++more) {
      if (!error) options_.folder = text + ("-" + std::to_string(more));
    }
    if (error) {
      return Error::BadInput("cannot make the folder " + options_.folder + ": " + error.message());
    }
    return {};
  }
  options_.folder = std::filesystem::path(options_.folder).lexically_normal().string();
  if (std::filesystem::exists(options_.folder, error) &&
      !std::filesystem::is_empty(options_.folder, error)) {
    return Error::BadInput("the folder " + options_.folder +
                           " is not empty; give --folder a new one");
  }
  std::filesystem::create_directories(options_.folder, error);
  if (error) {
    return Error::BadInput("cannot make the folder " + options_.folder + ": " + error.message());
  }
  return {};
}

Result<Process> Demo::Begin(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {ThisProgram()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return Process::Start(all, Path(name + ".out"));
}

Status Demo::RunToEnd(const std::string& name, const std::vector<std::string>& arguments) {
  auto process = Begin(name, arguments);
  if (!process) return process.error();
  while (!process->Wait(milliseconds(100))) {
    if (!Interrupted()) continue;
    process->Signal(SIGTERM);  // it takes back what it has not finished
    process->Wait(std::chrono::seconds(10));
    return Error::Failure("interrupted");
  }
  if (*process->Poll() == 0) return {};
  return Error::Failure("`tandem " + arguments[0] + "` ended with code " +
                        std::to_string(*process->Poll()) + "; what it said is in " +
                        Path(name + ".out"));
}

void Demo::ShowPositions() {
  const auto now = std::chrono::steady_clock::now();
  if (now - shown_ < milliseconds(1000)) return;
  shown_ = now;
  const pb::Status& dedup = pair_->status(RoleId::kDedup);
  const std::uint64_t a_wins = dedup.engines_size() > 0 ? dedup.engines(0).wins() : 0;
  const std::uint64_t b_wins = dedup.engines_size() > 1 ? dedup.engines(1).wins() : 0;
  story_.Tell(
      "sequenced %8lu | engine A at %8lu, B at %8lu | published %8lu, agreed %8lu | first: A %lu, "
      "B %lu",
      Plain(pair_->status(RoleId::kSequencer).number()),
      Plain(pair_->status(RoleId::kEngineA).input_number()),
      Plain(pair_->status(RoleId::kEngineB).input_number()), Plain(dedup.number()),
      Plain(dedup.agreed()), Plain(a_wins), Plain(b_wins));
}

/// Says when a restarted engine has caught up.
void Demo::Recovering(RoleId role, bool& is_recovering) {
  if (!is_recovering) return;
  const pb::Status& engine = pair_->status(role);
  if (engine.process() != static_cast<std::uint64_t>(pair_->pid(role)) || engine.catching_up()) {
    return;
  }
  if (engine.input_number() + 2000 < pair_->status(RoleId::kSequencer).number()) return;
  is_recovering = false;
  story_.Tell("%s has caught up: its own log verified, input %lu, live again", NameOf(role),
              Plain(engine.input_number()));
}

/// Kills A at a quarter of the flow and B at two thirds; restarts each a second later.
void Demo::Events() {
  const std::uint64_t sequenced = pair_->status(RoleId::kSequencer).number();
  const auto now = std::chrono::steady_clock::now();
  const auto kill = [&](RoleId role, std::chrono::steady_clock::time_point& when) {
    story_.Tell("kill -9 %s (process %d) at input %lu", NameOf(role), pair_->pid(role),
                Plain(sequenced));
    pair_->Kill(role);
    when = now;
    ++kills_;
  };
  const auto restart = [&](RoleId role, bool& is_recovering) {
    if (pair_->running(role) || !pair_->Start(role)) return;
    story_.Tell("restarted %s (process %d): it steps the whole input again and verifies its log",
                NameOf(role), pair_->pid(role));
    is_recovering = true;
  };
  constexpr auto never = std::chrono::steady_clock::time_point{};
  if (killed_a_ == never && sequenced > options_.orders / 4) kill(RoleId::kEngineA, killed_a_);
  if (killed_b_ == never && sequenced > options_.orders * 2 / 3) kill(RoleId::kEngineB, killed_b_);
  if (killed_a_ != never && now - killed_a_ > milliseconds(1000)) {
    restart(RoleId::kEngineA, a_is_recovering_);
  }
  if (killed_b_ != never && now - killed_b_ > milliseconds(1000)) {
    restart(RoleId::kEngineB, b_is_recovering_);
  }
  Recovering(RoleId::kEngineA, a_is_recovering_);
  Recovering(RoleId::kEngineB, b_is_recovering_);
}

/// Everything from the first order to the last acknowledgement, or to the divergence.
Status Demo::Flow() {
  while (!submitter_->Poll()) {
    pair_->RunFor(milliseconds(20));
    if (Interrupted()) return Error::Failure("interrupted");
    ShowPositions();
    if (!planting()) Events();
    if (diverged()) return {};
    for (const RoleId role : {RoleId::kSequencer, RoleId::kDedup}) {
      if (!pair_->running(role)) {
        return Error::Failure(std::string(NameOf(role)) + " ended by itself; what it said is in " +
                              options_.folder);
      }
    }
  }
  if (*submitter_->Poll() != 0) {
    return Error::Failure("the submitting client failed; what it said is in " + Path("submit.out"));
  }
  story_.Tell("all orders are submitted and acknowledged");
  return {};
}

bool Demo::ReaderHas(std::uint64_t number) const {
  replay::PosixStorage storage;
  const auto position = replay::LogReader::LastPosition(storage, Path("received"));
  return position && position->number == number;
}

/// Until both engines have answered everything and the reader has it.
Status Demo::Settle() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int settled = 0;
  while (settled < 10 && !diverged()) {
    pair_->RunFor(milliseconds(50));
    ShowPositions();
    if (!planting()) Events();
    settled =
        pair_->Settled() && ReaderHas(pair_->status(RoleId::kDedup).number()) ? settled + 1 : 0;
    if (Interrupted()) return Error::Failure("interrupted");
    if (std::chrono::steady_clock::now() > deadline) {
      return Error::Failure("the pair did not settle within 60 s; what it said is in " +
                            options_.folder);
    }
  }
  return {};
}

Status Demo::StopEverything() {
  reader_->Signal(SIGTERM);
  const auto reader = reader_->Wait(std::chrono::seconds(10));
  if (submitter_) submitter_->Kill();
  const auto exit_codes = pair_->StopAll();
  if (diverged()) return {};
  if (reader != 0) return Error::Failure("the reading client failed; see " + Path("record.out"));
  for (std::size_t i = 0; i < kRoles; ++i) {
    if (exit_codes[i] != 0) {
      return Error::Failure(std::string(NameOf(static_cast<RoleId>(i))) +
                            " did not stop cleanly; what it said is in " + options_.folder);
    }
  }
  story_.Tell("all roles stopped cleanly");
  return {};
}

/// Tells whether `folder` holds what the replay gives.
Result<bool> Demo::SameMessages(const std::string& what, const std::string& folder) {
  const auto sameness = CompareLogs(folder, Path("replayed"));
  if (!sameness) return sameness.error();
  if (sameness->same) {
    story_.Tell("%-25s %8lu messages, identical with the replay", what.c_str(),
                Plain(sameness->messages));
  } else if (sameness->is_prefix) {
    story_.Tell("%-25s %8lu messages, identical with the replay as far as it goes", what.c_str(),
                Plain(sameness->messages));
  } else {
    story_.Tell("%-25s DIFFERS from the replay at message %lu", what.c_str(),
                Plain(sameness->difference));
  }
  return sameness->same;
}

Result<ExitCode> Demo::Verdict() {
  story_.Tell("replaying the live input log in a fresh process");
  if (Status status = ReplayInput(); !status) return status.error();
  bool identical = true;
  for (const auto& [what, folder] :
       {std::pair<std::string, std::string>{"engine A's output", Path("a")},
        {"engine B's output", Path("b")},
        {"the merged stream", Path("merged")},
        {"what the client received", Path("received")}}) {
    const auto same = SameMessages(what, folder);
    if (!same) return same.error();
    identical = identical && *same;
  }
  const auto acknowledged =
      CheckAcknowledgements(Path("acknowledgements"), pair_->Folder(RoleId::kSequencer));
  if (!acknowledged) {
    story_.Tell("%s", acknowledged.error().text.c_str());
    identical = false;
  } else {
    story_.Tell("%-25s %8lu, each in the input exactly once", "acknowledged submissions",
                Plain(*acknowledged));
  }
  const pb::Status& dedup = pair_->status(RoleId::kDedup);
  const double seconds = story_.Seconds();
  std::printf("\n%s: %lu inputs, %lu outputs, %d kills, %.1f s\n",
              identical ? "IDENTICAL" : "NOT IDENTICAL",
              Plain(pair_->status(RoleId::kSequencer).number()), Plain(dedup.number()), kills_,
              seconds);
  return identical ? ExitCode::kYes : ExitCode::kDivergence;
}

Result<ExitCode> Demo::DivergenceVerdict() {
  const pb::Status& dedup = pair_->status(RoleId::kDedup);
  story_.Tell("the deduplicator stopped publishing at output %lu", Plain(dedup.number()));
  std::printf("\n%s\n", dedup.divergence().c_str());
  story_.Tell("replaying the input in a fresh process to see who is right");
  if (Status status = ReplayInput(); !status) return status.error();
  for (const auto& [what, folder] :
       {std::pair<std::string, std::string>{"engine A's output", Path("a")},
        {"engine B's output", Path("b")},
        {"the merged stream", Path("merged")}}) {
    if (const auto same = SameMessages(what, folder); !same) return same.error();
  }
  std::printf("\nDIVERGENCE at output %lu: published up to %lu, both engines agreed up to %lu\n",
              Plain(dedup.divergence_number()), Plain(dedup.number()), Plain(dedup.agreed()));
  return ExitCode::kDivergence;
}

/// `word` as a shell reads it.
std::string Quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+=@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char character : word) {
    if (character == '\'') {
      quoted += "'\\''";
    } else {
      quoted += character;
    }
  }
  return quoted + "'";
}

void Demo::PrintNextCommands() const {
  const std::string program = Quoted(std::filesystem::relative(ThisProgram()).string());
  const auto path = [&](const char* name) { return Quoted(Path(name)); };
  const auto show = [&](const std::string& arguments, const char* what) {
    std::printf("  %s %s\n      %s\n", program.c_str(), arguments.c_str(), what);
  };
  std::printf("\nEverything is in %s. Try next:\n", options_.folder.c_str());
  show("stat " + path("merged"), "what the clients were told, in numbers");
  show("cat " + path("merged") + " --count 10", "the first messages, decoded");
  show("diff " + path("a") + " " + path("b"), "compare the copies");
  show("verify " + path("input"), "check every byte of the input log");
  if (!planting()) {
    show("demo --plant bitflip", "see one engine caught lying");
  }
}

Status Demo::MakeFlow() {
  if (!options_.flow.empty()) {
    replay::PosixStorage storage;
    const auto log = replay::LogReader::Open(
        storage, options_.flow, {.from_number = replay::ReadOptions::kEnd, .check_digest = false});
    if (!log) return log.error();
    if (Status status = CheckIsInput(log->role(), options_.flow); !status) return status;
    options_.orders = log->position().number;
    story_.Tell("submitting what %s has, %lu messages", options_.flow.c_str(),
                Plain(options_.orders));
    return {};
  }
  story_.Tell("generating %lu orders over %lu symbols, seed %lu", Plain(options_.orders),
              Plain(options_.symbols), Plain(options_.seed));
  std::vector<std::string> generate = {"generate",
                                       "--orders",
                                       std::to_string(options_.orders),
                                       "--symbols",
                                       std::to_string(options_.symbols),
                                       "--seed",
                                       std::to_string(options_.seed),
                                       "-o",
                                       Path("flow")};
  // No order leaves the books without what was left of it being said, so a lie about it comes out.
  if (planting()) generate.push_back("--cancel-all");
  return RunToEnd("generate", generate);
}

Result<ExitCode> Demo::Run() {
  CatchInterrupts();
  spdlog::set_level(spdlog::level::warn);
  if (options_.application != "book" && options_.flow.empty()) {
    return Error::BadInput(
        "orders can be generated for book only; give --flow LOG, the inputs of " +
        options_.application + ", which `tandem import jsonl` makes of text");
  }
  if (Status status = MakeFolder(); !status) return status.error();
  if (Status status = MakeFlow(); !status) return status.error();
  auto pair = Pair::Make(ThisProgram(), options_.folder, "DEMO", options_.application);
  if (!pair) return pair.error();
  pair_ = std::move(*pair);
  std::vector<std::string> for_b;
  if (planting()) for_b = {"--plant-bitflip", std::to_string(options_.orders / 3)};
  if (Status status = pair_->StartAll(for_b); !status) return status.error();
  story_.Tell("started sequencer, engine A, engine B, deduplicator: processes %d, %d, %d, %d",
              pair_->pid(RoleId::kSequencer), pair_->pid(RoleId::kEngineA),
              pair_->pid(RoleId::kEngineB), pair_->pid(RoleId::kDedup));
  auto reader = Begin("record", {"record", pair_->stream(RoleId::kDedup), "-o", Path("received")});
  if (!reader) return reader.error();
  reader_.emplace(std::move(*reader));
  auto submitter =
      Begin("submit", {"submit", FlowFolder(), "--to", pair_->submissions(), "--rate",
                       std::to_string(options_.rate), "--acks", Path("acknowledgements")});
  if (!submitter) return submitter.error();
  submitter_.emplace(std::move(*submitter));
  story_.Tell("started a client that submits and one that reads the merged stream");
  if (planting()) {
    story_.Tell("one bit of engine B's state will be flipped after input %lu",
                Plain(options_.orders / 3));
  }

  Status status = Flow();
  if (status.ok()) status = Settle();
  if (status.ok()) status = StopEverything();
  if (!status) return status.error();
  const Result<ExitCode> verdict = diverged() ? DivergenceVerdict() : Verdict();
  if (!verdict) return verdict.error();
  PrintNextCommands();
  if (planting() && *verdict == ExitCode::kYes) {
    return Error{ExitCode::kNo, "the planted fault was not found: no output depended on it"};
  }
  return verdict;
}

}  // namespace

void RegisterDemo(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "demo", "Run a whole pair on this machine, kill its engines, and prove that nothing is lost",
      "  tandem demo\n"
      "  tandem demo --plant bitflip\n"
      "Exit codes: 0 everything is identical; 1 the planted fault was not found; 2 wrong usage;\n"
      "4 the copies differ, as they must with --plant; 5 interrupted, or failed at run time.\n",
      [options] { return Demo(*options).Run(); });
  command.add_option("--orders", options->orders, "Messages to generate and submit")
      ->check(WholeNumber(1'000, 100'000'000))
      ->capture_default_str();
  command.add_option("--symbols", options->symbols, "Symbols they are spread over")
      ->check(WholeNumber(1, 10'000))
      ->capture_default_str();
  command.add_option("--seed", options->seed, "Of the generated flow")
      ->check(WholeNumber())
      ->capture_default_str();
  command.add_option("--rate", options->rate, "Messages a second; 0: as fast as it goes")
      ->check(Rate())
      ->capture_default_str();
  command.add_option("--folder", options->folder,
                     "New folder for logs and outputs; default: demo/DATE-TIME, made unique");
  command.add_option("--app", options->application, "Application to run: " + ApplicationChoice())
      ->capture_default_str();
  command
      .add_option("--flow", options->flow,
                  "Log of inputs to submit, in place of generated orders; for other applications")
      ->type_name("LOG");
  command.add_option("--plant", options->plant, "bitflip: damage one engine's state in mid-flow")
      ->check(CLI::IsMember({"bitflip"}));
}

}  // namespace tandem::tools
