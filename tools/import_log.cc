// SPDX-License-Identifier: Apache-2.0
//
// tandem import jsonl and binaryfile: a log from what was exported, or from lines that a person or
// a program wrote.
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>
#include <vector>

#include "engine/book/binary_file.h"
#include "replay/json_lines.h"
#include "replay/log_reader.h"
#include "tools/import.h"
#include "tools/new_log.h"
#include "tools/options.h"
#include "tools/progress_line.h"

namespace tandem::tools {
namespace {

/// Longer lines are no messages: a payload of 65,000 bytes takes less.
constexpr std::size_t kLineSizeMax = 64u << 20;

struct Options {
  std::string file;
  std::string folder;
  std::string session;
  std::string role;  ///< empty: as the file says, or input
  std::string application;
  std::optional<std::uint64_t> digest_before;
  bool rechain = false;
  bool json = false;
};

/// The schema of the application that --app names; empty if it names none.
Result<std::string> SchemaOf(const Options& options) {
  if (options.application.empty()) return std::string();
  const auto application = ApplicationOf(options.application, {});
  if (!application) return application.error();
  return (*application)->info().schema;
}

replay::LogRole RoleOf(const Options& options) {
  return options.role.empty() ? replay::kInputRole : replay::LogRole(options.role);
}

void Tell(const Options& options, const NewLog& log, replay::LogRole role, std::uint64_t messages,
          std::uint64_t lines) {
  const proto::StreamPosition end = log.position();
  if (options.json) {
    std::printf("{\"session\":\"%s\",\"role\":\"%s\",\"messages\":%" PRIu64 ",\"lines\":%" PRIu64
                ",\"last_number\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\"}\n",
                log.session().str().c_str(), role.str().c_str(), messages, lines, end.number,
                end.digest);
    return;
  }
  std::printf("%s: %s log of session %s with %" PRIu64 " messages, up to message %" PRIu64
              ", digest %016" PRIx64 "\n",
              options.folder.c_str(), role.str().c_str(), log.session().str().c_str(), messages,
              end.number, end.digest);
}

/// Reads lines of JSON into a log.
class JsonImport {
 public:
  JsonImport(const Options& options, std::istream& in, std::string schema)
      : options_(options),
        in_(in),
        parser_({.session = proto::Session(options.session),
                 .role = RoleOf(options),
                 .start = {},
                 .schema = schema},
                options.rechain),
        wanted_schema_(std::move(schema)) {}

