// SPDX-License-Identifier: Apache-2.0
#include "tools/third_copies.h"

#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tools/interrupt.h"
#include "tools/process.h"

namespace tandem::tools {
namespace {

constexpr std::array<const char*, 4> kTimeZones = {"UTC", "Asia/Tokyo", "America/New_York",
                                                   "Australia/Lord_Howe"};

/// What a deterministic application must not see: run `run` of a replay, from 0.
class Circumstances {
 public:
  explicit Circumstances(std::uint64_t run) : run_(run) {}

  /// Run 0 has the address that was asked for.
  [[nodiscard]] std::string ZoneAddress(const std::string& asked) const {
    if (run_ == 0) return asked;
    constexpr std::uint64_t kFrom = 0x7d0000000000;
    constexpr std::uint64_t kStep = 0x010000000000;
    constexpr std::uint64_t kPlaces = 64;
    char text[32];
    std::snprintf(text, sizeof text, "0x%" PRIx64, kFrom - (run_ - 1) % kPlaces * kStep);
    return text == asked ? "0x7dff00000000" : text;
  }
  [[nodiscard]] unsigned HeapByte() const { return static_cast<unsigned>(run_ * 37 % 255); }
  [[nodiscard]] const char* TimeZone() const { return kTimeZones[run_ % kTimeZones.size()]; }

  /// Of the processes that are started from now on.
  void SetEnvironment() const {
    ::setenv("MALLOC_PERTURB_", std::to_string(HeapByte()).c_str(), 1);
    ::setenv("TZ", TimeZone(), 1);
    ::setenv("TANDEM_PADDING", std::string(run_ * 1000, '.').c_str(), 1);
  }
  static void ResetEnvironment() {
    for (const char* const name : {"MALLOC_PERTURB_", "TZ", "TANDEM_PADDING"}) ::unsetenv(name);
  }

 private:
  std::uint64_t run_;
};

std::string LastLine(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

std::vector<std::string> Arguments(const ThirdCopyOptions& options, const std::string& zone,
                                   const std::string& folder) {
  const ApplicationOptions& application = options.application;
  std::vector<std::string> arguments = {options.program,
                                        "replay",
                                        options.input,
                                        "--to",
                                        std::to_string(options.last),
                                        "-o",
                                        folder,
                                        "--app",
                                        application.name,
                                        "--zone-address",
                                        zone,
                                        "--zone-limit",
                                        std::to_string(application.zone_limit_bytes),
                                        "--zone-reserve",
                                        std::to_string(application.zone_reserve_bytes)};
  return arguments;
}

}  // namespace

Result<std::vector<ThirdCopy>> MakeThirdCopies(const ThirdCopyOptions& options) {
  std::vector<ThirdCopy> copies;
  const std::uint64_t runs = options.runs + options.other_pools.size();
  for (std::uint64_t run = 0; run < runs; ++run) {
    const Circumstances circumstances(run);
    const std::string zone = circumstances.ZoneAddress(options.application.zone_address);
    const bool has_others = run >= options.runs;
    const std::vector<std::string> pools =
        has_others ? std::vector<std::string>{options.other_pools[run - options.runs]}
                   : options.application.pools;
    ThirdCopy copy;
    copy.folder = options.work + "/" + options.name + "-" + std::to_string(run + 1);
    char how[128];
    std::snprintf(how, sizeof how, "zone at %s, heap filled with %u, time zone %s", zone.c_str(),
                  circumstances.HeapByte(), circumstances.TimeZone());
    copy.how = how + (has_others ? ", pools of " + pools.front() : std::string());
    std::vector<std::string> arguments = Arguments(options, zone, copy.folder);
    for (const std::string& file : pools) {
      arguments.insert(arguments.end(), {"--pools", file});
    }
    const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
    if (is_terminal) {
      std::fprintf(stderr, "\rreplay %" PRIu64 " of %" PRIu64 " \033[K", run + 1, runs);
    }
    circumstances.SetEnvironment();
    auto process = Process::Start(arguments, copy.folder + ".out");
    Circumstances::ResetEnvironment();
    if (!process) return process.error();
    std::optional<int> code;
    while (!code && !Interrupted()) code = process->Wait(std::chrono::milliseconds(100));
    if (is_terminal) std::fputs("\r\033[K", stderr);
    if (!code) return Error::Failure("interrupted; nothing is judged");
    if (*code != 0) {
      return Error{
          *code == static_cast<int>(ExitCode::kBadInput) ? ExitCode::kBadInput : ExitCode::kFailure,
          "replay " + std::to_string(run + 1) + " (" + copy.how + ") ended with " +
              (*code > 128 ? "signal " + std::to_string(*code - 128)
                           : "exit code " + std::to_string(*code)) +
              ": " + LastLine(copy.folder + ".out")};
    }
    copies.push_back(std::move(copy));
  }
  return copies;
}

}  // namespace tandem::tools
