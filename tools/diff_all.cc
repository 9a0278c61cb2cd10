// SPDX-License-Identifier: Apache-2.0
#include "tools/diff_all.h"

#include <algorithm>
#include <map>
#include <vector>

#include "replay/align.h"
#include "tools/cause_log.h"
#include "tools/json_text.h"
#include "tools/log_kind.h"
#include "tools/output.h"
#include "tools/outputs_by_cause.h"
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

/// "1 cause", "2 causes"
std::string Counted(std::uint64_t number, const std::string& what) {
  return Plain(number) + " " + what + (number == 1 ? "" : "s");
}

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

/// What one log has where the other one is at its end.
struct Rest {
  const std::string* name = nullptr;  ///< of that log; null: both end with the same cause
  bool is_a = false;
  std::uint64_t causes = 0;
  std::uint64_t messages = 0;
  std::map<std::string, std::uint64_t> types;
};

class Comparison {
 public:
  Comparison(replay::Storage& storage, const DiffAllOptions& options, const FieldFilter& filter,
             OutputsByCause a, OutputsByCause b)
      : options_(options),
        filter_(filter),
        causes_(storage, options.input),
        a_(std::move(a)),
        b_(std::move(b)) {}

  Status Run() {
    if (Status status = a_.Next(); !status) return status;
    if (Status status = b_.Next(); !status) return status;
    ProgressLine progress("causes");
    while (!a_.done() && !b_.done()) {
      const Turn turn = NextTurn();
      cause_ = turn.cause;
      if (turn.in_order) {
        if (first_cause_ == 0) first_cause_ = cause_;
        last_cause_ = cause_;
      }
      progress.Show(++compared_);
      if ((turn.of_a && a_.goes_on()) || (turn.of_b && b_.goes_on())) ++in_parts_;
      static const std::vector<MessageView> kNothing;
      if (Status status =
              Compare(turn.of_a ? a_.messages() : kNothing, turn.of_b ? b_.messages() : kNothing);
          !status) {
        return status;
      }
      if (turn.of_a) {
        if (Status status = a_.Next(); !status) return status;
      }
      if (turn.of_b) {
        if (Status status = b_.Next(); !status) return status;
      }
    }
    rest_.is_a = !a_.done();
    if (!a_.done()) rest_.name = &options_.name_a;
    if (!b_.done()) rest_.name = &options_.name_b;
    for (OutputsByCause& longer = a_.done() ? b_ : a_; !longer.done();) {
      progress.Show(compared_ + ++rest_.causes);
      rest_.messages += longer.messages().size();
      for (const MessageView& message : longer.messages()) {
        ++rest_.types[longer.schema().NameOf(message.header.type)];
      }
      if (Status status = longer.Next(); !status) return status;
    }
    return {};
  }

  [[nodiscard]] std::string Text() const {
    std::string text;
    if (compared_ > 0) {
      text = "compared " + Counted(compared_, "cause") + ", " + Plain(first_cause_) + " to " +
             Plain(last_cause_) + ": " + Plain(compared_ - different_) +
             " have the same outputs, " + Plain(different_) +
             (different_ == 1 ? " has not\n" : " have not\n");
    }
    text += Caveats();
    const auto sorted = MostFirst(kinds_);
    for (std::size_t i = 0; i < std::min(sorted.size(), kKindsShown); ++i) {
      const auto& [kind, tally] = sorted[i];
      text += "  " + Plain(tally->count) + "  " + Sentence(*kind) + "\n";
      for (const Example& example : tally->examples) text += example.text;
    }
    if (sorted.size() > kKindsShown) {
      text += "  and " + Plain(sorted.size() - kKindsShown) +
              " further kinds, none of them more frequent; --json has them all\n";
    }
    if (rest_.name != nullptr) {
      text += *rest_.name + " goes on where the other one ends, with " +
              Counted(rest_.messages, "message") + " of " + Counted(rest_.causes, "cause") + "\n";
      for (const auto& [type, count] : rest_.types)
        text += "  " + Plain(count) + "  " + type + "\n";
    }
    return text;
  }

