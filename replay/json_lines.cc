// SPDX-License-Identifier: Apache-2.0
#include "replay/json_lines.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace tandem::replay {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The number after it means "the end" to a reader of a log.
constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint64_t>::max() - 1;

std::string ToBase64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : kBase64[group >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    std::size_t fill = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const char c = text[i + j];
      const std::size_t value = kBase64.find(c);
      const bool may_fill = i + 4 == text.size() && j >= 2 && c == '=';
      if (value == std::string_view::npos ? !may_fill : fill > 0) return std::nullopt;
      if (may_fill) ++fill;
      group = group << 6 | (may_fill ? 0U : static_cast<std::uint32_t>(value));
    }
    for (std::size_t j = 0; j + fill < 3; ++j) bytes += static_cast<char>(group >> (16 - 8 * j));
  }
  return bytes;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::optional<std::uint64_t> ParseDigest(std::string_view text) {
  std::uint64_t digest = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), digest, 16);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && text.size() == 16 ? std::optional(digest) : std::nullopt;
}

Error NotA(const char* name, const std::string& what) {
  return Error::BadInput("has a \"" + std::string(name) + "\" that is not " + what);
}

/// Reads an unsigned member into `field`, if it is there.
template <class T>
Status ReadNumber(const JsonObject& object, const char* name, T* field) {
  const auto value = object.Find(name);
  if (!value) return {};
  const auto number = JsonUnsigned(*value);
  if (!number || *number > std::numeric_limits<T>::max()) {
    return NotA(name, "a whole number that fits");
  }
  *field = static_cast<T>(*number);
  return {};
}

constexpr std::array<std::string_view, 17> kMessageMembers{
    "number", "time",   "time_ns",  "type",    "type_number", "session",
    "origin", "user",   "user_hex", "index",   "last",        "flags",
    "epoch",  "digest", "version",  "payload", "payload_hex"};
constexpr std::array<std::string_view, 5> kLogMembers{"session", "role", "first_number",
                                                      "digest_before", "schema"};

/// The name of the first member that is none of `known`; null: there is none.
const std::string* FirstUnknown(const JsonObject& object, std::span<const std::string_view> known) {
  for (const JsonObject::Member& member : object.members()) {
    if (std::ranges::find(known, member.name) == known.end()) return &member.name;
  }
  return nullptr;
}

/// "a, b or c"
template <class Names>
std::string OneOf(const Names& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += i == 0 ? "" : i + 1 < names.size() ? ", " : " or ";
    text += names[i];
  }
  return text;
}

std::string RoleNames() {
  std::vector<std::string> names;
  for (const LogRole& role : kLogRoles) names.push_back(role.str());
  return OneOf(names);
}

}  // namespace

std::string JsonLogLine(const JsonLog& log) {
  return "{\"log\":{\"session\":\"" + log.session.str() + "\",\"role\":\"" + log.role.str() +
         "\",\"first_number\":" + std::to_string(log.start.number + 1) + ",\"digest_before\":\"" +
         proto::DigestText(log.start.digest) + "\",\"schema\":\"" + ToBase64(log.schema) + "\"}}";
}

std::string JsonSchemaLine(const std::string& schema) {
  return "{\"schema\":\"" + ToBase64(schema) + "\"}";
}

JsonLinesParser::JsonLinesParser(JsonLog log, bool rechain)
    : log_(std::move(log)), rechain_(rechain), position_(log_.start) {
  SetSchema(log_.schema);
}

void JsonLinesParser::SetSchema(const std::string& text) {
  if (schema_made_ && text == schema_text_) return;
  schema_text_ = text;
  schema_.reset();
  schema_made_ = false;
}

proto::Schema* JsonLinesParser::Schema() {
  if (!schema_made_) {
    schema_made_ = true;
    auto schema = proto::Schema::Parse(schema_text_);
    if (schema) schema_ = std::make_shared<proto::Schema>(std::move(*schema));
  }
  return schema_.get();
}

