// SPDX-License-Identifier: Apache-2.0
//
// Message headers and payloads of any bytes: printed, compared, searched by field, and sent through
// lines of JSON without a byte lost.
#include <cstring>

#include "book/book.pb.h"
#include "pools/ensure.h"
#include "proto/digest.h"
#include "proto/schema.h"
#include "replay/json_lines.h"

using namespace tandem;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string text = proto::SchemaOf({book::pb::NewOrder::descriptor()});
  static proto::Schema schema = proto::Schema::Parse(text).value();
  const auto any = proto::ParseMessage(std::as_bytes(std::span(data, size)));
  if (any) (void)schema.Text(*any);
  if (size < sizeof(proto::Header) || size > proto::kMessageSizeMax) return 0;
  // The same bytes as a message that is one.
  std::vector<std::byte> bytes(size);
  std::memcpy(bytes.data(), data, size);
  proto::Header header;
  std::memcpy(&header, data, sizeof header);
  header.version = proto::kHeaderVersion;
  header.payload_size = static_cast<std::uint16_t>(size - sizeof header);
  header.type = static_cast<std::uint16_t>(header.type % 256);
  header.session = proto::Session("FUZZ");
  header.number = 1;
  std::memcpy(bytes.data(), &header, sizeof header);
  header.digest = proto::Digest(proto::kDigestStart, bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto message = proto::ParseMessage(bytes);
  ENSURE(message.has_value(), "%zu bytes are no message", bytes.size());
  ENSURE(schema.Compare(*message, *message).empty(), "a message differs from itself");
  (void)schema.ValuesOf(*message, "order_id");
  (void)schema.Json(*message);
  std::string line;
  schema.AppendExactJson(*message, &line);
  // Making a schema takes longer than all the rest; the copies share it.
  static replay::JsonLinesParser fresh(
      {.session = proto::Session("FUZZ"), .role = replay::kInputRole, .start = {}, .schema = text});
  static const bool made = !fresh.Take(R"({"type":"NewOrder","payload":7})").ok();
  ENSURE(made, "a payload of 7");
  replay::JsonLinesParser parser = fresh;
  const auto taken = parser.Take(line);
  ENSURE(taken.ok(), "%s: %s", taken.error().text.c_str(), line.c_str());
  ENSURE(std::ranges::equal(parser.message(), bytes), "other bytes: %s", line.c_str());
  return 0;
}