  [[nodiscard]] std::string Json(const replay::LogDifference& first) const {
    std::string text = std::string("{\"result\":\"") + VerdictName(first.verdict) + "\"";
    text += std::string(",\"differs_before\":") + (first.differs_before ? "true" : "false");
    text += ",\"first_difference\":" + Plain(first.number);
    text += ",\"first_cause\":" + Plain(first_cause_) + ",\"last_cause\":" + Plain(last_cause_);
    text += ",\"causes\":" + Plain(compared_) + ",\"causes_different\":" + Plain(different_);
    text +=
        ",\"causes_cut_short\":" + Plain(not_best_) + ",\"causes_in_parts\":" + Plain(in_parts_);
    text += ",\"goes_on\":";
    text += rest_.name == nullptr ? "null" : rest_.is_a ? "\"a\"" : "\"b\"";
    text += ",\"goes_on_causes\":" + Plain(rest_.causes);
    text += ",\"goes_on_types\":[";
    for (const auto& [type, count] : rest_.types) {
      text += text.back() == '[' ? "{\"type\":" : ",{\"type\":";
      AppendJsonText(type, &text);
      text += ",\"count\":" + Plain(count) + "}";
    }
    text += "],\"changes\":[";
    bool is_first = true;
    for (const auto& [kind, tally] : MostFirst(kinds_)) {
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
  /// Of which logs the outputs are compared next.
  struct Turn {
    bool of_a = false;
    bool of_b = false;
    std::uint64_t cause = 0;
    bool in_order = false;
  };

  [[nodiscard]] Turn NextTurn() const {
    const std::uint64_t of_a = a_.cause();
    const std::uint64_t of_b = b_.cause();
    if (a_.is_astray() && b_.is_astray()) return {.of_a = true, .of_b = true, .cause = of_a};
    if (of_a == of_b || a_.is_astray() == b_.is_astray()) {
      return {.of_a = of_a <= of_b,
              .of_b = of_b <= of_a,
              .cause = std::min(of_a, of_b),
              .in_order = true};
    }
    // Where the other log has a cause that this one lacks, it is the same but for its cause.
    const OutputsByCause& astray = a_.is_astray() ? a_ : b_;
    const OutputsByCause& other = a_.is_astray() ? b_ : a_;
    const bool both = other.cause() < astray.next_cause();
    return {.of_a = both || a_.is_astray(),
            .of_b = both || b_.is_astray(),
            .cause = both ? other.cause() : astray.cause(),
            .in_order = both};
  }

  /// Where the summary may say more than is.
  [[nodiscard]] std::string Caveats() const {
    std::string text;
    if (not_best_ > 0) {
      text += "the outputs of " + Counted(not_best_, "cause") +
              " differ in so much that the search for what is the same was cut short: more may be "
              "said to have moved or changed there than has\n";
    }
    if (in_parts_ > 0) {
      text += Counted(in_parts_, "time") + " a cause had more than " +
              Plain(OutputsByCause::kOutputsMax) +
              " outputs and was compared in parts: what moved from one part to another is told "
              "for each log\n";
    }
    return text;
  }

  Status Compare(const std::vector<MessageView>& a, const std::vector<MessageView>& b) {
    replay::SameOutput but_for_ignored;
    if (!filter_.empty()) {
      but_for_ignored = [this](const MessageView& x, const MessageView& y) {
        return x.header.type == y.header.type && Fields(x, y).empty();
      };
    }
    const replay::Alignment alignment = replay::AlignOutputs(a, b, but_for_ignored);
    if (!alignment.is_best) ++not_best_;
    bool same = true;
    for (const OutputPair& pair : alignment.pairs) {
      const MessageView* of_a = pair.kind == PairKind::kOnlyB ? nullptr : &a[pair.a];
      const MessageView* of_b = pair.kind == PairKind::kOnlyA ? nullptr : &b[pair.b];
      std::vector<proto::FieldDifference> fields;
      PairKind kind = pair.kind;
      if (kind == PairKind::kSame) {
        fields = PlaceFields(a, b, pair);
        if (fields.empty()) continue;
        kind = PairKind::kChanged;
      } else if (kind == PairKind::kChanged) {
        fields = Fields(*of_a, *of_b);
      }
      same = false;
      if (Status status = Add(kind, of_a, of_b, fields); !status) return status;
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

  /// Where `index` and `last` differ and the places of the two among their outputs do not explain
  /// it.
  std::vector<proto::FieldDifference> PlaceFields(const std::vector<MessageView>& a,
                                                  const std::vector<MessageView>& b,
                                                  const OutputPair& pair) {
    const proto::Header& of_a = a[pair.a].header;
    const proto::Header& of_b = b[pair.b].header;
    const bool index = of_a.index != of_b.index && of_a.index - pair.a != of_b.index - pair.b;
    const bool last = of_a.last() != of_b.last() && (of_a.last() != (pair.a + 1 == a.size()) ||
                                                     of_b.last() != (pair.b + 1 == b.size()));
    if (!index && !last) return {};
    auto fields = filter_.Differences(a_.schema(), a[pair.a], b_.schema(), b[pair.b]);
    std::erase_if(fields, [&](const auto& field) {
      return !(index && field.path == "index") && !(last && field.path == "last");
    });
    return fields;
  }

  Status Add(PairKind pair, const MessageView* a, const MessageView* b,
             const std::vector<proto::FieldDifference>& fields) {
    const auto has_cause = causes_.GoTo(cause_);
    if (!has_cause) return has_cause.error();
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
        (*has_cause ? causes_.schema().Text(causes_.message()) : causes_.NotThere(cause_)) + "\n";
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

  [[nodiscard]] static std::vector<std::pair<const Kind*, const Tally*>> MostFirst(
      const std::map<Kind, Tally>& kinds) {
    std::vector<std::pair<const Kind*, const Tally*>> sorted;
    for (const auto& [kind, tally] : kinds) sorted.emplace_back(&kind, &tally);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& x, const auto& y) {
      return x.second->count > y.second->count;
    });
    return sorted;
  }

  const DiffAllOptions& options_;
  const FieldFilter& filter_;
  CauseLog causes_;
  OutputsByCause a_;
  OutputsByCause b_;
  std::uint64_t compared_ = 0;
  std::uint64_t different_ = 0;
  std::uint64_t not_best_ = 0;
  std::uint64_t in_parts_ = 0;
  std::uint64_t first_cause_ = 0;  ///< of those in order
  std::uint64_t last_cause_ = 0;
  std::uint64_t cause_ = 0;  ///< being compared
  std::map<Kind, Tally> kinds_;
  Rest rest_;
};

/// Where the run of messages of one origin begins, of which `number` of the log in `folder` is one.
Result<std::uint64_t> BeginOfRun(replay::Storage& storage, const std::string& folder,
                                 std::uint64_t first, std::uint64_t number) {
  for (std::uint64_t back = 256;; back *= 16) {
    const std::uint64_t from = number - std::min(number - first, back);
    auto reader = LogReader::Open(storage, folder, {.from_number = from, .check_digest = false});
    if (!reader) return reader.error();
    std::uint64_t begin = from;
    std::uint64_t origin = 0;
    while (reader->position().number < number) {
      if (reader->Next() != ReadOutcome::kMessage) return reader->error();
      const proto::Header& header = reader->message().header;
      if (header.origin != origin) begin = header.number;
      origin = header.origin;
    }
    if (begin > from || from == first || back >= OutputsByCause::kOutputsMax) return begin;
  }
}

/// From where the logs are to be aligned: the first difference, or the first output of its cause.
Result<std::uint64_t> BeginOf(replay::Storage& storage, const DiffAllOptions& options,
                              const replay::LogDifference& first, bool is_input) {
  if (is_input || first.number <= first.first) return first.number;
  // The message before the difference is the same in both.
  const std::uint64_t before = first.number - 1;
  auto reader = LogReader::Open(storage, options.a, {.from_number = before, .check_digest = false});
  if (!reader) return reader.error();
  if (reader->Next() != ReadOutcome::kMessage) return reader->error();
  for (const auto* bytes : {&first.a, &first.b}) {
    const auto message = proto::ParseMessage(*bytes);
    if (message && message->header.origin == reader->message().header.origin) {
      return BeginOfRun(storage, options.a, first.first, before);
    }
  }
  return first.number;
}

/// The outputs of a log from number `begin` on.
Result<OutputsByCause> OutputsFrom(replay::Storage& storage, const std::string& folder,
                                   std::uint64_t begin, bool is_input) {
  const auto open = [&](std::uint64_t from) {
    return LogReader::Open(storage, folder, {.from_number = from, .check_digest = false});
  };
  auto reader = open(begin);
  if (!reader) return reader.error();
  auto ahead = open(begin);
  if (!ahead) return ahead.error();
  std::uint64_t before = 0;
  if (begin > reader->first_number()) {
    auto last = open(begin - 1);
    if (last && last->Next() == ReadOutcome::kMessage) before = last->message().header.origin;
  }
  return OutputsByCause(std::move(*reader), std::move(*ahead), before, is_input);
}

}  // namespace

const char* VerdictName(replay::DiffVerdict verdict) {
  switch (verdict) {
    case replay::DiffVerdict::kSame:
      return "same";
    case replay::DiffVerdict::kDiffers:
      return "differs";
    case replay::DiffVerdict::kDiffersEarlier:
      return "differs_earlier";
    case replay::DiffVerdict::kUnproven:
      return "unproven";
    case replay::DiffVerdict::kLonger:
      return "longer";
    case replay::DiffVerdict::kOtherSession:
      return "other_session";
    case replay::DiffVerdict::kOtherRole:
      return "other_role";
    case replay::DiffVerdict::kNoOverlap:
      return "no_overlap";
  }
  return "";
}

Result<bool> HoldInputs(replay::Storage& storage, const DiffAllOptions& options) {
  std::vector<const std::string*> not_told;
  for (const std::string* folder : {&options.a, &options.b}) {
    const auto reader = LogReader::Open(storage, *folder, {.check_digest = false});
    if (!reader) return reader.error();
    const LogKind kind = KindOf(reader->role());
    if (kind != LogKind::kUnknown) return kind == LogKind::kInputs;
    not_told.push_back(folder);
  }
  for (const std::string* folder : not_told) {
    const auto kind = KindOf(storage, *folder);
    if (!kind) return kind.error();
    if (*kind != LogKind::kUnknown) return *kind == LogKind::kInputs;
  }
  return false;
}

Result<ExitCode> DiffAll(replay::Storage& storage, const DiffAllOptions& options,
                         const FieldFilter& filter, const replay::LogDifference& first) {
  const auto holds_inputs = HoldInputs(storage, options);
  if (!holds_inputs) return holds_inputs.error();
  const bool is_input = *holds_inputs;
  const auto begin = BeginOf(storage, options, first, is_input);
  if (!begin) return begin.error();
  auto a = OutputsFrom(storage, options.a, *begin, is_input);
  if (!a) return a.error();
  auto b = OutputsFrom(storage, options.b, *begin, is_input);
  if (!b) return b.error();
  Comparison comparison(storage, options, filter, std::move(*a), std::move(*b));
  const Status whole = comparison.Run();
  // What was compared before an error is told before it, where nobody can take it for all.
  Output output;
  if (!options.json) output.text = first.text + "\n" + comparison.Text();
  if (options.json && whole) output.text = comparison.Json(first);
  if (Status status = output.Flush(); !status) return status.error();
  if (!whole) return whole.error();
  return ExitCode::kNo;
}

}  // namespace tandem::tools
