// SPDX-License-Identifier: Apache-2.0
#include "tools/check_run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "engine/live/progress.h"
#include "pools/perturbation.h"
#include "replay/image.h"
#include "replay/log_writer.h"
#include "replay/skips.h"
#include "replay/stepper.h"
#include "tools/cause_log.h"
#include "tools/check_states.h"
#include "tools/command.h"
#include "tools/field_filter.h"
#include "tools/held_clock.h"
#include "tools/interrupt.h"
#include "tools/log_end.h"
#include "tools/message_names.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

constexpr std::size_t kBatch = 256;      ///< inputs that are read together
constexpr std::size_t kBatchMax = 4096;  ///< with another size each time
constexpr std::size_t kGapMax = 64;      ///< bytes between two of them

/// Inputs that are stepped one after the other from one piece of memory, which is overwritten
/// before it is used again or given back.
class Batch {
 public:
  explicit Batch(std::uint64_t seed) : seed_(seed), random_(seed) {}

  /// Reads the next inputs; false: `reader` says why there are none.
  bool Read(LogReader& reader, std::uint64_t last) {
    const std::size_t count = seed_ == 0 ? kBatch : 1 + random_.Below(kBatchMax);
    Forget();
    outcome_ = ReadOutcome::kMessage;
    while (places_.size() < count && (outcome_ = reader.Next(last)) == ReadOutcome::kMessage) {
      if (seed_ != 0) bytes_.resize(bytes_.size() + random_.Below(kGapMax));
      const auto& bytes = reader.message().bytes;
      places_.push_back({bytes_.size(), bytes.size()});
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    return !places_.empty();
  }
  [[nodiscard]] ReadOutcome outcome() const { return outcome_; }
  [[nodiscard]] std::size_t count() const { return places_.size(); }
  [[nodiscard]] proto::MessageView message(std::size_t index) const {
    const auto view =
        proto::ParseMessage(std::span(bytes_).subspan(places_[index].first, places_[index].second));
    ENSURE(view.has_value(), "the log gave something that is no message");
    return *view;
  }

 private:
  void Forget() {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0xee});
    places_.clear();
    bytes_.clear();
    if (seed_ != 0) bytes_.shrink_to_fit();
  }

  std::uint64_t seed_;
  pools::Shuffler random_;
  ReadOutcome outcome_ = ReadOutcome::kMessage;
  std::vector<std::byte> bytes_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;
};

