// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with an input by itself, whatever the state is: the first checks of the tables in
// docs/book.md. NO_REASON: nothing is.
#pragma once

#include "book/book.pb.h"

namespace tandem::book {

[[nodiscard]] pb::Rejected::Reason Check(const pb::NewOrder& order);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Cancel& cancel);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Reduce& reduce);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Replace& replace);
[[nodiscard]] pb::Rejected::Reason Check(const pb::MassCancel& mass_cancel);

// Inputs for the operator, in two parts: who sends them is checked between.

[[nodiscard]] pb::Rejected::Reason CheckFields(const pb::Configure& configure);
[[nodiscard]] pb::Rejected::Reason CheckFields(const pb::Halt& halt);
[[nodiscard]] pb::Rejected::Reason CheckFields(const pb::Resume& resume);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Configure& configure);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Halt& halt);
[[nodiscard]] pb::Rejected::Reason Check(const pb::Resume& resume);

}  // namespace tandem::book