Result<JsonLinesParser::Line> JsonLinesParser::Take(std::string_view line) {
  const Result<JsonObject> object = JsonObject::Parse(line);
  if (!object) return object.error();
  const bool alone = object->members().size() == 1;
  Status status;
  Line kind = Line::kMessage;
  if (const auto log = object->Find("log")) {
    if (const std::string* other = FirstUnknown(*object, std::array<std::string_view, 1>{"log"})) {
      return Error::BadInput("has a \"" + *other +
                             "\" beside \"log\", which stands alone in its line");
    }
    if (begun_) return Error::BadInput("says again which log this is; only the first line may");
    kind = Line::kLog;
    status = TakeLog(*log);
  } else if (const auto schema = object->Find("schema"); schema && alone) {
    kind = Line::kSchema;
    status = TakeSchema(*schema);
  } else {
    status = TakeMessage(*object);
  }
  if (!status) return status.error();
  begun_ = true;
  return kind;
}

Status JsonLinesParser::TakeLog(std::string_view value) {
  const Result<JsonObject> object = JsonObject::Parse(value);
  if (!object) return object.error();
  if (const std::string* unknown = FirstUnknown(*object, kLogMembers)) {
    return Error::BadInput("has a \"" + *unknown + "\" in \"log\", which may have " +
                           OneOf(kLogMembers));
  }
  // What is there and no string is no name, digest or base64 either.
  const auto text = [&](const char* name) -> std::string {
    const auto member = object->Find(name);
    return member ? JsonText(*member).value_or("?") : "";
  };
  const std::string name = text("session");
  if (!proto::IsName(name, proto::kSessionSizeMax)) {
    return NotA("session", "1 to 10 letters, digits, '-' or '_'");
  }
  proto::Session session(name);
  if (!log_.session.empty() && log_.session != session) {
    if (!rechain_) {
      return Error::BadInput("says that the log is of session " + name + ", and session " +
                             log_.session.str() +
                             " is wanted; rechain gives the session, numbers and digests anew");
    }
    session = log_.session;
  }
  const std::string role = text("role");
  if (std::ranges::find(kLogRoles, LogRole(role)) == kLogRoles.end() ||
      role.size() > LogRole().bytes.size()) {
    return NotA("role", RoleNames());
  }
  std::uint64_t first = 1;
  if (Status status = ReadNumber(*object, "first_number", &first); !status) return status;
  std::uint64_t digest = proto::kDigestStart;
  if (object->Find("digest_before")) {
    const auto before = ParseDigest(text("digest_before"));
    if (!before) return NotA("digest_before", "16 hexadecimal digits");
    digest = *before;
  } else if (first != 1) {
    return Error::BadInput("has no \"digest_before\", and only a log that begins at 1 needs none");
  }
  if (first == 0 || first > kNumberMax) {
    return NotA("first_number", "a number from 1 to 18446744073709551614, the largest one");
  }
  const auto schema = FromBase64(text("schema"));
  if (!schema) return NotA("schema", "base64");
  log_ = {.session = session,
          .role = LogRole(role),
          .start = {},
          .schema = schema->empty() ? log_.schema : *schema};
  if (!rechain_) log_.start = {.number = first - 1, .digest = digest};
  position_ = log_.start;
  // A schema that cannot be used is kept all the same: its payloads stand as hexadecimal digits.
  SetSchema(log_.schema);
  return {};
}

Status JsonLinesParser::TakeSchema(std::string_view value) {
  const auto text = JsonText(value);
  const auto schema = text ? FromBase64(*text) : std::nullopt;
  if (!schema) return NotA("schema", "base64");
  SetSchema(*schema);
  return {};
}

Status JsonLinesParser::ReadType(const JsonObject& object, proto::Header* header) {
  const auto number = object.Find("type_number");
  const auto type = object.Find("type");
  if (!number && !type) return Error::BadInput("has neither \"type\" nor \"type_number\"");
  if (Status status = ReadNumber(object, "type_number", &header->type); !status) return status;
  if (!type) return {};
  const auto name = JsonText(*type);
  const auto by_name = name && Schema() != nullptr ? Schema()->TypeOf(*name) : std::nullopt;
  if (number) {
    if (by_name && *by_name != header->type) {
      return Error::BadInput("has the type " + *name + " and the type number " +
                             std::to_string(header->type) + ", which is another type");
    }
    return {};
  }
  if (!by_name) {
    return Error::BadInput("has a type that the schema does not know: " + std::string(*type));
  }
  header->type = *by_name;
  return {};
}

