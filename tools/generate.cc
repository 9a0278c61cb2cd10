// SPDX-License-Identifier: Apache-2.0
//
// tandem generate: made-up order flow for `book` as an input log.
#include <cinttypes>
#include <cstdio>

#include "engine/book/generator.h"
#include "engine/book/limits.h"
#include "tools/command.h"
#include "tools/flow_log.h"
#include "tools/options.h"
#include "tools/progress_line.h"

namespace tandem::tools {

namespace {

struct Options {
  std::uint64_t orders = 1'000'000;
  book::GeneratorOptions flow;
  std::string session = "GENERATED";
  std::string folder;
  bool cancel_all = false;
  bool json = false;
};

/// Each user cancels all that it has: as often as one input's limit makes it need, at most.
Status CancelAll(const Options& options, std::uint64_t live_orders, book::FlowMessage& message,
                 FlowLog& log) {
  message.type = book::kMassCancelType;
  message.payload.clear();  // a MassCancel of everything
  const std::uint64_t times = live_orders / book::kOrdersMetMax + 1;
  for (std::uint32_t user = 1; user <= options.flow.users; ++user) {
    message.user = proto::User("U" + std::to_string(user));
    for (std::uint64_t i = 0; i < times; ++i) {
      ++message.time_ns;
      if (const Status appended = log.Append(message); !appended) return appended;
    }
  }
  return {};
}

Result<ExitCode> Generate(const Options& options) {
  if (const Status checked = options.flow.Check(); !checked) return checked.error();
  Result<FlowLog> log = FlowLog::Create(options.folder, options.session);
  if (!log) return log.error();
  book::Generator generator(options.flow);
  book::FlowMessage message;
  ProgressLine progress("messages", options.orders);
  for (std::uint64_t i = 0; i < options.orders; ++i) {
    generator.Next(message);
    if (const Status appended = log->Append(message); !appended) return appended.error();
    progress.Show(i + 1);
  }
  progress.Clear();
  std::uint64_t live_orders = generator.live_orders();
  if (options.cancel_all) {
    if (const Status status = CancelAll(options, live_orders, message, *log); !status) {
      return status.error();
    }
    live_orders = 0;
  }
  if (const Status finished = log->Finish(); !finished) return finished.error();
  const proto::StreamPosition end = log->position();
  if (options.json) {
    std::printf("{\"session\":\"%s\",\"messages\":%" PRIu64 ",\"digest\":\"%016" PRIx64
                "\",\"live_orders\":%" PRIu64 "}\n",
                options.session.c_str(), end.number, end.digest, live_orders);
  } else {
    std::printf("%s: input log of session %s with %" PRIu64 " messages from %" PRIu32
                " users over %" PRIu32 " symbols, digest %016" PRIx64 ", %" PRIu64
                " orders live at its end\n",
                options.folder.c_str(), options.session.c_str(), end.number, options.flow.users,
                options.flow.symbols, end.digest, live_orders);
  }
  return ExitCode::kYes;
}

}  // namespace

void RegisterGenerate(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("generate", "Make order flow for `book` and write it as an input log",
                   "  tandem generate --orders 1000000 --symbols 100 --seed 7 -o flow\n"
                   "  tandem replay flow --app book -o answers\n",
                   [options] { return Generate(*options); });
  command.add_option("--orders", options->orders, "Messages to make: orders, cancels, reduces")
      ->check(WholeNumber(1, 10'000'000'000))
      ->capture_default_str();
  command.add_option("--symbols", options->flow.symbols, "Symbols, 1 to 10000")
      ->check(WholeNumber(1, 10'000))
      ->capture_default_str();
  command.add_option("--users", options->flow.users, "Users U1, U2 ..., 1 to 9999")
      ->check(WholeNumber(1, 9'999))
      ->capture_default_str();
  command.add_option("--seed", options->flow.seed, "Equal seeds give equal logs, byte for byte")
      ->check(WholeNumber())
      ->capture_default_str();
  command.add_flag(
      "--all-kinds", options->flow.all_kinds,
      "Also market, fill-or-kill, post-only orders, replaces, mass cancels, owners, halts");
  command.add_flag("--cancel-all", options->cancel_all,
                   "After them, each user cancels all that is left of its orders");
  command.add_option("--session", options->session, "Session, up to 10 characters")
      ->capture_default_str();
  command.add_option("-o,--output", options->folder, "Folder of the log to make")->required();
  command.add_flag("--json", options->json, "Tell the result as JSON");
}

}  // namespace tandem::tools
