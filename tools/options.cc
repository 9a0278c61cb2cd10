// SPDX-License-Identifier: Apache-2.0
#include "tools/options.h"

#include <spdlog/spdlog.h>

#include <charconv>
#include <cmath>

#include "pools/checks.h"
#include "pools/declarations/load.h"
#include "pools/declarations/zone_options.h"
#include "pools/heap_guard.h"
#include "replay/shared_application.h"
#include "tools/applications.h"
#include "tools/pool_changes.h"

namespace tandem::tools {

void ApplicationOptions::AddTo(CLI::App& command) {
  command.add_option("--app", name, "Application to run: " + ApplicationChoice())
      ->capture_default_str();
  command
      .add_option("--pools", pools,
                  "Files, or folders with all below them, whose basepool, nsx and tuning records "
                  "take the place of the built-in ones")
      ->type_name("FILE");
  command
      .add_option("--zone-address", zone_address,
                  "Where the state is mapped; the same for both engines of a pair")
      ->capture_default_str();
  command
      .add_option("--zone-limit", zone_limit_bytes,
                  "Most memory that the state may take, as 500MB or 2GiB; 0: no limit")
      ->transform(CLI::AsSizeValue(false))
      ->check(NotNegative());
  command
      .add_option("--zone-reserve", zone_reserve_bytes,
                  "Address space for the state, which costs nothing until it is used; 64GiB unless "
                  "said otherwise")
      ->transform(CLI::AsSizeValue(false))
      ->check(NotNegative());
  command.add_flag("--heap-guard", heap_guard,
                   "End at the first heap allocation inside a step, and print where it was made; "
                   "always on in checked builds");
}

Result<pools::ZoneOptions> ApplicationOptions::Zone() const {
  pools::ZoneOptions zone;
  std::string_view digits = zone_address;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint64_t address = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return Error::BadInput("--zone-address \"" + zone_address +
                           "\" is not a hexadecimal address; write it as in 0x7e8000000000");
  }
  zone.address = address;
  zone.limit_bytes = zone_limit_bytes;
  zone.reserve_bytes = zone_reserve_bytes;
  zone.perturbation = perturbation;
  return zone;
}

Result<MadeApplication> ApplicationOptions::Make() const {
  if (heap_guard && !pools::HeapGuard::Available()) {
    return Error::BadInput("--heap-guard does not work in a build with sanitizers; leave it out");
  }
  if (IsSharedApplication(name) && (heap_guard || !pools.empty())) {
    return Error::BadInput(std::string(heap_guard ? "--heap-guard" : "--pools") +
                           " does not reach into the shared library " + name +
                           "; leave it out, or link the application in");
  }
  pools::HeapGuard::SetFatal(heap_guard || pools::kChecked);
  const auto zone = Zone();
  if (!zone) return zone.error();
  declarations::Declarations site;
  MadeApplication made;
  made.zone_address = zone->address;
  if (!pools.empty()) {
    auto loaded = declarations::Load(pools);
    if (!loaded) return loaded.error();
    site = std::move(loaded).value();
    const auto declared = PoolDeclarationsOf(name);
    if (!declared) return declared.error();
    const auto built = declarations::ZoneOptionsOf(*declared, nullptr, *zone);
    const auto set = declarations::ZoneOptionsOf(*declared, &site, *zone);
    if (!built || !set) return built ? set.error() : built.error();
    made.pool_changes = PoolChanges(*built, *set);
  }
  auto application = ApplicationOf(name, *zone, &site);
  if (!application) return application.error();
  made.application = std::move(application).value();
  return made;
}

bool IsSharedApplication(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".so");
}

std::string ApplicationChoice() {
  return ApplicationNames() + ", or a shared library as ./libmy.so";
}

