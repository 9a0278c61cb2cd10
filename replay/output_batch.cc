// SPDX-License-Identifier: Apache-2.0
#include "replay/output_batch.h"

#include <cstring>

#include "pools/ensure.h"
#include "pools/scratch_memory.h"

namespace tandem::replay {

using proto::Header;

OutputBatch::OutputBatch(std::size_t message_size_max, std::size_t capacity)
    : message_size_max_(message_size_max),
      capacity_(capacity),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity)),
      ends_(std::make_unique_for_overwrite<std::uint32_t[]>(capacity / sizeof(Header))) {
  ENSURE(capacity <= UINT32_MAX, "a batch of %zu bytes; offsets in it are 32 bits wide", capacity);
}

void OutputBatch::Clear() { count_ = 0; }

std::byte* OutputBatch::Append(std::uint16_t type, proto::User user, std::size_t payload_size) {
  const std::size_t size = sizeof(Header) + payload_size;
  ENSURE(size <= message_size_max_, "an output of type %u has %zu bytes; the limit is %zu", type,
         size, message_size_max_);
  const std::size_t begin = count_ == 0 ? 0 : ends_[count_ - 1];
  if (begin + size > capacity_) [[unlikely]] {
    pools::EndScratchFull("the outputs of one input", capacity_,
                          "an application that says so much at once has lost its way; mend it");
  }
  // Only what Seal cannot know; it writes the rest.
  std::byte* const at = buffer_.get() + begin;
  const std::uint32_t type_and_size = type | static_cast<std::uint32_t>(payload_size) << 16;
  static_assert(offsetof(Header, payload_size) == offsetof(Header, type) + 2);
  std::memcpy(at + offsetof(Header, type), &type_and_size, sizeof type_and_size);
  std::memcpy(at + offsetof(Header, user), &user, sizeof user);
  ends_[count_++] = static_cast<std::uint32_t>(begin + size);
  return at + sizeof(Header);
}

proto::StreamPosition OutputBatch::Seal(const Header& cause, const proto::Session& session,
                                        proto::StreamPosition after) {
  // Fields go to their places one by one, and digests come after all headers: a wide load of what
  // was stored a moment ago in narrow pieces would wait for it.
  constexpr std::uint8_t kVersion = proto::kHeaderVersion;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    std::byte* const at = buffer_.get() + begin;
    const std::uint8_t flags = i + 1 == count_ ? proto::kLast : 0;
    const std::uint64_t number = after.number + 1 + i;
    const auto index = static_cast<std::uint32_t>(i);
    std::memcpy(at + offsetof(Header, session), &session, sizeof session);
    std::memcpy(at + offsetof(Header, flags), &flags, sizeof flags);
    std::memcpy(at + offsetof(Header, version), &kVersion, sizeof kVersion);
    std::memcpy(at + offsetof(Header, number), &number, sizeof number);
    std::memcpy(at + offsetof(Header, time_ns), &cause.time_ns, sizeof cause.time_ns);
    std::memcpy(at + offsetof(Header, origin), &cause.number, sizeof cause.number);
    std::memcpy(at + offsetof(Header, index), &index, sizeof index);
    std::memcpy(at + offsetof(Header, epoch), &cause.epoch, sizeof cause.epoch);
    begin = ends_[i];
  }
  begin = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    std::byte* const at = buffer_.get() + begin;
    after.digest = proto::Digest(after.digest, {at, ends_[i] - begin});
    std::memcpy(at + offsetof(Header, digest), &after.digest, sizeof after.digest);
    begin = ends_[i];
  }
  after.number += count_;
  return after;
}

std::span<const std::byte> OutputBatch::message(std::size_t index) const {
  ENSURE(index < count_, "output %zu of %zu", index, count_);
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return {buffer_.get() + begin, ends_[index] - begin};
}

}  // namespace tandem::replay
