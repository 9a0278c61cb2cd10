// SPDX-License-Identifier: Apache-2.0
#include "tools/state_text.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <set>

namespace tandem::tools {
namespace {

using state::StatePool;
using state::Value;

std::string Hex(std::uint64_t number) {
  char text[20];
  std::snprintf(text, sizeof text, "%016" PRIx64, number);
  return text;
}

std::string Address(std::uint64_t address) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%" PRIx64, address);
  return text;
}

std::string Plain(std::uint64_t number) { return std::to_string(number); }

std::string LimitText(const pools::Limit& limit) {
  std::string text;
  if (limit.elements != pools::kNoLimit) text += Plain(limit.elements) + " elements";
  if (limit.bytes != pools::kNoLimit) {
    text += (text.empty() ? "" : ", ") + Plain(limit.bytes) + " bytes";
  }
  return text.empty() ? "-" : text;
}

void AppendPair(std::string_view key, std::string_view text, std::string* out) {
  AppendJsonBytes(key, out);
  *out += ':';
  AppendJsonBytes(text, out);
}
void AppendNumber(std::string_view key, std::uint64_t number, std::string* out) {
  AppendJsonBytes(key, out);
  *out += ':' + Plain(number);
}
void AppendLimit(std::string_view key, std::uint64_t limit, std::string* out) {
  AppendJsonBytes(key, out);
  *out += limit == pools::kNoLimit ? ":null" : ':' + Plain(limit);
}

void AppendValues(const std::vector<Value>& values, std::string* out) {
  *out += '{';
  const char* separator = "";
  for (const Value& value : values) {
    *out += separator;
    separator = ",";
    AppendJsonBytes(value.name, out);
    *out += ':';
    if (value.form == Value::Form::kNumber) {
      *out += value.text;
    } else if (value.form == Value::Form::kFlag) {
      *out += value.text == "Y" ? "true" : "false";
    } else if (value.form == Value::Form::kPointer && value.text == "null") {
      *out += "null";
    } else {
      AppendJsonBytes(value.text, out);
    }
  }
  *out += '}';
}

void AppendPool(const StatePool& pool, std::string* out) {
  *out += '{';
  AppendPair("name", pool.name, out);
  *out += ',';
  AppendPair("kind", pools::KindName(pool.kind), out);
  *out += ",\"base\":";
  if (pool.base.empty()) {
    *out += "null";
  } else {
    AppendJsonBytes(pool.base, out);
  }
  *out += ",\"type\":";
  if (pool.element == nullptr) {
    *out += "null";
  } else {
    AppendJsonBytes(pool.element->name, out);
  }
  const std::pair<const char*, std::uint64_t> figures[] = {
      {"live", pool.figures.live},
      {"live_peak", pool.figures.live_peak},
      {"live_bytes", pool.figures.live_bytes},
      {"taken_bytes", pool.figures.taken_bytes},
      {"taken_peak_bytes", pool.figures.taken_peak_bytes}};
  for (const auto& [key, figure] : figures) {
    *out += ',';
    AppendNumber(key, figure, out);
  }
  *out += ',';
  AppendLimit("limit_elements", pool.limit.elements, out);
  *out += ',';
  AppendLimit("limit_bytes", pool.limit.bytes, out);
  *out += '}';
}

std::string PoolsText(const state::ZoneWalk& walk) {
  std::size_t name_width = 4;
  std::size_t base_width = 4;
  for (const StatePool& pool : walk.pools()) {
    name_width = std::max(name_width, pool.name.size());
    base_width = std::max(base_width, pool.base.size());
  }
  std::string out;
  const auto line = [&](const std::string& name, const std::string& kind, const std::string& base,
                        const std::string& live, const std::string& peak, const std::string& bytes,
                        const std::string& taken, const std::string& limit,
                        const std::string& type) {
    char text[512];
    std::snprintf(text, sizeof text, "%-*s  %-7s  %-*s  %10s  %10s  %13s  %13s  %s  %s\n",
                  static_cast<int>(name_width), name.c_str(), kind.c_str(),
                  static_cast<int>(base_width), base.c_str(), live.c_str(), peak.c_str(),
                  bytes.c_str(), taken.c_str(), limit.c_str(), type.c_str());
    out += text;
  };
  line("pool", "kind", "base", "live", "peak", "live bytes", "taken bytes", "limit", "type");
  for (const StatePool& pool : walk.pools()) {
    line(pool.name, pools::KindName(pool.kind), pool.base.empty() ? "-" : pool.base,
         Plain(pool.figures.live), Plain(pool.figures.live_peak), Plain(pool.figures.live_bytes),
         Plain(pool.figures.taken_bytes), LimitText(pool.limit),
         pool.element != nullptr ? pool.element->name : "");
  }
  return out;
}

}  // namespace

std::string StrayJson(const state::StrayWord& stray) {
  std::string text = "{\"place\":";
  AppendJsonBytes(stray.place, &text);
  text += ",\"address\":" + std::to_string(stray.address) +
          ",\"value\":" + std::to_string(stray.value) + ",\"what\":";
  AppendJsonBytes(stray.what, &text);
  return text + ",\"free\":" + (stray.is_free ? "true" : "false") + "}\n";
}

void AppendJsonBytes(std::string_view text, std::string* out) {
  *out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(byte));
      *out += escaped;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