Result<std::unique_ptr<replay::Application>> ApplicationOf(const std::string& name,
                                                           const pools::ZoneOptions& zone,
                                                           const declarations::Declarations* site) {
  if (!IsSharedApplication(name)) return MakeApplication(name, zone, site);
  return replay::LoadApplication(name, {.address = zone.address,
                                        .reserve_bytes = zone.reserve_bytes,
                                        .limit_bytes = zone.limit_bytes,
                                        .chain_seed = zone.perturbation.chain_seed,
                                        .fill = zone.perturbation.fill});
}

void WarnOfHeapAllocations() {
  const std::uint64_t count = pools::HeapGuard::Count();
  if (count == 0) return;
  spdlog::warn(
      "{} heap allocations were made inside steps, which should take memory from pools only; "
      "--heap-guard shows where",
      count);
}

CLI::Validator WholeNumber(std::uint64_t min, std::uint64_t max) {
  return CLI::Validator(
      [min, max](std::string& text) {
        std::uint64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, number);
        if (parsed.ec == std::errc() && parsed.ptr == end && number >= min && number <= max) {
          return std::string();
        }
        const bool is_open = max == kNoMax && parsed.ec != std::errc::result_out_of_range;
        return "\"" + text + "\" is not a whole number from " + std::to_string(min) +
               (is_open ? " on" : " to " + std::to_string(max));
      },
      "");
}

CLI::Validator Rate() {
  return CLI::Validator(
      [](std::string& text) {
        double rate = 0;
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, rate);
        const bool is_rate = parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(rate);
        return is_rate && rate >= 0
                   ? std::string()
                   : "\"" + text + "\" is not a rate; give messages a second, or 0 for no limit";
      },
      "");
}

CLI::Validator NotNegative() {
  return CLI::Validator(
      [](std::string& text) {
        return text.starts_with('-') ? "\"" + text + "\" is below 0" : std::string();
      },
      "");
}

CLI::Validator NotEmpty(const std::string& what) {
  return CLI::Validator(
      [what](std::string& text) {
        return text.empty() ? "\"\" is no " + what + "; name one, or leave the option out"
                            : std::string();
      },
      "");
}

CLI::Validator Named(const std::string& what) {
  return CLI::Validator(
      [what](std::string& text) { return text.empty() ? "\"\" names no " + what : std::string(); },
      "");
}

CLI::Option* AddEndpoint(CLI::App& command, const std::string& name, engine::Endpoint& endpoint,
                         const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&endpoint](const std::string& text) {
            auto parsed = engine::ParseEndpoint(text);
            if (!parsed) throw CLI::ValidationError(parsed.error().text);
            endpoint = *parsed;
          },
          description)
      ->required()
      ->type_name("HOST:PORT");
}

CLI::Option* AddSeconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& time,
                        const std::string& description) {
  constexpr double kYear = 366.0 * 24 * 3600;
  return command
      .add_option_function<std::string>(
          name,
          [&time](const std::string& text) {
            double seconds = 0;
            const char* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, seconds);
            if (parsed.ec != std::errc() || parsed.ptr != end || !(seconds >= 0) ||
                seconds > kYear) {
              throw CLI::ValidationError("\"" + text + "\" is no time; give seconds, as 0.5");
            }
            time = std::chrono::milliseconds(std::llround(seconds * 1000));
          },
          description)
      ->type_name("SECONDS")
      ->default_str(std::to_string(time.count() / 1000));
}

CLI::Option* AddSession(CLI::App& command, const std::string& name, proto::Session& session,
                        const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&session](const std::string& text) {
            if (!proto::IsName(text, proto::kSessionSizeMax)) {
              throw CLI::ValidationError(
                  "\"" + text + "\" is no session name; use 1 to 10 letters, digits, '-' or '_'");
            }
            session = proto::Session(text);
          },
          description)
      ->type_name("NAME");
}

Status CheckIsInput(replay::LogRole role, const std::string& folder) {
  if (role != replay::kOutputRole && role != replay::kMergedRole) return {};
  return Error::BadInput("the log " + folder + " holds outputs: its role is \"" + role.str() +
                         "\"; give the log of an input stream");
}

}  // namespace tandem::tools
