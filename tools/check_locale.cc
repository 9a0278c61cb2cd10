// SPDX-License-Identifier: Apache-2.0
#include "tools/check_locale.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tools/process.h"

namespace tandem::tools {
namespace {

constexpr const char* kLocaleDef = "/usr/bin/localedef";
constexpr const char* kInstalled = "/usr/lib/locale";

/// A decimal comma, points between thousands, and letters from Z to A. Categories that are missing
/// here are those of POSIX.
constexpr const char* kSource = R"(comment_char %
escape_char /
LC_NUMERIC
decimal_point "<U002C>"
thousands_sep "<U002E>"
grouping 3;3
END LC_NUMERIC
LC_COLLATE
order_start forward
<U007A>
<U0079>
<U0078>
<U0063>
<U0062>
<U0061>
<U005A>
<U0059>
<U0058>
<U0043>
<U0042>
<U0041>
order_end
END LC_COLLATE
)";

/// Its characters; those of the system are in a package that may be missing.
constexpr const char* kCharacters = R"(<code_set_name> ANSI_X3.4-1968
<comment_char> %
<escape_char> /
CHARMAP
<U0000>..<U007F>     /x00         ASCII
END CHARMAP
)";

bool Write(const std::string& path, const char* text) {
  std::ofstream file(path);
  file << text << std::flush;
  return static_cast<bool>(file);
}

bool Make(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string source = folder + "/reversed.src";
  const std::string characters = folder + "/ascii";
  if (error || !std::filesystem::exists(kLocaleDef) || !Write(source, kSource) ||
      !Write(characters, kCharacters)) {
    return false;
  }
  auto process = Process::Start(
      {kLocaleDef, "--no-archive", "-c", "-f", characters, "-i", source, folder + "/reversed"},
      folder + "/out");
  if (!process) return false;
  (void)process->Wait(std::chrono::seconds(10));  // warns of what is missing, with exit code 1
  process->Kill();
  return std::filesystem::exists(folder + "/reversed/LC_COLLATE") &&
         std::filesystem::exists(folder + "/reversed/LC_NUMERIC");
}

}  // namespace

std::vector<CheckLocale> CheckLocales(const std::string& work) {
  std::vector<CheckLocale> locales;
  const std::string folder = work + "/locale";
  if (!work.empty() && Make(folder)) locales.push_back({"reversed", folder});
  locales.push_back({"C.UTF-8", ""});
  std::vector<std::string> installed;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kInstalled, ignored)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name != "C.utf8") installed.push_back(name);
  }
  std::ranges::sort(installed);
  for (const std::string& name : installed) locales.push_back({name, ""});
  locales.push_back({"POSIX", ""});
  return locales;
}

}  // namespace tandem::tools
