// SPDX-License-Identifier: Apache-2.0
//
// tandem stat: summarises a log.
#include <cstdint>
#include <cstdio>
#include <map>

#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tools/command.h"
#include "tools/log_schema.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

struct Options {
  std::string folder;
  bool json = false;
};

struct Figures {
  std::string session;
  std::string role;
  std::uint64_t first_number = 0;
  std::uint64_t last_number = 0;
  std::uint64_t messages = 0;
  std::uint64_t application = 0;
  std::uint64_t control = 0;  ///< Tandem's own, without ticks
  std::uint64_t ticks = 0;
  std::int64_t first_time_ns = 0;
  std::int64_t last_time_ns = 0;
  std::uint64_t last_digest = 0;
  std::uint64_t message_bytes = 0;  ///< headers and payloads
  std::uint64_t file_bytes = 0;     ///< with preallocated space
  std::uint64_t segments = 0;
  std::uint64_t synced_number = 0;  ///< by the mark
  std::uint64_t tail_bytes = 0;
  bool being_written = false;
  std::map<std::uint16_t, std::uint64_t> by_type;
  std::map<std::uint16_t, std::string> names;
};

Status Count(LogReader& reader, Figures& figures) {
  static const std::uint32_t kTick = proto::TypeNumberOf(*pb::Tick::descriptor());
  LogSchema schema;
  for (;;) {
    const ReadOutcome outcome = reader.Next();
    if (outcome == ReadOutcome::kDamaged) return reader.error();
    if (outcome == ReadOutcome::kEnd) break;
    const proto::Header& header = reader.message().header;
    if (figures.messages++ == 0) figures.first_time_ns = header.time_ns;
    figures.last_time_ns = header.time_ns;
    figures.message_bytes += reader.message().bytes.size();
    if (figures.by_type[header.type]++ == 0) {
      figures.names[header.type] = schema.For(reader).NameOf(header.type);
    }
    if (header.type >= proto::kFirstApplicationType) {
      ++figures.application;
    } else {
      ++(header.type == kTick ? figures.ticks : figures.control);
    }
  }
  figures.last_number = reader.position().number;
  figures.last_digest = reader.position().digest;
  const auto tail = reader.ReadTail();
  if (!tail) return tail.error();
  figures.tail_bytes = tail->bytes;
  return {};
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

std::string Text(const Figures& figures) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    text += name;
    text.append(14 - std::string_view(name).size(), ' ');
    text += value + "\n";
  };
  line("session", figures.session);
  line("role", figures.role);
  if (figures.messages == 0) {
    line("numbers", "none; the next is " + Plain(figures.first_number));
  } else {
    line("numbers", Plain(figures.first_number) + " to " + Plain(figures.last_number));
    line("times",
         proto::TimeText(figures.first_time_ns) + " to " + proto::TimeText(figures.last_time_ns));
  }
  line("messages", Plain(figures.messages) + ": " + Plain(figures.application) + " application, " +
                       Plain(figures.control) + " control, " + Plain(figures.ticks) + " ticks");
  for (const auto& [type, count] : figures.by_type) {
    char row[96];
    std::snprintf(row, sizeof row, "  %12llu  %s (%u)\n", static_cast<unsigned long long>(count),
                  figures.names.at(type).c_str(), type);
    text += row;
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
  std::string text = "{\"session\":\"" + figures.session + "\",\"role\":\"" + figures.role + "\"";
  const auto number = [&](const char* name, const std::string& value) {
    text += std::string(",\"") + name + "\":" + value;
  };
  number("first_number", Plain(figures.first_number));
  number("last_number", Plain(figures.last_number));
  number("messages", Plain(figures.messages));
  number("application", Plain(figures.application));
  number("control", Plain(figures.control));
  number("ticks", Plain(figures.ticks));
  if (figures.messages > 0) {
    number("first_time", "\"" + proto::TimeText(figures.first_time_ns) + "\"");
    number("last_time", "\"" + proto::TimeText(figures.last_time_ns) + "\"");
    number("first_time_ns", std::to_string(figures.first_time_ns));
    number("last_time_ns", std::to_string(figures.last_time_ns));
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
  for (const auto& [type, count] : figures.by_type) {
    text += std::string(first ? "" : ",") + "{\"type\":\"" + figures.names.at(type) +
            "\",\"type_number\":" + std::to_string(type) + ",\"count\":" + Plain(count) + "}";
    first = false;
  }
  return text + "]}\n";
}

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  auto reader = LogReader::Open(storage, options.folder, {.check_digest = false});
  if (!reader) return reader.error();
  Figures figures;
  figures.session = reader->session().str();
  figures.role = reader->role().str();
  figures.first_number = reader->first_number();
  figures.being_written = storage.Locked(options.folder + "/" + std::string(replay::kMarkFileName));
  const auto mark = reader->ReadMark();
  if (!mark) return mark.error();
  figures.synced_number = mark->mark.number;
  if (Status status = Count(*reader, figures); !status) return status.error();
  if (Status status = CountFiles(storage, options.folder, figures); !status) return status.error();

  Output output;
  output.text = options.json ? Json(figures) : Text(figures);
  if (Status status = output.Flush(); !status) return status.error();
  return ExitCode::kYes;
}

}  // namespace

void RegisterStat(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add("stat", "Summarise a log",
                                   "  tandem generate --orders 10000 -o flow\n"
                                   "  tandem stat flow\n",
                                   [options] { return Run(*options); });
  command.add_option("LOG", options->folder, "Folder of the log")->required();
  command.add_flag("--json", options->json, "One JSON object");
}

}  // namespace tandem::tools
