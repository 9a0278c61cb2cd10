// SPDX-License-Identifier: Apache-2.0
#include "engine/book/checks.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/book/limits.h"
#include "proto/header.h"

namespace tandem::book {

namespace {

using Reason = pb::Rejected::Reason;

template <class Message>
bool HasUnknownFields(const Message& message) {
  static const auto* const reflection = Message::default_instance().GetReflection();
  return !reflection->GetUnknownFields(message).empty();
}

template <class Message>
Reason UnknownFields(const Message& message) {
  return HasUnknownFields(message) ? pb::Rejected::UNKNOWN_FIELD : pb::Rejected::NO_REASON;
}

bool IsSide(pb::Side side) { return side == pb::BUY || side == pb::SELL; }
bool IsPrice(std::int64_t price) { return price >= 1 && price <= kPriceMax; }
bool IsSize(std::uint64_t size) { return size >= 1 && size <= kSizeMax; }

template <class Message>
Reason CheckHalt(const Message& message) {
  const bool named = message.all() ? message.symbol().empty() : IsSymbol(message.symbol());
  return named ? pb::Rejected::NO_REASON : pb::Rejected::BAD_SYMBOL;
}

}  // namespace

Reason Check(const pb::NewOrder& order) {
  if (HasUnknownFields(order)) return pb::Rejected::UNKNOWN_FIELD;
  if (!IsSymbol(order.symbol())) return pb::Rejected::BAD_SYMBOL;
  if (!IsSide(order.side())) return pb::Rejected::BAD_SIDE;
  if (order.kind() < pb::LIMIT || order.kind() > pb::POST_ONLY) return pb::Rejected::UNKNOWN_KIND;
  const bool priced = order.kind() == pb::MARKET ? order.price() == 0 : IsPrice(order.price());
  if (!priced) return pb::Rejected::BAD_PRICE;
  if (!IsSize(order.size())) return pb::Rejected::BAD_SIZE;
  if (!pb::SelfTradePolicy_IsValid(order.self_trade_policy())) return pb::Rejected::BAD_POLICY;
  if (order.self_trade_policy() != pb::NO_POLICY && order.owner() == 0) {
    return pb::Rejected::BAD_OWNER;
  }
  return pb::Rejected::NO_REASON;
}

Reason Check(const pb::Cancel& cancel) { return UnknownFields(cancel); }

Reason Check(const pb::Reduce& reduce) {
  if (HasUnknownFields(reduce)) return pb::Rejected::UNKNOWN_FIELD;
  return reduce.size() == 0 ? pb::Rejected::BAD_SIZE : pb::Rejected::NO_REASON;
}

Reason Check(const pb::Replace& replace) {
  if (HasUnknownFields(replace)) return pb::Rejected::UNKNOWN_FIELD;
  if (replace.kind() != pb::LIMIT && replace.kind() != pb::POST_ONLY) {
    return pb::Rejected::UNKNOWN_KIND;
  }
  if (!IsPrice(replace.price())) return pb::Rejected::BAD_PRICE;
  if (!IsSize(replace.size())) return pb::Rejected::BAD_SIZE;
  if (!pb::SelfTradePolicy_IsValid(replace.self_trade_policy())) return pb::Rejected::BAD_POLICY;
  return pb::Rejected::NO_REASON;
}

Reason Check(const pb::MassCancel& mass_cancel) {
  if (HasUnknownFields(mass_cancel)) return pb::Rejected::UNKNOWN_FIELD;
  if (!mass_cancel.symbol().empty() && !IsSymbol(mass_cancel.symbol())) {
    return pb::Rejected::BAD_SYMBOL;
  }
  if (mass_cancel.side() != pb::NO_SIDE && !IsSide(mass_cancel.side())) {
    return pb::Rejected::BAD_SIDE;
  }
  return pb::Rejected::NO_REASON;
}

Reason CheckFields(const pb::Configure& configure) { return UnknownFields(configure); }
Reason CheckFields(const pb::Halt& halt) { return UnknownFields(halt); }
Reason CheckFields(const pb::Resume& resume) { return UnknownFields(resume); }

Reason Check(const pb::Configure& configure) {
  if (!pb::Listing_IsValid(configure.listing())) return pb::Rejected::BAD_SETTING;
  if (configure.symbols_max() > kSymbolsMax) return pb::Rejected::BAD_SETTING;
  const std::string& user = configure.operator_user();
  if (!user.empty() && !proto::IsName(user, proto::kUserSizeMax)) return pb::Rejected::BAD_SETTING;
  const bool named = std::all_of(configure.list().begin(), configure.list().end(),
                                 [](const std::string& name) { return IsSymbol(name); });
  return named ? pb::Rejected::NO_REASON : pb::Rejected::BAD_SYMBOL;
}

Reason Check(const pb::Halt& halt) { return CheckHalt(halt); }
Reason Check(const pb::Resume& resume) { return CheckHalt(resume); }

}  // namespace tandem::book
