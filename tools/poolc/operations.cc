// SPDX-License-Identifier: Apache-2.0
#include "tools/poolc/operations.h"

namespace tandem::poolc {
namespace {

using declarations::Reftype;

constexpr Operation kN{"N", "std::uint64_t", "", "$F.N()", Makes::kNothing, true};
constexpr Operation kEmptyQ{"EmptyQ", "bool", "", "$F.EmptyQ()", Makes::kNothing, true};
constexpr Operation kMax{"Max", "std::uint64_t", "", "$F.Max()", Makes::kNothing, true};
constexpr Operation kFind{"Find", "$T*", "std::uint64_t index", "$F.Find(index)"};
constexpr Operation kqFind{"qFind", "$T&", "std::uint64_t index", "$F.qFind(index)"};
constexpr Operation kLast{"Last", "$T*", "", "$F.Last()"};
constexpr Operation kAlloc{"Alloc", "$T&", "", "$F.Alloc($A)", Makes::kOne};
constexpr Operation kAllocMaybe{"AllocMaybe", "$T*", "", "$F.AllocMaybe($A)", Makes::kOne};
constexpr Operation kAllocElementMem{"AllocMem", "void*", "", "$F.AllocMem()"};
constexpr Operation kRemoveLast{"RemoveLast", "void", "", "$F.RemoveLast()"};
constexpr Operation kRemoveAll{"RemoveAll", "void", "", "$F.RemoveAll()"};

// Of pools that serve any size.
constexpr Operation kAllocMem{"AllocMem", "void*", "std::uint64_t size", "$F.AllocMem(size)"};
constexpr Operation kFreeMem{"FreeMem", "void", "void* memory, std::uint64_t size",
                             "$F.FreeMem(memory, size)"};
constexpr Operation kTypedAlloc{"Alloc", "$T&", "", "$F.Alloc<$T>($A)", Makes::kOne};
constexpr Operation kTypedAllocMaybe{"AllocMaybe", "$T*", "", "$F.AllocMaybe<$T>($A)", Makes::kOne};
constexpr Operation kDelete{"Delete", "void", "$T& row", "$F.Delete(row)"};
constexpr Operation kReserveBuffers{"ReserveBuffers", "bool",
                                    "std::uint64_t count, std::uint64_t size",
                                    "$F.ReserveBuffers(count, size)"};

constexpr Operation kSbrk[] = {
    {"AllocMem", "void*", "std::uint64_t size", "$F->AllocMem(size)"},
    {"FreeMem", "void", "void* memory, std::uint64_t size", "$F->FreeMem(memory, size)"},
};
constexpr Operation kMalloc[] = {kAllocMem, kFreeMem, kTypedAlloc, kTypedAllocMaybe, kDelete, kN};
constexpr Operation kLpool[] = {
    kAllocMem,
    kFreeMem,
    {"ReallocMem", "void*", "void* memory, std::uint64_t old_size, std::uint64_t new_size",
     "$F.ReallocMem(memory, old_size, new_size)"},
    kReserveBuffers,
    kTypedAlloc,
    kTypedAllocMaybe,
    kDelete,
    kN,
};
constexpr Operation kBlkpool[] = {
    kAllocMem,       kFreeMem,
    kReserveBuffers, {"SetBufferSize", "void", "std::uint64_t bytes", "$F.SetBufferSize(bytes)"},
    kTypedAlloc,     kTypedAllocMaybe,
    kDelete,         kN,
};
constexpr Operation kTpool[] = {
    kAlloc,
    kAllocMaybe,
    kDelete,
    kAllocElementMem,
    {"FreeMem", "void", "void* memory", "$F.FreeMem(memory)"},
    {"Reserve", "bool", "std::uint64_t elements", "$F.Reserve(elements)"},
    {"ReserveMem", "bool", "std::uint64_t bytes", "$F.ReserveMem(bytes)"},
    kN,
};
constexpr Operation kTable[] = {
    {"Insert", "$T*", "const $T& row", "$F.Insert(row)", Makes::kCopies},
    {"InsertNew", "$T&", "const $T& row", "$F.InsertNew(row)", Makes::kCopies},
    {"InsertMaybe", "$T*", "const $T& row", "$F.InsertMaybe(row)", Makes::kCopies},
    {"Emplace", "$T*", "", "$F.Emplace($A)", Makes::kOne},
    {"Delete", "void", "$T& row", "$F.Erase(row)"},
    {"RemoveAll", "void", "", "$F.Clear()"},
    {"Reserve", "bool", "std::uint64_t rows", "$F.Reserve(rows)"},
    kN,
    kEmptyQ,
};
constexpr Operation kLary[] = {kAlloc,     kAllocMaybe, kAllocElementMem, kRemoveLast,
                               kRemoveAll, kFind,       kqFind,           kLast,
                               kN,         kEmptyQ};
constexpr Operation kTary[] = {
    kAlloc,
    {"AllocAt", "$T&", "std::uint64_t at", "$F.AllocAt(at)", Makes::kByDefault},
    {"AllocN", "std::span<$T>", "std::uint64_t count", "$F.AllocN(count)", Makes::kByDefault},
    {"AllocNAt", "std::span<$T>", "std::uint64_t count, std::uint64_t at", "$F.AllocNAt(count, at)",
     Makes::kByDefault},
    {"AllocNVal", "std::span<$T>", "std::uint64_t count, const $T& value",
     "$F.AllocNVal(count, value)", Makes::kCopies},
    {"Addary", "std::span<$T>", "std::span<const $T> range", "$F.Addary(range)", Makes::kCopies,
     false, true},
    {"Insary", "std::span<$T>", "std::span<const $T> range, std::uint64_t at",
     "$F.Insary(range, at)", Makes::kCopies, false, true},
    {"Setary", "std::span<$T>", "std::span<const $T> range", "$F.Setary(range)", Makes::kCopies,
     false, true},
    {"Setary", "std::span<$T>", "const $P& from", "$F.Setary(from.$M.Getary())", Makes::kCopies},
    {"Reserve", "bool", "std::uint64_t count", "$F.Reserve(count)"},
    {"AbsReserve", "bool", "std::uint64_t count", "$F.AbsReserve(count)"},
    kFind,
    kqFind,
    kLast,
    {"qLast", "$T&", "", "$F.qLast()"},
    kN,
    kMax,
    kEmptyQ,
    {"Remove", "void", "std::uint64_t at", "$F.Remove(at)"},
    kRemoveLast,
    kRemoveAll,
    {"Getary", "std::span<$T>", "", "$F.Getary()"},
    {"rowid_Get", "std::uint64_t", "const $T& row", "$F.rowid_Get(row)", Makes::kNothing, true},
};
constexpr Operation kInlaryBounded[] = {kAlloc,     kAllocMaybe, kAllocElementMem, kRemoveLast,
                                        kRemoveAll, kFind,       kqFind,           kLast,
                                        kN,         kMax,        kEmptyQ};
constexpr Operation kInlaryFixed[] = {kFind, kqFind, kLast, kN, kMax, kEmptyQ};
constexpr Operation kDelptr[] = {
    {"Access", "$T&", "", "$F.Access($A)", Makes::kOne},
    {"Delete", "void", "", "$F.Delete()"},
};

}  // namespace

std::span<const Operation> TableOperations() { return kTable; }

std::span<const Operation> OperationsOf(Reftype reftype, bool bounded) {
  switch (reftype) {
    case Reftype::kSbrk:
      return kSbrk;
    case Reftype::kMalloc:
      return kMalloc;
    case Reftype::kLpool:
      return kLpool;
    case Reftype::kTpool:
      return kTpool;
    case Reftype::kBlkpool:
      return kBlkpool;
    case Reftype::kLary:
      return kLary;
    case Reftype::kTary:
      return kTary;
    case Reftype::kInlary:
      return bounded ? std::span<const Operation>(kInlaryBounded) : kInlaryFixed;
    case Reftype::kDelptr:
      return kDelptr;
    case Reftype::kVal:
    case Reftype::kOther:
      break;
  }
  return {};
}

}  // namespace tandem::poolc
