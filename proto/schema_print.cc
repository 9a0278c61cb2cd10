// SPDX-License-Identifier: Apache-2.0
//
// Messages as a line of text and as JSON.
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdio>

#include "proto/schema.h"
#include "proto/schema_values.h"
#include "proto/shown_text.h"

namespace tandem::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kHexDigits[] = "0123456789abcdef";

void AppendHex(std::span<const std::byte> bytes, std::string* out) {
  for (const std::byte byte : bytes) {
    *out += kHexDigits[std::to_integer<unsigned>(byte) >> 4];
    *out += kHexDigits[std::to_integer<unsigned>(byte) & 15];
  }
}

void AppendBase64(std::string_view bytes, std::string* out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      *out += i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
    }
  }
}

void AppendJsonMessage(const Message& message, std::string* out);

void AppendJsonValue(const Message& message, const FieldDescriptor& field, int index,
                     std::string* out) {
  const FieldValue value(message, field, index);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_BOOL:
      value.AppendTo(out);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      *out += '"';
      value.AppendTo(out);
      *out += '"';
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (value.HasEnumName()) {
        *out += '"';
        value.AppendTo(out);
        *out += '"';
      } else {
        value.AppendTo(out);
      }
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        *out += '"';
        AppendBase64(value.String(), out);
        *out += '"';
      } else {
        AppendJsonText(value.String(), out);
      }
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      AppendJsonMessage(value.Nested(), out);
      break;
    default:
      *out += "null";  // floating point: refused when the schema was loaded
  }
}

void AppendJsonMessage(const Message& message, std::string* out) {
  if (message.GetDescriptor()->file()->package() == "google.protobuf") {
    // Timestamp and its like have a form of their own in JSON.
    std::string text;
    if (google::protobuf::util::MessageToJsonString(message, &text).ok()) {
      *out += text;
      return;
    }
  }
  const Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  *out += '{';
  bool first = true;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    // What has no default to show is left out when it is not there.
    if (field.has_presence() && !reflection.HasField(message, &field)) continue;
    if (!first) *out += ',';
    first = false;
    *out += '"';
    *out += field.name();
    *out += "\":";
    if (!field.is_repeated()) {
      AppendJsonValue(message, field, -1, out);
      continue;
    }
    *out += '[';
    for (int j = 0; j < reflection.FieldSize(message, &field); ++j) {
      if (j > 0) *out += ',';
      AppendJsonValue(message, field, j, out);
    }
    *out += ']';
  }
  *out += '}';
}

}  // namespace

std::string DigestText(std::uint64_t digest) {
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(digest));
  return text;
}

void Schema::AppendText(const MessageView& message, std::string* out) {
  const Header& header = message.header;
  *out += std::to_string(header.number);
  *out += ' ';
  *out += TimeText(header.time_ns);
  *out += ' ';
  *out += NameOf(header.type);
  *out += " origin=" + std::to_string(header.origin);
  if (!header.user.empty()) *out += " user=" + Escaped(header.user.view());
  if (header.index != 0) *out += " index=" + std::to_string(header.index);
  if (header.last()) *out += " last";
  if ((header.flags & ~kLast) != 0) *out += " flags=" + std::to_string(header.flags);
  if (header.epoch != 0) *out += " epoch=" + std::to_string(header.epoch);
  const Message* payload = Decode(message);
  if (payload == nullptr) {
    *out += " payload_hex=";
    AppendHex(message.payload(), out);
    return;
  }
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(*payload, &text);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  *out += text.empty() ? " {}" : " { " + text + " }";
}

void Schema::AppendJsonHeader(const Header& header, std::string* out) const {
  *out += "{\"number\":" + std::to_string(header.number);
  *out += ",\"time\":\"" + TimeText(header.time_ns);
  *out += "\",\"time_ns\":" + std::to_string(header.time_ns);
  *out += ",\"type\":\"" + NameOf(header.type);
  *out += "\",\"type_number\":" + std::to_string(header.type);
  *out += ",\"session\":";
  AppendJsonText(header.session.view(), out);
  *out += ",\"origin\":" + std::to_string(header.origin);
  *out += ",\"user\":";
  AppendJsonText(header.user.view(), out);
  *out += ",\"index\":" + std::to_string(header.index);
  *out += header.last() ? ",\"last\":true" : ",\"last\":false";
  if ((header.flags & ~kLast) != 0) *out += ",\"flags\":" + std::to_string(header.flags);
  *out += ",\"epoch\":" + std::to_string(header.epoch);
  *out += ",\"digest\":\"" + DigestText(header.digest) + '"';
}

void Schema::AppendJson(const MessageView& message, std::string* out) {
  AppendJsonHeader(message.header, out);
  if (const Message* payload = Decode(message)) {
    *out += ",\"payload\":";
    AppendJsonMessage(*payload, out);
  } else {
    *out += ",\"payload_hex\":\"";
    AppendHex(message.payload(), out);
    *out += '"';
  }
  *out += '}';
}

void Schema::AppendExactJson(const MessageView& message, std::string* out) {
  const Header& header = message.header;
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  Header shown = header;
  const bool plain_user = std::all_of(header.user.bytes.begin(), header.user.bytes.end(), is_plain);
  if (!plain_user) shown.user = User();
  AppendJsonHeader(shown, out);
  if (!plain_user) {
    *out += ",\"user_hex\":\"";
    AppendHex(std::as_bytes(std::span(header.user.bytes)), out);
    *out += '"';
  }
  const Message* payload = Decode(message);
  const google::protobuf::LogSilencer silencer;
  // JSON has no place for fields that the schema does not know.
  if (payload != nullptr) types_[header.type].scratch->DiscardUnknownFields();
  if (payload != nullptr && payload->SerializeAsString() == message.payload_text()) {
    *out += ",\"payload\":";
    AppendJsonMessage(*payload, out);
  } else {
    *out += ",\"payload_hex\":\"";
    AppendHex(message.payload(), out);
    *out += '"';
  }
  *out += '}';
}

Result<std::string> Schema::PayloadOf(std::uint16_t type, std::string_view json) {
  if (type >= types_.size() || types_[type].descriptor == nullptr) {
    return Error::BadInput("the schema has no message of type " + std::to_string(type) +
                           ", so its payload can only be given as payload_hex");
  }
  const google::protobuf::LogSilencer silencer;
  const std::unique_ptr<Message> message(factory_->GetPrototype(types_[type].descriptor)->New());
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message.get());
  if (!status.ok()) {
    // What follows the first line shows the place, which may be no text.
    const std::string_view why(status.message().data(), status.message().size());
    return Error::BadInput("the payload is no " + NameOf(type) + ": " +
                           std::string(why.substr(0, why.find('\n'))));
  }
  return message->SerializeAsString();
}

std::string Schema::Text(const MessageView& message) {
  std::string text;
  AppendText(message, &text);
  return text;
}

std::string Schema::Json(const MessageView& message) {
  std::string text;
  AppendJson(message, &text);
  return text;
}

}  // namespace tandem::proto
