// SPDX-License-Identifier: Apache-2.0
//
// tandem bisect: after which message a state was wrong, and what in it.
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "proto/schema.h"
#include "replay/log_reader.h"
#include "tools/bisect_damage.h"
#include "tools/bisect_side.h"
#include "tools/command.h"
#include "tools/image_folder.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/state_text.h"

namespace tandem::tools {
namespace {

constexpr std::uint64_t kDifferencesShown = 20;

struct Options {
  std::vector<std::string> images;
  std::string input;
  bool from_nothing = false;
  std::string app_b;
  std::string address_b;
  std::vector<std::string> pools_b;
  std::uint64_t to = 0;
  bool json = false;
  ApplicationOptions application;

  [[nodiscard]] bool has_second() const {
    return !app_b.empty() || !address_b.empty() || !pools_b.empty();
  }
};

std::string Plain(std::uint64_t number) { return std::to_string(number); }

/// The image that lies there, or all of a folder, oldest first.
Result<std::vector<FoundImage>> ImagesOf(const Options& options) {
  std::vector<FoundImage> all;
  for (const std::string& path : options.images) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
      std::vector<PassedBy> passed_by;
      auto found = ImagesIn(path, &passed_by);
      if (!found) return found.error();
      for (FoundImage& one : *found) {
        const auto image = replay::StateImage::Open(one.path);
        const Status whole = image ? image->zone().Verify() : Status(image.error());
        if (whole) {
          all.push_back(std::move(one));
        } else {
          passed_by.push_back({one.path, whole.error().text});
        }
      }
      const bool is_incident = std::filesystem::exists(path + "/facts.txt", ignored);
      for (const PassedBy& file : passed_by) {
        const std::string name = std::filesystem::path(file.path).filename().string();
        if (is_incident && name != "image" && name != "start") continue;
        std::fprintf(stderr, "tandem: note: passed by: %s: %s\n", file.path.c_str(),
                     file.why.c_str());
      }
      continue;
    }
    const auto image = replay::StateImage::Open(path);
    if (!image) return image.error();
    all.push_back({path, image->label(), image->zone().about().written_ns});
  }
  std::stable_sort(all.begin(), all.end(), [](const FoundImage& a, const FoundImage& b) {
    return a.label.input.number < b.label.input.number;
  });
  return all;
}

/// Input `number` of the log, decoded; empty if it cannot be had.
std::string MessageText(const std::string& log, std::uint64_t number) {
  replay::PosixStorage storage;
  auto reader =
      replay::LogReader::Open(storage, log, {.from_number = number, .check_digest = false});
  if (!reader || reader->Next() != replay::ReadOutcome::kMessage) return "";
  auto schema = proto::Schema::Parse(reader->schema());
  if (!schema) return "";
  std::string text;
  schema->AppendJson(reader->message(), &text);
  return text;
}

/// Says on a terminal what goes on.
class Note {
 public:
  void Show(const std::string& text) const {
    if (::isatty(STDERR_FILENO) == 1) std::fprintf(stderr, "\r%s\033[K", text.c_str());
  }
  ~Note() { Show(""); }
};

/// The images of one engine along a replay.
class Damage {
 public:
  explicit Damage(const Options& options) : options_(options) {}

  Result<ExitCode> Run() {
    auto images = ImagesOf(options_);
    if (!images) return images.error();
    if (Status status = Begin(*images); !status) return status.error();
    for (std::size_t i = first_; i < images->size(); ++i) {
      const FoundImage& found = (*images)[i];
      note_.Show("replays to input " + Plain(found.label.input.number));
      auto image = LoadedImage::Load(found.path);
      if (!image) return image.error();
      if (Status alike = CheckMadeAlike(**image, *replay_); !alike) return alike.error();
      if (Status status = replay_->StepTo(found.label.input.number, Ask); !status) {
        return status.error();
      }
      if (const auto why = WhyLaidOtherwise(**image, *replay_)) {
        passed_by_ = "the image " + found.path + " " + *why;
        std::fprintf(stderr, "tandem: note: passed by: %s\n", passed_by_.c_str());
        continue;
      }
      if (const auto why = WhyNotComparable(**image, *replay_)) {
        return Error::BadInput("the image " + found.path + " " + *why);
      }
      ++compared_;
      if (!replay_->Equals(**image)) return Found(**image);
      good_ = replay_->position().number;
      good_image_.emplace((*image)->TakeImage());
    }
    if (compared_ == 0) return Error::BadInput(passed_by_);
    Output output;
    output.text = options_.json
                      ? "{\"same\":true,\"images\":" + Plain(compared_) +
                            ",\"input\":" + Plain(replay_->position().number) + "}\n"
                      : Plain(compared_) + " images are what a replay makes, up to input " +
                            Plain(replay_->position().number) + "\n";
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kYes;
  }

