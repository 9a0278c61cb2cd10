// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/print.h"

#include <algorithm>
#include <cstdio>
#include <unordered_map>
#include <vector>

namespace tandem::declarations {
namespace {

constexpr std::string_view kRootOfMalloc = "(built-in Malloc)";

std::string SizeText(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + kUnits[unit];
}

// What a tuning record says, as key and value; `text`: for people.
std::vector<Pair> TuningPairs(const Tuning& tuning, bool text) {
  std::vector<Pair> pairs;
  const auto count = [&](const char* key, const std::optional<std::uint64_t>& value, bool bytes) {
    if (value) {
      pairs.push_back({key, text && bytes ? SizeText(*value) : std::to_string(*value)});
    }
  };
  const auto flag = [&](const char* key, const std::optional<bool>& value) {
    if (value) pairs.push_back({key, text ? (*value ? "Y" : "N") : (*value ? "true" : "false")});
  };
  count("limit_elems", tuning.limit_elems, false);
  count("limit_bytes", tuning.limit_bytes, true);
  count("reserve_elems", tuning.reserve_elems, false);
  count("reserve_bytes", tuning.reserve_bytes, true);
  flag("huge_pages", tuning.huge_pages);
  count("huge_page_limit", tuning.huge_page_limit, true);
  flag("prefault", tuning.prefault);
  flag("mlock", tuning.mlock);
  flag("zero", tuning.zero);
  return pairs;
}

std::string TuningText(const Declarations& declarations, const Field& field) {
  const Tuning* tuning = declarations.FindTuning(field.name);
  std::string text;
  if (tuning == nullptr) return text;
  for (const Pair& pair : TuningPairs(*tuning, true)) {
    text += (text.empty() ? "" : " ") + pair.key + ":" + pair.value;
  }
  return text;
}

std::string BaseName(const ResolvedPool& pool) {
  if (pool.rule == BaseRule::kNone) return "-";
  return pool.base == nullptr ? std::string(kBuiltInMalloc) : pool.base->name;
}

std::string RuleText(const ResolvedPool& pool) {
  switch (pool.rule) {
    case BaseRule::kNone:
      return "takes no base";
    case BaseRule::kBasepool:
      return "its basepool record, " + pool.rule_place->Text();
    case BaseRule::kNsx:
      return "nsx record of " + std::string(pool.field->ns()) + ", " + pool.rule_place->Text();
    case BaseRule::kMalloc:
      return "no record: built-in Malloc";
  }
  return {};
}

bool IsShown(const ResolvedPool& pool, const PrintOptions& options) {
  return options.values || pool.field->reftype != Reftype::kVal;
}

// Lines of cells, padded so that columns stand below each other.
class Grid {
 public:
  void Add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }

