// SPDX-License-Identifier: Apache-2.0
//
// tandem state: looks into a state by declared names, or compares two: images, or what a replay
// makes.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pools/state/zone_scan.h"
#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/state_image.h"
#include "tools/state_live.h"
#include "tools/state_queue.h"
#include "tools/state_replay.h"
#include "tools/state_text.h"

namespace tandem::tools {
namespace {

using state::StatePool;

struct Options {
  std::vector<std::string> images;
  std::vector<std::string> pools;
  std::vector<std::string> where;
  std::string queue;  ///< that each element begins; empty: none is shown
  std::uint64_t limit = 100;
  bool json = false;
  bool scan = false;
  std::uint64_t at = 0;           ///< of a log: the input after which to look; 0: the last
  std::uint64_t plant_fault = 0;  ///< of a log: the input after which the state is damaged
  std::string save;               ///< file for the image of a log's state; empty: not kept
  LiveImage live;                 ///< of an engine that runs: have it write one
  ApplicationOptions application;

  [[nodiscard]] bool wants_log() const { return at != 0 || plant_fault != 0 || !save.empty(); }
};

struct Condition {
  std::string field;
  std::string value;
  bool is_field = false;  ///< some element has a field of that name
};

Result<std::vector<Condition>> ConditionsOf(const Options& options) {
  std::vector<Condition> conditions;
  for (const std::string& text : options.where) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error::BadInput("--where " + text + " is no condition; write FIELD=VALUE, as id=7");
    }
    conditions.push_back({.field = text.substr(0, equals), .value = text.substr(equals + 1)});
  }
  return conditions;
}

/// Pools by their names, or by the last part of them.
Result<std::vector<const StatePool*>> PoolsOf(const LoadedImage& image, const Options& options) {
  std::vector<const StatePool*> chosen;
  for (const std::string& name : options.pools) {
    bool found = false;
    std::string known;
    for (const StatePool& pool : image.walk().pools()) {
      if (!pool.has_elements) continue;
      known += (known.empty() ? "" : ", ") + pool.name;
      if (pool.name != name && !pool.name.ends_with("." + name)) continue;
      chosen.push_back(&pool);
      found = true;
    }
    if (!found) {
      return Error::BadInput("there is no pool " + name + " with elements in " + image.path() +
                             "; there are: " + (known.empty() ? "none" : known));
    }
  }
  if (!options.pools.empty()) return chosen;
  for (const StatePool& pool : image.walk().pools()) {
    if (pool.has_elements) chosen.push_back(&pool);
  }
  return chosen;
}

bool Holds(std::vector<Condition>& conditions, const state::ZoneWalk& walk, const StatePool& pool,
           std::uint64_t number) {
  bool all = true;
  for (Condition& condition : conditions) {
    const std::optional<std::string> value = walk.FieldOf(pool, number, condition.field);
    condition.is_field = condition.is_field || value.has_value();
    all = all && value == condition.value;
  }
  return all;
}

/// An element, and below it, or within it, those of its queue.
std::string WithQueue(const state::ZoneWalk& walk, const state::Element& owner,
                      const std::vector<state::Element>& queue, bool as_json) {
  if (!as_json) {
    std::string text = ElementText(walk, *owner.pool, owner.number);
    for (const state::Element& one : queue) text += "  " + ElementText(walk, *one.pool, one.number);
    return text;
  }
  std::string json = ElementJson(walk, *owner.pool, owner.number);
  json.resize(json.size() - 2);  // "}\n"
  json += ",\"queue\":[";
  for (const state::Element& one : queue) {
    if (json.back() != '[') json += ',';
    json += ElementJson(walk, *one.pool, one.number);
    json.pop_back();
  }
  return json + "]}\n";
}

Result<ExitCode> PrintElements(const LoadedImage& image, const Options& options) {
  const auto pools = PoolsOf(image, options);
  if (!pools) return pools.error();
  auto conditions = ConditionsOf(options);
  if (!conditions) return conditions.error();
  const auto queue = options.queue.empty() ? StateQueue() : StateQueue::Parse(options.queue);
  if (!queue) return queue.error();
  Output output;
  std::uint64_t shown = 0;
  std::uint64_t left_out = 0;
  bool any = false;
  for (const StatePool* const pool : *pools) {
    for (std::uint64_t i = 0; i < pool->count; ++i) {
      if (!pool->IsLive(i)) continue;
      any = true;
      if (!Holds(*conditions, image.walk(), *pool, i)) continue;
      if (shown == options.limit) {
        ++left_out;
        continue;
      }
      ++shown;
      if (!options.queue.empty()) {
        const auto elements = queue->Of(image.walk(), {.pool = pool, .number = i});
        if (!elements) return elements.error();
        output.text +=
            WithQueue(image.walk(), {.pool = pool, .number = i}, *elements, options.json);
      } else {
        output.text += options.json ? ElementJson(image.walk(), *pool, i)
                                    : ElementText(image.walk(), *pool, i);
      }
      if (Status status = output.MayFlush(); !status) return status.error();
    }
  }
  if (Status status = output.Flush(); !status) return status.error();
  for (const Condition& condition : *conditions) {
    if (any && !condition.is_field) {
      return Error::BadInput("no element has a field " + condition.field +
                             "; without --where you see which there are");
    }
  }
  for (const std::string& problem : image.walk().problems()) {
    std::fprintf(stderr, "tandem: note: %s\n", problem.c_str());
  }
  if (left_out != 0) {
    std::fprintf(stderr, "tandem: note: %llu elements more; --limit 0 shows all\n",
                 static_cast<unsigned long long>(left_out));
  }
  return ExitCode::kYes;
}

