// SPDX-License-Identifier: Apache-2.0
//
// Liar: rewrites the output stream of an honest engine, so that from a chosen message on it is that
// of an engine that lies. What comes after the lie is honest again, but for number and digest: a
// lie that is consistent in itself.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "proto/digest.h"
#include "proto/message.h"
#include "tests/support/test_stream.h"

namespace tandem::test {

enum class Lie {
  kNone,
  kFieldFlipped,      ///< one bit of the payload, or of the time if there is no payload
  kHeaderFlipped,     ///< one bit of the time, with a correct digest
  kOmitted,           ///< the message is left out
  kSwapped,           ///< it and the next output of the same input change places
  kExtra,             ///< it is said twice
  kPayloadOldDigest,  ///< a new payload, and the digest as it was: only a log's CRC would be right
  kTimeOldDigest,     ///< a new time, and the digest as it was
};

constexpr Lie kLies[] = {Lie::kFieldFlipped, Lie::kHeaderFlipped, Lie::kOmitted,
                         Lie::kSwapped,      Lie::kExtra,         Lie::kPayloadOldDigest,
                         Lie::kTimeOldDigest};

[[nodiscard]] inline const char* NameOf(Lie lie) {
  constexpr const char* kNames[] = {"None",    "FieldFlipped", "HeaderFlipped",    "Omitted",
                                    "Swapped", "Extra",        "PayloadOldDigest", "TimeOldDigest"};
  return kNames[static_cast<std::size_t>(lie)];
}

class Liar {
 public:
  Liar(Lie lie, std::uint64_t at) : lie_(lie), at_(at) {}

  /// The next honest message; what the liar says for it.
  std::vector<Bytes> Hear(std::span<const std::byte> honest) {
    const std::uint64_t number = View(honest).header.number;
    heard_ = number;
    said_.clear();
    const Bytes copy(honest.begin(), honest.end());
    if (kept_) {
      // The second of two that are to be swapped: places stay, contents change.
      Say(WithPlaceOf(copy, *kept_));
      Say(WithPlaceOf(*kept_, copy));
      kept_.reset();
    } else if (number != at_ || lie_ == Lie::kNone) {
      Say(copy);
    } else {
      Tell(copy);
    }
    return said_;
  }

  /// Where the liar's own stream stands.
  [[nodiscard]] proto::StreamPosition position() const { return position_; }
  [[nodiscard]] std::uint64_t heard() const { return heard_; }
  /// The first number at which a stream with this lie differs from the honest one.
  [[nodiscard]] std::uint64_t first_difference() const {
    return lie_ == Lie::kExtra ? at_ + 1 : at_;
  }
  /// A swap needs another output of the same input.
  [[nodiscard]] static bool Applies(Lie lie, std::uint64_t at, const std::vector<Bytes>& honest) {
    return lie != Lie::kSwapped || !View(honest.at(at - 1)).header.last();
  }

 private:
  void Tell(Bytes message) {
    switch (lie_) {
      case Lie::kNone:
        break;
      case Lie::kFieldFlipped:
        if (message.size() > sizeof(proto::Header)) {
          message.back() ^= std::byte{1};
          return Say(message);
        }
        [[fallthrough]];
      case Lie::kHeaderFlipped:
        message[offsetof(proto::Header, time_ns)] ^= std::byte{1};
        return Say(message);
      case Lie::kOmitted:
        return;
      case Lie::kSwapped:
        kept_ = std::move(message);
        return;
      case Lie::kExtra: {
        Say(message);
        proto::Header header = View(message).header;
        ++header.index;
        std::memcpy(message.data(), &header, sizeof header);
        return Say(message);
      }
      case Lie::kPayloadOldDigest:
        if (message.size() > sizeof(proto::Header)) {
          message.back() ^= std::byte{1};
          return SayAsItIs(message);
        }
        [[fallthrough]];
      case Lie::kTimeOldDigest:
        message[offsetof(proto::Header, time_ns)] ^= std::byte{1};
        return SayAsItIs(message);
    }
  }
  /// With the number and the digest that follow from what was said.
  void Say(Bytes message) {
    proto::Header header = View(message).header;
    header.number = position_.number + 1;
    std::memcpy(message.data(), &header, sizeof header);
    header.digest = proto::Digest(position_.digest, message);
    std::memcpy(message.data(), &header, sizeof header);
    SayAsItIs(std::move(message));
  }
  void SayAsItIs(Bytes message) {
    position_ = {.number = View(message).header.number, .digest = View(message).header.digest};
    said_.push_back(std::move(message));
  }
  static Bytes WithPlaceOf(Bytes message, const Bytes& place) {
    proto::Header header = View(message).header;
    header.index = View(place).header.index;
    header.flags = View(place).header.flags;
    std::memcpy(message.data(), &header, sizeof header);
    return message;
  }

  Lie lie_;
  std::uint64_t at_;
  std::uint64_t heard_ = 0;
  proto::StreamPosition position_;
  std::optional<Bytes> kept_;
  std::vector<Bytes> said_;
};

/// All that the liar says.
[[nodiscard]] inline std::vector<Bytes> TellLie(Lie lie, std::uint64_t at,
                                                const std::vector<Bytes>& honest) {
  Liar liar(lie, at);
  std::vector<Bytes> said;
  for (const Bytes& message : honest) {
    for (Bytes& one : liar.Hear(message)) said.push_back(std::move(one));
  }
  return said;
}

}  // namespace tandem::test
