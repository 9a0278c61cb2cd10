// SPDX-License-Identifier: Apache-2.0
//
// tandem stat: summarises a log, or what a filter picks of it.
#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <map>

#include "proto/shown_text.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/json_text.h"
#include "tools/log_end.h"
#include "tools/log_schema.h"
#include "tools/message_filter.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress_line.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

constexpr std::int64_t kSecond = 1'000'000'000;

/// The second of the clock in which a time lies, counted from 1970.
std::int64_t SecondOf(std::int64_t time_ns) {
  return time_ns / kSecond - (time_ns % kSecond < 0 ? 1 : 0);
}

struct Options {
  std::string folder;
  bool json = false;
  MessageFilterOptions filter;
};

struct TypeFigures {
  std::string name;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  ///< headers and payloads
};

struct Figures {
  std::string session;
  std::string role;
  std::uint64_t first_number = 0;  ///< of what was looked at
  std::uint64_t last_number = 0;
  std::uint64_t looked_at = 0;
  bool picks = false;  ///< a filter took some of these, so
  std::uint64_t messages = 0;
  std::uint64_t application = 0;
  std::uint64_t control = 0;  ///< Tandem's own, without ticks
  std::uint64_t ticks = 0;
  std::int64_t first_time_ns = 0;
  std::int64_t last_time_ns = 0;
  std::uint64_t busiest_count = 0;   ///< messages in the busiest second of the clock
  std::int64_t busiest_time_ns = 0;  ///< a time in it
  std::uint64_t last_digest = 0;
  std::uint64_t message_bytes = 0;  ///< headers and payloads
  std::uint64_t smallest = 0;
  std::uint64_t largest = 0;
  std::uint64_t file_bytes = 0;  ///< with preallocated space
  std::uint64_t segments = 0;
  std::uint64_t synced_number = 0;  ///< by the mark
  std::uint64_t tail_bytes = 0;
  bool being_written = false;
  std::map<std::uint16_t, TypeFigures> types;

  [[nodiscard]] double seconds() const {
    if (last_time_ns <= first_time_ns) return 0;
    // The span may be more than a signed number of ns can say.
    return static_cast<double>(static_cast<std::uint64_t>(last_time_ns) -
                               static_cast<std::uint64_t>(first_time_ns)) /
           1e9;
  }
  /// A second, on average; 0: there is no time between the first and the last.
  [[nodiscard]] double Rate(std::uint64_t count) const {
    return seconds() > 0 ? static_cast<double>(count) / seconds() : 0;
  }
  [[nodiscard]] double average_size() const {
    return messages > 0 ? static_cast<double>(message_bytes) / static_cast<double>(messages) : 0;
  }
};

/// Adds messages to figures.
class Counter {
 public:
  explicit Counter(Figures& figures) : figures_(figures) {}

  void Add(const LogReader& reader, LogSchema& schema) {
    static const std::uint32_t kTick = proto::TypeNumberOf(*pb::Tick::descriptor());
    const proto::Header& header = reader.message().header;
    const std::uint64_t size = reader.message().bytes.size();
    if (figures_.messages++ == 0) {
      figures_.first_time_ns = header.time_ns;
      figures_.smallest = size;
    }
    figures_.last_time_ns = header.time_ns;
    figures_.message_bytes += size;
    figures_.smallest = std::min(figures_.smallest, size);
    figures_.largest = std::max(figures_.largest, size);
    TypeFigures& type = figures_.types[header.type];
    if (type.count++ == 0) type.name = schema.For(reader).NameOf(header.type);
    type.bytes += size;
    if (header.type >= proto::kFirstApplicationType) {
      ++figures_.application;
    } else {
      ++(header.type == kTick ? figures_.ticks : figures_.control);
    }
    const std::int64_t second = SecondOf(header.time_ns);
    in_second_ = second == second_ ? in_second_ + 1 : 1;
    second_ = second;
    if (in_second_ > figures_.busiest_count) {
      figures_.busiest_count = in_second_;
      figures_.busiest_time_ns = header.time_ns;
    }
  }

