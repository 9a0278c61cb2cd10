// SPDX-License-Identifier: Apache-2.0
#include "pools/state/state_access.h"

#include <array>
#include <cstddef>

#include "pools/blkpool.h"
#include "pools/delptr.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/sbrk.h"
#include "pools/table.h"
#include "pools/tary.h"
#include "pools/text.h"

namespace tandem::pools {
namespace {

using state::Elements;
using state::Run;
using state::StateView;

struct Row {
  std::uint64_t key;
  bool flag;
};
using Node = internal::TableNode<Row, Hash<&Row::key>>;
template <class Spec>
inline constexpr std::uint64_t kIndexBytes = sizeof(internal::TableIndex<Node, 0, Spec>);
template <class Spec>
inline constexpr std::uint64_t kLinkBytes = sizeof(typename internal::LinkFor<Node, Spec>::Type);

// What the layouts of the readers rest on.
static_assert(sizeof(Tpool<Row>) == sizeof(TpoolCore));
static_assert(sizeof(Table<Row, Hash<&Row::key>, List<>, Ordered<&Row::key>>) ==
              sizeof(TpoolCore) + kIndexBytes<Hash<&Row::key>> + kIndexBytes<List<>> +
                  kIndexBytes<Ordered<&Row::key>>);

std::uint64_t AddressOf(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

constexpr std::uint64_t kBlocksMax = 1u << 24;  ///< of one pool

}  // namespace

struct StateAccess {
  using Bytes = std::uint64_t;
  using Index = HashIndex<Row, MemberKey<&Row::key, &Row::key>>;

  static bool Blocks(const StateView& view, const TpoolCore& pool, Elements& to) {
    std::uint64_t number = 0;
    bool open = pool.open_block_ != nullptr;
    const TpoolCore::Block* block = pool.first_block_;
    if (pool.stride_ == 0 || pool.first_offset_ < sizeof *block) return block == nullptr;
    for (; block != nullptr; block = view.Get(block)->next) {
      const auto* const head = view.Get(block);
      const std::uint64_t begin = AddressOf(block);
      if (head == nullptr || to.runs.size() == kBlocksMax || head->bytes < pool.first_offset_ ||
          view.At(begin, head->bytes) == nullptr) {
        return false;
      }
      Run run{.block = begin,
              .block_bytes = head->bytes,
              .begin = begin + pool.first_offset_,
              .first = number};
      const std::uint64_t room = (head->bytes - pool.first_offset_) / pool.stride_;
      if (open && block == pool.open_block_) {
        if (pool.fresh_left_ > room) return false;
        run.count = room - pool.fresh_left_;
        open = false;
      } else if (open) {
        run.count = room;
      }
      number += run.count;
      to.runs.push_back(run);
    }
    return !open;
  }

  static bool Free(const StateView& view, const TpoolCore& pool, bool checked, Elements& to) {
    const FreeStack& stack = pool.free_;
    if (stack.top_ > FreeStack::kSlots || stack.bottom_ > stack.top_ ||
        stack.stored_ > stack.blocks_) {
      return false;
    }
    for (std::uint64_t i = stack.bottom_ + 1; i <= stack.top_; ++i) {
      to.free.push_back(AddressOf(stack.slots_[i]));
    }
    const std::uint64_t batch = checked ? 1 : pool.stride_ >= 64 ? 8 : pool.stride_ >= 32 ? 4 : 2;
    const std::uint64_t trunks = stack.stored_ / batch;
    if (trunks > view.bytes().size() / kMinAlignment) return false;
    for (std::uint64_t chain = 0; chain < FreeStack::kChains && chain < trunks; ++chain) {
      std::uint64_t trunk = AddressOf(stack.trunks_[chain]);
      for (std::uint64_t number = chain; number < trunks; number += FreeStack::kChains) {
        const std::byte* const words = view.At(trunk, batch * sizeof(void*));
        if (words == nullptr) return false;
        to.free.push_back(trunk);
        for (std::uint64_t i = 1; i < batch; ++i) {
          to.free.push_back(state::LoadWord(words + i * sizeof(void*)));
        }
        trunk = state::LoadWord(words);
      }
    }
    return true;
  }

