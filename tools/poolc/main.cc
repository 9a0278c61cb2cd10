// SPDX-License-Identifier: Apache-2.0
//
// poolc: makes a C++ header from declarations.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "pools/declarations/load.h"
#include "tools/poolc/generate.h"

namespace tandem::poolc {
namespace {

int Fail(const std::string& text, ExitCode code) {
  std::fprintf(stderr, "poolc: %s\n", text.c_str());
  return static_cast<int>(code);
}

// The header is there whole or not at all.
Status Write(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::FILE* const file = std::fopen(fresh.c_str(), "wb");
  bool done = file != nullptr;
  if (done) {
    done = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    done = std::fclose(file) == 0 && done;
    done = done && std::rename(fresh.c_str(), path.c_str()) == 0;
  }
  if (done) return {};
  const std::string reason = std::strerror(errno);
  if (file != nullptr) std::remove(fresh.c_str());
  return Error::Failure("Cannot write " + path + ": " + reason +
                        "; name a file in a folder that can be written.");
}

int Main(int argument_count, char** arguments) {
  CLI::App app("Makes a C++ header from declarations of types and pools.", "poolc");
  app.footer(
      "Example:\n  poolc book.pools -o book.pools.h\n  poolc schema/ --namespace book "
      "--within acme -o book.pools.h");
  std::vector<std::string> files;
  std::string header;
  GenerateOptions options;
  app.add_option("FILE", files, "Declarations: files, or folders with all below them")->required();
  app.add_option("-o,--output", header, "The header to write")->required();
  app.add_option("--namespace", options.namespaces,
                 "Only the types of this namespace; may be given "
                 "more than once")
      ->type_name("NS")
      ->allow_extra_args(false);
  app.add_option("--within", options.within, "C++ namespace around those of the declarations");
  try {
    app.parse(argument_count, arguments);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return Fail(std::string(error.what()) + "; see `poolc --help`", ExitCode::kBadInput);
  }

  const Result<declarations::Declarations> loaded = declarations::Load(files);
  if (!loaded) return Fail(loaded.error().text, loaded.error().code);
  for (const std::string& file : files) {
    options.sources.push_back(std::filesystem::path(file).filename().string());
  }
  const Generated generated = Generate(*loaded, options);
  int exit_code = 0;
  for (const Error& problem : generated.problems) exit_code = Fail(problem.text, problem.code);
  if (exit_code != 0) return exit_code;
  if (Status status = Write(header, generated.header); !status) {
    return Fail(status.error().text, status.error().code);
  }
  return 0;
}

}  // namespace
}  // namespace tandem::poolc

int main(int argument_count, char** arguments) {
  return tandem::poolc::Main(argument_count, arguments);
}
