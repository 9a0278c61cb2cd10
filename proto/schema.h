// SPDX-License-Identifier: Apache-2.0
//
// Schema: what the payloads of a stream mean, from the FileDescriptorSet that logs carry. Decodes
// messages for people and tools without any generated code. Not for the hot path: decoding a
// message to text costs about a microsecond.
//
// Refused when it is loaded: maps and floating point in payloads (their bytes are not a function of
// their content), two messages with one type number, numbers out of range.
// One thread at a time, though nothing but scratch memory changes.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"
#include "proto/message.h"

namespace google::protobuf {
class FieldDescriptor;
class DynamicMessageFactory;
class Message;
}  // namespace google::protobuf

namespace tandem::proto {

/// Serialised FileDescriptorSet of the files of these messages with all that they import, and of
/// tandem/control.proto. The same bytes for the same descriptors, whatever the process.
[[nodiscard]] std::string SchemaOf(
    const std::vector<const google::protobuf::Descriptor*>& messages);

/// The type number of a message, by the option (tandem.pb.type); 0: it has none. For descriptors
/// of generated code and of dynamic pools alike.
[[nodiscard]] std::uint32_t TypeNumberOf(const google::protobuf::Descriptor& message);

/// One field in which two messages differ; a value that one of them lacks is "(absent)".
struct FieldDifference {
  std::string path;  ///< "price", "legs[1].size"; a header field as in JSON
  std::string a;
  std::string b;
  bool operator==(const FieldDifference&) const = default;
};

/// How the values of a field compare.
enum class FieldKind : std::uint8_t {
  kNone,  ///< there is no such field
  kText,  ///< as text: strings, bytes, names, digests, messages
  kNumber,
  kBool,
  kEnum,  ///< by its numbers
  kTime,
};

class Schema {
 public:
  /// Empty text: a schema that knows Tandem's own messages only.
  static Result<Schema> Parse(std::string_view file_descriptor_set);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  /// The message's name without its package, or with it where that is ambiguous; of an unknown
  /// type its number.
  [[nodiscard]] std::string NameOf(std::uint16_t type) const;
  /// With its package; of an unknown type its number.
  [[nodiscard]] std::string FullNameOf(std::uint16_t type) const;
  /// By name, with or without the package, or by number; null: not in this schema.
  [[nodiscard]] std::optional<std::uint16_t> TypeOf(std::string_view name) const;
  /// All types, by number, with their names.
  [[nodiscard]] const std::map<std::uint16_t, std::string>& names() const { return names_; }

  /// Appends one line, without a line feed: number, time, type, header fields, payload.
  void AppendText(const MessageView& message, std::string* out);
  /// Appends one JSON object, without a line feed: header fields and "payload" by the Protobuf JSON
  /// mapping with the field names of the .proto file and with defaults. A payload that cannot be
  /// decoded becomes "payload_hex".
  void AppendJson(const MessageView& message, std::string* out);
  /// The same, so that every byte of the message follows from it: a payload that its fields do not
  /// give back (fields that the schema does not know, another order) becomes "payload_hex", and
  /// what has no place in AppendJson is added where it is not as usual.
  void AppendExactJson(const MessageView& message, std::string* out);
  /// The bytes of a payload of this type, from JSON as above.
  Result<std::string> PayloadOf(std::uint16_t type, std::string_view json);
  [[nodiscard]] std::string Text(const MessageView& message);
  [[nodiscard]] std::string Json(const MessageView& message);

  /// What differs: type, payload, the other header fields, last those that follow from the rest
  /// (payload_size, digest). Empty if the messages are byte for byte the same.
  [[nodiscard]] std::vector<FieldDifference> Compare(const MessageView& a, const MessageView& b);

  /// The values of a field as text: of the payload, or else of the header as JSON names them; none
  /// if this message has no such field or it is absent. "price"; "legs.size": of each leg;
  /// "NewOrder.price": of this type only.
  [[nodiscard]] std::vector<std::string> ValuesOf(const MessageView& message,
                                                  std::string_view path);
  /// True if the header or a type of this schema has such a field.
  [[nodiscard]] bool HasField(std::string_view path) const;
  /// What such a field of messages of `type` holds.
  [[nodiscard]] FieldKind KindOf(std::uint16_t type, std::string_view path) const;
  /// The number of a value of such an enum, or of a message type, by name or number; null: it has
  /// no such value.
  [[nodiscard]] std::optional<int> EnumNumber(std::uint16_t type, std::string_view path,
                                              std::string_view value) const;
  /// The names of the values of such an enum, "BUY, SELL".
  [[nodiscard]] std::string EnumNames(std::uint16_t type, std::string_view path) const;
  [[nodiscard]] static bool IsHeaderField(std::string_view name);

 private:
  struct Type {
    const google::protobuf::Descriptor* descriptor = nullptr;
    std::unique_ptr<google::protobuf::Message> scratch;
    std::unique_ptr<google::protobuf::Message> other_scratch;
  };

  Schema();
  Status Index(const google::protobuf::Descriptor& message);
  /// The payload's field; `path` becomes its name within the type. Null: it is none, or of the
  /// header.
  [[nodiscard]] const google::protobuf::FieldDescriptor* FieldAt(std::uint16_t type,
                                                                 std::string_view* path) const;
  void AppendJsonHeader(const Header& header, std::string* out) const;
  [[nodiscard]] std::string HeaderField(const Header& header, std::string_view name) const;
  /// The decoded payload in scratch memory; null if the type is unknown or it does not decode.
  const google::protobuf::Message* Decode(const MessageView& message, bool other = false);

  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  std::unique_ptr<google::protobuf::DynamicMessageFactory> factory_;
  std::map<std::uint16_t, std::string> names_;
  std::vector<Type> types_;  ///< by number
};

/// ns since 1970 of a time as TimeText writes it, or shorter: the fraction, the seconds, the time
/// of day and the Z may be left away. Null: it is no time, or none that fits: those from
/// 1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z do.
[[nodiscard]] std::optional<std::int64_t> ParseTime(std::string_view text);
/// "2012-06-21T13:30:00.004241176Z"
[[nodiscard]] std::string TimeText(std::int64_t time_ns);
/// 16 hexadecimal digits.
[[nodiscard]] std::string DigestText(std::uint64_t digest);

}  // namespace tandem::proto
