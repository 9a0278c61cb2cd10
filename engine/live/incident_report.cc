// SPDX-License-Identifier: Apache-2.0
#include "engine/live/incident_report.h"

#include <cstdio>

#include "engine/transport/printable.h"
#include "proto/schema.h"
#include "proto/shown_text.h"

namespace tandem::engine {
namespace {

std::string Plain(std::uint64_t number) { return std::to_string(number); }

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : Printable(text);
}

std::string TextOf(const std::vector<std::byte>& copy, proto::Schema& schema) {
  const auto message = proto::ParseMessage(copy);
  return message ? schema.Text(*message) : "(there is none)";
}

/// What is the same of both engines is said once.
void AppendBoth(const char* what, const std::string& a, const std::string& b, std::string* out) {
  std::string label = what;
  label.resize(12, ' ');
  if (a == b) {
    *out += "  " + label + "both  " + a + "\n";
  } else {
    *out += "  " + label + "A     " + a + "\n  " + std::string(12, ' ') + "B     " + b + "\n";
  }
}

std::string Address(std::uint64_t address) {
  if (address == 0) return "(unknown)";
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(address));
  return text;
}

void AppendEngines(const Incident& incident, std::string* out) {
  const EngineFacts& a = incident.engines[0];
  const EngineFacts& b = incident.engines[1];
  const auto both = [out](const char* what, const std::string& of_a, const std::string& of_b) {
    AppendBoth(what, of_a, of_b, out);
  };
  const auto process = [](const EngineFacts& engine) {
    return Or(engine.name, "(unknown)") + " at " + Or(engine.address, "(unknown)") + ", process " +
           Plain(engine.process) + (engine.connected ? "" : ", not connected");
  };
  const auto stands = [](const EngineFacts& engine) {
    return "input " + Plain(engine.input_number) + "; outputs taken up to " + Plain(engine.taken);
  };
  *out += "the engines\n";
  both("engine", process(a), process(b));
  both("stood at", stands(a), stands(b));
  both("host", Or(a.host, "(unknown)"), Or(b.host, "(unknown)"));
  both("CPU", Or(a.cpu, "(unknown)"), Or(b.cpu, "(unknown)"));
  both("build", Or(a.build, "(unknown)"), Or(b.build, "(unknown)"));
  both("app", Or(a.application, "(unknown)"), Or(b.application, "(unknown)"));
  both("zone", Address(a.zone_address), Address(b.zone_address));
  both("pools", Or(a.pools, "as built"), Or(b.pools, "as built"));
}

std::string Published(const Incident& incident) {
  if (!incident.has_unconfirmed()) {
    return "published: up to output " + Plain(incident.published) +
           "; nothing that is not confirmed\n";
  }
  const std::string last =
      incident.published == incident.number ? "" : " to " + Plain(incident.published);
  const std::string whose = incident.published_side < kSideNames.size()
                                ? "copies of " + std::string(kSideNames[incident.published_side])
                                : "copies of one engine";
  return "published: outputs " + Plain(incident.number) + last + " are " + whose +
         " and unconfirmed; they are in unconfirmed.jsonl\n";
}

}  // namespace

std::string DescribeIncident(const Incident& incident, std::string_view schema_bytes,
                             std::string_view cause) {
  auto schema = proto::Schema::Parse(schema_bytes);
  if (!schema) schema = proto::Schema::Parse("");
  std::string text = "INCIDENT: the copies differ at output " + Plain(incident.number) +
                     (incident.is_first ? "" : " or before it") + ", of input " +
                     Plain(incident.cause) + ", session " + incident.session.str() + "\n";
  text += "found:     " + proto::TimeText(incident.found_ns) + ", policy " + incident.policy + "\n";
  if (!incident.what.empty()) text += "how:       " + Printable(incident.what) + "\n";
  text += "equal:     " +
          (incident.last_equal.number == 0
               ? std::string("nothing is known to be")
               : "up to output " + Plain(incident.last_equal.number) + ", digest " +
                     proto::DigestText(incident.last_equal.digest)) +
          "\n";
  text += Published(incident);
  if (!cause.empty()) text += "cause:     " + std::string(cause) + "\n";
  text += "\n  A:  " + TextOf(incident.copies[0], *schema) + "\n";
  text += "  B:  " + TextOf(incident.copies[1], *schema) + "\n";
  const auto a = proto::ParseMessage(incident.copies[0]);
  const auto b = proto::ParseMessage(incident.copies[1]);
  if (a && b) {
    for (const proto::FieldDifference& field : schema->Compare(*a, *b)) {
      text += "      differs: " + field.path + ": A " + proto::Escaped(field.a) + ", B " +
              proto::Escaped(field.b) + "\n";
    }
  }
  text += "\n";
  AppendEngines(incident, &text);
  return text;
}

}  // namespace tandem::engine
