// SPDX-License-Identifier: Apache-2.0
#include "tools/diff_all.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "replay/align.h"
#include "tools/cause_log.h"
#include "tools/json_text.h"
#include "tools/log_schema.h"
#include "tools/output.h"
#include "tools/progress_line.h"

namespace tandem::tools {
namespace {

using proto::MessageView;
using replay::LogReader;
using replay::OutputPair;
using replay::PairKind;
using replay::ReadOutcome;

/// Kinds of difference that text shows; more is a list for a program.
constexpr std::size_t kKindsShown = 20;

std::string Plain(std::uint64_t number) { return std::to_string(number); }

const char* NameOf(PairKind kind) {
  switch (kind) {
    case PairKind::kSame:
      return "same";
    case PairKind::kMoved:
      return "moved";
    case PairKind::kChanged:
      return "changed";
    case PairKind::kOnlyA:
      return "only_a";
    case PairKind::kOnlyB:
      return "only_b";
  }
  return "";
}

/// The outputs of one log, cause by cause. An input log has one message to a cause: itself.
class Causes {
 public:
  Causes(LogReader reader, bool is_input) : reader_(std::move(reader)), is_input_(is_input) {}

  /// False: there is no further cause with all of its outputs.
  Result<bool> Next() {
    bytes_.clear();
    ends_.clear();
    messages_.clear();
    for (bool last = false; !last;) {
      switch (reader_.Next()) {
        case ReadOutcome::kDamaged:
          return reader_.error();
        case ReadOutcome::kEnd:
          messages_.clear();
          return false;
        case ReadOutcome::kMessage:
          break;
      }
      const MessageView& message = reader_.message();
      bytes_.insert(bytes_.end(), message.bytes.begin(), message.bytes.end());
      ends_.push_back(bytes_.size());
      messages_.push_back({.header = message.header, .bytes = {}});
      last = is_input_ || message.header.last();
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); begin = ends_[i++]) {
      messages_[i].bytes = std::span(bytes_).subspan(begin, ends_[i] - begin);
    }
    return true;
  }

  [[nodiscard]] bool done() const { return messages_.empty(); }
  [[nodiscard]] std::uint64_t cause() const {
    return is_input_ ? messages_[0].header.number : messages_[0].header.origin;
  }
  [[nodiscard]] const std::vector<MessageView>& messages() const { return messages_; }
  [[nodiscard]] proto::Schema& schema() { return schema_.For(reader_); }

 private:
  LogReader reader_;
  bool is_input_;
  LogSchema schema_;
  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
  std::vector<MessageView> messages_;
};

struct Example {
  std::uint64_t cause = 0;
  std::string text;
  std::string json;
};

/// Differences of one kind.
struct Kind {
  std::string type;
  PairKind pair = PairKind::kSame;
  std::string fields;      ///< that differ, "price, size"
  std::string cause_type;  ///< empty: not known
  auto operator<=>(const Kind&) const = default;
};

struct Tally {
  std::uint64_t count = 0;
  std::vector<Example> examples;
};

class Comparison {
 public:
  Comparison(replay::Storage& storage, const DiffAllOptions& options, const FieldFilter& filter,
             Causes a, Causes b)
      : options_(options),
        filter_(filter),
        causes_(storage, options.input),
        a_(std::move(a)),
        b_(std::move(b)) {}

  Status Run() {
    if (Status status = filter_.Check(a_.schema(), b_.schema()); !status) return status;
    auto has_a = a_.Next();
    auto has_b = has_a ? b_.Next() : has_a;
    ProgressLine progress("causes");
    while (has_a && has_b && *has_a && *has_b) {
      const std::uint64_t of_a = a_.cause();
      const std::uint64_t of_b = b_.cause();
      cause_ = std::min(of_a, of_b);
      if (compared_ == 0) first_cause_ = cause_;
      progress.Show(++compared_);
      static const std::vector<MessageView> kNothing;
      if (Status status = Compare(of_a == cause_ ? a_.messages() : kNothing,
                                  of_b == cause_ ? b_.messages() : kNothing);
          !status) {
        return status;
      }
      if (of_a == cause_) has_a = a_.Next();
      if (has_a && of_b == cause_) has_b = b_.Next();
    }
    if (!has_a) return has_a.error();
    if (!has_b) return has_b.error();
    return {};
  }

  [[nodiscard]] bool differs() const { return !kinds_.empty() || longer() != nullptr; }

