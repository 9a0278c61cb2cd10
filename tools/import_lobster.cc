// SPDX-License-Identifier: Apache-2.0
//
// tandem import lobster: a day of market data as an input log for `book`.
#include <cinttypes>
#include <cstdio>

#include "engine/book/lobster.h"
#include "tools/command.h"
#include "tools/import.h"
#include "tools/import_flow.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

using book::LobsterRow;
using book::LobsterTotals;

struct Options {
  std::string file;
  std::string symbol;
  std::string date;
  std::string session = "LOBSTER";
  std::string user = "IMPORT";
  std::string folder;
  bool json = false;
};

void PrintJson(const LobsterTotals& totals) {
  std::printf("{\"rows\":%" PRIu64 ",\"rows_by_type\":{", totals.rows);
  for (int type = 1; type <= 7; ++type) {
    std::printf("%s\"%d\":%" PRIu64, type == 1 ? "" : ",", type, totals.rows_by_type[type]);
  }
  std::printf("},\"skipped\":%" PRIu64 ",\"opened\":%" PRIu64 ",\"messages\":%" PRIu64 "}\n",
              totals.skipped(), totals.opened, totals.messages);
}

void PrintText(const Options& options, const book::LobsterDay& day, const LobsterTotals& totals) {
  const auto line = [](std::uint64_t count, const char* what) {
    std::printf("  %12" PRIu64 "  %s\n", count, what);
  };
  std::printf("%s: a day of %s\n", options.file.c_str(), day.symbol.c_str());
  line(totals.rows, "rows");
  line(totals.rows_by_type[LobsterRow::kNew], "new orders (type 1)");
  line(totals.rows_by_type[LobsterRow::kReduce], "partial cancels (2): reduces");
  line(totals.rows_by_type[LobsterRow::kDelete], "deletes (3): cancels");
  line(totals.rows_by_type[LobsterRow::kExecution],
       "executions (4): immediate-or-cancel orders of the other side");
  line(totals.skipped(), "rows skipped: hidden executions (5), crosses (6), halts (7)");
  line(totals.opened, "orders entered that the file never opened");
  std::printf("%s: input log of session %s\n", options.folder.c_str(), options.session.c_str());
  line(totals.messages, "messages");
}

Result<ExitCode> ImportLobster(const Options& options) {
  if (Status status = CheckUser(options.user); !status) return status.error();
  const Result<book::LobsterDay> day =
      book::LobsterDay::Of(options.file, options.symbol, options.date);
  if (!day) return day.error();
  const Result<LobsterTotals> totals =
      ImportFlow(options.folder, options.session, [&](const auto& sink) {
        return book::ReadLobster(options.file, *day, proto::User(options.user), sink);
      });
  if (!totals) return totals.error();
  if (options.json) {
    PrintJson(*totals);
  } else {
    PrintText(options, *day, *totals);
  }
  return ExitCode::kYes;
}

}  // namespace

void RegisterImportLobster(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& lobster = commands.AddBelow(
      group, "lobster", "From a LOBSTER message file, plain or gzip",
      "  tandem import lobster AAPL_2012-06-21_34200000_57600000_message_1.csv.gz -o day\n"
      "  tandem replay day --app book -o answers\n",
      [options] { return ImportLobster(*options); });
  lobster.add_option("FILE", options->file, "The message file")->required()->check(Named("file"));
  lobster.add_option("-o,--output", options->folder, "Folder of the log to make")
      ->required()
      ->check(Named("folder"));
  lobster.add_option("--symbol", options->symbol, "Ticker, if not the one in the file's name")
      ->check(Named("ticker"));
  lobster.add_option("--date", options->date, "YYYY-MM-DD, if not the one in the file's name")
      ->check(Named("day"));
  lobster.add_option("--session", options->session, "Session, up to 10 characters")
      ->capture_default_str();
  lobster.add_option("--user", options->user, "Who sends the orders, up to 6 characters")
      ->capture_default_str();
  lobster.add_flag("--json", options->json, "Tell the result as JSON");
}

}  // namespace tandem::tools
