// SPDX-License-Identifier: Apache-2.0
#include "replay/replay.h"

#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <memory>

#include "engine/live/log_folder.h"
#include "replay/image.h"
#include "replay/portable.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/json_text.h"
#include "tools/log_end.h"
#include "tools/message_names.h"
#include "tools/moment.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/pace.h"
#include "tools/replay_against.h"
#include "tools/replay_progress.h"
#include "tools/replay_saves.h"

namespace tandem::tools {

namespace {

struct Options {
  std::string input;
  std::string output;
  std::string against;
  std::optional<Moment> from;
  std::optional<Moment> to;
  std::string image;     ///< to begin with
  std::string portable;  ///< to begin with
  ReplaySaveOptions saves;
  double speed = 0;  ///< 0: as fast as it goes
  bool json = false;
  ApplicationOptions application;
};

class Job {
 public:
  explicit Job(const Options& options) : options_(options) {}

  Result<ExitCode> Run() {
    if (options_.output.empty() && options_.against.empty() && options_.saves.image.empty() &&
        options_.saves.portable.empty()) {
      return Error::BadInput(
          "there is nothing to do with the outputs: give -o FOLDER to write them, --against FOLDER "
          "to compare them with recorded ones, or both; or --image-out FILE, or --portable-out "
          "FOLDER, for the state");
    }
    if (options_.saves.image_at != 0 && options_.saves.image.empty()) {
      return Error::BadInput("--image-at says where an image is to be; give --image-out FILE too");
    }
    auto made = options_.application.Make();
    if (!made) return made.error();
    application_ = std::move(made->application);
    if (!options_.saves.portable.empty() && replay::PortableSchemaOf(*application_).empty()) {
      return replay::HasNoPortableForm(*application_);
    }
    if (Status status = CheckPlaces(); !status) return status.error();
    if (Status status = OpenInput(); !status) return status.error();
    if (Status status = CheckImageAt(); !status) return status.error();
    CatchInterrupts();
    if (Status status = PassOver(); !status) return status.error();
    if (Status status = OpenAgainst(); !status) return status.error();
    if (Status status = OpenOutput(); !status) return status.error();
    return Replay();
  }

 private:
  [[nodiscard]] Status CheckPlaces() const {
    if (!options_.output.empty()) {
      Status status = CheckOutside("-o", options_.output, options_.input);
      if (!status) return status;
    }
    return saves_.CheckPlaces(options_.input);
  }

  Status OpenInput() {
    auto input = replay::LogReader::Open(storage_, options_.input, {.check_digest = false});
    if (!input) return input.error();
    input_.emplace(std::move(*input));
    if (Status status = CheckIsInput(input_->role(), options_.input); !status) return status;
    const auto unknown = CheckMessageNames(storage_, options_.input, *input_, *application_);
    if (!unknown) return unknown.error();
    NoteAll(*unknown);
    auto end = replay::LogReader::FindEnd(storage_, options_.input);
    if (!end) return end.error();
    end_ = end->last.number;
    damage_ = std::move(end->damage);
    if (Status status = Begin(); !status) return status;
    const std::uint64_t next = application_->resume_point().input.number + 1;
    if (input_->first_number() > next) {
      return Error::BadInput("the input log " + options_.input + " begins at message " +
                             std::to_string(input_->first_number()) +
                             "; a replay needs it from message " + std::to_string(next) + " on");
    }
    auto skips = replay::ReadSkips(storage_, options_.input);
    if (!skips) return skips.error();
    NoteAll(skips->not_read());
    skips_ = std::move(*skips);
    const auto range = RangeOf(storage_, options_.input, options_.from, options_.to);
    if (!range) return range.error();
    range_ = {.first = std::max(range->first, options_.from ? 1 : next), .last = range->last};
    if (range_.first < next) {
      return Error::BadInput(BeginsFrom() + " stands after input " + std::to_string(next - 1) +
                             ", so --from " + options_.from->text() +
                             " is behind it; give an older one, or none");
    }
    if (options_.from && range_.first > end_) {
      if (damage_) return *damage_;
      return Error::BadInput("the input log " + options_.input + " ends at message " +
                             std::to_string(end_) + "; --from " + options_.from->text() +
                             " is not in it");
    }
    if (options_.to && range_.last + 1 < std::max(next, input_->first_number() + 1)) {
      return Error::BadInput(next > 1 ? BeginsFrom() + " stands after input " +
                                            std::to_string(next - 1) + ", and --to " +
                                            options_.to->text() +
                                            " is before it; give an older one, or none"
                                      : "the input log " + options_.input + " begins at message " +
                                            std::to_string(input_->first_number()) + "; --to " +
                                            options_.to->text() + " is before it");
    }
    return {};
  }

