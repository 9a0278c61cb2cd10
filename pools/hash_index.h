// SPDX-License-Identifier: Apache-2.0
//
// HashIndex: finds elements of a pool by key. Intrusive: the chain of a bucket runs through a
// member of the elements, so an insert allocates nothing but, now and then, a piece of the bucket
// array.
//
// Grows by linear hashing: each insert splits at most one bucket, and bucket arrays are never moved
// (their segments double in size and come from a pool), so no insert pauses to rehash. A bucket is
// written when it comes into use, so a new segment is not cleared either. Never shrinks.
//
//   struct Order { std::uint64_t id; Order* next_by_id; };
//   HashIndex<Order, MemberKey<&Order::id, &Order::next_by_id>> by_id(lpool);
//
// A policy says what the key is, how it is hashed and where the link is:
//
//   struct BySymbol {
//     using Key = std::uint32_t;
//     static Key KeyOf(const Book& book) { return book.symbol; }
//     static std::uint64_t Hash(Key key) { return MixBits(key); }   // all bits must depend on all
//     static Book*& Next(Book& book) { return book.next; }
//   };
//
// Keys are compared by ==. Elements must not move or change their key while they are in. Lives in a
// zone; deterministic: its bytes are a function of the calls. Out of memory ends the process. One
// thread. Cost of Find: one load for the segment, one for the bucket, one for each element passed
// (1.5 at most on average, if it is there; if it is not, a sieve of 16 bits in the bucket says so
// before an element is touched, four times out of five).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "pools/ensure.h"
#include "pools/hash.h"
#include "pools/out_of_memory.h"
#include "pools/pool_ref.h"

namespace tandem::pools {

namespace internal {
template <class M>
struct MemberPointer;
template <class C, class M>
struct MemberPointer<M C::*> {
  using Class = C;
  using Member = M;
};
}  // namespace internal

/// The policy for a member as key: an integer, an enum, a Str or Text, or what has a HashOf.
template <auto kKey, auto kNext>
struct MemberKey {
  using Element = typename internal::MemberPointer<decltype(kNext)>::Class;
  using Key = typename internal::MemberPointer<decltype(kKey)>::Member;

  static const Key& KeyOf(const Element& element) { return element.*kKey; }
  static std::uint64_t Hash(const Key& key) { return HashOf(key); }
  static Element*& Next(Element& element) { return element.*kNext; }
};

template <class T, class Policy>
class HashIndex {
 public:
  using Key = typename Policy::Key;
  using IsZoneSafe = void;

  /// Buckets of the first segment; a power of two.
  static constexpr std::uint64_t kFirstBuckets = 64;

  /// Bucket arrays come from `base`; the first at the first insert.
  explicit HashIndex(PoolRef base) : base_(base) {}
  ~HashIndex() { FreeSegments(); }
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  /// The element with that key, or null.
  [[nodiscard]] T* Find(const Key& key) const {
    return FindIf(Policy::Hash(key),
                  [&key](const T& element) { return Policy::KeyOf(element) == key; });
  }

  /// The element for which `is_it` says so, among those whose keys have that hash; or null. For
  /// keys that are not at hand as a Key.
  template <class IsIt>
  [[nodiscard]] T* FindIf(std::uint64_t hash, IsIt&& is_it) const {
    if (buckets_ == 0) {
      return nullptr;
    }
    const Bucket bucket = BucketOf(hash);
    if ((bucket & SieveOf(hash)) == 0) {
      return nullptr;
    }
    T* element = FirstOf(bucket);
    while (element != nullptr && !is_it(std::as_const(*element))) {
      element = Policy::Next(*element);
    }
    return element;
  }

  /// Puts the element in, unless one with its key is in: then false, and nothing changes.
  [[nodiscard]] bool Insert(T& element) {
    if (Find(Policy::KeyOf(element)) != nullptr) {
      return false;
    }
    InsertNew(element);
    return true;
  }

