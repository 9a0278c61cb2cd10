// SPDX-License-Identifier: Apache-2.0
#include "engine/book/answers.h"

#include <string_view>

namespace tandem::book {

void Reject(std::uint64_t id, pb::Rejected::Reason reason, engine::Context& context) {
  auto& rejected = context.Make<pb::Rejected>();
  rejected.set_order_id(id);
  rejected.set_reason(reason);
  rejected.set_input_type(context.type());
  context.Emit(rejected);
}

void SayCancelled(const OrderName& order, pb::Cancelled::Reason reason, std::uint64_t size,
                  engine::Context& context) {
  auto& cancelled = context.Make<pb::Cancelled>();
  cancelled.set_order_id(order.id);
  cancelled.set_reason(reason);
  cancelled.set_size(size);
  context.EmitTo(order.user, cancelled);
}

void SayReduced(const OrderName& order, pb::Reduced::Reason reason, std::uint64_t size,
                std::uint64_t remaining, engine::Context& context) {
  auto& reduced = context.Make<pb::Reduced>();
  reduced.set_order_id(order.id);
  reduced.set_reason(reason);
  reduced.set_size(size);
  reduced.set_remaining(remaining);
  context.EmitTo(order.user, reduced);
}

void SayTop(const Symbol& symbol, engine::Context& context) {
  auto& top = context.Make<pb::TopOfBook>();
  const std::string_view name = NameOf(symbol);
  top.set_symbol(name.data(), name.size());
  if (const Level* const bid = BestOf(symbol, kBids); bid != nullptr) {
    top.set_bid_price(PriceOf(*bid));
    top.set_bid_size(bid->size);
  }
  if (const Level* const ask = BestOf(symbol, kAsks); ask != nullptr) {
    top.set_ask_price(PriceOf(*ask));
    top.set_ask_size(ask->size);
  }
  context.Publish(top);
}

}  // namespace tandem::book