  [[nodiscard]] std::string BeginsFrom() const {
    return options_.image.empty() ? "the portable snapshot " + options_.portable
                                  : "the image " + options_.image;
  }

  /// Takes the state to begin with, if one is given, and goes to the input behind it.
  Status Begin() {
    if (options_.image.empty() && options_.portable.empty()) return {};
    if (Status status = options_.image.empty() ? BeginFromPortable() : BeginFromImage(); !status) {
      return status;
    }
    const std::uint64_t number = application_->resume_point().input.number;
    if (number > end_) {
      if (damage_) return *damage_;
      return Error::BadInput(BeginsFrom() + " stands after input " + std::to_string(number) +
                             ", and the input log " + options_.input + " ends at " +
                             std::to_string(end_) + "; give the log that has what was stepped");
    }
    if (input_->first_number() > number + 1) return {};
    auto input = replay::LogReader::Open(storage_, options_.input,
                                         {.from_number = number + 1, .check_digest = false});
    if (!input) return input.error();
    input_.emplace(std::move(*input));
    return {};
  }

  Status BeginFromPortable() {
    const auto session = replay::ReadPortable(storage_, options_.portable, *application_);
    if (!session) return session.error();
    if (*session == input_->session()) return {};
    return Error::BadInput(BeginsFrom() + " is of session \"" + session->str() +
                           "\", and the input log " + options_.input + " of session \"" +
                           input_->session().str() + "\"");
  }

  Status BeginFromImage() {
    auto image = replay::StateImage::Open(options_.image);
    if (!image) return image.error();
    if (Status status = image->zone().Verify(); !status) return status;
    return replay::Restore(*application_, *image, input_->session());
  }

  Status CheckImageAt() {
    const std::uint64_t first = application_->resume_point().input.number + 1;
    const std::uint64_t last = std::min(range_.last, end_);
    if (options_.saves.image_at == 0 ||
        (options_.saves.image_at >= first && options_.saves.image_at <= last)) {
      return {};
    }
    if (damage_ && options_.saves.image_at > end_ && options_.saves.image_at <= range_.last)
      return *damage_;
    return Error::BadInput("--image-at " + std::to_string(options_.saves.image_at) +
                           " is none of the inputs that are stepped, " + std::to_string(first) +
                           " to " + std::to_string(last));
  }

  Status WriteImage() { return saves_.WriteImage(*application_, input_->session()); }

  /// Steps what comes before --from, for the state that it leaves.
  Status PassOver() {
    const std::uint64_t next = application_->resume_point().input.number + 1;
    if (range_.first == next) return {};
    ReplayProgressLine line(range_.first - next, 0);
    const auto passed = replay::Replay(*application_, *input_,
                                       {.last = range_.first - 1,
                                        .skips = &skips_,
                                        .on_progress =
                                            [&](const replay::ReplayProgress& so_far) {
                                              line.Show(so_far);
                                              return !Interrupted();
                                            },
                                        .look_after = options_.saves.image_at,
                                        .look = [this] { return WriteImage(); }});
    line.Clear();
    if (!passed) return passed.error();
    return Interrupted()
               ? Status(Error::Failure("interrupted before input " + std::to_string(range_.first)))
               : Status();
  }

  [[nodiscard]] proto::StreamPosition position() { return application_->resume_point().output; }

  Status OpenAgainst() {
    if (options_.against.empty()) return {};
    auto against = ReplayAgainst::Open(storage_, options_.against, input_->session(), position());
    if (!against) return against.error();
    against_.emplace(std::move(*against));
    return {};
  }

  Status OpenOutput() {
    if (options_.output.empty()) return {};
    if (storage_.FolderExists(options_.output)) {
      const auto names = storage_.List(options_.output);
      if (!names) return names.error();
      if (!names->empty()) {
        return Error::BadInput("the folder " + options_.output +
                               " is not empty; give -o a new folder for the outputs");
      }
    }
    engine::NewLogFolder folder(storage_, options_.output);
    auto output = replay::LogWriter::Open(storage_, options_.output,
                                          {.session = input_->session(),
                                           .role = replay::kOutputRole,
                                           .schema = application_->info().schema,
                                           .start = position()});
    if (!output) {
      folder.TakeBack();
      return output.error();
    }
    output_.emplace(std::move(*output));
    return {};
  }