  [[nodiscard]] std::string Text() const {
    std::string text = "compared " + Plain(compared_) + " causes";
    if (compared_ > 0) text += ", " + Plain(first_cause_) + " to " + Plain(cause_);
    text += ": " + Plain(compared_ - different_) + " have the same outputs, " + Plain(different_) +
            (different_ == 1 ? " has not\n" : " have not\n");
    const auto sorted = Sorted();
    for (std::size_t i = 0; i < std::min(sorted.size(), kKindsShown); ++i) {
      const auto& [kind, tally] = sorted[i];
      text += "  " + Plain(tally->count) + "  " + Sentence(*kind) + "\n";
      for (const Example& example : tally->examples) text += example.text;
    }
    if (sorted.size() > kKindsShown) {
      text += "  and " + Plain(sorted.size() - kKindsShown) +
              " further kinds, none of them more frequent; --json has them all\n";
    }
    if (const std::string* log = longer()) {
      text += *log + " goes on where the other one ends\n";
    }
    return text;
  }

  [[nodiscard]] std::string Json(const replay::LogDifference& first) const {
    std::string text = std::string("{\"result\":\"") + (differs() ? "differs" : "same") + "\"";
    text += ",\"first_difference\":" + Plain(first.number);
    text += ",\"first_cause\":" + Plain(first_cause_) + ",\"last_cause\":" + Plain(cause_);
    text += ",\"causes\":" + Plain(compared_) + ",\"causes_different\":" + Plain(different_);
    text += ",\"goes_on\":";
    const std::string* log = longer();
    text += log == nullptr ? "null" : log == &options_.a ? "\"a\"" : "\"b\"";
    text += ",\"changes\":[";
    bool is_first = true;
    for (const auto& [kind, tally] : Sorted()) {
      text += is_first ? "{\"type\":" : ",{\"type\":";
      is_first = false;
      AppendJsonText(kind->type, &text);
      text += std::string(",\"change\":\"") + NameOf(kind->pair) + "\",\"fields\":";
      AppendJsonText(kind->fields, &text);
      text += ",\"cause_type\":";
      if (kind->cause_type.empty()) {
        text += "null";
      } else {
        AppendJsonText(kind->cause_type, &text);
      }
      text += ",\"count\":" + Plain(tally->count) + ",\"examples\":[";
      for (const Example& example : tally->examples) {
        if (&example != tally->examples.data()) text += ',';
        text += example.json;
      }
      text += "]}";
    }
    return text + "]}\n";
  }

 private:
  Status Compare(const std::vector<MessageView>& a, const std::vector<MessageView>& b) {
    const auto pairs =
        replay::AlignOutputs(a, b, [this](const MessageView& x, const MessageView& y) {
          return replay::SameContent(x, y) ||
                 (!filter_.empty() && x.header.type == y.header.type && Fields(x, y).empty());
        });
    bool same = true;
    for (const OutputPair& pair : pairs) {
      if (pair.kind == PairKind::kSame) continue;
      same = false;
      const MessageView* of_a = pair.kind == PairKind::kOnlyB ? nullptr : &a[pair.a];
      const MessageView* of_b = pair.kind == PairKind::kOnlyA ? nullptr : &b[pair.b];
      if (Status status = Add(pair.kind, of_a, of_b); !status) return status;
    }
    if (!same) ++different_;
    return {};
  }

  /// What differs but for the place among the outputs.
  std::vector<proto::FieldDifference> Fields(const MessageView& a, const MessageView& b) {
    auto fields = filter_.Differences(a_.schema(), a, b_.schema(), b);
    std::erase_if(fields, [](const auto& field) {
      return field.path == "number" || field.path == "index" || field.path == "last" ||
             field.path == "digest" || field.path == "payload_size" || field.path == "session";
    });
    return fields;
  }

  Status Add(PairKind pair, const MessageView* a, const MessageView* b) {
    const auto has_cause = causes_.GoTo(cause_);
    if (!has_cause) return has_cause.error();
    std::vector<proto::FieldDifference> fields;
    if (pair == PairKind::kChanged) fields = Fields(*a, *b);
    Kind kind{.type = a != nullptr ? a_.schema().NameOf(a->header.type)
                                   : b_.schema().NameOf(b->header.type),
              .pair = pair,
              .fields = "",
              .cause_type = *has_cause ? causes_.schema().NameOf(causes_.message().header.type)
                                       : std::string()};
    for (const auto& field : fields) kind.fields += (kind.fields.empty() ? "" : ", ") + field.path;
    Tally& tally = kinds_[kind];
    if (++tally.count > options_.examples) return {};
    Example& example = tally.examples.emplace_back();
    example.cause = cause_;
    example.text =
        "      cause: " +
        (*has_cause ? causes_.schema().Text(causes_.message()) : "input message " + Plain(cause_)) +
        "\n";
    if (a != nullptr) example.text += "        A:  " + a_.schema().Text(*a) + "\n";
    if (b != nullptr) example.text += "        B:  " + b_.schema().Text(*b) + "\n";
    example.text += TextOf(fields, "        ");
    example.json = "{\"cause\":" + Plain(cause_) + ",\"cause_message\":";
    example.json += *has_cause ? causes_.schema().Json(causes_.message()) : "null";
    example.json += ",\"a\":" + (a != nullptr ? a_.schema().Json(*a) : "null");
    example.json += ",\"b\":" + (b != nullptr ? b_.schema().Json(*b) : "null");
    example.json += ",\"fields\":" + JsonOf(fields) + "}";
    return {};
  }