 private:
  static bool Ask() { return !Interrupted(); }

  Status Begin(const std::vector<FoundImage>& images) {
    if (images.empty()) return Error::BadInput("there is no image there; give some, or a folder");
    auto oldest = replay::StateImage::Open(images[0].path);
    if (!oldest) return oldest.error();
    if (!options_.from_nothing && images.size() == 1) {
      return Error::BadInput(
          "one image is nothing to begin with: give an older one of the same session too, or "
          "--from-start");
    }
    if (options_.from_nothing) {
      address_ = oldest->zone().about().address;
    } else {
      first_ = 1;
      good_ = oldest->label().input.number;
      good_image_.emplace(std::move(*oldest));
    }
    return Again();
  }

  /// Puts the replay where the state was still good.
  Status Again() {
    replay_.reset();
    auto made = good_image_
                    ? StateReplay::FromImage(options_.application, options_.input, *good_image_)
                    : StateReplay::FromNothing(At(address_, options_.application), options_.input);
    if (!made) return made.error();
    replay_ = std::move(*made);
    return {};
  }

  Result<ExitCode> Found(LoadedImage& bad) {
    const auto comparison = replay_->Compare(bad, kDifferencesShown);
    if (!comparison) return comparison.error();
    if (Status status = Again(); !status) return status.error();
    DamageSearch search(*replay_, bad);
    const auto explained = search.Run([this](std::uint64_t trials) {
      note_.Show("tries what explains it: " + Plain(trials) + " replays");
      return Ask();
    });
    note_.Show("");
    outputs_differ_ = search.outputs_differ();
    std::string where;
    if (explained && bad.has_walk()) where = bad.walk().ByteText(explained->address);
    Output output;
    output.text = options_.json ? Json(bad, *comparison, explained, where)
                                : Text(bad, *comparison, explained, where);
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kNo;
  }

  [[nodiscard]] std::string Text(const LoadedImage& bad, const state::Comparison& comparison,
                                 const std::optional<DamageExplained>& explained,
                                 const std::string& where) const {
    const std::uint64_t end = bad.label().input.number;
    std::string text = "the state is what the input makes of it after input " + Plain(good_) +
                       ", and not after input " + Plain(end) + "\n";
    text += "image:   " + bad.path() + "\n";
    text += "differs: " + ExtentText(comparison) + "; A is the replay, B the image\n";
    text += DifferencesText(comparison);
    if (outputs_differ_) {
      text +=
          "outputs: their running digest differs, so by then it had answered otherwise than the "
          "replay, or the\n         digest itself was overwritten; not all of this came at once\n";
    }
    if (!explained) {
      return text + "when:    after input " + Plain(good_) + ", up to input " + Plain(end) +
             "; no flip of bits that differ explains it, so the damage has spread since, or it was "
             "another one.\n         Images closer to each other say more.\n";
    }
    text += "why:     ";
    if (explained->bits == 0) {
      text += "these bytes, changed at once, explain all of it";
    } else {
      char bits[16];
      std::snprintf(bits, sizeof bits, "0x%02x", static_cast<unsigned>(explained->bits));
      text +=
          std::string("one flipped bit explains all of it: ") + bits + " of the byte at " + where;
    }
    text += "\nwhen:    ";
    if (explained->earliest == explained->latest) {
      text += "right after input " + Plain(explained->earliest);
    } else {
      text += "after input " + Plain(explained->earliest) + " at the earliest, after input " +
              Plain(explained->latest) + " at the latest";
    }
    text += " (" + Plain(explained->trials) + " replays)\n";
    if (explained->earliest > good_) {
      text += "         a change before input " + Plain(explained->earliest) +
              " would have left another state: that input touches it\n         " +
              MessageText(options_.input, explained->earliest) + "\n";
    }
    if (explained->latest < end) {
      text += "         a change after input " + Plain(explained->latest) +
              " would have left another state: the next one touches it\n         " +
              MessageText(options_.input, explained->latest + 1) + "\n";
    }
    return text;
  }

