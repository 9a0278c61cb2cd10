// SPDX-License-Identifier: Apache-2.0
//
// The outputs of `book` that more than one input has: filled and emitted in one call. docs/book.md
// says in which order they follow one another. None of it takes memory from the heap.
#pragma once

#include <cstdint>

#include "book/book.pb.h"
#include "engine/book/state.h"
#include "engine/context.h"

namespace tandem::book {

/// To the sender of the input. `id`: 0 for inputs that name no order.
void Reject(std::uint64_t id, pb::Rejected::Reason reason, engine::Context& context);

/// `size`: what was left of the order.
void SayCancelled(const OrderName& order, pb::Cancelled::Reason reason, std::uint64_t size,
                  engine::Context& context);
void SayReduced(const OrderName& order, pb::Reduced::Reason reason, std::uint64_t size,
                std::uint64_t remaining, engine::Context& context);

/// To all: the best prices of `symbol` as they are now.
void SayTop(const Symbol& symbol, engine::Context& context);

}  // namespace tandem::book
