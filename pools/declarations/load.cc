// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/load.h"

#include <array>
#include <utility>

#include "pools/declarations/sources.h"
#include "pools/declarations/values.h"

namespace tandem::declarations {
namespace {

constexpr std::string_view kOurSpace = "tandem.";

// The record that is read: its keys, and errors about it.
class Reading {
 public:
  explicit Reading(const Record& record) : record_(record) {}

  const Place& place() const { return record_.place; }

  std::string Text(std::string_view key) const {
    const std::string* value = record_.Find(key);
    return value == nullptr ? std::string() : *value;
  }

  Status Need(std::string_view key) const {
    if (record_.Find(key) != nullptr) return {};
    return Bad("it has no key " + std::string(key), "add it");
  }

  template <class T>
  Status Get(std::string_view key, std::optional<T> (*parse)(std::string_view),
             const char* expected, std::optional<T>& value) const {
    const std::string* text = record_.Find(key);
    if (text == nullptr) return {};
    value = parse(*text);
    if (value) return {};
    return Bad("its " + std::string(key) + " is \"" + Shown(*text) + "\"",
               std::string("write ") + expected);
  }
  Status Count(std::string_view key, std::optional<std::uint64_t>& value) const {
    return Get<std::uint64_t>(key, &ParseCount, "a whole number", value);
  }
  Status Size(std::string_view key, std::optional<std::uint64_t>& value) const {
    return Get<std::uint64_t>(key, &ParseSize,
                              "a number of bytes, or one with KiB, MiB, GiB or TiB", value);
  }
  Status YesNo(std::string_view key, std::optional<bool>& value) const {
    return Get<bool>(key, &ParseYesNo, "Y or N", value);
  }

  /// In tables of our own, a key that means nothing is a slip of the pen.
  Status AllowOnly(std::initializer_list<std::string_view> keys) const {
    for (const Pair& pair : record_.pairs) {
      bool known = false;
      std::string list;
      for (const std::string_view key : keys) {
        known = known || key == pair.key;
        list += (list.empty() ? "" : ", ") + std::string(key);
      }
      if (!known) return Bad("there is no key " + Shown(pair.key), "choose from " + list);
    }
    return {};
  }

  Error Twice(const std::string& name, const Place& first) const {
    return Bad(Shown(name) + " has such a record already, at " + first.Text(),
               "keep one of the two");
  }

  Error Bad(const std::string& what, const std::string& remedy) const {
    std::string subject = record_.head;
    if (!record_.pairs.empty()) subject += " of " + Shown(record_.pairs.front().value);
    return ErrorAt(record_.place, subject + ": " + what + "; " + remedy + ".");
  }

 private:
  const Record& record_;
};

Status First(std::initializer_list<Status> all) {
  for (const Status& status : all) {
    if (!status) return status;
  }
  return {};
}

// Adds a row under its name, once.
template <class T>
Status AddRow(const Reading& in, std::vector<T>& rows,
              std::unordered_map<std::string, std::size_t>& index, const std::string& name, T row) {
  const auto [position, added] = index.emplace(name, rows.size());
  if (!added) return in.Twice(name, rows[position->second].place);
  rows.push_back(std::move(row));
  return {};
}

Status AddCtype(const Reading& in, Declarations& out) {
  if (Status status = in.Need("ctype"); !status) return status;
  const std::string name = in.Text("ctype");
  return AddRow(in, out.ctypes, out.ctype_index, name, Ctype{name, in.Text("comment"), in.place()});
}

bool IsFieldName(std::string_view name) {
  for (int parts = 1; parts < 3; ++parts) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || !IsIdentifier(name.substr(0, dot))) return false;
    name.remove_prefix(dot + 1);
  }
  return IsIdentifier(name);
}

Status AddField(const Reading& in, Declarations& out) {
  if (Status status = First({in.Need("field"), in.Need("arg"), in.Need("reftype")}); !status) {
    return status;
  }
  Field field;
  field.name = in.Text("field");
  if (field.name.empty()) return {};  // larger systems have such a row, which declares nothing
  field.arg = in.Text("arg");
  field.reftype_name = in.Text("reftype");
  field.reftype = ReftypeOf(field.reftype_name);
  field.dflt = in.Text("dflt");
  field.comment = in.Text("comment");
  field.place = in.place();
  if (field.reftype != Reftype::kOther && !IsFieldName(field.name)) {
    return in.Bad("the name of a pool has three parts, as in book.FDb.order", "rename it");
  }
  const std::string name = field.name;
  return AddRow(in, out.fields, out.field_index, name, std::move(field));
}