Result<ExitCode> PrintStrayWords(const LoadedImage& image, const Options& options) {
  const std::vector<state::StrayWord> strays = state::ScanZone(
      image.walk(), state::ProcessMemory::OfAnyProcess(), static_cast<std::size_t>(options.limit));
  Output output;
  for (const state::StrayWord& stray : strays) {
    output.text += options.json ? StrayJson(stray) : TextOf(stray) + "\n";
  }
  if (!options.json && strays.empty()) {
    output.text = "no word of the state leads out of its zone\n";
  } else if (!options.json) {
    const std::string at_least = strays.size() == options.limit ? "at least " : "";
    output.text +=
        at_least + std::to_string(strays.size()) +
        (strays.size() == 1 ? " word of the state leads" : " words of the state lead") +
        " out of its zone: an address of another process means nothing here; keep numbers or "
        "elements of pools in their place\n";
  }
  if (Status status = output.Flush(); !status) return status.error();
  return strays.empty() ? ExitCode::kYes : ExitCode::kNo;
}

void AppendSide(const char* key, const LoadedImage& image, std::string* out) {
  *out += std::string("\"") + key + "\":{\"image\":";
  AppendJsonBytes(image.path(), out);
  *out += ",\"session\":";
  AppendJsonBytes(image.label().session.str(), out);
  *out += ",\"input\":" + std::to_string(image.label().input.number) + "},";
}

Result<ExitCode> PrintDifferences(const LoadedImage& a, const LoadedImage& b,
                                  const Options& options) {
  const state::Comparison comparison = state::Compare(a.walk(), b.walk(), options.limit);
  Output output;
  if (options.json) {
    output.text = "{";
    AppendSide("a", a, &output.text);
    AppendSide("b", b, &output.text);
    output.text += ComparisonJson(comparison) + "}\n";
  } else {
    output.text = "A  " + a.path() + ": " + StandsText(a.label()) + "\n" + "B  " + b.path() + ": " +
                  StandsText(b.label()) + "\n" + DifferencesText(comparison);
    if (!comparison.by_bytes) {
      output.text +=
          "compared field by field, for the zones are at different addresses or of different "
          "types\n";
    }
    if (!comparison.same()) {
      output.text += "the states differ: " + ExtentText(comparison) + "\n";
    } else if (comparison.by_bytes) {
      output.text += "the states are the same: " + std::to_string(a.bytes().size()) + " bytes\n";
    } else {
      output.text += "the states are the same in all fields\n";
    }
  }
  if (Status status = output.Flush(); !status) return status.error();
  return comparison.same() ? ExitCode::kYes : ExitCode::kNo;
}

/// A file that is gone at the end, unless it is to be kept.
class ImageFile {
 public:
  explicit ImageFile(const std::string& save)
      : path_(save.empty() ? "/tmp/tandem-state-" + std::to_string(::getpid()) + ".image" : save),
        is_kept_(!save.empty()) {}
  ~ImageFile() {
    if (!is_kept_) ::unlink(path_.c_str());
  }
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool is_kept_;
};

/// The state that a replay of an input log has after one of its inputs.
Result<std::unique_ptr<LoadedImage>> LoadByReplay(const std::string& log, const Options& options) {
  auto replay = StateReplay::FromNothing(options.application, log);
  if (!replay) return replay.error();
  std::uint64_t at = options.at;
  if (at == 0) {
    const auto end = (*replay)->LogEnd();
    if (!end) return end.error();
    at = *end;
  }
  CatchInterrupts();
  const auto ask = [] { return !Interrupted(); };
  if (options.plant_fault != 0) {
    if (options.plant_fault > at) {
      return Error::BadInput("--plant-fault " + std::to_string(options.plant_fault) +
                             " lies behind input " + std::to_string(at));
    }
    if (Status status = (*replay)->StepTo(options.plant_fault, ask); !status) {
      return status.error();
    }
    const std::string fault = (*replay)->application().PlantFault();
    if (fault.empty()) {
      return Error::BadInput("after input " + std::to_string(options.plant_fault) +
                             " the state holds nothing to damage");
    }
    std::fprintf(stderr, "tandem: note: planted after input %llu: %s\n",
                 static_cast<unsigned long long>(options.plant_fault), fault.c_str());
  }
  if (Status status = (*replay)->StepTo(at, ask); !status) return status.error();
  const ImageFile file(options.save);
  const std::filesystem::path folder = std::filesystem::path(file.path()).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error)
    return Error::Failure("cannot make the folder " + folder.string() + ": " + error.message());
  const auto written =
      replay::WriteImage((*replay)->application(), (*replay)->session(), file.path());
  if (!written) return written.error();
  return LoadedImage::Load(file.path());
}

