// SPDX-License-Identifier: Apache-2.0
//
// Lines of JSON as an importer takes them: any text is a sentence or messages that follow.
#include "book/book.pb.h"
#include "pools/ensure.h"
#include "proto/message.h"
#include "replay/json_lines.h"

using namespace tandem;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  static const std::string schema = proto::SchemaOf({book::pb::NewOrder::descriptor()});
  static const replay::JsonLog log{
      .session = proto::Session("FUZZ"), .role = replay::kInputRole, .start = {}, .schema = schema};
  // Making a schema takes longer than all the rest; the copies share it.
  const auto make = [](const replay::JsonLog& from, bool rechain) {
    replay::JsonLinesParser parser(from, rechain);
    (void)parser.Take(R"({"type":"NewOrder","payload":7})").ok();  // makes the schema
    return parser;
  };
  // Without a session the first line may say any; else only that one, but for a new chain.
  static const replay::JsonLinesParser fresh[] = {make(log, false), make(log, true),
                                                  make({}, false)};
  replay::JsonLinesParser parser = fresh[size % 3];
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::uint64_t before = parser.position().number;
    const auto taken = parser.Take(text.substr(0, end));
    if (!taken) {
      ENSURE(!taken.error().text.empty(), "an error without a word");
    } else if (*taken == replay::JsonLinesParser::Line::kMessage) {
      const auto message = proto::ParseMessage(parser.message());
      ENSURE(message && message->header.number == before + 1, "not the next message");
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return 0;
}
