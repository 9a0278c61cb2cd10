// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/emit_type.h"

#include <algorithm>

#include "tools/poolc/concat.h"

namespace tandem::poolc {
namespace {

using declarations::CppType;
using declarations::Field;
using declarations::Reftype;

constexpr std::size_t kColumnsMax = 100;

std::string OwnName(const Field& field) { return std::string(field.own_name()); }

// Behind a member: its comment.
std::string Remark(std::string_view comment) {
  const std::string text = CommentText(comment);
  return text.empty() ? "" : Concat("  ///< ", text);
}

// Does its constructor take something?
bool IsValueWithNeeds(const MemberPlan& member) {
  return member.field->reftype == Reftype::kVal && member.element != nullptr &&
         !member.element->needs.empty();
}

class StructWriter {
 public:
  StructWriter(const Plan& plan, const TypePlan& type) : plan_(plan), type_(type) {}

  std::string Run() {
    if (!type_.comment.empty()) Line("/// ", CommentText(type_.comment));
    Line("struct ", type_.cpp, " {");
    if (!type_.plain) Line("  using IsZoneSafe = void;");
    Constructor();
    if (!type_.plain && !type_.members.empty()) Line("");
    for (const Field* base : type_.outside_bases) {
      Line("  pools::PoolRef ", OutsideName(base), ";", base == nullptr ? "" : Remark(base->name));
      names_.push_back(OutsideName(base));
    }
    for (std::size_t i = 0; i < type_.members.size(); ++i) {
      for (const auto& [at, account] : type_.owned_accounts) {
        if (at == i) Account(*account);
      }
      Padding(type_.members[i].padding_bytes);
      Member(type_.members[i]);
    }
    Padding(type_.tail_padding_bytes);
    Line("};");
    Assertions();
    Line("");
    return out_;
  }

 private:
  template <class... Parts>
  void Line(const Parts&... parts) {
    out_ += Concat(parts..., "\n");
  }

  // A database is given its Sbrk and the bases that are not its own; other types what they need.
  void Constructor() {
    std::vector<std::string> parameters;
    std::vector<std::string> initializers;
    for (const Field* base : type_.outside_bases) {
      const std::string name = OutsideName(base);
      parameters.push_back(Concat("pools::PoolRef ", name, "_base"));
      initializers.push_back(Concat(name, "(", name, "_base)"));
    }
    for (const MemberPlan& member : type_.members) {
      const std::string name = OwnName(*member.field);
      if (member.field->reftype == Reftype::kSbrk) {
        parameters.push_back(Concat("pools::Sbrk& ", name, "_pool"));
        initializers.push_back(Concat(name, "(&", name, "_pool)"));
      } else if (IsValueWithNeeds(member)) {
        initializers.push_back(Concat(name, "(", Joined(Arguments(*member.element), ", "), ")"));
      } else if (!type_.database && member.takes_base) {
        initializers.push_back(Concat(name, "(", AccountName(*member.field, type_.ns), ")"));
      }
    }
    if (!type_.database) {
      for (const Need& need : type_.needs) {
        parameters.push_back(NeedParameter(need, type_.ns));
      }
    }
    if (initializers.empty()) return;
    const std::string start =
        Concat("  ", parameters.size() == 1 ? "explicit " : "", type_.cpp, "(");
    const std::string all = Joined(parameters, ", ");
    if (start.size() + all.size() < kColumnsMax) {
      Line(start, all, ")");
    } else {
      Line(start, Joined(parameters, Concat(",\n", std::string(start.size(), ' '))), ")");
    }
    Line("      : ", Joined(initializers, initializers.size() > 3 ? ",\n        " : ", "), " {}");
    Line("  ", type_.cpp, "(const ", type_.cpp, "&) = delete;");
    Line("  ", type_.cpp, "& operator=(const ", type_.cpp, "&) = delete;");
  }

  // What `element` is given: members of a database; of other types, what they are given themselves.
  std::vector<std::string> Arguments(const TypePlan& element) const {
    std::vector<std::string> arguments;
    for (const Need& need : element.needs) {
      arguments.push_back(type_.database && !need.is_account ? BaseExpression(type_, need.base)
                                                             : AccountName(*need.field, type_.ns));
    }
    return arguments;
  }