  [[nodiscard]] std::string Json(const LoadedImage& bad, const state::Comparison& comparison,
                                 const std::optional<DamageExplained>& explained,
                                 const std::string& where) const {
    std::string json = "{\"same\":false,\"equal_at\":" + Plain(good_) +
                       ",\"differs_at\":" + Plain(bad.label().input.number) + ",\"image\":";
    AppendJsonBytes(bad.path(), &json);
    json += ",\"explained\":";
    if (explained) {
      json += "{\"byte\":";
      AppendJsonBytes(where, &json);
      json += ",\"bits\":" + Plain(explained->bits) +
              ",\"earliest\":" + Plain(explained->earliest) +
              ",\"latest\":" + Plain(explained->latest) +
              ",\"replays\":" + Plain(explained->trials) + "}";
    } else {
      json += "null";
    }
    json += std::string(",\"outputs_differ\":") + (outputs_differ_ ? "true" : "false");
    return json + ",\"comparison\":{" + ComparisonJson(comparison) + "}}\n";
  }

  const Options& options_;
  Note note_;
  std::unique_ptr<StateReplay> replay_;
  std::optional<replay::StateImage> good_image_;
  std::uint64_t good_ = 0;
  std::uint64_t address_ = 0;
  bool outputs_differ_ = false;
  std::size_t first_ = 0;
  std::uint64_t compared_ = 0;
  std::string passed_by_;  ///< the last one, and why
};

/// Two replays of the same input, by two builds or under two circumstances.
class Sides {
 public:
  explicit Sides(const Options& options) : options_(options) {}

  Result<ExitCode> Run() {
    std::string start;
    if (options_.images.size() > 1) {
      return Error::BadInput("two replays begin with one image at most");
    }
    if (!options_.images.empty()) start = options_.images[0];
    ApplicationOptions second = options_.application;
    if (!options_.app_b.empty()) second.name = options_.app_b;
    if (!options_.address_b.empty()) second.zone_address = options_.address_b;
    if (!options_.pools_b.empty()) second.pools = options_.pools_b;
    auto a = BisectSide::Begin(options_.application, options_.input, start);
    if (!a) return a.error();
    auto b = BisectSide::Begin(second, options_.input, start);
    if (!b) return b.error();
    a_ = &*a;
    b_ = &*b;
    return Halve();
  }

 private:
  Result<ExitCode> Halve() {
    replay::PosixStorage storage;
    const auto end = replay::LogReader::FindEnd(storage, options_.input);
    if (!end) return end.error();
    const std::uint64_t last = end->last.number;
    if (end->damage && (options_.to == 0 || options_.to > last)) return *end->damage;
    if (options_.to > last) {
      return Error::BadInput("the input log " + options_.input + " ends at message " + Plain(last) +
                             "; --to " + Plain(options_.to) + " is not in it");
    }
    if (options_.to != 0 && options_.to <= begin_) {
      return Error::BadInput("the two begin after input " + Plain(begin_) + ", and --to " +
                             Plain(options_.to) + " is not behind it");
    }
    std::uint64_t differ = options_.to != 0 ? options_.to : last;
    const auto all = Same(differ);
    if (!all) return all.error();
    if (*all) return SayEqual(differ);
    // A start with the same state is the other end of what is halved.
    const auto begun = Same(begin_);
    if (!begun) return begun.error();
    if (!*begun) return Error::BadInput("the two do not begin with the same state");
    std::uint64_t equal = begin_;
    while (differ - equal > 1) {
      if (Interrupted()) return Error::Failure("interrupted");
      const std::uint64_t middle = equal + (differ - equal) / 2;
      note_.Show("equal after input " + Plain(equal) + ", not after " + Plain(differ));
      const auto same = Same(middle);
      if (!same) return same.error();
      (*same ? equal : differ) = middle;
      if (!*same) continue;
      a_->GoTo(middle);
      b_->GoTo(middle);
      for (BisectSide* const side : {a_, b_}) {
        if (const auto answer = side->Answer(); !answer) return answer.error();
      }
    }
    note_.Show("");
    return SayDifferent(differ);
  }

  Result<bool> Same(std::uint64_t number) {
    a_->Look(number);
    b_->Look(number);
    const auto a = a_->Answer();
    const auto b = b_->Answer();
    if (!a) return a.error();
    if (!b) return b.error();
    begin_ = number == 0 ? std::min(a->number, b->number) : begin_;
    by_bytes_ = options_.pools_b.empty() && a->address == b->address && a->layout == b->layout;
    return by_bytes_ ? a->bytes_hash == b->bytes_hash : a->fields_hash == b->fields_hash;
  }

  Result<ExitCode> SayEqual(std::uint64_t number) {
    Output output;
    output.text = options_.json ? "{\"same\":true,\"input\":" + Plain(number) + "}\n"
                                : "both states are the same after input " + Plain(number) + ", " +
                                      How() + "\n";
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kYes;
  }

