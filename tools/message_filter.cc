// SPDX-License-Identifier: Apache-2.0
#include "tools/message_filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <utility>

#include "replay/log_seek.h"

namespace tandem::tools {
namespace {

using replay::LogReader;

/// A whole number of either sign, as wide as any field.
struct Integer {
  bool negative = false;
  std::uint64_t size = 0;

  static std::optional<Integer> Parse(std::string_view text) {
    Integer number;
    if (text.starts_with('-')) {
      number.negative = true;
      text.remove_prefix(1);
    }
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number.size);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    number.negative = number.negative && number.size != 0;
    return number;
  }
  std::strong_ordering operator<=>(const Integer& other) const {
    if (negative != other.negative) {
      return negative ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    return negative ? other.size <=> size : size <=> other.size;
  }
};

/// The order of what `parse` makes of both; null: it makes nothing of one of them.
template <class Parse>
std::optional<std::strong_ordering> OrderOf(const std::string& a, const std::string& b,
                                            const Parse& parse) {
  const auto parsed_a = parse(a);
  const auto parsed_b = parse(b);
  if (!parsed_a || !parsed_b) return std::nullopt;
  return *parsed_a <=> *parsed_b;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text != "true" && text != "false") return std::nullopt;
  return text == "true";
}

CLI::Validator OneUser() {
  return CLI::Validator(
      [](std::string& text) {
        constexpr std::size_t kSizeMax = proto::User().bytes.size();
        return text.size() <= kSizeMax ? std::string()
                                       : "\"" + text + "\" is no user: a name has up to " +
                                             std::to_string(kSizeMax) + " characters";
      },
      "");
}

}  // namespace

std::optional<FieldCondition> FieldCondition::Parse(std::string_view text) {
  // Two characters before one, so that <= is not taken for <.
  static constexpr std::array<std::pair<std::string_view, Comparison>, 6> kSigns{{
      {"!=", Comparison::kUnequal},
      {"<=", Comparison::kAtMost},
      {">=", Comparison::kAtLeast},
      {"=", Comparison::kEqual},
      {"<", Comparison::kLess},
      {">", Comparison::kMore},
  }};
  const std::size_t at = text.find_first_of("!=<>");
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  for (const auto& [sign, comparison] : kSigns) {
    if (!text.substr(at).starts_with(sign)) continue;
    FieldCondition condition;
    condition.field_ = text.substr(0, at);
    condition.comparison_ = comparison;
    condition.value_ = text.substr(at + sign.size());
    return condition;
  }
  return std::nullopt;
}

bool FieldCondition::Holds(proto::Schema& schema, const proto::MessageView& message) const {
  const std::vector<std::string> values = schema.ValuesOf(message, field_);
  const auto holds = [&](const std::string& value) {
    return HoldsFor(schema, message.header.type, value);
  };
  if (comparison_ == Comparison::kUnequal) {
    return !values.empty() && std::all_of(values.begin(), values.end(), holds);
  }
  return std::any_of(values.begin(), values.end(), holds);
}

std::optional<std::strong_ordering> FieldCondition::Compare(const proto::Schema& schema,
                                                            std::uint16_t type,
                                                            const std::string& value) const {
  switch (schema.KindOf(type, field_)) {
    case proto::FieldKind::kNone:
      return std::nullopt;
    case proto::FieldKind::kText:
      return value <=> value_;
    case proto::FieldKind::kNumber:
      return OrderOf(value, value_, Integer::Parse);
    case proto::FieldKind::kBool:
      return OrderOf(value, value_, ParseBool);
    case proto::FieldKind::kEnum:
      return OrderOf(value, value_, [&](const std::string& text) {
        return schema.EnumNumber(type, field_, text);
      });
    case proto::FieldKind::kTime:
      return OrderOf(value, value_, proto::ParseTime);
  }
  return std::nullopt;
}