  // Levels are kept as the address that their element -2^k would have.
  template <class Array>
  static bool Levels(const StateView& view, const Array& array, std::uint64_t count,
                     std::uint64_t stride, Elements& to) {
    for (std::size_t level = 0; level < Array::kLevels && array.levels_[level] != 0; ++level) {
      const std::uint64_t room = std::uint64_t{1} << level;
      if (stride > view.bytes().size() / room) return false;
      Run run{.block_bytes = stride * room, .first = room - 1};
      run.block = run.begin = array.levels_[level] + stride * room;
      run.count = std::min(room, count > run.first ? count - run.first : 0);
      if (view.At(run.begin, run.block_bytes) == nullptr) return false;
      to.runs.push_back(run);
    }
    return count == 0 || (!to.runs.empty() &&
                          to.runs.back().first + to.runs.back().block_bytes / stride >= count);
  }

  static bool Piece(const StateView& view, const void* memory, std::uint64_t room,
                    std::uint64_t count, std::uint64_t stride, Elements& to) {
    if (memory == nullptr) return count == 0;
    if (count > room || room > view.bytes().size() / stride ||
        view.At(AddressOf(memory), room * stride) == nullptr) {
      return false;
    }
    to.runs.push_back({.block = AddressOf(memory),
                       .block_bytes = room * stride,
                       .begin = AddressOf(memory),
                       .count = count});
    return true;
  }

  template <class Account>
  static Elements Array(const StateView& view, PoolKind kind, std::uint64_t address) {
    Elements elements;
    const auto* const account = view.Get<Account>(address);
    const PoolAccount* const figures = account != nullptr ? AccountOf(view, *account) : nullptr;
    if (figures == nullptr || figures->element_bytes() == 0) {
      elements.damaged = true;
      return elements;
    }
    const std::uint64_t stride = elements.stride = figures->element_bytes();
    const std::uint64_t count = account->count();
    bool sound = false;
    if (kind == PoolKind::kLary) {
      const auto* const array = view.Get<Lary<Row, Account>>(address);
      sound = array != nullptr && Levels(view, *array, count, stride, elements);
    } else if (kind == PoolKind::kTary) {
      const auto* const array = view.Get<Tary<Row, Account>>(address);
      sound =
          array != nullptr && Piece(view, array->elements_, array->max_, count, stride, elements);
    } else if (kind == PoolKind::kDelptr) {
      const auto* const array = view.Get<Delptr<Row, Account>>(address);
      sound = array != nullptr && Piece(view, array->value_, 1, array->N(), stride, elements);
    }
    elements.damaged = !sound;
    return elements;
  }
  static const PoolAccount* AccountOf(const StateView&, const OwnAccount& own) {
    return &own.account();
  }
  static const PoolAccount* AccountOf(const StateView& view, const SharedAccount& shared) {
    return view.Get(shared.account_);  // which may lead anywhere
  }

  static state::TextMemory OfText(const Text& text) {
    return {AddressOf(text.bytes_), text.size_, text.capacity_};
  }

  static Elements Buckets(const StateView& view, const Index& index) {
    Elements elements;
    elements.stride = sizeof(Index::Bucket);
    std::uint64_t first = 0;
    for (std::size_t i = 0; i < Index::kSegments && index.segments_[i] != nullptr; ++i) {
      Run run{.first = first, .count = Index::SegmentBuckets(i)};
      run.block = run.begin = AddressOf(index.segments_[i]);
      run.block_bytes = run.count * elements.stride;
      if (view.At(run.begin, run.block_bytes) == nullptr) {
        elements.damaged = true;
        break;
      }
      first += run.count;
      elements.runs.push_back(run);
    }
    return elements;
  }