  Result<ExitCode> Run() {
    ProgressLine progress("messages");
    while (NextLine()) {
      if (const char* foreign = Foreign(); ++lines_ == 1 && foreign != nullptr) {
        return Error::BadInput(Name() + " " + foreign);
      }
      if (line_.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (line_.size() > kLineSizeMax) return AtLine("is too long for a message");
      const auto taken = parser_.Take(line_);
      if (!taken) return AtLine(taken.error().text);
      if (*taken == replay::JsonLinesParser::Line::kLog && !wanted_schema_.empty() &&
          parser_.schema() != wanted_schema_) {
        return AtLine("has a schema, and it is not that of " + options_.application +
                      "; leave --app away");
      }
      if (Status status = Put(*taken); !status) return status.error();
      progress.Show(messages_);
    }
    if (in_.bad()) return Error::Failure("cannot read " + Name());
    if (!log_) return Error::BadInput(Name() + " holds no line that makes a log");
    progress.Clear();
    if (const Status finished = log_->Finish(); !finished) return finished.error();
    Tell(options_, *log_, role_, messages_, lines_);
    return ExitCode::kYes;
  }

 private:
  [[nodiscard]] std::string Name() const {
    return options_.file == "-" ? "standard input" : options_.file;
  }
  /// What a file is that is no text; null: it may be lines of JSON.
  [[nodiscard]] const char* Foreign() const {
    if (line_.starts_with("\x1f\x8b")) {
      return "is compressed with gzip; give what `zcat` prints, with - for standard input";
    }
    if (line_.starts_with("\xef\xbb\xbf") || line_.starts_with("\xff\xfe") ||
        line_.starts_with("\xfe\xff")) {
      return "begins with a byte order mark; save it as UTF-8 without one";
    }
    return nullptr;
  }
  [[nodiscard]] Error AtLine(const std::string& text) const {
    return Error::BadInput(Name() + " line " + std::to_string(lines_) + " " + text);
  }

  /// Reads a line into line_; of one that is too long only so much that this is seen. False: there
  /// is none.
  bool NextLine() {
    line_.clear();
    for (;;) {
      in_.getline(piece_.data(), static_cast<std::streamsize>(piece_.size()));
      const auto size = static_cast<std::size_t>(in_.gcount());
      const bool ended = in_.good();  // by a line feed, which is counted
      line_.append(piece_.data(), ended ? size - 1 : size);
      if (ended || in_.eof() || in_.bad()) return ended || !line_.empty();
      if (line_.size() > kLineSizeMax) return true;
      in_.clear();
    }
  }

  Status Put(replay::JsonLinesParser::Line taken) {
    using Line = replay::JsonLinesParser::Line;
    if (!log_ && taken != Line::kSchema) {
      const replay::JsonLog& said = parser_.log();
      if (options_.role.empty()) role_ = said.role;
      auto log = NewLog::Create(options_.folder, {.session = said.session,
                                                  .role = role_,
                                                  .schema = parser_.schema(),
                                                  .start = said.start});
      if (!log) return log.error();
      log_.emplace(std::move(*log));
    }
    if (taken == Line::kSchema && log_) return log_->ChangeSchema(parser_.schema());
    if (taken != Line::kMessage) return {};
    ++messages_;
    return log_->Append(parser_.message());
  }

  const Options& options_;
  std::istream& in_;
  replay::JsonLinesParser parser_;
  std::string wanted_schema_;
  replay::LogRole role_ = RoleOf(options_);
  std::optional<NewLog> log_;
  std::vector<char> piece_ = std::vector<char>(1 << 16);
  std::string line_;
  std::uint64_t lines_ = 0;
  std::uint64_t messages_ = 0;
};

Status CheckSession(const Options& options) {
  if (options.session.empty() || proto::IsName(options.session, proto::kSessionSizeMax)) return {};
  return Error::BadInput("the session name \"" + options.session +
                         "\" is not 1 to 10 letters, digits, '-' or '_'");
}

Result<ExitCode> ImportJsonLines(const Options& options) {
  if (Status status = CheckSession(options); !status) return status.error();
  auto schema = SchemaOf(options);
  if (!schema) return schema.error();
  if (options.file == "-") return JsonImport(options, std::cin, std::move(*schema)).Run();
  if (std::error_code ignored; std::filesystem::is_directory(options.file, ignored)) {
    return Error::BadInput("cannot read " + options.file + ": it is a folder");
  }
  std::ifstream file(options.file, std::ios::binary);
  if (!file)
    return Error::BadInput("cannot read " + options.file + ": it is not there, or not readable");
  return JsonImport(options, file, std::move(*schema)).Run();
}

/// Where a log of these messages begins: its digest before the first is not among them.
Result<proto::StreamPosition> StartOf(const Options& options, const proto::Header& first) {
  if (first.number == 0) return Error::BadInput("it has no number, so it is of no stream");
  if (first.number == 1) {
    if (!options.digest_before || *options.digest_before == proto::kDigestStart) {
      return proto::StreamPosition{};
    }
    return Error::BadInput("it has number 1, and the running digest before that is always " +
                           proto::DigestText(proto::kDigestStart) +
                           ", not what --digest-before says; leave it away");
  }
  if (!options.digest_before) {
    return Error::BadInput(
        "the messages begin at number " + std::to_string(first.number) +
        ", so the running digest before it is needed: give --digest-before with 16 hexadecimal "
        "digits, as `tandem export binaryfile`, `tandem trim` and `tandem cat --json` tell it");
  }
  return proto::StreamPosition{.number = first.number - 1, .digest = *options.digest_before};
}

class BinaryImport {
 public:
  BinaryImport(const Options& options, book::BinaryFileReader reader, std::string schema)
      : options_(options), reader_(std::move(reader)), schema_(std::move(schema)) {}

  Result<ExitCode> Run() {
    ProgressLine progress("messages");
    for (;;) {
      std::span<const std::byte> bytes;
      const auto has = reader_.Next(bytes);
      if (!has) return has.error();
      if (!*has) break;
      progress.Show(reader_.messages());
      if (Status status = Take(bytes); !status) {
        if (status.error().code != ExitCode::kBadInput) return status.error();
        return Error::BadInput(options_.file + " message " + std::to_string(reader_.messages()) +
                               ": " + status.error().text);
      }
    }
    progress.Clear();
    if (!log_) {
      if (Status status = BeginEmpty(); !status) return status.error();
    }
    if (const Status finished = log_->Finish(); !finished) return finished.error();
    Tell(options_, *log_, RoleOf(options_), reader_.messages(), 0);
    if (!reader_.ended_properly()) NoteOpenEnd(options_.file);
    return ExitCode::kYes;
  }

 private:
  Status Begin(proto::Session session, proto::StreamPosition start) {
    position_ = start;
    auto log = NewLog::Create(
        options_.folder,
        {.session = session, .role = RoleOf(options_), .schema = schema_, .start = start});
    if (!log) return log.error();
    log_.emplace(std::move(*log));
    return {};
  }

  /// A log without messages, of a file that was made of one.
  Status BeginEmpty() {
    if (!reader_.ended_properly()) return Error::BadInput(options_.file + " holds no message");
    if (options_.digest_before) {
      return Error::BadInput(options_.file +
                             " holds no message, so no digest is before one: leave "
                             "--digest-before away");
    }
    if (!options_.session.empty()) return Begin(proto::Session(options_.session), {});
    return Error::BadInput(options_.file +
                           " holds no message that names a session: give --session to make an "
                           "empty log of it");
  }

