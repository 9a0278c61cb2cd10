// SPDX-License-Identifier: Apache-2.0
//
// tandem cat: prints the messages of a log, one line each.
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/log_schema.h"
#include "tools/options.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

constexpr auto kFollowPause = std::chrono::milliseconds(20);

struct Options {
  std::string folder;
  bool json = false;
  bool follow = false;
  std::vector<std::string> types;
  std::uint64_t from = replay::ReadOptions::kFirst;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

class Cat {
 public:
  Cat(const Options& options, LogReader reader) : options_(options), reader_(std::move(reader)) {}

  Result<ExitCode> Run() {
    const Status status = Print();
    // What was read before an error is printed before it is told.
    if (Status flushed = output_.Flush(); !flushed) return flushed.error();
    if (!status) return status.error();
    return ExitCode::kYes;
  }

 private:
  Status Print() {
    std::uint64_t printed = 0;
    while (printed < options_.count && reader_.position().number < options_.to && !ended_) {
      switch (reader_.Next()) {
        case ReadOutcome::kDamaged:
          return reader_.error();
        case ReadOutcome::kEnd:
          if (!options_.follow) return TellTail();
          if (Status status = output_.Flush(); !status) return status;
          std::this_thread::sleep_for(kFollowPause);
          continue;
        case ReadOutcome::kMessage:
          break;
      }
      ended_ = options_.follow && reader_.message().header.type == kEndOfSession;
      if (Status status = Select(); !status) return status;
      if (!options_.types.empty() && !selected_.contains(reader_.message().header.type)) continue;
      proto::Schema& schema = schema_.For(reader_);
      if (options_.json) {
        schema.AppendJson(reader_.message(), &output_.text);
      } else {
        schema.AppendText(reader_.message(), &output_.text);
      }
      output_.text += '\n';
      ++printed;
      if (Status status = output_.MayFlush(); !status) return status;
    }
    return {};
  }

  /// The type numbers that --type names, by the schema that counts now.
  Status Select() {
    if (options_.types.empty()) return {};
    proto::Schema& schema = schema_.For(reader_);
    if (!selected_.empty() && selected_generation_ == schema_.generation()) return {};
    selected_generation_ = schema_.generation();
    selected_.clear();
    for (const std::string& name : options_.types) {
      if (const auto type = schema.TypeOf(name)) {
        selected_.insert(*type);
        continue;
      }
      std::string known;
      for (const auto& [type, known_name] : schema.names()) {
        known += (known.empty() ? "" : ", ") + known_name;
      }
      return Error::BadInput("the log " + options_.folder + " knows no message type " + name +
                             "; it knows " + known);
    }
    return {};
  }

  /// A torn tail is worth a word, unless somebody is just writing it.
  Status TellTail() {
    replay::PosixStorage storage;
    if (storage.Locked(options_.folder + "/" + std::string(replay::kMarkFileName))) return {};
    const auto tail = reader_.ReadTail();
    if (!tail) return tail.error();
    if (tail->bytes > 0) {
      std::fprintf(stderr,
                   "tandem: note: after message %llu the log %s has %llu bytes that are no whole "
                   "message (segment %llu, offset %llu)\n",
                   static_cast<unsigned long long>(reader_.position().number),
                   options_.folder.c_str(), static_cast<unsigned long long>(tail->bytes),
                   static_cast<unsigned long long>(tail->segment_id),
                   static_cast<unsigned long long>(tail->offset));
    }
    return {};
  }

  static inline const std::uint32_t kEndOfSession =
      proto::TypeNumberOf(*pb::EndOfSession::descriptor());

  const Options& options_;
  LogReader reader_;
  LogSchema schema_;
  Output output_;
  std::set<std::uint16_t> selected_;
  std::uint32_t selected_generation_ = 0;
  bool ended_ = false;
};

Result<ExitCode> Run(const Options& options) {
  if (options.from > options.to) {
    return Error::BadInput("--from " + std::to_string(options.from) + " is after --to " +
                           std::to_string(options.to));
  }
  replay::PosixStorage storage;
  auto reader = LogReader::Open(storage, options.folder,
                                {.from_number = options.from, .check_digest = false});
  if (!reader) return reader.error();
  return Cat(options, std::move(*reader)).Run();
}

}  // namespace

void RegisterCat(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add("cat", "Print the messages of a log",
                                   "  tandem generate --orders 10000 -o flow\n"
                                   "  tandem cat flow --type NewOrder --json --count 10\n",
                                   [options] { return Run(*options); });
  command.add_option("LOG", options->folder, "Folder of the log")->required();
  command.add_flag("--json", options->json, "One JSON object a line");
  command
      .add_option("--type", options->types,
                  "Only messages of this type, by name or number; may be given again")
      ->allow_extra_args(false);
  command.add_option("--from", options->from, "First number to look at")
      ->check(WholeNumber(1, kNoMax - 1));
  command.add_option("--to", options->to, "Last number to look at")->check(WholeNumber());
  command.add_option("--count", options->count, "Messages to print at most")->check(WholeNumber());
  command.add_flag("--follow", options->follow,
                   "Wait for more at the end, until the end of the session");
}

}  // namespace tandem::tools
