// SPDX-License-Identifier: Apache-2.0
#include "tools/new.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tools/new_project.h"

namespace tandem::tools {

namespace {

namespace fs = std::filesystem;

struct Options {
  std::string name;
  std::string folder;
};

Status WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return Error::Failure("cannot write " + path.string() + "; is there room, and may you?");
}

/// The whole folder or nothing: it is made under another name.
Status WriteProject(const fs::path& folder, const std::vector<ProjectFile>& files) {
  std::error_code error;
  if (fs::symlink_status(folder, error).type() != fs::file_type::not_found) {
    return Error::BadInput(folder.string() +
                           " is there already: remove it, or choose another place with --folder");
  }
  fs::path partial = folder;
  partial += ".partial";
  if (!fs::create_directory(partial, error)) {
    return Error::BadInput("cannot make the folder " + partial.string() + ": " +
                           (error ? error.message() : "it is there already; remove it"));
  }
  for (const ProjectFile& file : files) {
    if (Status status = WriteFile(partial / file.name, file.text); !status) {
      fs::remove_all(partial, error);
      return status;
    }
  }
  fs::rename(partial, folder, error);
  if (!error) return {};
  const std::string why = error.message();
  fs::remove_all(partial, error);
  return Error::Failure("cannot make the folder " + folder.string() + ": " + why);
}

/// What cmake must be told so that it finds the Tandem that this program is of. It looks by itself
/// beside every folder of PATH.
std::string PackageHint() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path prefix = program.parent_path().parent_path();
  if (!fs::exists(prefix / TANDEM_PACKAGE_FOLDER "/tandem-config.cmake", error)) {
    return " -DCMAKE_PREFIX_PATH=WHERE_TANDEM_IS_INSTALLED";
  }
  const char* const path = std::getenv("PATH");
  const std::string folders = ":" + std::string(path != nullptr ? path : "") + ":";
  const bool found = folders.find(":" + program.parent_path().string() + ":") != std::string::npos;
  return found ? "" : " -DCMAKE_PREFIX_PATH=" + prefix.string();
}

Result<ExitCode> New(const Options& options) {
  if (Status status = CheckProjectName(options.name); !status) return status.error();
  fs::path folder = options.folder.empty() ? options.name : options.folder;
  if (!folder.has_filename()) folder = folder.parent_path();  // "a/" is "a"
  if (Status status = WriteProject(folder, ProjectFiles(options.name)); !status) {
    return status.error();
  }
  std::printf("%s: an application with its tests; README.md says what is what\n", folder.c_str());
  std::printf("next: cd %s && cmake -B build%s && cmake --build build && ctest --test-dir build\n",
              folder.c_str(), PackageHint().c_str());
  return ExitCode::kYes;
}

}  // namespace

void RegisterNew(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("new", "Write an application of your own, ready to build and test",
                   "  tandem new ledger\n"
                   "  tandem new order_book --folder exchange\n"
                   "docs/tutorial.md goes on from there.\n",
                   [options] { return New(*options); });
  command.add_option("NAME", options->name, "What it is called, as in order_book")->required();
  command.add_option("--folder", options->folder, "Where; must not exist (default: NAME)");
}

}  // namespace tandem::tools