  [[nodiscard]] static std::string Sentence(const Kind& kind) {
    std::string text = kind.type;
    switch (kind.pair) {
      case PairKind::kSame:
        break;
      case PairKind::kMoved:
        text += " at another place among the outputs";
        break;
      case PairKind::kChanged:
        text += " with another " + kind.fields;
        break;
      case PairKind::kOnlyA:
        text += " only in A";
        break;
      case PairKind::kOnlyB:
        text += " only in B";
        break;
    }
    return kind.cause_type.empty() ? text : text + ", caused by " + kind.cause_type;
  }

  /// The most frequent ones first.
  [[nodiscard]] std::vector<std::pair<const Kind*, const Tally*>> Sorted() const {
    std::vector<std::pair<const Kind*, const Tally*>> sorted;
    for (const auto& [kind, tally] : kinds_) sorted.emplace_back(&kind, &tally);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& x, const auto& y) {
      return x.second->count > y.second->count;
    });
    return sorted;
  }

  /// The log that has outputs of further causes; null: both end.
  [[nodiscard]] const std::string* longer() const {
    if (!a_.done()) return &options_.a;
    return b_.done() ? nullptr : &options_.b;
  }

  const DiffAllOptions& options_;
  const FieldFilter& filter_;
  CauseLog causes_;
  Causes a_;
  Causes b_;
  std::uint64_t compared_ = 0;
  std::uint64_t different_ = 0;
  std::uint64_t first_cause_ = 0;
  std::uint64_t cause_ = 0;  ///< being compared, or the last one
  std::map<Kind, Tally> kinds_;
};

/// Where the outputs of the cause begin to which message `number` of a log belongs.
Result<std::uint64_t> BeginOfCause(replay::Storage& storage, const std::string& folder,
                                   const replay::LogDifference& first, bool is_input) {
  if (is_input || first.number <= first.first) return first.number;
  // The message before the difference is the same in both.
  auto reader =
      LogReader::Open(storage, folder, {.from_number = first.number - 1, .check_digest = false});
  if (!reader) return reader.error();
  if (reader->Next() != ReadOutcome::kMessage) return reader->error();
  const proto::Header& before = reader->message().header;
  if (before.last()) return first.number;
  const std::uint64_t begin = before.number - std::min<std::uint64_t>(before.number, before.index);
  return std::max(first.first, begin);
}

}  // namespace

Result<ExitCode> DiffAll(replay::Storage& storage, const DiffAllOptions& options,
                         const FieldFilter& filter, const replay::LogDifference& first) {
  bool is_input = false;
  for (const std::string* folder : {&options.a, &options.b}) {
    const auto reader = LogReader::Open(storage, *folder, {.check_digest = false});
    if (!reader) return reader.error();
    is_input |= reader->role() == replay::kInputRole;
  }
  const auto begin = BeginOfCause(storage, options.a, first, is_input);
  if (!begin) return begin.error();
  std::vector<LogReader> readers;
  for (const std::string* folder : {&options.a, &options.b}) {
    auto reader = LogReader::Open(storage, *folder, {.from_number = *begin, .check_digest = false});
    if (!reader) return reader.error();
    readers.push_back(std::move(*reader));
  }
  Comparison comparison(storage, options, filter, Causes(std::move(readers[0]), is_input),
                        Causes(std::move(readers[1]), is_input));
  if (Status status = comparison.Run(); !status) return status.error();
  Output output;
  output.text = options.json ? comparison.Json(first) : first.text + "\n" + comparison.Text();
  if (Status status = output.Flush(); !status) return status.error();
  return comparison.differs() ? ExitCode::kNo : ExitCode::kYes;
}

}  // namespace tandem::tools
