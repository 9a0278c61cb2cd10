// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/emit_functions.h"

#include <set>

#include "tools/poolc/concat.h"
#include "tools/poolc/operations.h"

namespace tandem::poolc {
namespace {

using declarations::Declarations;
using declarations::Field;
using declarations::Reftype;

constexpr std::size_t kColumnsMax = 100;

std::string Replaced(std::string_view text, char mark, std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == mark) {
      out += value;
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Those of one field.
class FunctionEmitter {
 public:
  FunctionEmitter(const Declarations& declarations, const TypePlan& type, const MemberPlan& member)
      : type_(type), member_(member), field_(*member.field), name_(field_.own_name()) {
    parent_ = type.database ? "db" : "parent";
    if (const auto bounds = declarations.inlaries.find(field_.name);
        bounds != declarations.inlaries.end()) {
      bounded_ = bounds->second.min != bounds->second.max;
    }
    if (const auto options = declarations.taries.find(field_.name);
        options != declarations.taries.end()) {
      ranges_ = options->second.aliased;
    }
    copies_ = member.element == nullptr || !member.element->holds_pools;
  }

  std::string Run() {
    for (const Operation& operation :
         member_.indexes.empty() ? OperationsOf(field_.reftype, bounded_) : TableOperations()) {
      if (operation.for_ranges && !ranges_) continue;
      if (!copies_ && (operation.makes == Makes::kByDefault || operation.makes == Makes::kCopies)) {
        continue;
      }
      Function(operation);
    }
    for (const IndexPlan& index : member_.indexes) IndexFunctions(index);
    if (out_.empty()) return out_;
    const std::string comment = CommentText(field_.comment);
    return Concat("// ", field_.name, ", ", field_.reftype_name, " of ", CommentText(field_.arg),
                  comment.empty() ? "" : ": ", comment, "\n", out_, "\n");
  }

 private:
  std::string Filled(std::string_view text) const {
    const std::string member = parent_ + "." + std::string(name_);
    std::string out = Replaced(text, 'F', member);
    out = Replaced(out, 'M', name_);
    out = Replaced(out, 'P', type_.cpp);
    return Replaced(out, 'T', member_.element_cpp);
  }

  void Function(const Operation& operation) {
    std::string parameters = Filled(operation.parameters);
    std::string made;
    std::string head;
    if (operation.makes == Makes::kOne) {
      if (member_.hand != nullptr || (!copies_ && member_.element->needs.empty())) {
        head = "template <class... Args>\n";
        parameters = "Args&&... args";
        made = "std::forward<Args>(args)...";
      } else if (copies_) {
        const Builtin* builtin = FindBuiltin(field_.arg);
        parameters = builtin != nullptr ? Concat(builtin->cpp, " row = ", builtin->zero)
                                        : Concat("const ", member_.element_cpp, "& row = {}");
        made = "row";
      } else {
        Needs(parameters, made);
      }
    }
    const bool gives = operation.result != "void";
    // Making an element may be all that is wanted of it, except where nobody else refers to it.
    const bool must_look =
        gives && (operation.makes == Makes::kNothing || operation.name == "AllocMaybe" ||
                  field_.reftype == Reftype::kTpool || field_.reftype == Reftype::kMalloc ||
                  field_.reftype == Reftype::kLpool || field_.reftype == Reftype::kBlkpool);
    std::string start = Concat(must_look ? "[[nodiscard]] " : "", "inline ",
                               Filled(operation.result), " ", name_, "_", operation.name, "(");
    std::string rest = Concat(operation.is_const ? "const " : "", type_.cpp, "& ", parent_,
                              parameters.empty() ? "" : ", ", parameters, ") {");
    const std::string body =
        Concat(gives ? "return " : "", Filled(Replaced(operation.body, 'A', made)), ";");
    out_ += head;
    if (start.size() + rest.size() > kColumnsMax) {
      start += "\n    ";
      out_ += Concat(start, rest, "\n  ", body, "\n}\n");
    } else if (start.size() + rest.size() + body.size() + 3 > kColumnsMax) {
      out_ += Concat(start, rest, "\n  ", body, "\n}\n");
    } else {
      out_ += Concat(start, rest, " ", body, " }\n");
    }
  }

  // Find, walk, and change of keys.
  void IndexFunctions(const IndexPlan& index) {
    const std::string member = Concat(parent_, ".", name_, ".");
    if (index.kind == "List") {
      const std::string name = index.name.empty() ? "Rows" : Concat("Rows_", index.name);
      Write("auto ", name, "", Concat(member, "Rows<", index.keys, ">()"));
    } else {
      std::string parameters;
      std::string arguments;
      for (const Field* key : index.fields) {
        parameters += Concat(", ", KeyType(*key), " ", key->own_name());
        arguments += Concat(arguments.empty() ? "" : ", ", key->own_name());
      }
      const bool unique = index.kind == "Hash" || index.kind == "Ordered";
      const std::string find = unique ? "Find" : "FindAll";
      Write(unique ? Concat(member_.element_cpp, "* ") : "auto ", Concat(find, "_", index.name),
            parameters, Concat(member, find, "<", index.keys, ">(", arguments, ")"));
      if (index.kind.starts_with("Ordered")) {
        Write("auto ", Concat("By_", index.name), "", Concat(member, "By<", index.keys, ">()"));
      }
    }
    for (const Field* key : index.fields) {
      if (key->arg == "Text" || !settable_.insert(key).second) continue;
      Write("bool ", Concat("Set_", key->own_name()),
            Concat(", ", member_.element_cpp, "& row, ", ValueType(*key), " value"),
            Concat(member, "Set<&", member_.element_cpp, "::", key->own_name(), ">(row, value)"));
    }
  }

  // How a key is given: a text as any text.
  std::string KeyType(const Field& key) const {
    return key.arg == "Text" || StrSize(key.arg) ? "std::string_view" : ValueType(key);
  }
  std::string ValueType(const Field& key) const {
    if (const Builtin* builtin = FindBuiltin(key.arg)) return std::string(builtin->cpp);
    if (StrSize(key.arg)) return Concat("const pools::", key.arg, "&");
    return Concat("const decltype(", member_.element_cpp, "::", key.own_name(), ")&");
  }

  // A function of a table that gives `result`.
  void Write(std::string_view result, std::string_view name, std::string_view parameters,
             std::string_view body) {
    std::string start = Concat("[[nodiscard]] inline ", result, name_, "_", name, "(");
    const std::string rest = Concat(type_.cpp, "& ", parent_, parameters, ") {");
    const bool wraps = start.size() + rest.size() > kColumnsMax;
    const bool fits = start.size() + rest.size() + body.size() + 11 <= kColumnsMax;
    out_ += Concat(start, wraps ? "\n    " : "", rest, fits ? " return " : "\n  return ", body,
                   fits ? "; }\n" : ";\n}\n");
  }

  // A database has what its elements need; others are given it.
  void Needs(std::string& parameters, std::string& made) const {
    for (const Need& need : member_.element->needs) {
      const char* const comma = made.empty() ? "" : ", ";
      const std::string name = AccountName(*need.field, type_.ns);
      if (!type_.database) {
        made += Concat(comma, name);
        parameters += Concat(comma, NeedParameter(need, type_.ns));
      } else if (need.is_account) {
        made += Concat(comma, parent_, ".", name);
      } else {
        const std::string base = BaseExpression(type_, need.base);
        made += base.front() == '*' ? Concat(comma, "*", parent_, ".", base.substr(1))
                                    : Concat(comma, parent_, ".", base);
      }
    }
  }

  const TypePlan& type_;
  const MemberPlan& member_;
  const Field& field_;
  std::string_view name_;
  std::string parent_;
  bool bounded_ = false;
  bool ranges_ = false;
  bool copies_ = true;
  std::set<const Field*> settable_;  ///< keys that have a function already
  std::string out_;
};

}  // namespace

std::string FunctionsText(const Declarations& declarations, const TypePlan& type,
                          const MemberPlan& member) {
  return FunctionEmitter(declarations, type, member).Run();
}

}  // namespace tandem::poolc