Status FieldCondition::CheckValue(const proto::Schema& schema) const {
  std::string kind;
  std::vector<std::uint16_t> types{0};  // of which a message has a header at least
  for (const auto& [type, name] : schema.names()) types.push_back(type);
  for (const std::uint16_t type : types) {
    switch (schema.KindOf(type, field_)) {
      case proto::FieldKind::kNone:
        continue;
      case proto::FieldKind::kText:
        return {};
      case proto::FieldKind::kNumber:
        if (Integer::Parse(value_)) return {};
        kind = "a whole number";
        break;
      case proto::FieldKind::kBool:
        if (ParseBool(value_)) return {};
        kind = "true or false";
        break;
      case proto::FieldKind::kEnum:
        if (schema.EnumNumber(type, field_, value_)) return {};
        kind = "one of " + schema.EnumNames(type, field_);
        break;
      case proto::FieldKind::kTime:
        if (proto::ParseTime(value_)) return {};
        kind = "a time with its day, as 2012-06-21T13:30:00.5";
        break;
    }
  }
  if (kind.empty()) return {};
  return Error::BadInput("--where: \"" + value_ + "\" is no value of " + field_ + ", which is " +
                         kind);
}

bool FieldCondition::HoldsFor(const proto::Schema& schema, std::uint16_t type,
                              const std::string& value) const {
  const auto compared = Compare(schema, type, value);
  if (!compared) return comparison_ == Comparison::kUnequal;
  const std::strong_ordering order = *compared;
  switch (comparison_) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kUnequal:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kAtMost:
      return order <= 0;
    case Comparison::kMore:
      return order > 0;
    case Comparison::kAtLeast:
      return order >= 0;
  }
  return false;
}

void MessageFilterOptions::AddTo(CLI::App& command) {
  AddMoment(command, "--from", from, "First message to look at");
  AddMoment(command, "--to", to, "Last message to look at");
  command
      .add_option("--type", types,
                  "Only messages of this type, by name or number; may be given again")
      ->allow_extra_args(false)
      ->type_name("TYPE");
  command
      .add_option(
          "--user", users,
          "Only messages from or for this user; '' for those of the sequencer, or for all; may be "
          "given again")
      ->check(OneUser())
      ->allow_extra_args(false)
      ->type_name("NAME");
  command
      .add_option_function<std::vector<std::string>>(
          "--where",
          [this](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              auto condition = FieldCondition::Parse(text);
              if (!condition) {
                throw CLI::ValidationError(
                    "--where: \"" + text +
                    "\" is no condition; write it as in price=100, size>=5 or Trade.symbol!=ABC");
              }
              conditions.push_back(std::move(*condition));
            }
          },
          "Only messages with such a field, of payload or header, as 'price>=100'; signs: = != < "
          "<= > >=; may be given again, and all must hold")
      ->allow_extra_args(false)
      ->type_name("CONDITION");
}

Result<LogReader> MessageFilter::Open(replay::Storage& storage, const std::string& folder,
                                      bool follows) {
  const auto range = RangeOf(storage, folder, options_.from, options_.to);
  if (!range) return range.error();
  range_ = *range;
  if (Status status = CheckRange(storage, folder, follows); !status) return status.error();
  if (follows) {
    since_ns_ = range->since_ns;
    until_ns_ = range->until_ns;
  }
  if (until_ns_) range_.last = NumberRange().last;
  auto reader =
      LogReader::Open(storage, folder,
                      {.from_number = is_to_come_ ? replay::ReadOptions::kEnd : range_.first,
                       .check_digest = false});
  if (!reader) return reader.error();
  if (options_.from && !is_to_come_) {
    if (Status status = replay::CheckBelongs(storage, folder, range_.first); !status) {
      return status.error();
    }
  }
  if (Status status = Check(storage, folder, *reader); !status) return status.error();
  return reader;
}