Result<std::unique_ptr<LoadedImage>> Load(const std::string& path, const Options& options) {
  std::error_code ignored;
  const bool is_log = std::filesystem::is_directory(path, ignored);
  auto loaded = is_log ? LoadByReplay(path, options) : LoadedImage::Load(path);
  if (!loaded) return loaded.error();
  if (Status status = (*loaded)->MakeWalk(); !status) return status.error();
  return loaded;
}

/// Puts the image that a live engine writes now in the place of its folder.
Status AskEngine(Options& options) {
  if (options.images.size() != 1 || options.wants_log()) {
    return Error::BadInput(
        "--engine looks at one engine: give the folder of its images, and nothing for a log");
  }
  auto image = options.live.Take(options.images[0]);
  if (!image) return image.error();
  options.images[0] = std::move(*image);
  return {};
}

Result<ExitCode> Run(Options options) {
  if (!options.queue.empty() && options.pools.size() != 1) {
    return Error::BadInput("--queue goes with --pool POOL: the pool of those that begin queues");
  }
  if (options.limit == 0) options.limit = kNoMax;
  if (options.live.is_wanted()) {
    if (Status status = AskEngine(options); !status) return status.error();
  }
  std::error_code ignored;
  const bool has_log = std::any_of(
      options.images.begin(), options.images.end(),
      [&](const std::string& path) { return std::filesystem::is_directory(path, ignored); });
  if (options.wants_log() && !has_log) {
    return Error::BadInput(
        "--at, --save and --plant-fault are for the state that an input log makes; give its "
        "folder");
  }
  auto first = Load(options.images[0], options);
  if (!first) return first.error();
  if (options.scan &&
      (options.images.size() == 2 || !options.pools.empty() || !options.where.empty())) {
    return Error::BadInput("--scan looks at one image, all of it; leave the rest out");
  }
  if (options.scan) return PrintStrayWords(**first, options);
  if (options.images.size() == 2) {
    if (!options.pools.empty() || !options.where.empty()) {
      return Error::BadInput("--pool and --where choose elements of one image; leave them out");
    }
    auto second = Load(options.images[1], options);
    if (!second) return second.error();
    return PrintDifferences(**first, **second, options);
  }
  if (!options.pools.empty() || !options.where.empty()) return PrintElements(**first, options);
  Output output;
  output.text = options.json ? OverviewJson(**first) : OverviewText(**first);
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void RegisterState(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "state", "Look into an image of a state, or compare two",
      "  tandem generate --orders 1000 -o flow\n"
      "  tandem state flow --at 500\n"
      "  tandem state flow --pool order --limit 3 --save after-all.image\n"
      "  tandem state after-all.image --pool order --where client.user=U1 --json\n"
      "  tandem state after-all.image --pool level --limit 1 --queue first,next\n"
      "  tandem state after-all.image --scan\n"
      "  tandem state flow after-all.image --at 999 --limit 5 || echo they differ\n"
      "Of an engine that runs: tandem state day/b-images --engine B --control 127.0.0.1:9000\n"
      "Exit code 0 if two states are the same, 1 if they differ, 2 if an image cannot be read.\n",
      [options] { return Run(*options); });
  command
      .add_option("IMAGE", options->images,
                  "An image, or the folder of an input log, which is replayed; two are compared, A "
                  "and B. With --engine the folder of its images")
      ->required()
      ->expected(1, 2);
  command
      .add_option("--pool", options->pools,
                  "Print the elements of this pool: its name, or the last part of it")
      ->take_all();
  command
      .add_option("--where", options->where,
                  "FIELD=VALUE: only elements for which it holds; a field may lead through "
                  "pointers, as client.user=U1")
      ->take_all();
  command
      .add_option("--queue", options->queue,
                  "Below each element those of a queue of pointers, in order: by its field FIRST, "
                  "and from each by its field NEXT")
      ->type_name("FIRST,NEXT");
  command
      .add_option("--limit", options->limit, "At most so many elements or differences; 0 for all")
      ->check(WholeNumber())
      ->capture_default_str();
  command.add_flag("--json", options->json, "JSON, an element a line");
  command.add_flag(
      "--scan", options->scan,
      "Look for words that are addresses outside of the zone: of a heap, a stack, code; "
      "exit code 1 if there are any");
  command
      .add_option("--at", options->at,
                  "Of a log: the state after this input, not after the last one")
      ->check(WholeNumber(1));
  command
      .add_option("--save", options->save,
                  "Of a log: keep the state as this image; its folder is made")
      ->type_name("FILE");
  command
      .add_option("--plant-fault", options->plant_fault,
                  "Of a log, for drills: damage the state after this input")
      ->check(WholeNumber(1));
  options->live.AddTo(command);
  options->application.AddTo(command);
}

}  // namespace tandem::tools