 private:
  Figures& figures_;
  std::int64_t second_ = 0;
  std::uint64_t in_second_ = 0;
};

Status Count(replay::Storage& storage, const std::string& folder, LogReader& reader,
             MessageFilter& filter, Figures& figures) {
  LogSchema schema;
  Counter counter(figures);
  ProgressLine progress("messages");
  figures.first_number = reader.position().number + 1;
  figures.picks = filter.picks();
  while (reader.position().number < filter.last()) {
    const ReadOutcome outcome = reader.Next();
    if (outcome == ReadOutcome::kDamaged) return reader.error();
    if (outcome == ReadOutcome::kEnd) break;
    progress.Show(++figures.looked_at);
    if (filter.Wants(reader, schema)) counter.Add(reader, schema);
  }
  figures.last_number = reader.position().number;
  figures.last_digest = reader.position().digest;
  const ReadOutcome beyond = reader.Next();
  if (beyond == ReadOutcome::kDamaged) NoteAll({reader.error().text});
  if (beyond != ReadOutcome::kEnd) return {};  // the end of the log is further on
  const auto tail = reader.ReadTail();
  if (!tail) return tail.error();
  figures.tail_bytes = tail->bytes;
  progress.Clear();
  return NoteEnd(storage, folder, reader);
}

Status CountFiles(replay::Storage& storage, const std::string& folder, Figures& figures) {
  const auto names = storage.List(folder);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!replay::SegmentIdOf(name)) continue;
    const auto file = storage.OpenToRead(folder + "/" + name);
    if (!file) return file.error();
    if (*file == nullptr) continue;
    const auto size = (*file)->Size();
    if (!size) return size.error();
    figures.file_bytes += *size;
    ++figures.segments;
  }
  return {};
}

std::string Plain(std::uint64_t number) { return std::to_string(number); }

std::string Decimal(double value, int places) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

/// The second in which a time lies: "2012-06-21T13:30:01Z"
std::string SecondText(std::int64_t time_ns) {
  return proto::TimeText(time_ns).substr(0, 19) + "Z";
}

std::string Text(const Figures& figures) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += name;
    text.append(14 - std::string_view(name).size(), ' ');
    text += value + "\n";
  };
  line("session", proto::Escaped(figures.session));
  line("role", proto::Escaped(figures.role));
  if (figures.looked_at == 0) {
    line("numbers", "none; the next is " + Plain(figures.first_number));
  } else {
    line("numbers", Plain(figures.first_number) + " to " + Plain(figures.last_number));
  }
  if (figures.picks) {
    line("picked", Plain(figures.messages) + " of " + Plain(figures.looked_at) + " messages");
  }
  if (figures.messages > 0) {
    line("times",
         proto::TimeText(figures.first_time_ns) + " to " + proto::TimeText(figures.last_time_ns));
  }
  line("messages", Plain(figures.messages) + ": " + Plain(figures.application) + " application, " +
                       Plain(figures.control) + " control, " + Plain(figures.ticks) + " ticks");
  for (const auto& [number, type] : figures.types) {
    char row[128];
    std::snprintf(row, sizeof row, "  %12" PRIu64 "  %s (%u), %" PRIu64 " bytes\n", type.count,
                  type.name.c_str(), number, type.bytes);
    text += row;
  }
  if (figures.seconds() > 0) {
    line("rate", Decimal(figures.Rate(figures.messages), 1) + " messages/s, " +
                     Decimal(figures.Rate(figures.message_bytes), 0) + " bytes/s on average; " +
                     Plain(figures.busiest_count) + " in the busiest second, " +
                     SecondText(figures.busiest_time_ns));
  }
  if (figures.messages > 0) {
    line("sizes", Plain(figures.smallest) + " to " + Plain(figures.largest) + " bytes, " +
                      Decimal(figures.average_size(), 1) + " on average");
  }
  line("bytes", Plain(figures.message_bytes) + " in messages, " + Plain(figures.file_bytes) +
                    " in " + Plain(figures.segments) +
                    (figures.segments == 1 ? " segment" : " segments"));
  line("digest", proto::DigestText(figures.last_digest));
  line("synced to", figures.synced_number == 0 ? "nothing" : Plain(figures.synced_number));
  if (figures.being_written) line("state", "being written");
  if (figures.tail_bytes > 0 && !figures.being_written) {
    line("torn tail", Plain(figures.tail_bytes) + " bytes that are no whole message");
  }
  return text;
}