Status JsonLinesParser::ReadTime(const JsonObject& object, proto::Header* header) {
  const auto exact = object.Find("time_ns");
  const auto time = object.Find("time");
  header->time_ns = time_ns_;
  if (time) {
    const auto text = JsonText(*time);
    const auto parsed = text ? proto::ParseTime(*text) : std::nullopt;
    // Times that no date can name have only the other form.
    if (!parsed && !exact) return NotA("time", "a time as 2012-06-21T13:30:00.5Z");
    if (parsed) header->time_ns = *parsed;
  }
  if (!exact) return {};
  const auto number = JsonSigned(*exact);
  if (!number) return NotA("time_ns", "a whole number that fits");
  if (time && *number != header->time_ns && proto::ParseTime(*JsonText(*time))) {
    return Error::BadInput("has a \"time\" and a \"time_ns\" that differ; leave one of them away");
  }
  header->time_ns = *number;
  return {};
}

Status JsonLinesParser::ReadHeader(const JsonObject& object, proto::Header* header) {
  header->session = log_.session;
  if (const auto session = object.Find("session"); session && !rechain_) {
    if (JsonText(*session) != log_.session.str()) {
      return Error::BadInput("is of session " + std::string(*session) + ", and the log of \"" +
                             log_.session.str() + "\"");
    }
  }
  if (Status status = ReadType(object, header); !status) return status;
  if (Status status = ReadTime(object, header); !status) return status;
  if (const auto user = object.Find("user_hex")) {
    const auto text = JsonText(*user);
    const auto bytes = text ? FromHex(*text) : std::nullopt;
    if (!bytes || bytes->size() != header->user.bytes.size()) {
      return NotA("user_hex", "16 hexadecimal digits");
    }
    std::memcpy(header->user.bytes.data(), bytes->data(), bytes->size());
    // The export names nobody where it gives the bytes.
    const auto name = object.Find("user");
    if (name && JsonText(*name) != "" && JsonText(*name) != header->user.str()) {
      return Error::BadInput(
          "has a \"user\" and a \"user_hex\" that differ; leave one of them away");
    }
  } else if (const auto name = object.Find("user")) {
    const auto text = JsonText(*name);
    if (!text || text->size() > header->user.bytes.size()) {
      return NotA("user", "a name of up to 8 characters");
    }
    header->user = proto::User(*text);
  }
  if (position_.number >= kNumberMax) {
    return Error::BadInput("would have number 18446744073709551615, which no message has");
  }
  header->number = position_.number + 1;
  std::uint64_t number = header->number;
  if (Status status = ReadNumber(object, "number", &number); !status) return status;
  if (number != header->number && !rechain_) {
    return Error::BadInput("has number " + std::to_string(number) + " where " +
                           std::to_string(header->number) +
                           " is next; rechain gives numbers and digests anew");
  }
  header->origin = sent_[header->user] + 1;
  header->epoch = epoch_;
  header->flags = proto::kLast;
  if (Status status = ReadNumber(object, "origin", &header->origin); !status) return status;
  if (Status status = ReadNumber(object, "index", &header->index); !status) return status;
  if (Status status = ReadNumber(object, "epoch", &header->epoch); !status) return status;
  if (Status status = ReadNumber(object, "flags", &header->flags); !status) return status;
  if (Status status = ReadNumber(object, "version", &header->version); !status) return status;
  if (header->version != proto::kHeaderVersion) return NotA("version", "1");
  if (const auto last = object.Find("last")) {
    if (*last != "true" && *last != "false") return NotA("last", "true or false");
    const bool is_last = *last == "true";
    if (object.Find("flags") && is_last != header->last()) {
      return Error::BadInput(
          "has a \"last\" and \"flags\" that differ in whether it is the last one; leave one of "
          "them away");
    }
    header->flags &= static_cast<std::uint8_t>(~proto::kLast);
    if (is_last) header->flags |= proto::kLast;
  }
  return {};
}