  [[nodiscard]] std::string How() const {
    return by_bytes_ ? "byte for byte" : "field by field, for addresses, chains or types differ";
  }

  Result<ExitCode> SayDifferent(std::uint64_t number) {
    char folder[] = "/tmp/tandem-bisect-XXXXXX";
    if (::mkdtemp(folder) == nullptr) return Error::Failure("cannot make a folder in /tmp");
    const std::string path_a = std::string(folder) + "/a";
    const std::string path_b = std::string(folder) + "/b";
    auto result = Compared(number, path_a, path_b);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return result;
  }

  Result<ExitCode> Compared(std::uint64_t number, const std::string& path_a,
                            const std::string& path_b) {
    a_->WriteImage(number, path_a);
    b_->WriteImage(number, path_b);
    for (BisectSide* const side : {a_, b_}) {
      if (const auto answer = side->Answer(); !answer) return answer.error();
    }
    const auto a = LoadedImage::Load(path_a);
    if (!a) return a.error();
    const auto b = LoadedImage::Load(path_b);
    if (!b) return b.error();
    for (LoadedImage* const image : {a->get(), b->get()}) {
      if (Status status = image->MakeWalk(); !status) return status.error();
    }
    const state::Comparison comparison =
        state::Compare((*a)->walk(), (*b)->walk(), kDifferencesShown, !by_bytes_);
    Output output;
    const std::string message = MessageText(options_.input, number);
    if (options_.json) {
      output.text = "{\"same\":false,\"input\":" + Plain(number) +
                    ",\"message\":" + (message.empty() ? "null" : message) + ",\"comparison\":{" +
                    ComparisonJson(comparison) + "}}\n";
    } else {
      output.text = "the states are the same after input " + Plain(number - 1) +
                    ", and differ after input " + Plain(number) + ", compared " + How() + "\n" +
                    "input:   " + message + "\n" + "differs: " + ExtentText(comparison) + "\n" +
                    DifferencesText(comparison);
    }
    if (Status status = output.Flush(); !status) return status.error();
    return ExitCode::kNo;
  }

  const Options& options_;
  Note note_;
  BisectSide* a_ = nullptr;
  BisectSide* b_ = nullptr;
  std::uint64_t begin_ = 0;
  bool by_bytes_ = true;
};

Result<ExitCode> Run(const Options& options) {
  CatchInterrupts();
  if (options.has_second()) return Sides(options).Run();
  if (options.to != 0) {
    return Error::BadInput(
        "--to is the last input of two replays; give --app-b, --zone-address-b or --pools-b too, "
        "or leave it out: images say how far each of them is");
  }
  if (options.images.empty()) {
    return Error::BadInput(
        "give images of one engine, or a second replay with --app-b, --zone-address-b or "
        "--pools-b");
  }
  return Damage(options).Run();
}

}  // namespace

void RegisterBisect(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "bisect", "Find after which message a state was wrong, and which fields of it",
      "  tandem generate --orders 3000 -o flow\n"
      "  tandem state flow --at 2000 --plant-fault 1900 --save bad.image > bad.txt\n"
      "  tandem bisect bad.image --input flow --from-start || echo it was damaged\n"
      "  tandem bisect --input flow --zone-address-b 0x7d0000000000\n"
      "Exit code 0 if all is what a replay makes, 1 if not. With images of one engine it finds "
      "damage; with a\nsecond application, address or chain, the first message after which two "
      "replays differ.\n",
      [options] { return Run(*options); });
  command
      .add_option("IMAGE", options->images,
                  "Images of one engine, folders of them, or an incident of `tandem audit`; with "
                  "a second replay: the one that both begin with")
      ->expected(0, -1);
  command.add_option("--input", options->input, "The input log")
      ->check(NotEmpty())
      ->required()
      ->type_name("LOG");
  command.add_flag("--from-start", options->from_nothing,
                   "Replay from input 1; else from the oldest image, which is taken to be good");
  command.add_option("--app-b", options->app_b, "A second application, or build of one")
      ->check(NotEmpty("application"))
      ->type_name("APP");
  command
      .add_option("--zone-address-b", options->address_b,
                  "A second replay with its state at this address")
      ->check(NotEmpty("address"));
  command
      .add_option("--pools-b", options->pools_b, "A second replay with these records for its pools")
      ->check(NotEmpty("file"))
      ->type_name("FILE");
  command.add_option("--to", options->to, "With a second replay: the last input to look at")
      ->check(WholeNumber(1));
  command.add_flag("--json", options->json, "One JSON object");
  options->application.AddTo(command);
}

}  // namespace tandem::tools
