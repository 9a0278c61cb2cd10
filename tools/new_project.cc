// SPDX-License-Identifier: Apache-2.0
#include "tools/new_project.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "tools/poolc/names.h"

namespace tandem::tools {

namespace {

constexpr std::size_t kNameSizeMax = 32;

// What is something else beside the application: namespaces and types that its code names, macros,
// targets that CMake has by itself.
constexpr std::string_view kTaken[] = {"all",
                                       "apps",
                                       "application",
                                       "clean",
                                       "entry",
                                       "errno",
                                       "google",
                                       "help",
                                       "i386",
                                       "install",
                                       "linux",
                                       "main",
                                       "package",
                                       "package_source",
                                       "pb",
                                       "poolc",
                                       "protobuf",
                                       "project",
                                       "state",
                                       "std",
                                       "stderr",
                                       "stdin",
                                       "stdout",
                                       "tandem",
                                       "test",
                                       "tests",
                                       "testing",
                                       "unix",
                                       "edit_cache",
                                       "rebuild_cache",
                                       "list_install_components"};

bool IsTaken(std::string_view name) {
  return std::find(std::begin(kTaken), std::end(kTaken), name) != std::end(kTaken);
}

bool IsLowerOrDigit(char character) {
  return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9');
}

/// "order_book" -> "OrderBook"
std::string ClassName(std::string_view name) {
  std::string text;
  bool upper = true;
  for (const char character : name) {
    if (character == '_') {
      upper = true;
      continue;
    }
    text +=
        upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(character))) : character;
    upper = false;
  }
  return text;
}

void Replace(std::string_view what, std::string_view by, std::string& text) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

}  // namespace

Status CheckProjectName(std::string_view name) {
  const auto refuse = [name](const std::string& why) {
    return Error::BadInput("\"" + std::string(name) + "\" is no name for an application: " + why);
  };
  if (name.empty() || name.size() > kNameSizeMax || name.front() < 'a' || name.front() > 'z' ||
      name.back() == '_' || name.find("__") != std::string_view::npos ||
      !std::all_of(name.begin(), name.end(),
                   [](char c) { return c == '_' || IsLowerOrDigit(c); })) {
    return refuse("choose 1 to " + std::to_string(kNameSizeMax) +
                  " small letters and digits, with single underscores between them and a letter "
                  "first, as in order_book");
  }
  if (!poolc::IsCppName(name)) return refuse("C++ has that word for itself; choose another");
  if (IsTaken(name)) {
    return refuse("something else beside the application has that name; choose another");
  }
  return {};
}

std::vector<ProjectFile> ProjectFiles(std::string_view name) {
  constexpr std::string_view kProject = "project";
  std::vector<ProjectFile> files;
  for (const Template& from : kTemplates) {
    ProjectFile file{.name = std::string(from.name), .text = std::string(from.text)};
    if (from.name.starts_with(kProject)) file.name.replace(0, kProject.size(), name);
    if (from.name == "gitignore") file.name = ".gitignore";
    Replace("@NAME@", name, file.text);
    Replace("@CLASS@", ClassName(name), file.text);
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace tandem::tools