  static Figures OfBlkpool(const StateView& view, const Blkpool& pool) {
    Figures figures{.live = pool.N(), .live_peak = pool.live_peak_};
    std::uint64_t live_bytes = 0;
    std::uint64_t count = 0;
    for (const Blkpool::Buffer* buffer = pool.buffers_;
         buffer != nullptr && ++count < kBlocksMax;) {
      const Blkpool::Buffer* const here = view.Get(buffer);
      if (here == nullptr) break;
      live_bytes += here->left;
      buffer = here->next;
    }
    figures.live_bytes = live_bytes - (pool.end_ - pool.cursor_);
    figures.taken_bytes = pool.taken_bytes_;
    figures.taken_peak_bytes = pool.taken_peak_bytes_;
    return figures;
  }
};

}  // namespace tandem::pools

namespace tandem::state {

using namespace pools;  // NOLINT(google-build-using-namespace): what follows reads all of it

const IndexBytes* BytesOfIndex(std::string_view kind) {
  static constexpr std::array<IndexBytes, 5> kKinds = {{
      {"Hash", kLinkBytes<Hash<&Row::key>>, kIndexBytes<Hash<&Row::key>>, true},
      {"HashMulti", kLinkBytes<HashMulti<&Row::key>>, kIndexBytes<HashMulti<&Row::key>>, true},
      {"Ordered", kLinkBytes<Ordered<&Row::key>>, kIndexBytes<Ordered<&Row::key>>, false},
      {"OrderedMulti", kLinkBytes<OrderedMulti<&Row::key>>, kIndexBytes<OrderedMulti<&Row::key>>,
       false},
      {"List", kLinkBytes<List<>>, kIndexBytes<List<>>, false},
  }};
  for (const IndexBytes& one : kKinds) {
    if (one.kind == kind) return &one;
  }
  return nullptr;
}

Elements ElementsOfTpool(const StateView& view, const TpoolCore& pool, bool checked) {
  Elements elements;
  elements.stride = pool.stride();
  elements.damaged = !StateAccess::Blocks(view, pool, elements) ||
                     !StateAccess::Free(view, pool, checked, elements);
  return elements;
}

Elements ElementsOfArray(const StateView& view, PoolKind kind, std::uint64_t address, bool shares) {
  return shares ? StateAccess::Array<SharedAccount>(view, kind, address)
                : StateAccess::Array<OwnAccount>(view, kind, address);
}

std::uint64_t BytesOfArray(PoolKind kind, bool shares) {
  switch (kind) {
    case PoolKind::kLary:
      return shares ? sizeof(Lary<Row, SharedAccount>) : sizeof(Lary<Row, OwnAccount>);
    case PoolKind::kTary:
      return shares ? sizeof(Tary<Row, SharedAccount>) : sizeof(Tary<Row, OwnAccount>);
    case PoolKind::kDelptr:
      return shares ? sizeof(Delptr<Row, SharedAccount>) : sizeof(Delptr<Row, OwnAccount>);
    default:
      return 0;
  }
}

TextMemory MemoryOfText(const StateView& view, std::uint64_t address) {
  const auto* const text = view.Get<Text>(address);
  return text != nullptr ? StateAccess::OfText(*text) : TextMemory{};
}

Elements BucketsOf(const StateView& view, std::uint64_t index) {
  const auto* const hash = view.Get<StateAccess::Index>(index);
  return hash != nullptr ? StateAccess::Buckets(view, *hash) : Elements{.damaged = true};
}

Figures FiguresOf(const StateView& view, PoolKind kind, std::uint64_t address) {
  const auto figures = [](const auto* pool) {
    return pool != nullptr ? pool->GetFigures() : Figures();
  };
  switch (kind) {
    case PoolKind::kSbrk:
      return figures(view.Get<Sbrk>(address));
    case PoolKind::kLpool:
      return figures(view.Get<Lpool>(address));
    case PoolKind::kTpool:
      return figures(view.Get<TpoolCore>(address));
    case PoolKind::kLary:
    case PoolKind::kTary:
    case PoolKind::kDelptr:
      return figures(view.Get<PoolAccount>(address));
    case PoolKind::kBlkpool: {
      const auto* const pool = view.Get<Blkpool>(address);
      return pool != nullptr ? StateAccess::OfBlkpool(view, *pool) : Figures();
    }
    case PoolKind::kNone:
    case PoolKind::kMalloc:
      break;
  }
  return {};
}

}  // namespace tandem::state
