// SPDX-License-Identifier: Apache-2.0
//
// Val<T>: one value in the parent, made and destroyed with it: the member itself. It has no state
// and no operations of its own; the name exists so that a declaration says what it means.
#pragma once

#include "pools/zone_safe.h"

namespace tandem::pools {

namespace internal {
template <class T>
struct ValOf {
  static_assert((CheckElementType<T>(), true));
  using Type = T;
};
}  // namespace internal

template <class T>
using Val = typename internal::ValOf<T>::Type;

}  // namespace tandem::pools