Status AddBasepool(const Reading& in, Declarations& out) {
  if (Status status = First({in.Need("field"), in.Need("base")}); !status) return status;
  out.basepools.push_back({in.Text("field"), in.Text("base"), in.place()});
  return {};
}

Status AddNamespace(const Reading& in, Declarations& out) {
  if (Status status = in.Need("ns"); !status) return status;
  const std::string name = in.Text("ns");
  return AddRow(in, out.namespaces, out.namespace_index, name,
                Namespace{name, in.Text("pool"), in.place()});
}

Status AddInlary(const Reading& in, Declarations& out) {
  std::optional<std::uint64_t> min;
  std::optional<std::uint64_t> max;
  if (Status status = First({in.Need("field"), in.Need("min"), in.Need("max"), in.Count("min", min),
                             in.Count("max", max)});
      !status) {
    return status;
  }
  if (*min > *max || *max == 0) {
    return in.Bad("its bounds are " + std::to_string(*min) + " and " + std::to_string(*max),
                  "choose a max from 1 on and a min that is not above it");
  }
  const auto [row, added] =
      out.inlaries.emplace(in.Text("field"), InlaryBounds{*min, *max, in.place()});
  return added ? Status() : in.Twice(row->first, row->second.place);
}

Status AddTary(const Reading& in, Declarations& out) {
  std::optional<bool> aliased;
  if (Status status = First({in.Need("field"), in.YesNo("aliased", aliased)}); !status) {
    return status;
  }
  const auto [row, added] =
      out.taries.emplace(in.Text("field"), TaryOptions{aliased.value_or(false), in.place()});
  return added ? Status() : in.Twice(row->first, row->second.place);
}

Status AddTuning(const Reading& in, Tuning tuning, Declarations& out) {
  tuning.field = in.Text("field");
  tuning.place = in.place();
  const std::string name = tuning.field;
  return AddRow(in, out.tunings, out.tuning_index, name, std::move(tuning));
}

Status AddPoolTuning(const Reading& in, Declarations& out) {
  Tuning tuning;
  if (Status status = First({in.Need("field"),
                             in.AllowOnly({"field", "limit_elems", "limit_bytes", "reserve_elems",
                                           "reserve_bytes", "comment"}),
                             in.Count("limit_elems", tuning.limit_elems),
                             in.Size("limit_bytes", tuning.limit_bytes),
                             in.Count("reserve_elems", tuning.reserve_elems),
                             in.Size("reserve_bytes", tuning.reserve_bytes)});
      !status) {
    return status;
  }
  return AddTuning(in, std::move(tuning), out);
}

Status AddSbrkTuning(const Reading& in, Declarations& out) {
  Tuning tuning;
  tuning.is_sbrk = true;
  if (Status status =
          First({in.Need("field"),
                 in.AllowOnly({"field", "limit_bytes", "reserve_bytes", "huge_pages",
                               "huge_page_limit", "prefault", "mlock", "zero", "comment"}),
                 in.Size("limit_bytes", tuning.limit_bytes),
                 in.Size("reserve_bytes", tuning.reserve_bytes),
                 in.YesNo("huge_pages", tuning.huge_pages),
                 in.Size("huge_page_limit", tuning.huge_page_limit),
                 in.YesNo("prefault", tuning.prefault), in.YesNo("mlock", tuning.mlock),
                 in.YesNo("zero", tuning.zero)});
      !status) {
    return status;
  }
  return AddTuning(in, std::move(tuning), out);
}

Status AddCppType(const Reading& in, Declarations& out) {
  CppType type;
  std::optional<std::uint64_t> alignment;
  std::optional<bool> takes_base;
  std::optional<bool> copyable;
  if (Status status = First(
          {in.Need("ctype"), in.Need("cpp"),
           in.AllowOnly({"ctype", "cpp", "include", "size", "align", "base", "copy", "comment"}),
           in.Count("size", type.size), in.Count("align", alignment), in.YesNo("base", takes_base),
           in.YesNo("copy", copyable)});
      !status) {
    return status;
  }
  type.ctype = in.Text("ctype");
  type.cpp = in.Text("cpp");
  type.include = in.Text("include");
  type.alignment = alignment.value_or(type.alignment);
  type.takes_base = takes_base.value_or(false);
  type.copyable = copyable.value_or(true);
  type.place = in.place();
  if (type.alignment == 0 || (type.alignment & (type.alignment - 1)) != 0 ||
      type.alignment > 4096) {
    return in.Bad("its align is " + std::to_string(type.alignment),
                  "choose a power of two up to 4096");
  }
  const std::string name = type.ctype;
  return AddRow(in, out.cpp_types, out.cpp_type_index, name, std::move(type));
}