  /// Puts in an element whose key is known not to be in.
  void InsertNew(T& element) {
    if (!TryMakeRoom()) {
      EndOutOfMemory(base_.control(), SegmentBuckets(SegmentOf(buckets_)) * sizeof(Bucket));
    }
    const std::uint64_t hash = Policy::Hash(Policy::KeyOf(element));
    Bucket& bucket = BucketOf(hash);
    Policy::Next(element) = FirstOf(bucket);
    bucket = BucketWith(&element, bucket | SieveOf(hash));
    ++count_;
  }

  /// Takes the element out; it must be in.
  void Remove(T& element) {
    Relink(element, Policy::Next(element));
    Policy::Next(element) = nullptr;
    --count_;
  }

  /// Puts `element` in the place of `old`, which is in and has the same key.
  void Replace(T& old, T& element) {
    Policy::Next(element) = Policy::Next(old);
    Relink(old, &element);
    Policy::Next(old) = nullptr;
  }

  /// Sees to it that the next InsertNew needs no memory; splits a bucket if there are as many
  /// elements as buckets. False: the base has none, and nothing changed; also in a step.
  [[nodiscard]] bool TryMakeRoom() { return count_ < buckets_ || TryGrow(); }

  /// Gets the bucket arrays for that many elements in all. False: the base has too little; what
  /// was got is kept; also in a step.
  [[nodiscard]] bool TryReserve(std::uint64_t elements) {
    const std::size_t last = elements == 0 ? 0 : SegmentOf(elements - 1);
    for (std::size_t segment = 0; elements != 0 && segment <= last; ++segment) {
      if (!TryAddSegment(segment)) {
        return false;
      }
    }
    return true;
  }

  /// Takes out and returns the element with that key, or null.
  T* RemoveKey(const Key& key) {
    T* element = Find(key);
    if (element != nullptr) {
      Remove(*element);
    }
    return element;
  }

  /// Calls `function(T&)` for each element, by bucket: an order that depends on the hash and the
  /// history, so it must not reach an output. The element may be removed meanwhile, others not.
  template <class Function>
  void ForEach(Function&& function) const {
    for (std::uint64_t i = 0; i < buckets_; ++i) {
      T* next = nullptr;
      for (T* element = FirstOf(BucketAt(i)); element != nullptr; element = next) {
        next = Policy::Next(*element);
        function(*element);
      }
    }
  }

  /// Elements in the index.
  [[nodiscard]] std::uint64_t N() const { return count_; }
  [[nodiscard]] std::uint64_t buckets() const { return buckets_; }

 private:
  friend struct StateAccess;

  static constexpr int kFirstBits = std::countr_zero(kFirstBuckets);
  static constexpr std::size_t kSegments = 40;
  /// Buckets are split in turn, so the elements of one that is due soon can be fetched before.
  static constexpr std::uint64_t kSplitsAhead = 6;
  static_assert(std::has_single_bit(kFirstBuckets));

  /// Segment 0 has buckets [0, kFirstBuckets), segment s > 0 those from kFirstBuckets << (s - 1) to
  /// twice that.
  static std::size_t SegmentOf(std::uint64_t bucket) {
    return static_cast<std::size_t>(std::bit_width(bucket >> kFirstBits));
  }
  static std::uint64_t SegmentBuckets(std::size_t segment) {
    return segment == 0 ? kFirstBuckets : kFirstBuckets << (segment - 1);
  }

  /// The address of the first element in the lower bits, and above it the sieve: one bit for each
  /// element, by the highest bits of its hash. Bits of elements that were removed stay until the
  /// bucket is empty or split, for to clear them one would have to look at all others.
  using Bucket = std::uint64_t;
  static constexpr int kAddressBits = 48;
  static constexpr int kSieveBitsLog2 = 4;
  static constexpr Bucket kAddressMask = (Bucket{1} << kAddressBits) - 1;

  static T* FirstOf(Bucket bucket) { return reinterpret_cast<T*>(bucket & kAddressMask); }
  static Bucket SieveOf(std::uint64_t hash) {
    return Bucket{1} << (kAddressBits + static_cast<int>(hash >> (64 - kSieveBitsLog2)));
  }
  /// A bucket with the sieve of `sieve`, whatever else is in that.
  static Bucket BucketWith(T* first, Bucket sieve) {
    const auto address = reinterpret_cast<std::uintptr_t>(first);
    ENSURE((address & ~kAddressMask) == 0, "an element lies beyond the first 2^48 bytes");
    return first == nullptr ? 0 : (sieve & ~kAddressMask) | address;
  }

