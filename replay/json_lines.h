// SPDX-License-Identifier: Apache-2.0
//
// A log as lines of JSON, and back, every byte of every message. docs/log-format.md has the form:
//
//   {"log":{"session":"DAY1","role":"input","first_number":1,"digest_before":"...","schema":"..."}}
//   {"number":1,"time":"...",...,"payload":{...}}          as `tandem cat --json` prints it
//   {"schema":"..."}                                       where another schema begins to count
//
// Lines that a person wrote may leave most of it away: see JsonLinesParser. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pools/result.h"
#include "proto/digest.h"
#include "proto/schema.h"
#include "replay/json_object.h"
#include "replay/log_format.h"

namespace tandem::replay {

/// What the first line says of a log.
struct JsonLog {
  proto::Session session;
  LogRole role;
  proto::StreamPosition start;  ///< before the first message
  std::string schema;
};

/// The first line, without a line feed.
[[nodiscard]] std::string JsonLogLine(const JsonLog& log);
/// The line where another schema begins to count.
[[nodiscard]] std::string JsonSchemaLine(const std::string& schema);

/// Copies go on on their own and share what they made of the schema.
class JsonLinesParser {
 public:
  enum class Line : std::uint8_t { kLog, kSchema, kMessage };

  /// `log`: what counts where no first line says it. A first line must not name another session.
  /// `rechain`: whatever the lines say, numbers begin at 1, digests are made anew, and the session
  /// is that of `log` if it names one; so lines can be taken that were changed or picked.
  explicit JsonLinesParser(JsonLog log, bool rechain = false);

  /// Takes the next line. A message without number, time, origin, epoch, session, digest gets what
  /// follows from those before it: the next number, the same time, the next of its user, the same
  /// epoch or 1; without index 0, without last true. An error says what is wrong with the line.
  Result<Line> Take(std::string_view line);

  /// As the first line has it, or as it was given. Changes with kLog only.
  [[nodiscard]] const JsonLog& log() const { return log_; }
  [[nodiscard]] const std::string& schema() const { return schema_text_; }
  /// The message just taken.
  [[nodiscard]] std::span<const std::byte> message() const { return bytes_; }
  [[nodiscard]] proto::StreamPosition position() const { return position_; }

 private:
  Status TakeLog(std::string_view value);
  Status TakeSchema(std::string_view value);
  Status TakeMessage(const JsonObject& object);
  Status ReadHeader(const JsonObject& object, proto::Header* header);
  Status ReadType(const JsonObject& object, proto::Header* header);
  Status ReadTime(const JsonObject& object, proto::Header* header);
  [[nodiscard]] Status CheckOrder(const proto::Header& header) const;
  Result<std::string> ReadPayload(const JsonObject& object, std::uint16_t type);
  void SetSchema(const std::string& text);
  /// What the schema says, made when it is first asked for; null: it cannot be used.
  proto::Schema* Schema();

  JsonLog log_;
  bool rechain_;
  bool begun_ = false;  ///< a line was taken
  std::string schema_text_;
  bool schema_made_ = false;
  std::shared_ptr<proto::Schema> schema_;  ///< null: not made, or it cannot be used
  proto::StreamPosition position_;
  std::int64_t time_ns_ = 0;
  std::uint32_t epoch_ = 1;
  std::map<proto::User, std::uint64_t> sent_;
  std::vector<std::byte> bytes_;
};

}  // namespace tandem::replay