// The words of a list with commas between them.
std::vector<std::string> ListOf(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    words.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return words;
}

Status AddIndex(const Reading& in, Declarations& out) {
  if (Status status = First(
          {in.Need("field"), in.Need("kind"), in.AllowOnly({"field", "kind", "key", "comment"})});
      !status) {
    return status;
  }
  Index index{in.Text("field"), in.Text("kind"), ListOf(in.Text("key")), in.place()};
  const bool ordered = index.kind == "Ordered" || index.kind == "OrderedMulti";
  const bool list = index.kind == "List";
  if (!ordered && !list && index.kind != "Hash" && index.kind != "HashMulti") {
    return in.Bad("its kind is " + Shown(index.kind),
                  "choose Hash, HashMulti, Ordered, OrderedMulti or List");
  }
  if (list ? index.keys.size() > 1 : index.keys.empty()) {
    return in.Bad("its key is \"" + Shown(in.Text("key")) + "\"",
                  list ? "name one bool field, or none for all rows"
                       : "name fields of the element, with commas between them");
  }
  for (const std::string_view key : index.keys) {
    const bool descends = ordered && key.starts_with('-');
    if (!IsIdentifier(key.substr(descends ? 1 : 0))) {
      return in.Bad("its key has " + Shown(key),
                    "name fields of the element, in ordered indexes with - in front if the last "
                    "comes first");
    }
  }
  out.indexes.push_back(std::move(index));
  return {};
}

struct Table {
  std::string_view head;
  Status (*add)(const Reading&, Declarations&);
};

constexpr std::array<Table, 10> kTables = {{
    {"dmmeta.field", &AddField},
    {"dmmeta.ctype", &AddCtype},
    {"dmmeta.basepool", &AddBasepool},
    {"dmmeta.nsx", &AddNamespace},
    {"dmmeta.inlary", &AddInlary},
    {"dmmeta.tary", &AddTary},
    {"tandem.pool", &AddPoolTuning},
    {"tandem.sbrk", &AddSbrkTuning},
    {"tandem.ctype", &AddCppType},
    {"tandem.index", &AddIndex},
}};

Status AddText(std::string_view text, const std::string& file, std::uint32_t file_index,
               Declarations& out) {
  RecordReader reader(file, file_index, text);
  for (;;) {
    const Result<bool> found = reader.Next();
    if (!found) return found.error();
    if (!*found) return {};
    const Table* table = nullptr;
    for (const Table& candidate : kTables) {
      if (candidate.head == reader.head()) table = &candidate;
    }
    if (table == nullptr) {
      if (!reader.head().starts_with(kOurSpace)) continue;
      return ErrorAt(reader.place(), Shown(reader.head()) +
                                         ": there is no such table; choose tandem.pool, "
                                         "tandem.sbrk, tandem.index or tandem.ctype.");
    }
    const Result<Record> record = reader.Read();
    if (!record) return record.error();
    if (Status status = table->add(Reading(*record), out); !status) return status;
  }
}

}  // namespace

Result<Declarations> Load(const std::vector<std::string>& paths) {
  const Result<std::vector<std::string>> files = ListFiles(paths);
  if (!files) return files.error();
  Declarations declarations;
  for (std::size_t i = 0; i < files->size(); ++i) {
    const std::string& file = (*files)[i];
    const Result<std::string> text = ReadFile(file);
    if (!text) return text.error();
    if (Status status = AddText(*text, file, static_cast<std::uint32_t>(i), declarations);
        !status) {
      return status.error();
    }
  }
  return declarations;
}

Result<Declarations> LoadText(std::string_view text, const std::string& file) {
  Declarations declarations;
  if (Status status = AddText(text, file, 0, declarations); !status) return status.error();
  return declarations;
}

}  // namespace tandem::declarations