std::string OverviewText(const LoadedImage& image) {
  const replay::ImageLabel& label = image.label();
  const pools::ImageAbout& about = image.image().zone().about();
  std::string out = "image        " + image.path() + "\n";
  out += "application  " + label.application + ", behaviour version " +
         Plain(label.behaviour_version) + ", build " +
         (about.build.empty() ? "not known" : about.build) + "\n";
  out += "stands       " + StandsText(label) + "; output " + Plain(label.output.number) +
         ", digest " + Hex(label.output.digest) + "\n";
  out += "zone         at " + Address(about.address) + ", " + Plain(about.state_bytes) +
         " bytes, hash " + Hex(about.zone_hash) + ", layout " + Hex(about.layout) + "\n\n";
  out += PoolsText(image.walk());
  out += "\nroot  " + state::RecordOf(image.walk().RootValues()) + "\n";
  if (about.description.empty()) {
    out += "\nThe image does not say what types its state has: pools have figures only.\n";
  }
  for (const std::string& problem : image.walk().problems()) out += "problem: " + problem + "\n";
  return out;
}

std::string OverviewJson(const LoadedImage& image) {
  const replay::ImageLabel& label = image.label();
  const pools::ImageAbout& about = image.image().zone().about();
  std::string out = "{";
  const auto text = [&](std::string_view key, std::string_view value) {
    AppendPair(key, value, &out);
    out += ',';
  };
  const auto number = [&](std::string_view key, std::uint64_t value) {
    AppendNumber(key, value, &out);
    out += ',';
  };
  text("image", image.path());
  text("application", label.application);
  number("behaviour_version", label.behaviour_version);
  text("build", about.build);
  text("session", label.session.str());
  number("input", label.input.number);
  text("input_digest", Hex(label.input.digest));
  number("output", label.output.number);
  text("output_digest", Hex(label.output.digest));
  out += "\"time_ns\":" + std::to_string(label.time_ns) + ",";
  number("epoch", label.epoch);
  text("zone_address", Address(about.address));
  number("state_bytes", about.state_bytes);
  text("zone_hash", Hex(about.zone_hash));
  text("layout", Hex(about.layout));
  out += "\"written_ns\":" + std::to_string(about.written_ns) + ",\"problems\":[";
  const char* separator = "";
  for (const std::string& problem : image.walk().problems()) {
    out += separator;
    separator = ",";
    AppendJsonBytes(problem, &out);
  }
  out += "],\"pools\":[";
  separator = "";
  for (const StatePool& pool : image.walk().pools()) {
    out += separator;
    separator = ",";
    AppendPool(pool, &out);
  }
  out += "],\"root\":";
  AppendValues(image.walk().RootValues(), &out);
  return out + "}\n";
}

std::string ElementText(const state::ZoneWalk& walk, const StatePool& pool, std::uint64_t number) {
  return pool.name + '#' + Plain(number) + "  " + state::RecordOf(walk.ValuesOf(pool, number)) +
         "\n";
}

std::string ElementJson(const state::ZoneWalk& walk, const StatePool& pool, std::uint64_t number) {
  std::string out = "{";
  AppendPair("pool", pool.name, &out);
  out += ',';
  AppendNumber("number", number, &out);
  out += ',';
  AppendPair("address", Address(pool.AddressOf(number)), &out);
  out += ",\"fields\":";
  AppendValues(walk.ValuesOf(pool, number), &out);
  return out + "}\n";
}

std::string ExtentText(const state::Comparison& comparison) {
  const auto some = [](std::uint64_t count, const char* what) {
    return Plain(count) + ' ' + what + (count == 1 ? "" : "s");
  };
  std::string text = some(comparison.fields, "field");
  const std::uint64_t others = comparison.count - comparison.fields;
  if (others != 0) text += ", " + some(others, "place") + " beside them";
  if (comparison.by_bytes) text += "; " + some(comparison.bytes, "byte") + " in all";
  return text;
}

std::string DifferencesText(const state::Comparison& comparison) {
  std::string out;
  for (const state::Difference& one : comparison.differences) {
    out += "  " + state::TextOf(one) + "\n";
  }
  if (comparison.count > comparison.differences.size()) {
    out += "  and " + Plain(comparison.count - comparison.differences.size()) + " more\n";
  }
  return out;
}

void AppendDifference(const state::Difference& difference, std::string* out) {
  *out += '{';
  AppendPair("pool", difference.pool, out);
  *out += ',';
  AppendPair("element", difference.element, out);
  *out += ',';
  AppendPair("field", difference.field, out);
  *out += ',';
  AppendPair("a", difference.a, out);
  *out += ',';
  AppendPair("b", difference.b, out);
  *out += ',';
  AppendNumber("bytes", difference.bytes, out);
  *out += '}';
}

std::string ComparisonJson(const state::Comparison& comparison) {
  std::string out = comparison.same() ? "\"same\":true" : "\"same\":false";
  out += comparison.by_bytes ? ",\"by_bytes\":true," : ",\"by_bytes\":false,";
  AppendNumber("bytes", comparison.bytes, &out);
  out += ',';
  AppendNumber("count", comparison.count, &out);
  out += ',';
  AppendNumber("fields", comparison.fields, &out);
  out += ",\"differences\":[";
  const char* separator = "";
  for (const state::Difference& one : comparison.differences) {
    out += separator;
    separator = ",";
    AppendDifference(one, &out);
  }
  return out + "]";
}

}  // namespace tandem::tools