// What is wrong with a log that does not show its end is for its reader to say.
Status MessageFilter::CheckRange(replay::Storage& storage, const std::string& folder,
                                 bool follows) {
  if (!options_.from && !options_.to) return {};
  const auto reader = LogReader::Open(
      storage, folder, {.from_number = replay::ReadOptions::kEnd, .check_digest = false});
  if (!reader) return {};
  const std::uint64_t first = reader->first_number();
  const std::uint64_t last = reader->position().number;
  is_to_come_ = follows && options_.from && range_.first > last;
  if (options_.from && range_.first > last && !follows) {
    return Error::BadInput(
        "the log " + folder +
        (last < first ? " has no messages yet" : " ends at message " + std::to_string(last)) +
        "; --from " + options_.from->text() + " is not in it");
  }
  // Of a log without messages nobody knows when it begins.
  if (options_.to && range_.last < first && (last >= first || options_.to->is_number())) {
    return Error::BadInput("the log " + folder + " begins at message " + std::to_string(first) +
                           "; --to " + options_.to->text() + " is before it");
  }
  return {};
}

Status MessageFilter::Check(replay::Storage& storage, const std::string& folder,
                            const LogReader& first) const {
  if (options_.types.empty() && options_.conditions.empty()) return {};
  if (CheckNames(folder, SchemasAtEnds(storage, folder, first))) return {};
  // What is not known there may be known in between.
  const auto all = SchemasOfRange(storage, folder, range_.first, range_.last);
  return all ? CheckNames(folder, *all) : Status(all.error());
}

Status MessageFilter::CheckNames(const std::string& folder, const SchemaTexts& texts) const {
  const std::vector<proto::Schema> schemas = ParseSchemas(texts);
  for (const std::string& type : options_.types) {
    if (std::ranges::any_of(schemas, [&](const proto::Schema& schema) {
          return schema.TypeOf(type).has_value();
        })) {
      continue;
    }
    std::set<std::pair<std::uint16_t, std::string>> names;
    for (const proto::Schema& schema : schemas) {
      names.insert(schema.names().begin(), schema.names().end());
    }
    std::string known;
    for (const auto& [number, name] : names) known += (known.empty() ? "" : ", ") + name;
    return Error::BadInput("the log " + folder + " knows no message type " + type + "; it knows " +
                           known);
  }
  for (const FieldCondition& condition : options_.conditions) {
    bool known = false;
    Status fits;
    for (const proto::Schema& schema : schemas) {
      if (!schema.HasField(condition.field()) || (known && fits)) continue;
      known = true;
      fits = condition.CheckValue(schema);
    }
    if (known && !fits) return fits;
    if (known) continue;
    return Error::BadInput("no message of the log " + folder + " has a field \"" +
                           condition.field() +
                           "\"; give it as in `tandem cat --json`, with a dot between a field and "
                           "one within it, or with the type before it, as in Trade.price");
  }
  return {};
}

bool MessageFilter::Wants(const LogReader& reader, LogSchema& schema) {
  const proto::MessageView& message = reader.message();
  if (message.header.number < range_.first && is_to_come_) return false;
  if (since_ns_ && message.header.time_ns < *since_ns_) return false;
  if (!options_.users.empty()) {
    const auto is_user = [&](const std::string& user) {
      return message.header.user.view() == user;
    };
    if (std::none_of(options_.users.begin(), options_.users.end(), is_user)) return false;
  }
  if (!options_.types.empty()) {
    if (generation_ != reader.schema_generation()) {
      const proto::Schema& known = schema.For(reader);
      generation_ = reader.schema_generation();
      types_.clear();
      for (const std::string& name : options_.types) {
        if (const auto type = known.TypeOf(name)) types_.insert(*type);
      }
    }
    if (!types_.contains(message.header.type)) return false;
  }
  return std::all_of(options_.conditions.begin(), options_.conditions.end(),
                     [&](const FieldCondition& condition) {
                       return condition.Holds(schema.For(reader), message);
                     });
}

}  // namespace tandem::tools
