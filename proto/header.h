// SPDX-License-Identifier: Apache-2.0
//
// The message header: 64 bytes, little-endian, the same in every stream, in every log and on every
// wire. docs/wire.md has the table and its history; tests/proto/header_test.cc has golden bytes.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace tandem::proto {

static_assert(std::endian::native == std::endian::little,
              "formats are little-endian, read in place");

/// Fixed-length ASCII, padded on the right with blanks; what is longer is cut: check first.
template <std::size_t kSize>
struct FixedText {
  std::array<char, kSize> bytes = Blank();

  constexpr FixedText() = default;
  explicit constexpr FixedText(std::string_view text) {
    for (std::size_t i = 0; i < text.size() && i < kSize; ++i) bytes[i] = text[i];
  }
  [[nodiscard]] constexpr std::string_view view() const {
    std::size_t size = kSize;
    while (size > 0 && bytes[size - 1] == ' ') --size;
    return {bytes.data(), size};
  }
  [[nodiscard]] std::string str() const { return std::string(view()); }
  [[nodiscard]] constexpr bool empty() const { return view().empty(); }
  auto operator<=>(const FixedText&) const = default;
  /// In words: calling memcmp would cost more than all that is done with it.
  friend bool operator==(const FixedText& a, const FixedText& b) {
    std::uint64_t differs = 0;
    std::size_t at = 0;
    for (; at + sizeof differs <= kSize; at += sizeof differs) {
      differs |= a.template Word<8>(at) ^ b.template Word<8>(at);
    }
    return (differs | (a.template Word<kSize % 8>(at) ^ b.template Word<kSize % 8>(at))) == 0;
  }

 private:
  template <std::size_t kBytes>
  [[nodiscard]] std::uint64_t Word(std::size_t at) const {
    std::uint64_t word = 0;
    if constexpr (kBytes > 0) std::memcpy(&word, bytes.data() + at, kBytes);
    return word;
  }
  static constexpr std::array<char, kSize> Blank() {
    std::array<char, kSize> blank{};
    blank.fill(' ');
    return blank;
  }
};

using Session = FixedText<10>;  ///< names a stream: up to 10 letters, digits, '-' or '_'
using User = FixedText<8>;      ///< names a client; blank is the sequencer (input) or all (output)

constexpr std::size_t kSessionSizeMax = 10;
constexpr std::size_t kUserSizeMax = 6;  ///< what a SoupBinTCP login carries

/// True for 1 to `size_max` characters out of letters, digits, '-' and '_'.
[[nodiscard]] bool IsName(std::string_view text, std::size_t size_max);

enum HeaderFlags : std::uint8_t {
  kLast = 1,  ///< the last output of its input; always set on input messages
};

constexpr std::uint8_t kHeaderVersion = 1;

struct Header {
  std::uint64_t digest =
      0;  ///< running digest: this message and the digest before it; see digest.h
  Session session;
  std::uint16_t type = 0;  ///< the option (tandem.pb.type) of the payload's Protobuf message
  std::uint16_t payload_size = 0;  ///< bytes after the header
  std::uint8_t flags = 0;          ///< HeaderFlags
  std::uint8_t version = kHeaderVersion;
  std::uint64_t number = 0;  ///< place in the stream, from 1; 0 in what is not sequenced
  std::int64_t time_ns = 0;  ///< sequenced time, ns since 1970 UTC; an output has its input's time
  std::uint64_t origin =
      0;                    ///< input: the client's own number; output: number of the causing input
  User user;                ///< input: who sent it; output: whom it is for; blank: see User
  std::uint32_t index = 0;  ///< place among the outputs of one input, from 0
  std::uint32_t epoch = 0;  ///< which life of the sequencer gave the number; see docs/wire.md

  [[nodiscard]] bool last() const { return (flags & kLast) != 0; }
};

static_assert(sizeof(Header) == 64 && std::is_trivially_copyable_v<Header>);
static_assert(std::has_unique_object_representations_v<Header>, "no padding may reach a digest");
static_assert(offsetof(Header, digest) == 0 && offsetof(Header, session) == 8);
static_assert(offsetof(Header, type) == 18 && offsetof(Header, payload_size) == 20);
static_assert(offsetof(Header, flags) == 22 && offsetof(Header, version) == 23);
static_assert(offsetof(Header, number) == 24 && offsetof(Header, time_ns) == 32);
static_assert(offsetof(Header, origin) == 40 && offsetof(Header, user) == 48);
static_assert(offsetof(Header, index) == 56 && offsetof(Header, epoch) == 60);

/// Default limit of header and payload together: a MoldUDP64 packet carries one such message.
constexpr std::size_t kMessageSizeMaxDefault = 1200;
/// What no configuration exceeds: a SoupBinTCP packet's length field is 16 bits wide.
constexpr std::size_t kMessageSizeMax = 65000;

/// Types below this one belong to Tandem: see tandem/control.proto.
constexpr std::uint16_t kFirstApplicationType = 100;

}  // namespace tandem::proto
