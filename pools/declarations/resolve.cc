// SPDX-License-Identifier: Apache-2.0
#include "pools/declarations/resolve.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace tandem::declarations {
namespace {

struct Problem {
  Place place;
  std::string sentence;
};

std::string KindOf(const Field& field) { return "reftype " + Shown(field.reftype_name); }

class Resolver {
 public:
  explicit Resolver(const Declarations& declarations) : declarations_(declarations) {}

  Resolution Run() {
    ReadBasepools();
    for (const Field& field : declarations_.fields) {
      if (field.reftype != Reftype::kOther) AddPool(field);
    }
    FindCycles();
    CheckOrder();
    CheckTunings();
    CheckIndexes();
    std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
      return std::pair(a.place.file_index, a.place.line) <
             std::pair(b.place.file_index, b.place.line);
    });
    for (const Problem& problem : problems_) {
      out_.problems.push_back(ErrorAt(problem.place, problem.sentence));
    }
    return std::move(out_);
  }

 private:
  void Report(const Place& place, std::string sentence) {
    problems_.push_back({place, std::move(sentence)});
  }

  static std::string Subject(const Basepool& record) {
    return "dmmeta.basepool of " + Shown(record.field) + ": ";
  }

  void ReadBasepools() {
    for (const Basepool& record : declarations_.basepools) {
      const Field* field = declarations_.FindField(record.field);
      if (field == nullptr) {
        Report(record.place, Subject(record) +
                                 "there is no field of that name; declare it with a dmmeta.field "
                                 "record, or leave this record out.");
      } else if (field->reftype == Reftype::kOther) {
        continue;
      } else if (!TraitsOf(field->reftype).takes_base) {
        Report(record.place,
               Subject(record) + KindOf(*field) + " takes no base; leave this record out.");
      } else if (const auto [first, added] = basepools_.emplace(field, &record); !added) {
        Report(record.place, Subject(record) + "it has a base already, by the record at " +
                                 first->second->place.Text() + "; keep one of the two.");
      } else if (record.base.empty()) {
        baseless_.insert(field);
        Report(record.place, Subject(record) + KindOf(*field) +
                                 " needs a base and this record names none; name one, or leave "
                                 "this record out for the default.");
      }
    }
  }

  void AddPool(const Field& field) {
    ResolvedPool pool;
    pool.field = &field;
    if (TraitsOf(field.reftype).takes_base) SetBase(pool);
    position_.emplace(&field, out_.pools.size());
    out_.pools.push_back(pool);
  }

  void SetBase(ResolvedPool& pool) {
    const Field& field = *pool.field;
    if (const auto found = basepools_.find(&field); found != basepools_.end()) {
      const Basepool& record = *found->second;
      pool.rule = BaseRule::kBasepool;
      pool.rule_place = &record.place;
      if (!record.base.empty()) pool.base = Base(record.base, record.place, Subject(record));
      return;
    }
    const Namespace* ns = declarations_.FindNamespace(field.ns());
    if (ns == nullptr || ns->pool.empty()) {
      pool.rule = BaseRule::kMalloc;
      return;
    }
    pool.rule = BaseRule::kNsx;
    pool.rule_place = &ns->place;
    const std::string subject = "dmmeta.nsx of " + Shown(ns->name) + ": ";
    if (ns->pool == field.name) {
      Report(ns->place, subject + "its pool " + field.name +
                            " is its own base; give that pool a dmmeta.basepool record.");
      return;
    }
    const auto [known, added] = namespace_bases_.emplace(ns, nullptr);
    if (added) known->second = Base(ns->pool, ns->place, subject);  // said once, not for each pool
    pool.base = known->second;
  }

  // The field that is named as a base, if it can be one.
  const Field* Base(const std::string& name, const Place& place, const std::string& subject) {
    const Field* base = declarations_.FindField(name);
    const std::string says = subject + "the base " + Shown(name);
    if (base == nullptr) {
      Report(place, says + " is not declared; declare it, or name another base.");
      return nullptr;
    }
    if (!TraitsOf(base->reftype).serves_any_size) {
      Report(place, says + " has " + KindOf(*base) +
                        ", which cannot serve blocks of any size; name an Sbrk, Malloc, Lpool or "
                        "Blkpool.");
      return nullptr;
    }
    if (!base->global()) {
      Report(place, says + " is not global but a member of " + std::string(base->parent()) +
                        "; name a member of the FDb of a namespace.");
      return nullptr;
    }
    if (baseless_.contains(base)) {
      Report(place, says + " needs a base itself and has none; give it one.");
      return nullptr;
    }
    return base;
  }

  const Field* BaseOf(const Field* field) const { return out_.pools[position_.at(field)].base; }

  // Follows each chain once; a chain that meets itself is a cycle.
  void FindCycles() {
    std::unordered_map<const Field*, const Field*> seen_from;  // field -> where that walk began
    for (const ResolvedPool& start : out_.pools) {
      const Field* at = start.field;
      while (at != nullptr && seen_from.emplace(at, start.field).second) at = BaseOf(at);
      if (at != nullptr && seen_from.at(at) == start.field) ReportCycle(at);
    }
  }

  void ReportCycle(const Field* first) {
    std::string circle(first->name);
    const ResolvedPool* last = nullptr;
    const Field* at = first;
    do {
      in_cycle_.insert(at);
      last = &out_.pools[position_.at(at)];
      at = last->base;
      circle += " -> " + at->name;
    } while (at != first);
    const ResolvedPool& pool = out_.pools[position_.at(first)];
    const std::string subject = pool.rule == BaseRule::kNsx
                                    ? "dmmeta.nsx of " + std::string(first->ns())
                                    : "dmmeta.basepool of " + first->name;
    Report(*pool.rule_place, subject + ": the chain leads back to the pool, " + circle +
                                 "; give one of them another base.");
  }

  // Members are made in the order in which they are declared, a base before who uses it.
  void CheckOrder() {
    std::unordered_set<const Field*> told;
    for (const ResolvedPool& pool : out_.pools) {
      const Field* base = pool.base;
      if (base == nullptr || base->parent() != pool.field->parent() ||
          position_.at(base) < position_.at(pool.field) || in_cycle_.contains(pool.field)) {
        continue;
      }
      // An Inlary lies in its parent and asks for nothing; it has a default base in name only.
      if (pool.field->reftype == Reftype::kInlary && pool.rule == BaseRule::kNsx) continue;
      if (!told.insert(base).second) continue;
      Report(base->place, "dmmeta.field of " + base->name + ": it is declared after " +
                              pool.field->name + " (" + pool.field->place.Text() +
                              "), which takes its memory from it; declare " +
                              std::string(base->own_name()) + " first, or choose another base.");
    }
  }

  void CheckTunings() {
    for (const Tuning& tuning : declarations_.tunings) {
      const std::string subject =
          (tuning.is_sbrk ? "tandem.sbrk of " : "tandem.pool of ") + Shown(tuning.field) + ": ";
      const Field* field = declarations_.FindField(tuning.field);
      const std::string refusal = field == nullptr ? "" : ReserveRefusal(tuning, *field);
      if (!refusal.empty()) {
        Report(tuning.place, subject + "it has " + KindOf(*field) + ", which " + refusal);
      } else if (field == nullptr || !TraitsOf(field->reftype).tunable) {
        Report(tuning.place, subject +
                                 "there is no pool of that name; declare it with a "
                                 "dmmeta.field record, or leave this record out.");
      } else if (tuning.is_sbrk != (field->reftype == Reftype::kSbrk)) {
        Report(tuning.place, subject + "it has " + KindOf(*field) + "; write " +
                                 (tuning.is_sbrk ? "tandem.pool" : "tandem.sbrk") + " instead.");
      } else if (tuning.reserve_elems > tuning.limit_elems.value_or(kNoBound) ||
                 tuning.reserve_bytes > tuning.limit_bytes.value_or(kNoBound)) {
        Report(tuning.place, subject +
                                 "it reserves more than its limit; raise the limit or "
                                 "reserve less.");
      } else if (tuning.huge_page_limit.value_or(kNoBound) < kHugePageBytes) {
        Report(tuning.place,
               subject +
                   "its huge_page_limit is less than one huge page of 2 MiB; raise it, "
                   "or leave it out.");
      }
    }
  }

  // What a pool of that kind has to say to being reserved; empty: nothing.
  static std::string ReserveRefusal(const Tuning& tuning, const Field& field) {
    const bool elements = tuning.reserve_elems.value_or(0) != 0;
    if (!elements && tuning.reserve_bytes.value_or(0) == 0) return "";
    switch (field.reftype) {
      case Reftype::kLpool:
      case Reftype::kBlkpool:
        return elements ? "serves blocks of any size; give reserve_bytes, not reserve_elems." : "";
      case Reftype::kLary:
      case Reftype::kTary:
      case Reftype::kDelptr:
        return "takes memory as its elements come; reserve in its base.";
      case Reftype::kMalloc:
        return "takes memory from the heap as it is asked for; leave the reserve out.";
      default:
        return "";
    }
  }

  void CheckIndexes() {
    for (const Index& index : declarations_.indexes) {
      const Field* field = declarations_.FindField(index.field);
      if (field == nullptr || field->reftype != Reftype::kTpool) {
        Report(index.place, "tandem.index of " + Shown(index.field) +
                                ": there is no Tpool of that name; declare it with a dmmeta.field "
                                "record, or leave this record out.");
      }
    }
  }

  static constexpr std::uint64_t kNoBound = ~std::uint64_t{0};
  static constexpr std::uint64_t kHugePageBytes = 2u << 20;

  const Declarations& declarations_;
  std::unordered_map<const Field*, const Basepool*> basepools_;
  std::unordered_map<const Namespace*, const Field*> namespace_bases_;
  std::unordered_set<const Field*> baseless_;
  std::unordered_map<const Field*, std::size_t> position_;  ///< in out_.pools
  std::unordered_set<const Field*> in_cycle_;
  std::vector<Problem> problems_;
  Resolution out_;
};

}  // namespace

std::string_view NameOf(BaseRule rule) {
  switch (rule) {
    case BaseRule::kNone:
      return "none";
    case BaseRule::kBasepool:
      return "basepool";
    case BaseRule::kNsx:
      return "nsx";
    case BaseRule::kMalloc:
      return "malloc";
  }
  return "unknown";
}

Status Resolution::status() const { return problems.empty() ? Status() : Status(problems.front()); }

Resolution Resolve(const Declarations& declarations) { return Resolver(declarations).Run(); }

}  // namespace tandem::declarations
