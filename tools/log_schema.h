// SPDX-License-Identifier: Apache-2.0
//
// LogSchema: the schema for the message that a reader has just given; follows its changes along the
// log. A log without a usable schema prints its messages as numbers and hexadecimal digits, and
// the reason is told once. One thread.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "pools/ensure.h"
#include "proto/schema.h"
#include "replay/log_reader.h"

namespace tandem::tools {

class LogSchema {
 public:
  proto::Schema& For(const replay::LogReader& reader) {
    if (!schema_ || generation_ != reader.schema_generation()) Load(reader);
    return *schema_;
  }

  /// Grows with each change.
  [[nodiscard]] std::uint32_t generation() const { return generation_; }

 private:
  void Load(const replay::LogReader& reader) {
    generation_ = reader.schema_generation();
    auto schema = proto::Schema::Parse(reader.schema());
    if (!schema) {
      std::fprintf(stderr, "tandem: note: %s; payloads are shown undecoded\n",
                   schema.error().text.c_str());
      schema = proto::Schema::Parse("");
      ENSURE(schema.ok(), "the schema of Tandem's own messages cannot be used");
    }
    schema_ = std::move(*schema);
  }

  std::optional<proto::Schema> schema_;
  std::uint32_t generation_ = 0;
};

}  // namespace tandem::tools