  Status Take(std::span<const std::byte> bytes) {
    if (bytes.size() > proto::kMessageSizeMax) {
      return Error::BadInput("it has " + std::to_string(bytes.size()) + " bytes, more than the " +
                             std::to_string(proto::kMessageSizeMax) + " that a message may have");
    }
    const auto message = proto::ParseMessage(bytes);
    if (!message) return Error::BadInput("it is no Tandem message of this header version");
    const proto::Header& header = message->header;
    if (!log_) {
      const auto start = StartOf(options_, header);
      if (!start) return start.error();
      if (!options_.session.empty() && header.session != proto::Session(options_.session)) {
        return Error::BadInput("it is of session " + header.session.str() + ", not of " +
                               options_.session);
      }
      if (Status status = Begin(header.session, *start); !status) return status;
    }
    if (header.session != log_->session()) return Error::BadInput("it is of another session");
    if (header.number != position_.number + 1) {
      return Error::BadInput("it has number " + std::to_string(header.number) + " where " +
                             std::to_string(position_.number + 1) + " is next");
    }
    if (header.digest != proto::Digest(position_.digest, bytes)) {
      return Error::BadInput("its running digest does not follow from the messages before it");
    }
    if (header.time_ns < time_ns_)
      return Error::BadInput("its time is before that of the message before it");
    if (header.epoch < epoch_)
      return Error::BadInput("its epoch is before that of the message before it");
    position_ = {.number = header.number, .digest = header.digest};
    time_ns_ = header.time_ns;
    epoch_ = header.epoch;
    return log_->Append(bytes);
  }

  const Options& options_;
  book::BinaryFileReader reader_;
  std::string schema_;
  std::optional<NewLog> log_;
  proto::StreamPosition position_;
  std::int64_t time_ns_ = std::numeric_limits<std::int64_t>::min();
  std::uint32_t epoch_ = 0;
};

Result<ExitCode> ImportBinaryFile(const Options& options) {
  if (Status status = CheckSession(options); !status) return status.error();
  auto schema = SchemaOf(options);
  if (!schema) return schema.error();
  auto reader = book::BinaryFileReader::Open(options.file);
  if (!reader) return reader.error();
  return BinaryImport(options, std::move(*reader), std::move(*schema)).Run();
}

CLI::Validator Role() {
  return CLI::Validator(
      [](std::string& text) {
        const bool is_role =
            text == "input" || text == "output" || text == "merged" || text == "recorded";
        return is_role ? std::string()
                       : "\"" + text + "\" is no role; give input, output, merged or recorded";
      },
      "");
}

void AddCommon(CLI::App& command, Options& options, const std::string& session,
               const std::string& default_role) {
  command.add_option("-o,--output", options.folder, "Folder of the log to make")
      ->required()
      ->check(Named("folder"));
  command
      .add_option("--app", options.application,
                  "The application whose messages they are, for the schema: " + ApplicationChoice())
      ->check(Named("application"));
  command
      .add_option(
          "--role", options.role,
          "What the stream is: input, output, merged, or recorded if nobody knows; default: " +
              default_role)
      ->check(Role());
  command.add_option("--session", options.session, session)->check(Named("session"));
  command.add_flag("--json", options.json, "Tell the result as JSON");
}

}  // namespace

void RegisterImportJsonLines(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.AddBelow(
      group, "jsonl", "From lines of JSON, as `tandem export jsonl` writes them",
      "  tandem export jsonl flow -o flow.jsonl\n"
      "  tandem import jsonl flow.jsonl -o again\n"
      "  sed 's/\"size\":\"100\"/\"size\":\"200\"/' flow.jsonl | tandem import jsonl - --rechain "
      "-o changed\n"
      "Session, role and schema are those of the file's first line, if it says which log it is.\n"
      "Another session is only taken with --rechain, another schema not at all.\n",
      [options] { return ImportJsonLines(*options); });
  command.add_option("FILE", options->file, "The lines; - for standard input")
      ->required()
      ->check(Named("file"));
  AddCommon(command, *options, "Session, up to 10 characters; default: as the file says",
            "as the file says, or input");
  command.add_flag(
      "--rechain", options->rechain,
      "Numbers from 1 on, digests and, with --session, the session are given anew: for "
      "lines that were changed or picked");
}

void RegisterImportBinaryFile(Commands& commands, CLI::App& group) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      commands.AddBelow(group, "binaryfile", "From a BinaryFILE of Tandem messages, plain or gzip",
                        "  tandem export binaryfile flow -o flow.bin\n"
                        "  tandem import binaryfile flow.bin --app book -o again\n"
                        "Market data in such files: see tandem import itch.\n",
                        [options] { return ImportBinaryFile(*options); });
  command.add_option("FILE", options->file, "The file")->required()->check(Named("file"));
  AddCommon(command, *options,
            "Session that the messages must be of; needed where there is none of them", "input");
  command
      .add_option_function<std::string>(
          "--digest-before",
          [options](const std::string& text) {
            std::uint64_t digest = 0;
            const char* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, digest, 16);
            if (text.size() != 16 || parsed.ec != std::errc() || parsed.ptr != end) {
              throw CLI::ValidationError("--digest-before: \"" + text +
                                         "\" is not 16 hexadecimal digits");
            }
            options->digest_before = digest;
          },
          "Running digest before the first message, if that is not number 1")
      ->type_name("DIGEST");
}

}  // namespace tandem::tools