/// Threads that compute for a while and sleep for a while, to the end of the object.
class BusyThreads {
 public:
  explicit BusyThreads(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) threads_.emplace_back([this, i] { Work(i); });
  }
  ~BusyThreads() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;

 private:
  void Work(std::uint64_t seed) const {
    pools::Shuffler random(seed);
    while (!stop_.load(std::memory_order_relaxed)) {
      for (std::uint64_t i = random.Below(20'000); i > 0 && !stop_; --i) (void)random.Below(2);
      std::this_thread::sleep_for(std::chrono::microseconds(random.Below(300)));
    }
  }

  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// Leaves that byte in the stack below the caller, where the step will have its variables.
[[gnu::noinline]] void FillStack(std::uint8_t byte) {
  constexpr std::size_t kBytes = 32 << 10;
  char area[kBytes];
  std::memset(area, byte, kBytes);
  asm volatile("" : : "r"(area) : "memory");
}

/// What is done between steps, and may not be seen in any output.
class Between {
 public:
  Between(const CheckRunOptions& options, replay::Application& application)
      : options_(options),
        application_(application),
        order_(options.order_seed),
        stack_(options.stack_seed) {}

  void BeforeStep() {
    if (options_.order_seed != 0) ShuffleSometimes();
    if (options_.stack_seed != 0) FillStack(static_cast<std::uint8_t>(1 + stack_.Below(255)));
  }

 private:
  /// Often while little is free; where much is, so that it takes a small part of the time.
  void ShuffleSometimes() {
    constexpr std::uint64_t kBlocksPerStep = 64;
    constexpr std::uint64_t kStepsMax = 8;
    if (wait_ > 0) {
      --wait_;
      return;
    }
    const std::uint64_t blocks = application_.ShuffleFree(1 + order_.Below(~std::uint64_t{0}));
    wait_ = order_.Below(kStepsMax) + blocks / kBlocksPerStep;
  }

  const CheckRunOptions& options_;
  replay::Application& application_;
  pools::Shuffler order_;
  pools::Shuffler stack_;
  std::uint64_t wait_ = 0;
};

class Job {
 public:
  explicit Job(const CheckRunOptions& options) : options_(options), batch_(options.batch_seed) {}

  Result<ExitCode> Run() {
    if (options_.clock_ns) {
      if (Status status = HoldWallClock(*options_.clock_ns); !status) return status.error();
    }
    auto made = options_.application.Make();
    if (!made) return made.error();
    application_ = std::move(made->application);
    if (Status status = GoOn(); !status) return status.error();
    if (Status status = Open(); !status) return status.error();
    CatchInterrupts();
    if (Status status = StepAll(); !status) return status.error();
    if (Interrupted()) return Error::Failure("interrupted");
    if (Status status = Finish(); !status) return status.error();
    std::ofstream file(options_.report);
    file << ToText(report_) << std::flush;
    if (!file) return Error::Failure("cannot write " + options_.report);
    return report_.same ? ExitCode::kYes : ExitCode::kNo;
  }

 private:
  [[nodiscard]] const replay::ResumePoint& point() { return application_->resume_point(); }

  /// What the image of the process before this one holds.
  Status GoOn() {
    if (options_.image.empty()) return {};
    const auto image = replay::StateImage::Open(options_.image);
    if (!image) return image.error();
    if (Status status = replay::Restore(*application_, *image); !status) return status;
    if (Status status = image->zone().Verify(); !status) return status;
    std::filesystem::remove(options_.image);  // it stays mapped
    report_.inputs = point().input.number;
    report_.outputs = point().output.number;
    return {};
  }

  Status Open() {
    auto input = LogReader::Open(storage_, options_.input,
                                 {.from_number = point().input.number + 1, .check_digest = false});
    if (!input) return input.error();
    input_.emplace(std::move(*input));
    const auto unknown = CheckMessageNames(storage_, options_.input, *input_, *application_);
    if (!unknown) return unknown.error();
    if (options_.is_first) NoteAll(*unknown);
    const auto end = LogReader::FindEnd(storage_, options_.input);
    if (!end) return end.error();
    if (end->damage && end->last.number < options_.last) return *end->damage;
    inputs_ = std::min(end->last.number, options_.last);
    states_ = CheckStates(inputs_);
    auto skips = replay::ReadSkips(storage_, options_.input);
    if (!skips) return skips.error();
    if (options_.is_first) NoteAll(skips->not_read());
    skips_ = std::move(*skips);
    if (options_.is_first) {
      auto output = replay::LogWriter::Open(storage_, options_.outputs,
                                            {.session = input_->session(),
                                             .role = replay::kOutputRole,
                                             .schema = application_->info().schema});
      if (!output) return output.error();
      output_.emplace(std::move(*output));
    } else {
      auto before =
          LogReader::Open(storage_, options_.outputs,
                          {.from_number = point().output.number + 1, .check_digest = false});
      if (!before) return before.error();
      before_.emplace(std::move(*before));
      if (options_.same_state) {
        if (Status status = states_.Read(options_.states); !status) return status;
      }
    }
    return progress_.Open(options_.progress, input_->session());
  }

  Status StepAll() {
    replay::Stepper stepper(*application_, input_->session());
    stepper.PassOver(skips_);
    const BusyThreads busy(options_.busy_threads);
    Between between(options_, *application_);
    const std::uint64_t restart = RestartAfter();
    while (report_.same && !Interrupted() && batch_.Read(*input_, options_.last)) {
      for (std::size_t i = 0; i < batch_.count() && report_.same; ++i) {
        const proto::MessageView message = batch_.message(i);
        progress_.Begin(message.header);
        between.BeforeStep();
        if (Status status = stepper.Apply(message); !status) return status;
        progress_.End(message.header.number);
        ++report_.inputs;
        if (Status status = Take(stepper.outputs()); !status) return status;
        if (Status status = TakeState(message.header.number); !status) return status;
        if (message.header.number == restart && report_.same) return Restart();
      }
      if (output_) {
        if (Status status = output_->Flush(); !status) return status;
      }
    }
    return batch_.outcome() == ReadOutcome::kDamaged ? input_->error() : Status();
  }

  Status Take(const replay::OutputBatch& outputs) {
    for (std::size_t i = 0; i < outputs.count(); ++i) {
      const std::span<const std::byte> now = outputs.message(i);
      ++report_.outputs;
      if (output_) {
        output_->Append(now);
        continue;
      }
      const ReadOutcome outcome = before_->Next();
      if (outcome == ReadOutcome::kDamaged) return before_->error();
      const bool is_there = outcome == ReadOutcome::kMessage;
      if (is_there && proto::SameBytes(before_->message().bytes, now)) continue;
      return Differ(is_there ? before_->message().bytes : std::span<const std::byte>(), now);
    }
    return {};
  }

  /// The input after which this process is to end, some eight times in a run; 0: none.
  [[nodiscard]] std::uint64_t RestartAfter() {
    if (options_.restore_seed == 0) return 0;
    constexpr std::uint64_t kLivesPerRun = 4;
    pools::Shuffler random(options_.restore_seed + point().input.number);
    return point().input.number + 1 + random.Below(1 + inputs_ / kLivesPerRun);
  }

  /// Writes an image and begins the program anew, in the same process, as far as others see.
  Status Restart() {
    const std::string path = options_.report + ".image";
    const auto written = replay::WriteImage(*application_, input_->session(), path);
    if (!written) return written.error();
    std::vector<std::string> arguments = OwnArguments();
    const auto image = std::ranges::find(arguments, "--image");
    if (image != arguments.end()) arguments.erase(image, image + 2);
    arguments.insert(arguments.end(), {"--image", path});
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv("/proc/self/exe", pointers.data());
    return Error::Failure(std::string("cannot start the program anew: ") + std::strerror(errno));
  }

  static std::vector<std::string> OwnArguments() {
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
    return arguments;
  }

  Status TakeState(std::uint64_t input) {
    const bool is_due = states_.IsDue(input) || input == inputs_;
    if (!is_due || !(options_.is_first || options_.same_state) || !report_.same) return {};
    const auto hash = replay::StateHash(*application_);
    if (!hash) return hash.error();
    if (options_.is_first) {
      states_.Add(input, *hash);
      return {};
    }
    const auto first = states_.After(input);
    if (!first || *first == *hash) return {};
    report_.same = false;
    report_.cause = input;
    const std::string same = std::to_string(states_.Before(input));
    report_.text = "  its outputs are the same; after input " + same + " the state was too\n";
    report_.json =
        "{\"number\":0,\"input\":" + std::to_string(input) + ",\"state_same_after\":" + same + "}";
    return {};
  }

  Status Finish() {
    report_.digest = application_->resume_point().output.digest;
    if (output_) {
      if (Status status = states_.Write(options_.states); !status) return status;
      return output_->Close();
    }
    if (!report_.same) return {};
    switch (before_->Next()) {
      case ReadOutcome::kEnd:
        return {};
      case ReadOutcome::kDamaged:
        return before_->error();
      case ReadOutcome::kMessage:
        break;
    }
    return Differ(before_->message().bytes, {});
  }

  /// What there is to say of output `before` of the first run and `now` of this one; empty: none.
  Status Differ(std::span<const std::byte> before, std::span<const std::byte> now) {
    const auto first = proto::ParseMessage(before);
    const auto here = proto::ParseMessage(now);
    report_.same = false;
    report_.number = (first ? first : here)->header.number;
    report_.cause = std::min(first ? first->header.origin : UINT64_MAX,
                             here ? here->header.origin : UINT64_MAX);
    auto schema = proto::Schema::Parse(application_->info().schema);
    if (!schema) return schema.error();
    CauseLog causes(storage_, options_.input);
    const auto known = causes.GoTo(report_.cause);
    if (!known) return known.error();
    const auto text = [&](const auto& message) {
      return message ? schema->Text(*message) : std::string("(no such output)");
    };
    const auto json = [&](const auto& message) {
      return message ? schema->Json(*message) : std::string("null");
    };
    std::vector<proto::FieldDifference> fields;
    if (first && here) fields = FieldFilter().Differences(*schema, *first, *schema, *here);
    if (*known) report_.text = "  cause:      " + causes.schema().Text(causes.message()) + "\n";
    report_.text += "  first run:  " + text(first) + "\n  this run:   " + text(here) + "\n" +
                    TextOf(fields, "  ", "first run", "this run");
    report_.json = "{\"number\":" + std::to_string(report_.number) +
                   ",\"input\":" + std::to_string(report_.cause) +
                   ",\"cause\":" + (*known ? causes.schema().Json(causes.message()) : "null") +
                   ",\"first_run\":" + json(first) + ",\"this_run\":" + json(here) +
                   ",\"fields\":" + JsonOf(fields) + "}";
    return {};
  }

  const CheckRunOptions& options_;
  replay::PosixStorage storage_;
  std::unique_ptr<replay::Application> application_;
  std::optional<LogReader> input_;
  std::uint64_t inputs_ = 0;  ///< the last one to take
  CheckStates states_;
  replay::Skips skips_;
  std::optional<replay::LogWriter> output_;  ///< of the first run
  std::optional<LogReader> before_;          ///< what the first run wrote
  engine::Progress progress_;
  Batch batch_;
  CheckRunReport report_;
};

}  // namespace

std::string ToText(const CheckRunReport& report) {
  std::ostringstream text;
  text << "tandem check-run\n"
       << report.same << ' ' << report.inputs << ' ' << report.outputs << ' ' << report.digest
       << ' ' << report.number << ' ' << report.cause << '\n'
       << report.json << '\n'
       << report.text << "end\n";
  return text.str();
}

std::optional<CheckRunReport> ReadCheckRunReport(const std::string& file) {
  std::ifstream in(file);
  CheckRunReport report;
  std::string line;
  if (!std::getline(in, line) || line != "tandem check-run") return std::nullopt;
  in >> report.same >> report.inputs >> report.outputs >> report.digest >> report.number >>
      report.cause;
  if (!std::getline(in, line) || !std::getline(in, report.json)) return std::nullopt;
  while (std::getline(in, line) && line != "end") report.text += line + "\n";
  return line == "end" ? std::optional(report) : std::nullopt;
}

void RegisterCheckRun(Commands& commands) {
  auto options = std::make_shared<CheckRunOptions>();
  CLI::App& command = commands.Add("check-run", "One run under `tandem check`", "",
                                   [options] { return Job(*options).Run(); });
  command.group("");
  command.add_option("INPUT", options->input)->required();
  command.add_option("--outputs", options->outputs)->required();
  command.add_option("--report", options->report)->required();
  command.add_option("--progress", options->progress)->required();
  command.add_flag("--first", options->is_first);
  command.add_option("--to", options->last);
  command.add_option("--clock", options->clock_ns);
  command.add_option("--order-seed", options->order_seed);
  command.add_option("--stack-seed", options->stack_seed);
  command.add_option("--batch-seed", options->batch_seed);
  command.add_option("--busy-threads", options->busy_threads);
  command.add_option("--restore-seed", options->restore_seed);
  command.add_option("--image", options->image);
  command.add_option("--states", options->states)->required();
  command.add_flag("--same-state", options->same_state);
  command.add_option("--chain-seed", options->application.perturbation.chain_seed);
  command.add_option("--fill", options->application.perturbation.fill);
  options->application.AddTo(command);
}

}  // namespace tandem::tools
