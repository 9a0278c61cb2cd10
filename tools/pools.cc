// SPDX-License-Identifier: Apache-2.0
//
// tandem pools: checks declared chains of pools and prints them.
#include "pools/declarations/load.h"
#include "pools/declarations/print.h"
#include "pools/declarations/resolve.h"
#include "tools/command.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> site;
  bool all = false;
  bool json = false;
  bool dot = false;
};

// Every problem, a sentence a line.
Error Problems(const std::vector<Error>& problems) {
  constexpr std::size_t kShownMax = 20;
  std::string text;
  for (std::size_t i = 0; i < problems.size() && i < kShownMax; ++i) {
    text += (i == 0 ? "" : "\ntandem: ") + problems[i].text;
  }
  if (problems.size() > kShownMax) {
    text += "\ntandem: and " + std::to_string(problems.size() - kShownMax) + " more.";
  }
  return Error::BadInput(text);
}

Result<ExitCode> Run(const Options& options) {
  Result<declarations::Declarations> loaded = declarations::Load(options.files);
  if (!loaded) return loaded.error();
  if (!options.site.empty()) {
    const Result<declarations::Declarations> site = declarations::Load(options.site);
    if (!site) return site.error();
    if (Status status = declarations::Override(*loaded, *site); !status) return status.error();
  }
  const declarations::Resolution resolution = declarations::Resolve(*loaded);
  if (!resolution.problems.empty()) return Problems(resolution.problems);

  const declarations::PrintOptions print{.values = options.all};
  Output output;
  if (options.json) {
    output.text = declarations::Json(*loaded, resolution);
  } else if (options.dot) {
    output.text = declarations::Dot(*loaded, resolution, print);
  } else {
    output.text = declarations::Text(*loaded, resolution, print);
  }
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void RegisterPools(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add(
      "pools", "Check declared pools, and print from which base each takes its memory and why",
      "  tandem pools tests/poolc/ledger.pools\n"
      "  tandem pools tests/poolc/ledger.pools --dot | dot -Tsvg > pools.svg\n"
      "The file is in Tandem's source tree, a small program that uses pools.\n",
      [options] { return Run(*options); });
  command.add_option("FILE", options->files, "Declarations: files, or folders with all below them")
      ->required();
  command.add_option("--site", options->site,
                     "Files whose basepool, nsx and tuning records take the place of those above");
  command.add_flag("--all", options->all, "Val fields too, which live in their parents");
  CLI::Option* json = command.add_flag("--json", options->json, "One JSON object");
  command.add_flag("--dot", options->dot, "A graph for Graphviz")->excludes(json);
}

}  // namespace tandem::tools