std::string Json(const Figures& figures) {
  std::string text = "{\"session\":";
  AppendJsonText(figures.session, &text);
  text += ",\"role\":";
  AppendJsonText(figures.role, &text);
  const auto number = [&](const char* name, const std::string& value) {
    text += std::string(",\"") + name + "\":" + value;
  };
  number("first_number", Plain(figures.first_number));
  number("last_number", Plain(figures.last_number));
  number("messages", Plain(figures.messages));
  number("application", Plain(figures.application));
  number("control", Plain(figures.control));
  number("ticks", Plain(figures.ticks));
  number("looked_at", Plain(figures.looked_at));
  if (figures.messages > 0) {
    number("first_time", "\"" + proto::TimeText(figures.first_time_ns) + "\"");
    number("last_time", "\"" + proto::TimeText(figures.last_time_ns) + "\"");
    number("first_time_ns", std::to_string(figures.first_time_ns));
    number("last_time_ns", std::to_string(figures.last_time_ns));
    number("messages_per_second", Decimal(figures.Rate(figures.messages), 3));
    number("bytes_per_second", Decimal(figures.Rate(figures.message_bytes), 3));
    number("busiest_second", "\"" + SecondText(figures.busiest_time_ns) + "\"");
    number("busiest_second_messages", Plain(figures.busiest_count));
    number("smallest", Plain(figures.smallest));
    number("largest", Plain(figures.largest));
    number("average_size", Decimal(figures.average_size(), 3));
  }
  number("message_bytes", Plain(figures.message_bytes));
  number("file_bytes", Plain(figures.file_bytes));
  number("segments", Plain(figures.segments));
  number("digest", "\"" + proto::DigestText(figures.last_digest) + "\"");
  number("synced_number", Plain(figures.synced_number));
  number("torn_tail_bytes", Plain(figures.being_written ? 0 : figures.tail_bytes));
  number("being_written", figures.being_written ? "true" : "false");
  text += ",\"types\":[";
  bool first = true;
  for (const auto& [type_number, type] : figures.types) {
    text += std::string(first ? "" : ",") + "{\"type\":\"" + type.name +
            "\",\"type_number\":" + std::to_string(type_number) +
            ",\"count\":" + Plain(type.count) + ",\"bytes\":" + Plain(type.bytes) + "}";
    first = false;
  }
  return text + "]}\n";
}

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  MessageFilter filter(options.filter);
  auto reader = filter.Open(storage, options.folder);
  if (!reader) return reader.error();
  Figures figures;
  figures.session = reader->session().str();
  figures.role = reader->role().str();
  figures.being_written = storage.Locked(options.folder + "/" + std::string(replay::kMarkFileName));
  const auto mark = reader->ReadMark();
  if (!mark) return mark.error();
  figures.synced_number = mark->mark.number;
  if (Status status = Count(storage, options.folder, *reader, filter, figures); !status)
    return status.error();
  if (Status status = CountFiles(storage, options.folder, figures); !status) return status.error();

  Output output;
  output.text = options.json ? Json(figures) : Text(figures);
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void RegisterStat(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.Add("stat", "Summarise a log",
                   "  tandem generate --orders 10000 -o flow\n"
                   "  tandem stat flow\n"
                   "  tandem stat flow --from 5001 --type NewOrder --where side=BUY\n",
                   [options] { return Run(*options); });
  command.add_option("LOG", options->folder, "Folder of the log")
      ->required()
      ->check(Named("folder"));
  options->filter.AddTo(command);
  command.add_flag("--json", options->json, "One JSON object");
}

}  // namespace tandem::tools
