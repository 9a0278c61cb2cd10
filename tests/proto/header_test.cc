// SPDX-License-Identifier: Apache-2.0
//
// The header and the running digest, pinned by golden bytes and values. The digests were computed
// by an independent implementation of XXH3-64. If one of these tests fails, old logs and other
// programs cannot be read any more: docs/wire.md says what must happen then.
#include "proto/header.h"

#include <gtest/gtest.h>

#include <cstring>

#include "proto/digest.h"
#include "proto/message.h"

namespace tandem::proto {
namespace {

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

std::vector<std::byte> Join(const Header& header, std::string_view payload) {
  std::vector<std::byte> bytes(sizeof header + payload.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
  return bytes;
}

Header GoldenHeader() {
  Header header;
  header.digest = 0x1122334455667788;
  header.session = Session("SESSION-1");
  header.type = 0x0102;
  header.payload_size = 4;
  header.flags = kLast;
  header.number = 0x0203040506070809;
  header.time_ns = 0x0a0b0c0d0e0f1011;
  header.origin = 0x1213141516171819;
  header.user = User("USER_1");
  header.index = 0x1a1b1c1d;
  header.epoch = 0x1e1f2021;
  return header;
}

TEST(Header, HasTheseBytes) {
  EXPECT_EQ(Hex(Join(GoldenHeader(), std::string_view("\xde\xad\xbe\xef", 4))),
            "8877665544332211"      // digest
            "53455353494f4e2d3120"  // session, blanks behind it
            "0201"                  // type
            "0400"                  // payload_size
            "01"                    // flags
            "01"                    // version
            "0908070605040302"      // number
            "11100f0e0d0c0b0a"      // time_ns
            "1918171615141312"      // origin
            "555345525f312020"      // user, blanks behind it
            "1d1c1b1a"              // index
            "21201f1e"              // epoch
            "deadbeef");            // payload
}

TEST(Header, OfNothingHasTheseBytes) {
  EXPECT_EQ(Hex(Join(Header{}, "")),
            "0000000000000000"
            "20202020202020202020"
            "0000"
            "0000"
            "00"
            "01"
            "0000000000000000"
            "0000000000000000"
            "0000000000000000"
            "2020202020202020"
            "00000000"
            "00000000");
}

TEST(Header, HoldsNegativeTimesInTwosComplement) {
  Header header;
  header.time_ns = -2;
  EXPECT_EQ(Hex(Join(header, "")).substr(2 * offsetof(Header, time_ns), 16), "feffffffffffffff");
}

TEST(Message, IsParsedFromExactlyItsBytes) {
  const auto bytes = Join(GoldenHeader(), "abcd");
  const auto message = ParseMessage(bytes);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(std::memcmp(&message->header, bytes.data(), sizeof(Header)), 0);
  EXPECT_EQ(message->payload_text(), "abcd");
  EXPECT_EQ(message->payload().size(), 4u);
  EXPECT_TRUE(message->header.last());
}

TEST(Message, IsNoPrefixAndNothingLonger) {
  auto bytes = Join(GoldenHeader(), "abcd");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(ParseMessage(std::span(bytes).first(size)).has_value()) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(ParseMessage(bytes).has_value());
}

TEST(Message, IsOfNoOtherHeaderVersion) {
  for (const std::uint8_t version : {0, 2, 255}) {
    Header header = GoldenHeader();
    header.version = version;
    EXPECT_FALSE(ParseMessage(Join(header, "abcd")).has_value()) << int{version};
  }
}

TEST(Message, MayBeAnywhereInMemory) {
  const auto bytes = Join(GoldenHeader(), "abcd");
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    const auto message = ParseMessage(std::span(shifted).subspan(shift));
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->header.epoch, 0x1e1f2021u);
  }
}

TEST(Digest, HasTheseValuesAlongAStream) {
  struct Golden {
    std::uint16_t type;
    std::string payload;
    std::uint64_t digest;
  };
  const Golden golden[] = {{1, "", 0xf595dc6c29208308},
                           {100, "0123456789", 0x0d404885c9a00157},
                           {200, std::string(80, 'x'), 0x8a7f757606bc8491}};
  StreamPosition position;
  EXPECT_EQ(position.digest, 0x54414e44454d0001u);
  for (const Golden& message : golden) {
    Header header;
    header.session = Session("GOLD");
    header.type = message.type;
    header.payload_size = static_cast<std::uint16_t>(message.payload.size());
    header.flags = kLast;
    header.number = ++position.number;
    header.time_ns = 1'700'000'000'000'000'000 + static_cast<std::int64_t>(position.number);
    header.origin = message.type < kFirstApplicationType ? 0 : position.number;
    header.user = User(message.type < kFirstApplicationType ? "" : "U1");
    header.epoch = 1;
    position.digest = Digest(position.digest, Join(header, message.payload));
    EXPECT_EQ(position.digest, message.digest) << "message " << position.number;
  }
}

TEST(Digest, CoversEveryBitButThoseOfDigestAndSession) {
  const auto bytes = Join(GoldenHeader(), "abcd");
  const std::uint64_t digest = Digest(kDigestStart, bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(Digest(kDigestStart, flipped) == digest, bit / 8 < kDigestedFrom) << "bit " << bit;
  }
}

TEST(Digest, DependsOnTheDigestBefore) {
  const auto bytes = Join(GoldenHeader(), "abcd");
  EXPECT_NE(Digest(1, bytes), Digest(2, bytes));
}

TEST(FixedText, IsPaddedWithBlanksAndComparedAsText) {
  EXPECT_EQ(User("U1").view(), "U1");
  EXPECT_EQ(User("").view(), "");
  EXPECT_TRUE(User().empty());
  EXPECT_EQ(User("12345678").view(), "12345678");
  EXPECT_EQ(User("123456789").view(), "12345678");
  EXPECT_LT(User("A"), User("B"));
  EXPECT_LT(User("A"), User("A0"));
  EXPECT_EQ(User("A "), User("A"));
}

TEST(FixedText, NamesAreLettersDigitsMinusAndUnderscore) {
  for (const char* name : {"a", "Z9", "a-b_c", "0123456789"}) EXPECT_TRUE(IsName(name, 10)) << name;
  for (const char* name : {"", " ", "a b", "a.b", "a/b", "\xc3\xa4", "01234567890"}) {
    EXPECT_FALSE(IsName(name, 10)) << name;
  }
  EXPECT_FALSE(IsName(std::string_view("a\0b", 3), 10));
}

}  // namespace
}  // namespace tandem::proto