  static std::string Joined(const std::vector<std::string>& parts, std::string_view separator) {
    std::string text;
    for (const std::string& part : parts) text += Concat(text.empty() ? "" : separator, part);
    return text;
  }

  void Account(const Field& field) {
    const MemberPlan& member = *plan_.members.at(&field);
    const std::string element =
        member.element == nullptr ? member.element_cpp : QualifiedName(*member.element, type_.ns);
    const std::string name = AccountName(field, type_.ns);
    Line("  pools::AccountOf<pools::", field.reftype_name, "<", element,
         ", pools::SharedAccount>> ", name, "{\n      ", Literal(field.name), ", ",
         BaseExpression(type_, member.base), "};");
    names_.push_back(name);
  }

  void Member(const MemberPlan& member) {
    const Field& field = *member.field;
    std::string value;
    if (IsValueWithNeeds(member) || field.reftype == Reftype::kSbrk ||
        (!type_.database && member.takes_base)) {
      // by the constructor
    } else if (field.reftype == Reftype::kVal) {
      value = member.takes_base ? Concat("{", BaseExpression(type_, member.base), "}")
                                : member.initializer;
    } else if (field.reftype == Reftype::kInlary) {
      value = " = {}";
    } else if (member.takes_base) {
      value = Concat("{", Literal(field.name), ", ", BaseExpression(type_, member.base), "}");
    } else {
      value = Concat("{", Literal(field.name), "}");
    }
    Line("  ", member.cpp, " ", field.own_name(), value, ";", Remark(field.comment));
    names_.push_back(OwnName(field));
  }

  void Padding(std::uint64_t bytes) {
    if (bytes == 0) return;
    const std::string name = Concat("padding_", std::to_string(paddings_++));
    Line("  std::uint8_t ", name, "[", std::to_string(bytes), "] = {};");
    names_.push_back(name);
  }

  void Assertions() {
    for (const MemberPlan& member : type_.members) {
      if (member.hand == nullptr) continue;
      const CppType& hand = *member.hand;
      Line("static_assert(pools::ZoneSafe<", member.element_cpp, ">::value);");
      if (hand.size) {
        Line("static_assert(sizeof(", member.element_cpp, ") == ", std::to_string(*hand.size),
             ");");
      }
    }
    if (names_.empty()) return;
    if (type_.plain) {
      Line("static_assert(std::has_unique_object_representations_v<", type_.cpp, ">);");
      return;
    }
    std::string line = Concat("static_assert(sizeof(", type_.cpp, ") == pools::MemberBytes<");
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const bool last = i + 1 == names_.size();
      const std::string name = Concat("&", type_.cpp, "::", names_[i], last ? ">());" : ",");
      if (line.size() + name.size() + 1 > kColumnsMax) {
        Line(line);
        line = "             ";
      }
      line += Concat(i == 0 ? "" : " ", name);
    }
    Line(line);
  }

  const Plan& plan_;
  const TypePlan& type_;
  std::vector<std::string> names_;  ///< of all members, padding too, in their order
  std::size_t paddings_ = 0;
  std::string out_;
};

}  // namespace

std::string StructText(const Plan& plan, const TypePlan& type) {
  return StructWriter(plan, type).Run();
}

std::string DescriptionText(const TypePlan& type) {
  const bool hand = std::any_of(type.members.begin(), type.members.end(),
                                [](const MemberPlan& member) { return member.hand != nullptr; });
  std::string out = Concat("struct ", type.cpp, "Fields {\n");
  if (!type.members.empty()) {
    if (hand) out += "  TANDEM_OFFSETOF_BEGIN\n";
    out += "  static constexpr pools::FieldInfo kFields[] = {\n";
    for (const MemberPlan& member : type.members) {
      const Field& field = *member.field;
      out += Concat("      TANDEM_FIELD_AS(", type.cpp, ", ", field.own_name(), ", ",
                    Literal(field.arg), ", ", Literal(field.reftype_name), "),\n");
    }
    out += "  };\n";
    if (hand) out += "  TANDEM_OFFSETOF_END\n";
  }
  out +=
      Concat("  static constexpr pools::TypeInfo kType{", Literal(type.name), ", sizeof(", type.cpp,
             "), alignof(", type.cpp, "), ", type.members.empty() ? "{}" : "kFields", "};\n};\n\n");
  return out;
}

}  // namespace tandem::poolc