// What finds messages by their time, and readers that look for a fork, rely on it.
Status JsonLinesParser::CheckOrder(const proto::Header& header) const {
  if (position_.number == log_.start.number) return {};
  if (header.time_ns < time_ns_) {
    return Error::BadInput("has the time " + proto::TimeText(header.time_ns) +
                           ", and the message before it " + proto::TimeText(time_ns_) +
                           ": times never go back in a log; sort the lines");
  }
  if (header.epoch < epoch_) {
    return Error::BadInput("has the epoch " + std::to_string(header.epoch) +
                           ", and the message before it " + std::to_string(epoch_) +
                           ": epochs never go back in a log");
  }
  return {};
}

Result<std::string> JsonLinesParser::ReadPayload(const JsonObject& object, std::uint16_t type) {
  const auto hex = object.Find("payload_hex");
  const auto payload = object.Find("payload");
  if (hex && payload)
    return Error::BadInput("has a \"payload\" and a \"payload_hex\"; only one counts");
  if (hex) {
    const auto text = JsonText(*hex);
    const auto bytes = text ? FromHex(*text) : std::nullopt;
    if (!bytes) return NotA("payload_hex", "hexadecimal digits");
    return *bytes;
  }
  if (!payload) return std::string();
  if (Schema() == nullptr) {
    return Error::BadInput("has a \"payload\", and there is no schema to read it by");
  }
  if (const std::string_view number = JsonInexactNumber(*payload); !number.empty()) {
    return Error::BadInput("has the number " + std::string(number.substr(0, 40)) +
                           " in \"payload\", which is no whole one of 64 bits or would be rounded; "
                           "write a whole number in plain digits");
  }
  return Schema()->PayloadOf(type, *payload);
}

Status JsonLinesParser::TakeMessage(const JsonObject& object) {
  if (const std::string* unknown = FirstUnknown(object, kMessageMembers)) {
    return Error::BadInput("has a \"" + *unknown + "\", which no message has");
  }
  if (log_.session.empty())
    return Error::BadInput(
        "comes before a line that says which log this is, and no session is given");
  proto::Header header;
  if (Status status = ReadHeader(object, &header); !status) return status;
  if (Status status = CheckOrder(header); !status) return status;
  const Result<std::string> payload = ReadPayload(object, header.type);
  if (!payload) return payload.error();
  if (sizeof header + payload->size() > proto::kMessageSizeMax) {
    return Error::BadInput("is a message of " + std::to_string(sizeof header + payload->size()) +
                           " bytes, more than the " + std::to_string(proto::kMessageSizeMax) +
                           " that one may have");
  }
  header.payload_size = static_cast<std::uint16_t>(payload->size());
  bytes_.resize(sizeof header + payload->size());
  std::memcpy(bytes_.data(), &header, sizeof header);
  if (!payload->empty()) std::memcpy(&bytes_[sizeof header], payload->data(), payload->size());
  header.digest = proto::Digest(position_.digest, bytes_);
  if (const auto digest = object.Find("digest"); digest && !rechain_) {
    const auto text = JsonText(*digest);
    const auto said = text ? ParseDigest(*text) : std::nullopt;
    if (!said) return NotA("digest", "16 hexadecimal digits");
    if (*said != header.digest) {
      return Error::BadInput("says digest " + *text + " and has " +
                             proto::DigestText(header.digest) +
                             ": it or one before it was changed; rechain gives numbers and digests "
                             "anew");
    }
  }
  std::memcpy(bytes_.data(), &header.digest, sizeof header.digest);
  position_ = {.number = header.number, .digest = header.digest};
  time_ns_ = header.time_ns;
  epoch_ = header.epoch;
  sent_[header.user] = header.origin;
  return {};
}

}  // namespace tandem::replay
