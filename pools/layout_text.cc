// SPDX-License-Identifier: Apache-2.0
#include "pools/layout_text.h"

#include <array>
#include <vector>

#include "pools/checks.h"
#include "pools/ensure.h"

namespace tandem::pools {
namespace {

class LayoutWriter {
 public:
  std::string Run(const TypeInfo& root) {
    out_ = "tandem.layout";
    Pair("version", std::to_string(kLayoutTextVersion));
    Pair("root", root.name);
    Pair("checked", kChecked ? "Y" : "N");
    out_ += '\n';
    Add(root);
    return std::move(out_);
  }

 private:
  void Pair(std::string_view key, std::string_view value) {
    ENSURE(value.find_first_of(" \t\n\"'#") == value.npos, "\"%s\" is no name of a type or field",
           std::string(value).c_str());
    out_ += "  ";
    out_ += key;
    out_ += ':';
    out_ += value;
  }
  void Number(std::string_view key, std::uint64_t value) { Pair(key, std::to_string(value)); }

  // Types within and behind it follow it, each once.
  void Add(const TypeInfo& type) {
    for (const TypeInfo* known : known_) {
      if (known == &type) return;
      ENSURE(known->name != type.name, "two types are named %s", std::string(type.name).c_str());
    }
    known_.push_back(&type);
    out_ += "tandem.type";
    Pair("type", type.name);
    Number("size", type.size);
    out_ += '\n';
    for (const FieldInfo& field : type.fields) Add(type, field);
    for (const FieldInfo& field : type.fields) {
      if (const TypeInfo* const element = field.element()) Add(*element);
    }
  }

  void Add(const TypeInfo& type, const FieldInfo& field) {
    out_ += "tandem.member";
    Pair("field", std::string(type.name) + "." + std::string(field.name));
    Pair("arg", field.type);
    Pair("reftype", field.reftype);
    Pair("kind", NameOf(field.kind));
    Number("offset", field.offset);
    Number("size", field.size);
    if (field.reftype == "Inlary") {
      Number("min", field.count_min);
      Number("max", field.count_max);
      Number("each", field.element_size);
    }
    if (const TypeInfo* const element = field.element()) Pair("of", element->name);
    if (!field.indexes.empty()) Pair("indexes", field.indexes);
    out_ += '\n';
  }

  std::string out_;
  std::vector<const TypeInfo*> known_;
};

}  // namespace

std::string_view NameOf(FieldKind kind) {
  constexpr std::array<std::string_view, 9> kNames = {"unsigned", "signed", "bool", "char",  "str",
                                                      "pointer",  "struct", "pool", "opaque"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string LayoutText(const TypeInfo& root) { return LayoutWriter().Run(root); }

}  // namespace tandem::pools