  std::string Text() const {
    std::string text;
    for (const std::vector<std::string>& row : rows_) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        text += row[i];
        if (i + 1 < row.size()) text.append(widths_[i] - row[i].size() + 2, ' ');
      }
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
    return text;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

std::string JsonString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned char>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string JsonMember(const char* key, std::string_view value) {
  return JsonString(key) + ":" + JsonString(value);
}

// As a name in quotes for Graphviz.
std::string DotString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::size_t CountPassedOver(const Declarations& declarations, const Resolution& resolution) {
  return declarations.fields.size() - resolution.pools.size();
}

}  // namespace

std::string Text(const Declarations& declarations, const Resolution& resolution,
                 const PrintOptions& options) {
  std::unordered_map<const Field*, std::vector<const ResolvedPool*>> served;  // by base
  std::vector<const ResolvedPool*> roots;
  std::vector<const ResolvedPool*> on_malloc;
  std::size_t values = 0;
  for (const ResolvedPool& pool : resolution.pools) {
    if (!IsShown(pool, options)) {
      ++values;
    } else if (pool.base != nullptr) {
      served[pool.base].push_back(&pool);
    } else {
      (pool.rule == BaseRule::kMalloc ? on_malloc : roots).push_back(&pool);
    }
  }
  Grid grid;
  grid.Add({"pool", "reftype", "type", "base", "by", "tuning"});
  const auto add = [&](const ResolvedPool& pool, std::size_t depth) {
    grid.Add({std::string(2 * depth, ' ') + pool.field->name, pool.field->reftype_name,
              pool.field->arg, BaseName(pool), RuleText(pool),
              TuningText(declarations, *pool.field)});
  };
  // Depth first, without recursion: a chain may be as long as the input.
  const auto add_tree = [&](const std::vector<const ResolvedPool*>& tops, std::size_t depth) {
    std::vector<std::pair<const ResolvedPool*, std::size_t>> waiting;
    const auto push = [&waiting](const std::vector<const ResolvedPool*>& pools, std::size_t level) {
      for (auto it = pools.rbegin(); it != pools.rend(); ++it) waiting.emplace_back(*it, level);
    };
    push(tops, depth);
    while (!waiting.empty()) {
      const auto [pool, level] = waiting.back();
      waiting.pop_back();
      add(*pool, level);
      if (const auto found = served.find(pool->field); found != served.end()) {
        push(found->second, level + 1);
      }
    }
  };
  add_tree(roots, 0);
  if (!on_malloc.empty()) {
    grid.Add({std::string(kBuiltInMalloc), "Malloc", "-", "-", std::string(kRootOfMalloc)});
    add_tree(on_malloc, 1);
  }
  std::string text = grid.Text();
  const std::size_t passed_over = CountPassedOver(declarations, resolution);
  if (values + passed_over > 0) {
    text += "\nnot shown: " + std::to_string(values) +
            " Val fields, which live in their parents (" + "--all shows them); " +
            std::to_string(passed_over) + " fields of reftypes that are no pools\n";
  }
  return text;
}

std::string Json(const Declarations& declarations, const Resolution& resolution) {
  std::string text = "{\"pools\":[";
  bool first = true;
  for (const ResolvedPool& pool : resolution.pools) {
    const Field& field = *pool.field;
    text += std::string(first ? "" : ",") + "\n{" + JsonMember("pool", field.name) + "," +
            JsonMember("reftype", field.reftype_name) + "," + JsonMember("type", field.arg) +
            std::string(",\"base\":") +
            (pool.rule == BaseRule::kNone ? "null" : JsonString(BaseName(pool))) + "," +
            JsonMember("rule", NameOf(pool.rule));
    if (pool.rule_place != nullptr) {
      text += ',';
      text += JsonMember("rule_at", pool.rule_place->Text());
    }
    text += ',';
    text += JsonMember("at", field.place.Text());
    if (const Tuning* tuning = declarations.FindTuning(field.name); tuning != nullptr) {
      text += ",\"tuning\":{";
      bool first_pair = true;
      for (const Pair& pair : TuningPairs(*tuning, false)) {
        if (!first_pair) text += ',';
        text += JsonString(pair.key);
        text += ':';
        text += pair.value;
        first_pair = false;
      }
      text += "}";
    }
    text += "}";
    first = false;
  }
  return text + "\n],\"passed_over\":" + std::to_string(CountPassedOver(declarations, resolution)) +
         "}\n";
}

std::string Dot(const Declarations& declarations, const Resolution& resolution,
                const PrintOptions& options) {
  std::string nodes;
  std::string edges;
  bool malloc = false;
  for (const ResolvedPool& pool : resolution.pools) {
    if (!IsShown(pool, options)) continue;
    const Field& field = *pool.field;
    const std::string tuning = TuningText(declarations, field);
    std::string label = DotString(field.name + "\n" + field.reftype_name + " of " + field.arg +
                                  (tuning.empty() ? "" : "\n" + tuning));
    for (std::size_t at = 0; (at = label.find('\n', at)) != std::string::npos;) {
      label.replace(at, 1, "\\n");
    }
    nodes += "  " + DotString(field.name) + " [label=" + label + "];\n";
    if (pool.rule == BaseRule::kNone) continue;
    malloc = malloc || pool.base == nullptr;
    edges += "  " + DotString(field.name) + " -> " + DotString(BaseName(pool)) +
             " [label=" + DotString(NameOf(pool.rule)) + "];\n";
  }
  if (malloc) {
    nodes += "  " + DotString(kBuiltInMalloc) + " [label=\"built-in Malloc\", style=dashed];\n";
  }
  return "digraph pools {\n  rankdir=BT;\n  node [shape=box, fontname=monospace];\n" + nodes +
         edges + "}\n";
}

}  // namespace tandem::declarations
