// SPDX-License-Identifier: Apache-2.0
//
// GeneratorMarket: the generator's plain model of one symbol, so that it knows which orders are
// live and where the best prices are. Follows docs/book.md without its rejects and limits, which
// generated orders stay clear of. Matching, replacing, reducing: a tree search. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "book/book.pb.h"

namespace tandem::book {

class GeneratorMarket {
 public:
  /// An order on its way in.
  struct Taker {
    std::uint32_t user = 0;  ///< index
    std::uint64_t id = 0;
    std::uint32_t side = 0;  ///< 0 buys, 1 sells
    pb::Kind kind = pb::LIMIT;
    std::int64_t price = 0;
    std::uint64_t left = 0;
    std::uint64_t owner = 0;
    pb::SelfTradePolicy policy = pb::NO_POLICY;
  };
  struct Order {
    std::uint32_t user = 0;
    std::uint64_t id = 0;
    std::uint64_t left = 0;
    std::uint32_t side = 0;
    std::uint64_t owner = 0;
    std::size_t place = 0;  ///< among the live ones
  };
  /// Best first, equal prices in order of arrival. The key of a bid is its price negated.
  using Ladder = std::multimap<std::int64_t, Order>;
  using Live = Ladder::iterator;

  std::string name;
  std::int64_t middle = 0;

  [[nodiscard]] std::size_t live_count() const { return live_.size(); }
  /// In no order; `index` below live_count.
  [[nodiscard]] Live live(std::size_t index) const { return live_[index]; }
  /// Best price of a side, `otherwise` if it is empty.
  [[nodiscard]] std::int64_t Best(std::uint32_t side, std::int64_t otherwise) const;
  /// Would an order of that side and price meet another?
  [[nodiscard]] bool Crosses(std::uint32_t side, std::int64_t price) const;

  void Enter(Taker taker);
  /// To zero or below takes it out.
  void Reduce(Live order, std::uint64_t size);
  void Erase(Live order);
  /// As `taker`, which has the order's side and owner, would have it.
  void Replace(Live order, const Taker& taker);
  /// All orders of a user.
  void Clear(std::uint32_t user);

 private:
  [[nodiscard]] bool CanFill(const Taker& taker) const;
  /// False: what is left of it may not rest.
  bool Match(Taker& taker);

  Ladder ladders_[2];  ///< bids, asks
  std::vector<Live> live_;
};

}  // namespace tandem::book
