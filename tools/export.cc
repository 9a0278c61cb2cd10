// SPDX-License-Identifier: Apache-2.0
//
// tandem export: a log as lines of JSON or as a BinaryFILE, every byte of every message.
#include <cstdio>

#include "replay/json_lines.h"
#include "replay/log_reader.h"
#include "tools/command.h"
#include "tools/log_end.h"
#include "tools/log_schema.h"
#include "tools/message_filter.h"
#include "tools/new_file.h"
#include "tools/options.h"
#include "tools/progress_line.h"

namespace tandem::tools {
namespace {

using replay::LogReader;
using replay::ReadOutcome;

struct Options {
  std::string folder;
  std::string file;
  MessageFilterOptions filter;
};

/// What is written of a log: how it begins, each message, how it ends.
class Format {
 public:
  virtual ~Format() = default;
  /// The first message follows `start`; the reader has given it, or there is none.
  virtual void Begin(const LogReader& reader, proto::StreamPosition start, std::string* out) = 0;
  virtual void Add(const LogReader& reader, LogSchema& schema, std::string* out) = 0;
  virtual void End(std::string* out) = 0;
  /// How a part that was picked from the log becomes a log again.
  [[nodiscard]] virtual const char* OfAPart() const = 0;
};

class JsonFormat final : public Format {
 public:
  void Begin(const LogReader& reader, proto::StreamPosition start, std::string* out) override {
    generation_ = reader.schema_generation();
    *out += replay::JsonLogLine({.session = reader.session(),
                                 .role = reader.role(),
                                 .start = start,
                                 .schema = reader.schema()});
    *out += '\n';
  }
  void Add(const LogReader& reader, LogSchema& schema, std::string* out) override {
    if (generation_ != reader.schema_generation()) {
      generation_ = reader.schema_generation();
      *out += replay::JsonSchemaLine(reader.schema()) + "\n";
    }
    schema.For(reader).AppendExactJson(reader.message(), out);
    *out += '\n';
  }
  void End(std::string* /*out*/) override {}
  [[nodiscard]] const char* OfAPart() const override {
    return "`tandem import jsonl --rechain` makes a log of them, with other numbers";
  }

 private:
  std::uint32_t generation_ = 0;
};

class BinaryFormat final : public Format {
 public:
  void Begin(const LogReader& /*reader*/, proto::StreamPosition /*start*/,
             std::string* /*out*/) override {}
  void Add(const LogReader& reader, LogSchema& /*schema*/, std::string* out) override {
    const auto bytes = reader.message().bytes;
    *out += static_cast<char>(bytes.size() >> 8);
    *out += static_cast<char>(bytes.size() & 0xff);
    out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void End(std::string* out) override { out->append(2, '\0'); }
  [[nodiscard]] const char* OfAPart() const override {
    return "no log can be made of such a BinaryFILE; `tandem export jsonl` writes what can be one";
  }
};

/// What was written of a log.
struct Picked {
  std::uint64_t messages = 0;
  proto::StreamPosition before;  ///< the first one
  proto::StreamPosition last;
  bool has_gap = false;

  void Add(proto::StreamPosition message_before, proto::StreamPosition message) {
    if (messages++ == 0) before = message_before;
    has_gap |= messages > 1 && message_before.number != last.number;
    last = message;
  }
  /// ", from message 5, digest before it ..., up to message 9, digest ..."
  [[nodiscard]] std::string Text() const {
    if (messages == 0) return "";
    std::string text;
    if (before.number > 0) {
      text = ", from message " + std::to_string(before.number + 1) + ", digest before it " +
             proto::DigestText(before.digest);
    }
    return text + ", up to message " + std::to_string(last.number) + ", digest " +
           proto::DigestText(last.digest);
  }
};

Result<ExitCode> Export(const Options& options, Format& format) {
  replay::PosixStorage storage;
  MessageFilter filter(options.filter);
  auto reader = filter.Open(storage, options.folder);
  if (!reader) return reader.error();
  const bool to_stdout = options.file.empty() || options.file == "-";
  auto file = NewFile::Create(to_stdout ? "" : options.file);
  if (!file) return file.error();
  LogSchema schema;
  ProgressLine progress("messages");
  const proto::StreamPosition begin = reader->position();
  Picked picked;
  std::uint64_t read = 0;
  bool at_end = false;
  while (reader->position().number < filter.last()) {
    const proto::StreamPosition before = reader->position();
    const ReadOutcome outcome = reader->Next();
    if (outcome == ReadOutcome::kDamaged) return reader->error();
    at_end = outcome == ReadOutcome::kEnd;
    if (at_end) break;
    progress.Show(++read);
    if (!filter.Wants(*reader, schema)) continue;
    if (picked.messages == 0) format.Begin(*reader, before, &file->text);
    picked.Add(before, reader->position());
    format.Add(*reader, schema, &file->text);
    if (Status status = file->MayFlush(); !status) return status.error();
  }
  if (picked.messages == 0) format.Begin(*reader, begin, &file->text);
  format.End(&file->text);
  if (Status status = file->Finish(); !status) return status.error();
  progress.Clear();
  if (at_end) {
    if (Status status = NoteEnd(storage, options.folder, *reader); !status) return status.error();
  }
  // Where the messages themselves are on standard output, this is beside them.
  std::fprintf(to_stdout ? stderr : stdout, "%s: %llu messages of %llu looked at%s\n",
               to_stdout ? "exported" : options.file.c_str(),
               static_cast<unsigned long long>(picked.messages),
               static_cast<unsigned long long>(read), picked.Text().c_str());
  if (picked.has_gap) {
    std::fprintf(stderr, "tandem: note: messages are missing between those that were picked: %s\n",
                 format.OfAPart());
  }
  return ExitCode::kYes;
}

}  // namespace

void RegisterExport(Commands& commands) {
  CLI::App& group = commands.AddGroup("export", "Write a log in another form",
                                      "  tandem export jsonl flow -o flow.jsonl\n"
                                      "`tandem export FORMAT --help` says what is written.\n");
  auto json = std::make_shared<Options>();
  CLI::App& jsonl = commands.AddBelow(
      group, "jsonl", "As lines of JSON, from which `tandem import jsonl` makes the same log",
      "  tandem generate --orders 10000 -o flow\n"
      "  tandem export jsonl flow -o flow.jsonl\n"
      "  tandem import jsonl flow.jsonl -o again\n"
      "  tandem diff flow again\n",
      [json] {
        JsonFormat format;
        return Export(*json, format);
      });
  auto binary = std::make_shared<Options>();
  CLI::App& binaryfile =
      commands.AddBelow(group, "binaryfile", "As a BinaryFILE: each message behind its length",
                        "  tandem generate --orders 10000 -o flow\n"
                        "  tandem export binaryfile flow -o flow.bin\n"
                        "  tandem import binaryfile flow.bin --app book -o again\n"
                        "  tandem diff flow again\n",
                        [binary] {
                          BinaryFormat format;
                          return Export(*binary, format);
                        });
  for (const auto& [command, options] : {std::pair{&jsonl, json}, std::pair{&binaryfile, binary}}) {
    command->add_option("LOG", options->folder, "Folder of the log")
        ->required()
        ->check(Named("folder"));
    command->add_option("-o,--output", options->file, "File to make; - or none: standard output")
        ->check(Named("file"));
    options->filter.AddTo(*command);
  }
}

}  // namespace tandem::tools