  Bucket& BucketAt(std::uint64_t number) const {
    const std::size_t segment = SegmentOf(number);
    return segments_[segment][segment == 0 ? number : number - SegmentBuckets(segment)];
  }

  Bucket& BucketOf(std::uint64_t hash) const {
    std::uint64_t number = hash & mask_;
    if (number >= buckets_) {
      number &= mask_ >> 1;
    }
    return BucketAt(number);
  }

  /// Lets the link, in a bucket or an element, that leads to `element` lead to `other` instead.
  void Relink(T& element, T* other) {
    ENSURE(count_ != 0, "an element is removed from an empty index");
    Bucket& bucket = BucketOf(Policy::Hash(Policy::KeyOf(element)));
    T* before = FirstOf(bucket);
    if (before == &element) {
      bucket = BucketWith(other, bucket);
      return;
    }
    T* next = nullptr;
    for (; before != nullptr && (next = Policy::Next(*before)) != &element; before = next) {
    }
    ENSURE(before != nullptr, "an element is removed from an index that it is not in");
    Policy::Next(*before) = other;
  }

  /// What a split makes of a bucket; its elements keep their order.
  struct Part {
    void Add(T& element, Bucket bit) {
      (last == nullptr ? first : Policy::Next(*last)) = &element;
      last = &element;
      sieve |= bit;
    }
    Bucket End() {
      if (last != nullptr) {
        Policy::Next(*last) = nullptr;
      }
      return BucketWith(first, sieve);
    }
    T* first = nullptr;
    T* last = nullptr;
    Bucket sieve = 0;
  };

  bool TryAddSegment(std::size_t segment) {
    ENSURE(segment < kSegments, "an index has too many elements");
    if (segments_[segment] == nullptr) {
      segments_[segment] =
          static_cast<Bucket*>(base_.TryAllocMem(SegmentBuckets(segment) * sizeof(Bucket)));
    }
    return segments_[segment] != nullptr;
  }

  /// Brings one more bucket into use, with its share of the bucket that is split.
  bool TryGrow() {
    if (buckets_ == 0) {
      if (!TryAddSegment(0)) {
        return false;
      }
      for (std::uint64_t i = 0; i < kFirstBuckets; ++i) {
        segments_[0][i] = 0;
      }
      buckets_ = kFirstBuckets;
      mask_ = kFirstBuckets - 1;
      return true;
    }
    if (buckets_ > mask_) {  // a round is over: as many buckets again will follow
      if (!TryAddSegment(SegmentOf(buckets_))) {
        return false;
      }
      mask_ = 2 * mask_ + 1;
    }
    Bucket& low = BucketAt(buckets_ & (mask_ >> 1));
    Part low_part;
    Part high_part;
    T* next = nullptr;
    for (T* element = FirstOf(low); element != nullptr; element = next) {
      next = Policy::Next(*element);
      const std::uint64_t hash = Policy::Hash(Policy::KeyOf(*element));
      ((hash & mask_) == buckets_ ? high_part : low_part).Add(*element, SieveOf(hash));
    }
    low = low_part.End();
    BucketAt(buckets_) = high_part.End();
    ++buckets_;
    __builtin_prefetch(FirstOf(BucketAt((buckets_ + kSplitsAhead) & (mask_ >> 1))));
    return true;
  }

  void FreeSegments() {
    for (std::size_t segment = 0; segment < kSegments && segments_[segment] != nullptr; ++segment) {
      base_.FreeMem(segments_[segment], SegmentBuckets(segment) * sizeof(Bucket));
    }
  }

  PoolRef base_;
  std::uint64_t count_ = 0;
  std::uint64_t buckets_ = 0;  ///< in use
  std::uint64_t mask_ = 0;     ///< a power of two less one, at least buckets_ - 1
  Bucket* segments_[kSegments] = {};
};

}  // namespace tandem::pools
