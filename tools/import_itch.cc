// SPDX-License-Identifier: Apache-2.0
//
// tandem import itch: a day of market data as an input log for `book`.
#include <cinttypes>
#include <cstdio>

#include "engine/book/itch.h"
#include "tools/import.h"
#include "tools/import_flow.h"
#include "tools/options.h"

namespace tandem::tools {
namespace {

using book::ItchTotals;

struct Options {
  std::string file;
  std::string date;
  std::string session = "ITCH";
  std::string user = "IMPORT";
  std::string folder;
  bool json = false;
};

void PrintJson(const ItchTotals& totals) {
  std::printf("{\"read\":%" PRIu64 ",\"read_by_type\":{", totals.read);
  bool first = true;
  for (std::size_t type = 0; type < totals.read_by_type.size(); ++type) {
    if (totals.read_by_type[type] == 0) continue;
    std::printf("%s\"%c\":%" PRIu64, first ? "" : ",", static_cast<char>(type),
                totals.read_by_type[type]);
    first = false;
  }
  std::printf("},\"taken\":%" PRIu64 ",\"unknown_order\":%" PRIu64 ",\"other\":%" PRIu64
              ",\"symbols\":%" PRIu64 ",\"messages\":%" PRIu64 "}\n",
              totals.taken, totals.unknown_order, totals.other(), totals.symbols, totals.messages);
}

void PrintText(const Options& options, const ItchTotals& totals) {
  const auto line = [](std::uint64_t count, const char* what) {
    std::printf("  %12" PRIu64 "  %s\n", count, what);
  };
  const auto of = [&](char type) { return totals.read_by_type[static_cast<std::size_t>(type)]; };
  std::printf("%s:\n", options.file.c_str());
  line(totals.read, "messages");
  line(of('A') + of('F'), "adds (A, F): new orders");
  line(of('E') + of('C'), "executions (E, C): immediate-or-cancel orders of the other side");
  line(of('X'), "partial cancels (X): reduces");
  line(of('D'), "deletes (D): cancels");
  line(of('U'), "replaces (U): a cancel and a new order each");
  line(totals.unknown_order, "of these name an order that the file never opened: left out");
  line(totals.symbols, "symbols in the stock directory (R)");
  line(totals.other(), "messages that tell of no order, with the directory: left out");
  std::printf("%s: input log of session %s\n", options.folder.c_str(), options.session.c_str());
  line(totals.messages, "messages");
}

Result<ExitCode> ImportItch(const Options& options) {
  if (Status status = CheckUser(options.user); !status) return status.error();
  const Result<std::int64_t> midnight = book::ItchDay(options.file, options.date);
  if (!midnight) return midnight.error();
  const Result<ItchTotals> totals =
      ImportFlow(options.folder, options.session, [&](const auto& sink) {
        return book::ReadItch(options.file, *midnight, proto::User(options.user), sink);
      });
  if (!totals) return totals.error();
  if (options.json) {
    PrintJson(*totals);
  } else {
    PrintText(options, *totals);
  }
  if (!totals->ended_properly) NoteOpenEnd(options.file);
  return ExitCode::kYes;
}

}  // namespace

void RegisterImportItch(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& itch = commands.AddBelow(group, "itch", "From an ITCH 5.0 day file, plain or gzip",
                                     "  tandem import itch 12302019.NASDAQ_ITCH50.gz -o day\n"
                                     "  tandem replay day --app book -o answers\n",
                                     [options] { return ImportItch(*options); });
  itch.add_option("FILE", options->file, "The day file: messages behind their lengths")
      ->required()
      ->check(Named("file"));
  itch.add_option("-o,--output", options->folder, "Folder of the log to make")
      ->required()
      ->check(Named("folder"));
  itch.add_option("--date", options->date, "YYYY-MM-DD, if not the one in the file's name")
      ->check(Named("day"));
  itch.add_option("--session", options->session, "Session, up to 10 characters")
      ->capture_default_str();
  itch.add_option("--user", options->user, "Who sends the orders, up to 6 characters")
      ->capture_default_str();
  itch.add_flag("--json", options->json, "Tell the result as JSON");
}

}  // namespace tandem::tools
