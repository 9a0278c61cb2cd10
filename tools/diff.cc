// SPDX-License-Identifier: Apache-2.0
//
// tandem diff: the first difference of two logs, decoded.
#include "replay/diff.h"

#include <algorithm>

#include "replay/log_reader.h"
#include "tools/command.h"
#include "tools/log_schema.h"
#include "tools/options.h"
#include "tools/output.h"

namespace tandem::tools {
namespace {

using replay::DiffVerdict;
using replay::LogReader;
using replay::ReadOutcome;

struct Options {
  std::string a;
  std::string b;
  bool json = false;
  std::uint64_t context = 3;
  replay::DiffOptions compare;
};

const char* VerdictName(DiffVerdict verdict) {
  switch (verdict) {
    case DiffVerdict::kSame:
      return "same";
    case DiffVerdict::kDiffers:
      return "differs";
    case DiffVerdict::kLonger:
      return "longer";
    case DiffVerdict::kOtherSession:
      return "other_session";
    case DiffVerdict::kOtherRole:
      return "other_role";
    case DiffVerdict::kNoOverlap:
      return "no_overlap";
  }
  return "";
}

/// The messages just before the difference, equal in both, and the schema that counts there.
class Context {
 public:
  static Result<Context> Read(replay::Storage& storage, const std::string& folder,
                              const replay::LogDifference& difference, std::uint64_t count) {
    const std::uint64_t first =
        std::max(difference.first, difference.number - std::min(difference.number, count));
    auto reader = LogReader::Open(storage, folder, {.from_number = first, .check_digest = false});
    if (!reader) return reader.error();
    Context context;
    while (reader->position().number + 1 < difference.number &&
           reader->Next() == ReadOutcome::kMessage) {
      context.lines_ += "      " + context.schema_.For(*reader).Text(reader->message()) + "\n";
    }
    // One step on, to where the schema of the message itself stands.
    reader->Next();
    context.schema_.For(*reader);
    context.reader_ = std::move(*reader);
    return context;
  }

  [[nodiscard]] const std::string& lines() const { return lines_; }
  [[nodiscard]] proto::Schema& schema() { return schema_.For(*reader_); }

 private:
  std::string lines_;
  LogSchema schema_;
  std::optional<LogReader> reader_;
};

void AppendJsonText(const std::string& text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
      *out += escaped;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

std::string Text(const replay::LogDifference& difference, Context* context) {
  std::string text = difference.text + "\n";
  if (context == nullptr) return text;
  const auto a = proto::ParseMessage(difference.a);
  const auto b = proto::ParseMessage(difference.b);
  text += context->lines();
  text += "  A:  " + (a ? context->schema().Text(*a) : "(the log ends here)") + "\n";
  text += "  B:  " + (b ? context->schema().Text(*b) : "(the log ends here)") + "\n";
  if (!a || !b) return text;
  for (const proto::FieldDifference& field : context->schema().Compare(*a, *b)) {
    text += "  differs: " + field.path + ": A " + field.a + ", B " + field.b + "\n";
  }
  return text;
}

std::string Json(const replay::LogDifference& difference, Context* context) {
  std::string text = std::string("{\"result\":\"") + VerdictName(difference.verdict) + "\"";
  text += ",\"first\":" + std::to_string(difference.first);
  text += ",\"number\":" + std::to_string(difference.number);
  text += ",\"last_a\":" + std::to_string(difference.last_a);
  text += ",\"last_b\":" + std::to_string(difference.last_b) + ",\"text\":";
  AppendJsonText(difference.text, &text);
  if (context != nullptr) {
    const auto a = proto::ParseMessage(difference.a);
    const auto b = proto::ParseMessage(difference.b);
    text += ",\"a\":" + (a ? context->schema().Json(*a) : "null");
    text += ",\"b\":" + (b ? context->schema().Json(*b) : "null");
    text += ",\"fields\":[";
    if (a && b) {
      bool first = true;
      for (const proto::FieldDifference& field : context->schema().Compare(*a, *b)) {
        text += first ? "{\"path\":" : ",{\"path\":";
        first = false;
        AppendJsonText(field.path, &text);
        text += ",\"a\":";
        AppendJsonText(field.a, &text);
        text += ",\"b\":";
        AppendJsonText(field.b, &text);
        text += '}';
      }
    }
    text += ']';
  }
  return text + "}\n";
}

Result<ExitCode> Run(const Options& options) {
  replay::PosixStorage storage;
  const auto difference = replay::DiffLogs(storage, options.a, options.b, options.compare);
  if (!difference) return difference.error();
  std::optional<Context> context;
  if (!difference->a.empty() || !difference->b.empty()) {
    const std::string& longer = difference->a.empty() ? options.b : options.a;
    auto read = Context::Read(storage, longer, *difference, options.context);
    if (!read) return read.error();
    context = std::move(*read);
  }
  Output output;
  Context* known = context ? &*context : nullptr;
  output.text = options.json ? Json(*difference, known) : Text(*difference, known);
  if (Status status = output.Flush(); !status) return status.error();
  return difference->verdict == DiffVerdict::kSame ? ExitCode::kYes : ExitCode::kNo;
}

}  // namespace

void RegisterDiff(Commands& commands) {
  auto options = std::make_shared<Options>();
  CLI::App& command = commands.Add("diff", "Find the first difference of two logs of one stream",
                                   "  tandem generate --orders 10000 --seed 1 -o one\n"
                                   "  tandem generate --orders 10000 --seed 2 -o two\n"
                                   "  tandem diff one two\n",
                                   [options] { return Run(*options); });
  command.add_option("A", options->a, "Folder of one log")->required();
  command.add_option("B", options->b, "Folder of the other")->required();
  command.add_option("--context", options->context, "Messages to show before the difference")
      ->check(WholeNumber());
  command.add_flag("--ignore-session", options->compare.ignore_session,
                   "Compare logs of two sessions");
  command.add_flag("--trust-digests", options->compare.trust_digests,
                   "Take equal running digests for equal messages and do not read them");
  command.add_flag("--json", options->json, "One JSON object");
}

}  // namespace tandem::tools
