// SPDX-License-Identifier: Apache-2.0
//
// Memory of one type never serves another, unless the chain allows it: random churn over all pools,
// while a map remembers for every 16 bytes who had them last.
#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <random>
#include <unordered_map>
#include <vector>

#include "pools/blkpool.h"
#include "pools/delptr.h"
#include "pools/lary.h"
#include "pools/lpool.h"
#include "pools/tary.h"
#include "pools/text.h"
#include "pools/tpool.h"
#include "tests/pools/test_zone.h"

namespace tandem::pools {
namespace {

using Small = Sized<48, 16>;
using Large = Sized<400, 16>;

struct Parent {
  using IsZoneSafe = void;
  Parent(PoolAccount& legs_account, PoolAccount& note_account, PoolRef text_base)
      : legs(legs_account), note(note_account), text(text_base) {}
  Tary<std::uint64_t, SharedAccount> legs;
  Delptr<Sized<300, 16>, SharedAccount> note;
  Text text;
};

enum Owner {
  kSmalls,
  kLarges,
  kParents,
  kRows,
  kLegs,
  kNotes,
  kTexts,
  kMessages,
  kBlocks,
  kOwners
};

/// The bases of the pools, by owner.
struct State {
  template <class BaseOf>
  explicit State(BaseOf&& base)
      : smalls("small", base(kSmalls)),
        larges("large", base(kLarges)),
        rows("row", base(kRows)),
        legs("leg", base(kLegs)),
        notes("note", base(kNotes)),
        texts(base(kTexts)),
        parents("parent", base(kParents)),
        messages("message", base(kMessages)),
        blocks("blocks", base(kBlocks)) {}
  Tpool<Small> smalls;
  Tpool<Large> larges;
  Lary<Sized<32, 16>> rows;
  AccountOf<decltype(Parent::legs)> legs;
  AccountOf<decltype(Parent::note)> notes;
  PoolRef texts;
  Tpool<Parent> parents;
  Blkpool messages;
  Lpool blocks;
};

/// Who had which 16 bytes last.
class Owners {
 public:
  void Use(Owner owner, const void* memory, std::uint64_t bytes) {
    const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(memory) / 16;
    const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(memory) + bytes + 15) / 16;
    for (std::uintptr_t granule = begin; granule < end; ++granule) {
      const auto [place, is_new] = last_.try_emplace(granule, owner);
      if (!is_new && place->second != owner) {
        served_others_[place->second] = true;
        place->second = owner;
      }
    }
  }
  /// Has memory that `owner` had been used by another since?
  [[nodiscard]] bool ServedOthers(int owner) const { return served_others_[owner]; }

 private:
  std::unordered_map<std::uintptr_t, Owner> last_;
  bool served_others_[kOwners] = {};
};

template <class T>
T TakeOut(std::vector<T>& list, std::size_t index) {
  std::swap(list[index % list.size()], list.back());
  T taken = list.back();
  list.pop_back();
  return taken;
}

// Grows and shrinks all pools in turns, so that what one gives back another could take.
void Churn(State& state, Owners& owners, std::uint64_t seed) {
  struct Block {
    void* memory;
    std::uint64_t bytes;
  };
  std::mt19937_64 random(seed);
  std::vector<Small*> smalls;
  std::vector<Large*> larges;
  std::vector<Parent*> parents;
  std::vector<Block> blocks;
  std::deque<Block> messages;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t n = random();
    const bool grow = random() % 8 < ((i / 1000) % 2 == 0 ? 6u : 2u);
    switch (random() % 6) {
      case 0:
        if (grow) {
          smalls.push_back(&state.smalls.Alloc());
          owners.Use(kSmalls, smalls.back(), sizeof(Small));
        } else if (!smalls.empty()) {
          state.smalls.Delete(*TakeOut(smalls, n));
        }
        break;
      case 1:
        if (grow) {
          larges.push_back(&state.larges.Alloc());
          owners.Use(kLarges, larges.back(), sizeof(Large));
        } else if (!larges.empty()) {
          state.larges.Delete(*TakeOut(larges, n));
        }
        break;
      case 2:
        if (grow) {
          owners.Use(kRows, &state.rows.Alloc(), 32);
        } else if (!state.rows.EmptyQ()) {
          state.rows.RemoveLast();
        }
        break;
      case 3: {
        if (!grow && !parents.empty()) {
          state.parents.Delete(*TakeOut(parents, n));
          break;
        }
        if (parents.size() < 50) {
          parents.push_back(&state.parents.Alloc(state.legs, state.notes, state.texts));
          owners.Use(kParents, parents.back(), sizeof(Parent));
        }
        Parent& parent = *parents[n % parents.size()];
        parent.legs.AllocN(n % 40);
        owners.Use(kLegs, parent.legs.begin(), parent.legs.N() * 8);
        owners.Use(kNotes, &parent.note.Access(), 300);
        parent.text.Append(std::string(1 + n % 500, 'x'));
        owners.Use(kTexts, parent.text.view().data(), parent.text.size());
        break;
      }
      case 4: {
        const std::uint64_t bytes = n % 64 == 0 ? 100000 : 1 + n % 600;
        if (grow) {
          messages.push_back({state.messages.AllocMem(bytes), bytes});
          owners.Use(kMessages, messages.back().memory, bytes);
        } else if (!messages.empty()) {
          state.messages.FreeMem(messages.front().memory, messages.front().bytes);
          messages.pop_front();
        }
        break;
      }
      default:
        if (grow) {
          const std::uint64_t bytes = 1 + n % 3000;
          blocks.push_back({state.blocks.AllocMem(bytes), bytes});
          owners.Use(kBlocks, blocks.back().memory, bytes);
        } else if (!blocks.empty()) {
          const Block block = TakeOut(blocks, n);
          state.blocks.FreeMem(block.memory, block.bytes);
        }
        break;
    }
  }
}

class Separation : public ::testing::Test {
 protected:
  std::uint64_t seed_ = std::random_device{}();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  std::unique_ptr<Zone> zone_ = MapZone();
  Owners owners_;
};

TEST_F(Separation, IsWholeWhenEveryPoolHasABaseOfItsOwn) {
  std::deque<Lpool> bases;
  auto& state = zone_->MakeRoot<State>([&](Owner owner) -> PoolRef {
    return bases.emplace_back(("base" + std::to_string(owner)).c_str(), zone_->sbrk());
  });
  Churn(state, owners_, seed_);
  for (int owner = 0; owner < kOwners; ++owner) {
    EXPECT_FALSE(owners_.ServedOthers(owner)) << "owner " << owner;
  }
}

TEST_F(Separation, HoldsForPoolsThatGiveNothingBackWhateverTheirBase) {
  auto& lpool = *new (zone_->sbrk().AllocMem(sizeof(Lpool))) Lpool("shared", zone_->sbrk());
  auto& state = zone_->MakeRoot<State>([&](Owner) -> PoolRef { return lpool; });
  Churn(state, owners_, seed_);
  for (const Owner owner : {kSmalls, kLarges, kParents, kRows, kBlocks}) {
    EXPECT_FALSE(owners_.ServedOthers(owner)) << "owner " << owner;
  }
  // These give back to the Lpool that they share, so they have each other's memory.
  for (const Owner owner : {kLegs, kTexts, kNotes}) {
    EXPECT_TRUE(owners_.ServedOthers(owner)) << "owner " << owner;
  }
}

}  // namespace
}  // namespace tandem::pools