  Result<ExitCode> Replay() {
    const NumberRange taken{range_.first, std::min(range_.last, end_)};
    std::optional<SpeedPace> pace;
    double paced_seconds = 0;
    if (options_.speed > 0) {
      const auto recorded = RecordedSeconds(storage_, options_.input, taken);
      if (!recorded) return recorded.error();
      paced_seconds = *recorded / options_.speed;
      pace.emplace(options_.speed);
    }
    ReplayProgressLine line(taken.last + 1 - taken.first, paced_seconds);
    const auto result = replay::Replay(*application_, *input_,
                                       {.last = range_.last,
                                        .output = output_ ? &*output_ : nullptr,
                                        .against = against_ ? &against_->log() : nullptr,
                                        .skips = &skips_,
                                        .pace = pace ? &*pace : nullptr,
                                        .on_progress =
                                            [&](const replay::ReplayProgress& so_far) {
                                              line.Show(so_far);
                                              return !Interrupted();
                                            },
                                        .look_after = options_.saves.image_at,
                                        .look = [this] { return WriteImage(); }});
    const double seconds = line.Seconds();
    line.Clear();
    Status closed;
    if (output_) closed = output_->Close();
    if (!result || !closed) {
      Error error = result ? closed.error() : result.error();
      if (output_) {
        error.text += "; " + options_.output +
                      " is kept, with the outputs up to then: remove it before you replay into it "
                      "again";
      }
      return error;
    }
    // The input may end where it was cut, or before a segment that does not follow.
    if (!result->difference && !Interrupted() &&
        input_->Next(range_.last) == replay::ReadOutcome::kEnd &&
        input_->position().number < range_.last) {
      auto problems = replay::EndProblems(storage_, options_.input, *input_);
      if (!problems) return problems.error();
      end_problems_ = std::move(*problems);
      NoteAll(end_problems_);
    }
    if (!result->difference && (!Interrupted() || AtEnd())) {
      if (Status status = saves_.Finish(*application_, input_->session()); !status) {
        Error error = status.error();
        if (output_) error.text += "; the outputs in " + options_.output + " are whole and kept";
        return error;
      }
    }
    return Tell(*result, seconds);
  }

  Result<ExitCode> Tell(const replay::ReplayResult& result, double seconds) {
    if (against_) {
      const bool whole = range_.last >= end_ && !options_.to && AtEnd();
      if (Status status =
              against_->Judge(result, options_.input, application_->info().schema, whole);
          !status) {
        return status.error();
      }
      if (Status status = against_->NoteEnd(result); !status) return status.error();
    }
    Output output;
    output.text = options_.json ? Json(result, seconds) : Text(result, seconds);
    if (Status status = output.Flush(); !status) return status.error();
    if (options_.to && options_.to->is_number() && range_.last > end_) {
      std::fprintf(stderr,
                   "tandem: note: --to %" PRIu64
                   " is beyond the end: %s ends with message "
                   "%" PRIu64 "\n",
                   range_.last, options_.input.c_str(), end_);
    }
    if (against_ && !against_->same()) return ExitCode::kNo;
    return Interrupted() && !AtEnd() ? ExitCode::kFailure : ExitCode::kYes;
  }

  /// Were all inputs taken that were asked for?
  [[nodiscard]] bool AtEnd() {
    return application_->resume_point().input.number >= std::min(range_.last, end_);
  }

  std::string Text(const replay::ReplayResult& result, double seconds) {
    const double inputs = static_cast<double>(result.progress.inputs);
    const double outputs = static_cast<double>(result.progress.outputs);
    char line[256];
    std::snprintf(line, sizeof line,
                  "%" PRIu64 " inputs, %" PRIu64
                  " outputs in %.3f s: %.2f M inputs/s, %.2f M messages/s; digest %016" PRIx64
                  "%s\n",
                  result.progress.inputs, result.progress.outputs, seconds, inputs / seconds / 1e6,
                  (inputs + outputs) / seconds / 1e6, position().digest,
                  Interrupted() && !AtEnd() ? "; interrupted before the end" : "");
    return line + (against_ ? against_->text() : "") + saves_.Text();
  }

  std::string Json(const replay::ReplayResult& result, double seconds) {
    char line[256];
    std::snprintf(line, sizeof line,
                  "{\"inputs\":%" PRIu64 ",\"outputs\":%" PRIu64
                  ",\"seconds\":%.3f,\"last_input\":%" PRIu64 ",\"last_output\":%" PRIu64
                  ",\"digest\":\"%016" PRIx64 "\",\"interrupted\":%s",
                  result.progress.inputs, result.progress.outputs, seconds,
                  application_->resume_point().input.number, position().number, position().digest,
                  Interrupted() && !AtEnd() ? "true" : "false");
    std::string json = line + EndJson("input_end_problems", end_problems_);
    if (against_) {
      json += EndJson("recorded_end_problems", against_->end_problems()) + "," + against_->json();
    }
    return json + saves_.Json() + "}\n";
  }

