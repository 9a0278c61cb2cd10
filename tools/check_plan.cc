// SPDX-License-Identifier: Apache-2.0
#include "tools/check_plan.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "pools/ensure.h"
#include "pools/perturbation.h"
#include "tools/check_locale.h"
#include "tools/process.h"

namespace tandem::tools {
namespace {

using pools::Shuffler;

/// Of all perturbations, in their order.
constexpr std::array kNames = {"repeat",      "aslr",       "zone-address", "chain",
                               "other-pools", "free-order", "pool-fill",    "heap-fill",
                               "heap-layout", "stack-fill", "environment",  "locale",
                               "time-zone",   "clock",      "cpu-features", "scheduling",
                               "batches",     "restore",    "other-build"};

/// Numbers for one run of one perturbation.
Shuffler RandomFor(std::uint64_t seed, std::uint64_t run) {
  Shuffler mix(seed);
  return Shuffler(mix.Below(~std::uint64_t{0}) + run);
}

std::uint64_t SeedFor(std::uint64_t seed, std::uint64_t run) {
  return 1 + RandomFor(seed, run).Below(1'000'000'000);
}

std::string Number(std::uint64_t number) { return std::to_string(number); }

/// GLIBC_TUNABLES is one variable; what it says already stays.
void Tune(Circumstances& run, const std::string& settings) {
  const char* const ours = std::getenv("GLIBC_TUNABLES");
  run.variables.emplace_back("GLIBC_TUNABLES",
                             (ours != nullptr ? std::string(ours) + ":" : "") + settings);
}

/// What check-run itself does, by a seed that it is given with `option`.
CheckPerturbation Drawn(const char* name, const char* what, const char* option, const char* how) {
  const auto make = [option, how](std::uint64_t seed, std::uint64_t number) {
    Circumstances run;
    run.arguments = {option, Number(SeedFor(seed, number))};
    run.how = how + (" drawn by seed " + run.arguments.back());
    return run;
  };
  return {name, what, "", 0, make};
}

/// Below the program and its heap, which lie from 0x55... on, or between them and the libraries.
Circumstances ZoneAddress(std::uint64_t seed, std::uint64_t number) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // they take most for themselves
  constexpr std::uint64_t kBelow = 0x7e9000000000;
  constexpr std::uint64_t kBetween = 0x7ec000000000;
  constexpr std::uint64_t kRange = 0x002000000000;
#else
  constexpr std::uint64_t kBelow = 0x100000000000;
  constexpr std::uint64_t kBetween = 0x580000000000;
  constexpr std::uint64_t kRange = 0x200000000000;
#endif
  constexpr std::uint64_t kPlace = 2u << 20;
  Shuffler random = RandomFor(seed, number);
  const std::uint64_t from = random.Below(2) == 0 ? kBelow : kBetween;
  char text[32];
  std::snprintf(text, sizeof text, "0x%" PRIx64, from + random.Below(kRange / kPlace) * kPlace);
  Circumstances run;
  run.how = std::string("zone at ") + text;
  run.arguments = {"--zone-address", text};
  return run;
}

Circumstances PoolFill(std::uint64_t seed, std::uint64_t number) {
  Circumstances run;
  run.arguments = {"--fill", Number(1 + RandomFor(seed, number).Below(255))};
  run.how = "filled with byte " + run.arguments.back();
  return run;
}

Circumstances HeapFill(std::uint64_t seed, std::uint64_t number) {
  const std::string byte = Number(1 + RandomFor(seed, number).Below(254));
  Circumstances run;
  run.how = "filled with byte " + byte;
  // Without caches of threads, whose blocks are handed out as they were left.
  Tune(run, "glibc.malloc.perturb=" + byte + ":glibc.malloc.tcache_count=0");
  return run;
}

Circumstances HeapLayout(std::uint64_t seed, std::uint64_t number) {
  Shuffler random = RandomFor(seed, number);
  const std::string caches = random.Below(2) == 0 ? "0" : "31";
  const std::string large = Number(4096 << random.Below(6));
  Circumstances run;
  run.how = "caches of " + caches + " blocks, own pages from " + large + " bytes";
  Tune(run, "glibc.malloc.tcache_count=" + caches + ":glibc.malloc.mmap_threshold=" + large +
                ":glibc.malloc.mxfast=" + (random.Below(2) == 0 ? "0" : "128"));
  return run;
}

/// As POSIX writes them, which needs no files of the system.
Circumstances TimeZone(std::uint64_t seed, std::uint64_t number) {
  constexpr std::array kZones = {"JST-9", "EST5EDT,M3.2.0,M11.1.0",
                                 "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "<-11>11", "<+14>-14"};
  Circumstances run;
  run.variables = {{"TZ", kZones[(seed + number) % kZones.size()]}};
  run.how = "TZ=" + run.variables.back().second;
  return run;
}

Circumstances Clock(std::uint64_t seed, std::uint64_t number) {
  Circumstances run;
  run.holds_clock = false;
  if (number % 4 == 3) {
    run.how = "the real one";
    run.is_fixed = false;
    return run;
  }
  constexpr std::uint64_t kSeconds = std::uint64_t{20} * 365 * 86'400;
  constexpr std::uint64_t kFrom = 1'300'000'000;
  const std::uint64_t second = kFrom + RandomFor(seed, number).Below(kSeconds);
  run.arguments = {"--clock", Number(second * 1'000'000'000 + 123'456'789)};
  run.how = "from second " + Number(second) + " of 1970 on";
  return run;
}

/// Those that this process may run on.
std::vector<int> Processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(static_cast<unsigned>(processor), &set)) processors.push_back(processor);
  }
  return processors;
}

Circumstances Scheduling(std::uint64_t seed, std::uint64_t number) {
  Circumstances run;
  const std::vector<int> processors = Processors();
  run.is_fixed = false;
  const int one = processors[RandomFor(seed, number).Below(processors.size())];
  switch (number % 3) {
    case 0:
      run.how = "one processor, " + std::to_string(one);
      run.processors = {one};
      break;
    case 1:
      run.how = "processors kept busy, lowest priority";
      run.is_background = true;
      run.arguments = {"--busy-threads", Number(2 * processors.size())};
      break;
    default:
      run.how = "one processor, " + std::to_string(one) + ", kept busy";
      run.processors = {one};
      run.arguments = {"--busy-threads", "2"};
  }
  return run;
}

/// Variables that are the subject of another perturbation, or that programs are loaded by.
bool IsOfOthers(const std::string& name) {
  constexpr std::array kPrefixes = {"LC_", "LANG", "TZ", "LOCPATH", "GLIBC_", "MALLOC_", "LD_"};
  return name.ends_with("_OPTIONS") ||  // of sanitizers
         std::ranges::any_of(kPrefixes,
                             [&](const char* prefix) { return name.starts_with(prefix); });
}

/// Words in capitals in a program or library, as those of its variables that it asks for.
std::set<std::string> VariablesNamedIn(const std::string& path) {
  constexpr std::size_t kVariables = 2000;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  std::set<std::string> names;
  std::string word;
  bool is_word = true;
  for (const char c : content.view()) {
    if (c == '\0') {
      if (is_word && word.size() >= 3 && names.size() < kVariables && !IsOfOthers(word)) {
        names.insert(word);
      }
      word.clear();
      is_word = true;
    } else if (is_word) {
      const bool is_digit = c >= '0' && c <= '9';
      is_word = (c >= 'A' && c <= 'Z') || ((is_digit || c == '_') && !word.empty());
      if (is_word) word += c;
      is_word = is_word && word.size() <= 64;
    }
  }
  return names;
}

/// Every run has another folder and other variables; the first one nearly none, the others also
/// those that are named in the application and may not be set at all.
CheckPerturbation Environment(const CheckPlanOptions& options) {
  const std::string& name = options.application.name;
  const auto named = std::make_shared<std::set<std::string>>(
      VariablesNamedIn(IsSharedApplication(name) ? name : ThisProgram()));
  const auto make = [named, work = options.work](std::uint64_t seed, std::uint64_t number) {
    Circumstances run;
    run.folder = work + "/elsewhere";
    run.umask = 077;
    if (number == 0) {
      run.how = "emptied, another folder";
      run.change_variable = [](const std::string& variable, const std::string& value) {
        return IsOfOthers(variable) ? std::optional(value) : std::nullopt;
      };
      return run;
    }
    const std::string text = Number(RandomFor(seed, number).Below(1'000'000));
    run.how = "all values are " + text + ", those of variables named in the application too";
    for (const std::string& variable : *named) run.variables.emplace_back(variable, text);
    run.change_variable = [text](const std::string& variable, const std::string& value) {
      return std::optional(IsOfOthers(variable) ? value : text);
    };
    return run;
  };
  return {"environment", "environment variables, working folder, umask", "", 0, make};
}

CheckPerturbation Locale(const CheckPlanOptions& options) {
  const auto locales = std::make_shared<std::vector<CheckLocale>>(CheckLocales(options.work));
  const auto make = [locales](std::uint64_t /*seed*/, std::uint64_t number) {
    const CheckLocale& locale = (*locales)[number % locales->size()];
    Circumstances run;
    run.how = locale.name + (locale.folder.empty() ? ""
                                                   : ", made for this: other digits' marks "
                                                     "and order of letters");
    for (const char* const variable : {"LC_ALL", "LANG"}) {
      run.variables.emplace_back(variable, locale.name);
    }
    if (!locale.folder.empty()) run.variables.emplace_back("LOCPATH", locale.folder);
    return run;
  };
  return {"locale", "LC_ALL, LANG", "", 0, make};
}

/// Features that the C library's functions are chosen by, each run less of them.
CheckPerturbation ProcessorFeatures() {
  constexpr std::array kHidden = {
      "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX2,-AVX,-FMA,-FMA4,-ERMS,-FSRM",
      "-FMA,-FMA4",
      "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX2,-ERMS,-FSRM",
      "-SSE4_1,-SSE4_2,-SSSE3,-AVX512F,-AVX2,-AVX,-FMA,-FMA4",
  };
  CheckPerturbation features;
  features.name = "cpu-features";
  features.what = "features of the processor that libm and libc choose their functions by";
  features.runs_max = kHidden.size();
  features.make = [kHidden](std::uint64_t /*seed*/, std::uint64_t number) {
    Circumstances run;
    run.how = std::string("without ") + kHidden[number % kHidden.size()];
    std::erase(run.how, '-');
    Tune(run, std::string("glibc.cpu.hwcaps=") + kHidden[number % kHidden.size()]);
    return run;
  };
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && !line.starts_with("flags")) {
  }
  const std::string flags = line + " ";
  if (flags.find(" fma ") == std::string::npos && flags.find(" avx2 ") == std::string::npos) {
    features.why_not = "this processor has none that can be hidden (FMA, AVX2)";
  }
  return features;
}

Circumstances Nothing(std::uint64_t /*seed*/, std::uint64_t /*run*/) { return {}; }

CheckPerturbation Addresses(const CheckPlanOptions& options) {
  const auto make = [](std::uint64_t /*seed*/, std::uint64_t /*run*/) {
    Circumstances run;
    run.draws_addresses = true;
    run.is_fixed = false;
    return run;
  };
  std::ifstream file("/proc/sys/kernel/randomize_va_space");
  std::string mode;
  std::getline(file, mode);
  std::string why_not;
  if (mode == "0") why_not = "this host draws no addresses (kernel.randomize_va_space is 0)";
  if (!options.fixes_addresses) why_not = "addresses cannot be fixed here: every run draws them";
  return {"aslr", "addresses of program, libraries, heap and stack (ASLR)", why_not, 0, make};
}

/// Other builds of the application: one run each.
CheckPerturbation OtherBuild(const CheckPlanOptions& options) {
  const auto others = options.other_applications;
  const auto make = [others](std::uint64_t /*seed*/, std::uint64_t number) {
    Circumstances run;
    run.application = others[number % others.size()];
    run.how = run.application;
    return run;
  };
  return {"other-build", "the application's build (--other)",
          others.empty() ? "no other build was given (--other)" : "", others.size(), make};
}

CheckPerturbation OtherPools(const CheckPlanOptions& options) {
  const auto others = options.other_pools;
  const auto make = [others](std::uint64_t /*seed*/, std::uint64_t number) {
    Circumstances run;
    run.pools = {others[number % others.size()]};
    run.how = run.pools.front();
    return run;
  };
  return {"other-pools", "the pools' settings (--other-pools)",
          others.empty() ? "no other settings were given (--other-pools)" : "", others.size(),
          make};
}

CheckPerturbation WallClock(const CheckPlanOptions& options) {
  return {"clock", "the wall clock's time",
          options.holds_clock ? "" : "the wall clock cannot be held here: every run has its own", 0,
          Clock};
}

/// Does it change where things lie in the zone, or what fresh memory there holds? All others leave
/// every byte of the state as it is.
bool MovesState(const std::string& name) {
  constexpr std::array kNames = {"zone-address", "chain",     "other-pools",
                                 "free-order",   "pool-fill", "other-build"};
  return std::ranges::find(kNames, name) != kNames.end();
}

std::vector<CheckPerturbation> All(const CheckPlanOptions& options) {
  std::vector<CheckPerturbation> all = {
      {"repeat", "nothing: the same once more", "", 0, Nothing},
      Addresses(options),
      {"zone-address", "where the zone with all state lies", "", 0, ZoneAddress},
      Drawn("chain", "which pool takes its memory from which", "--chain-seed", "bases"),
      OtherPools(options),
      Drawn("free-order", "order in which free memory of pools is used again", "--order-seed",
            "order"),
      {"pool-fill", "what fresh memory of pools holds", "", 0, PoolFill},
      {"heap-fill", "what fresh memory of the heap holds", "", 0, HeapFill},
      {"heap-layout", "where the heap puts its blocks", "", 0, HeapLayout},
      Drawn("stack-fill", "what the stack holds where variables will be", "--stack-seed", "bytes"),
      Environment(options),
      Locale(options),
      {"time-zone", "TZ", "", 0, TimeZone},
      WallClock(options),
      ProcessorFeatures(),
      {"scheduling", "processors, priority, and who keeps them busy", "", 0, Scheduling},
      Drawn("batches", "how many inputs come together, and where they lie", "--batch-seed",
            "sizes and places"),
      Drawn("restore", "the process: it ends, and another goes on from an image", "--restore-seed",
            "after inputs"),
      OtherBuild(options),
  };
  for (CheckPerturbation& perturbation : all) {
    if (!MovesState(perturbation.name)) {
      perturbation.make = [make = std::move(perturbation.make)](auto... seed_and_run) {
        Circumstances run = make(seed_and_run...);
        run.keeps_state = true;
        return run;
      };
    }
  }
  return all;
}

}  // namespace

Result<std::vector<CheckPerturbation>> CheckPlan(const CheckPlanOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.work + "/elsewhere", error);
  if (error) {
    return Error::Failure("cannot make the folder " + options.work + ": " + error.message());
  }
  std::vector<CheckPerturbation> all = All(options);
  ENSURE(std::ranges::equal(all, kNames, {}, &CheckPerturbation::name),
         "the list of the perturbations' names is not theirs");
  return all;
}

std::string CheckPerturbationNames() {
  std::string names;
  for (const char* const name : kNames) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace tandem::tools