  static std::string EndJson(const std::string& name, const std::vector<std::string>& problems) {
    std::string out = ",\"" + name + "\":[";
    for (std::size_t i = 0; i < problems.size(); ++i) {
      if (i > 0) out += ',';
      AppendJsonText(problems[i], &out);
    }
    return out + "]";
  }

  const Options& options_;
  replay::PosixStorage storage_;
  std::unique_ptr<replay::Application> application_;
  std::optional<replay::LogReader> input_;
  std::uint64_t end_ = 0;                  ///< last input there is
  std::optional<Error> damage_;            ///< that follows it
  std::vector<std::string> end_problems_;  ///< of the input, if the replay got there
  replay::Skips skips_;
  NumberRange range_;  ///< of the inputs whose outputs are wanted
  std::optional<ReplayAgainst> against_;
  std::optional<replay::LogWriter> output_;
  ReplaySaves saves_{storage_, options_.saves};
};

Result<ExitCode> Run(const Options& options) {
  Result<ExitCode> result = Job(options).Run();
  WarnOfHeapAllocations();
  return result;
}

CLI::Validator Speed() {
  return CLI::Validator(
      [](std::string& text) {
        char* end = nullptr;
        const double speed = std::strtod(text.c_str(), &end);
        const bool is_speed = end != text.c_str() && *end == '\0' && std::isfinite(speed);
        return is_speed && speed >= 0
                   ? std::string()
                   : "\"" + text +
                         "\" is not a speed; give 1 for the recorded pace, 10 for ten "
                         "times that, or 0 for as fast as it goes";
      },
      "");
}

}  // namespace

void RegisterReplay(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("replay", "Run an application over a recorded input log",
                   "  tandem generate --orders 100000 -o flow\n"
                   "  tandem replay flow --app book -o out\n"
                   "  tandem replay flow --app book --against out\n"
                   "  tandem replay flow --app book --image-out state --image-at 50000\n"
                   "  tandem replay flow --app book --image state --against out\n"
                   "  tandem replay flow --to 50000 --portable-out noon -o morning\n"
                   "  tandem replay flow --portable noon -o afternoon\n"
                   "  tandem replay flow --from 50001 --to 09:30:00.9 --speed 0.5 -o part\n",
                   [options] { return Run(*options); });
  command.add_option("INPUT", options->input, "Folder of the input log")->required();
  command.add_option("-o,--output", options->output, "New folder for the output log")
      ->check(NotEmpty());
  command
      .add_option("--against", options->against,
                  "Folder of recorded outputs: compare with them and stop at the first "
                  "difference, exit code 1; that is it too if there was nothing to compare")
      ->check(NotEmpty());
  CLI::Option* const image =
      command
          .add_option("--image", options->image,
                      "Begin from this image of the state instead of from nothing; the outputs are "
                      "those of the inputs after it")
          ->check(NotEmpty("file"))
          ->type_name("FILE");
  command
      .add_option("--image-out", options->saves.image, "Write an image of the state to this file")
      ->check(NotEmpty("file"))
      ->type_name("FILE");
  command
      .add_option("--image-at", options->saves.image_at,
                  "Write it as the state is after this input; default: after the last")
      ->check(WholeNumber(1))
      ->type_name("NUMBER");
  command
      .add_option("--portable", options->portable,
                  "Begin from this portable snapshot, whatever build or layout wrote it")
      ->check(NotEmpty())
      ->excludes(image)
      ->type_name("FOLDER");
  command
      .add_option("--portable-out", options->saves.portable,
                  "Write a portable snapshot of the state after the last input")
      ->check(NotEmpty())
      ->type_name("FOLDER");
  AddMoment(command, "--from", options->from,
            "Leave out the outputs of the inputs before this one; they are stepped all the same");
  AddMoment(command, "--to", options->to, "Stop after this input; default: the last");
  command
      .add_option("--speed", options->speed,
                  "1: at the recorded pace, 10: ten times as fast; 0: as fast as it goes")
      ->check(Speed())
      ->capture_default_str();
  command.add_flag("--json", options->json,
                   "Tell the result as JSON, with what is wrong behind the end of the input as "
                   "input_end_problems, and of the log of --against as recorded_end_problems");
  options->application.AddTo(command);
}

}  // namespace tandem::tools
