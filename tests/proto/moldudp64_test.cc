// SPDX-License-Identifier: Apache-2.0
#include "proto/moldudp64.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace tandem::proto::mold {
namespace {

using namespace std::string_literals;
using Seen = std::vector<std::string>;

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string ToText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Packed(std::string_view session, std::uint64_t number, const Seen& messages) {
  Packer packer(Session(session), kPacketSizeDefault);
  for (const std::string& message : messages) EXPECT_TRUE(packer.Add(number++, AsBytes(message)));
  return ToText(packer.Finish());
}

/// What a receiver makes of a packet: "session number count", then the messages.
Seen Receive(std::string_view bytes) {
  auto packet = ParsePacket(AsBytes(bytes));
  if (!packet) return {"not MoldUDP64"};
  Seen seen = {packet->header.session.str() + " " + std::to_string(packet->header.number) + " " +
               std::to_string(packet->header.count)};
  if (!packet->header.has_messages()) return seen;
  for (std::uint16_t i = 0; i < packet->header.count; ++i) {
    seen.push_back(ToText(packet->TakeMessage()));
  }
  EXPECT_TRUE(packet->blocks.empty());
  return seen;
}

TEST(MoldPacket, HasTheseBytes) {
  EXPECT_EQ(Packed("DAY1", 258, {"one", "", "three"}),
            "DAY1      \0\0\0\0\0\0\1\2\0\3\0\3one\0\0\0\5three"s);
  EXPECT_EQ(ToText(Encode({.session = Session("0123456789"),
                           .number = 0x0102030405060708,
                           .count = kEndOfSession})),
            "0123456789\1\2\3\4\5\6\7\x8\xff\xff"s);
  EXPECT_EQ(ToText(Encode({.session = Session("S"), .number = 1, .count = kHeartbeat})),
            "S         \0\0\0\0\0\0\0\1\0\0"s);
}

TEST(MoldPacket, ComesBackAsItWasSent) {
  EXPECT_EQ(Receive(Packed("DAY1", 7, {"one", "", "three"})),
            (Seen{"DAY1 7 3", "one", "", "three"}));
  EXPECT_EQ(Receive(ToText(Encode({.session = Session("S"), .number = 9, .count = kHeartbeat}))),
            Seen{"S 9 0"});
  EXPECT_EQ(
      Receive(ToText(Encode({.session = Session("S"), .number = 10, .count = kEndOfSession}))),
      Seen{"S 10 65535"});
}

TEST(MoldPacket, CutAnywhereIsNone) {
  const std::string whole = Packed("DAY1", 7, {"one", "two", "three"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Receive(whole.substr(0, size)), Seen{"not MoldUDP64"}) << size;
  }
}

TEST(MoldPacket, WithBytesBehindItIsNone) {
  for (const std::string& packet :
       {Packed("DAY1", 7, {"one"}), ToText(Encode({.session = Session("S"), .number = 9})),
        ToText(Encode({.session = Session("S"), .number = 9, .count = kEndOfSession}))}) {
    EXPECT_NE(Receive(packet), Seen{"not MoldUDP64"});
    for (const std::string& more : {"\0"s, "\0\0"s, "\0\1x"s}) {
      EXPECT_EQ(Receive(packet + more), Seen{"not MoldUDP64"}) << more.size();
    }
  }
}

/// What each single damaged byte makes of a packet: lengths and counts that do not fit are found;
/// the rest gives another session, number or message, never more bytes than came.
TEST(MoldPacket, DamagedInAnyByteIsReadWithinItsBounds) {
  const std::string whole = Packed("DAY1", 7, {"one", "two", "three"});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    const bool is_frame = at == 18 || at == 19 || at == 20 || at == 21 || at == 25 || at == 26 ||
                          at == 30 || at == 31;
    for (int value = 0; value < 256; ++value) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(value);
      const Seen seen = Receive(damaged);
      if (damaged == whole) {
        EXPECT_EQ(seen.size(), 4u);
      } else if (is_frame) {
        EXPECT_EQ(seen, Seen{"not MoldUDP64"}) << at << " " << value;
      } else {
        ASSERT_EQ(seen.size(), 4u) << at << " " << value;
        EXPECT_EQ(seen[1].size() + seen[2].size() + seen[3].size(), 11u);
        EXPECT_NE(seen, Receive(whole));
      }
    }
  }
}

TEST(MoldPacket, WhoseNumbersDoNotFitIsNone) {
  const auto at = [](std::uint64_t number) { return Receive(Packed("S", number, {"a", "b"}))[0]; };
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(at(kMax - 2), "S 18446744073709551613 2");
  EXPECT_EQ(at(kMax - 1), "not MoldUDP64");
  EXPECT_EQ(at(kMax), "not MoldUDP64");
}

TEST(MoldPacket, MadeOfGarbageStaysWithinItsBounds) {
  constexpr unsigned kSeed = 20260402;
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  int packets = 0;
  for (int run = 0; run < 50'000; ++run) {
    std::string garbage(random() % 48, '\0');
    for (char& byte : garbage) byte = static_cast<char>(random() % 4 == 0 ? random() % 8 : 0);
    const Seen seen = Receive(garbage);
    if (seen[0] != "not MoldUDP64") ++packets;
  }
  EXPECT_GT(packets, 100);
}

TEST(MoldPacker, FillsAPacketToItsLastByte) {
  Packer packer(Session("S"), PacketSizeFor(10) + 5);
  EXPECT_TRUE(packer.Fits(15));
  EXPECT_FALSE(packer.Fits(16));
  EXPECT_TRUE(packer.Add(1, AsBytes("0123456789")));
  EXPECT_FALSE(packer.Add(2, AsBytes("0123")));
  EXPECT_TRUE(packer.Add(2, AsBytes("012")));
  EXPECT_FALSE(packer.Add(3, {}));
  EXPECT_EQ(Receive(ToText(packer.Finish())), (Seen{"S 1 2", "0123456789", "012"}));
  packer.Clear();
  EXPECT_EQ(packer.count(), 0);
  EXPECT_TRUE(packer.Add(3, AsBytes("0123456789abcde")));
  EXPECT_EQ(Receive(ToText(packer.Finish())), (Seen{"S 3 1", "0123456789abcde"}));
  packer.Clear();
  EXPECT_FALSE(packer.Add(4, AsBytes("0123456789abcdef")));
}

TEST(MoldPacker, TakesOnlyWhatFollows) {
  Packer packer(Session("S"), kPacketSizeDefault);
  EXPECT_TRUE(packer.Add(5, AsBytes("a")));
  EXPECT_FALSE(packer.Add(5, AsBytes("b")));
  EXPECT_FALSE(packer.Add(7, AsBytes("b")));
  EXPECT_TRUE(packer.Add(6, AsBytes("b")));
  EXPECT_EQ(Receive(ToText(packer.Finish())), (Seen{"S 5 2", "a", "b"}));
}

TEST(MoldPacker, NeverCountsToTheEndOfTheSession) {
  Packer packer(Session("S"), kPacketSizeMax);
  std::uint64_t number = 1;
  while (packer.Add(number, {})) ++number;
  EXPECT_EQ(packer.count(), (kPacketSizeMax - kHeaderSize) / kBlockPrefixSize);
  EXPECT_LT(packer.count(), kEndOfSession);
}

TEST(MoldPackerDeathTest, SendsNoEmptyPacket) {
  Packer packer(Session("S"), kPacketSizeDefault);
  EXPECT_DEATH((void)packer.Finish(), "an empty packet was to be sent");
  EXPECT_DEATH(Packer(Session("S"), kHeaderSize - 1), "packets of 19 bytes");
}

TEST(MoldRequest, IsAHeaderAndNothingElse) {
  const PacketHeader request{.session = Session("DAY1"), .number = 42, .count = 3};
  const std::string bytes = ToText(Encode(request));
  EXPECT_EQ(bytes, "DAY1      \0\0\0\0\0\0\0\x2a\0\3"s);
  EXPECT_EQ(ParseRequest(AsBytes(bytes)), request);
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string other = (bytes + std::string(20, '\0')).substr(0, size);
    EXPECT_EQ(ParseRequest(AsBytes(other)).has_value(), size == kHeaderSize) << size;
  }
}

}  // namespace
}  // namespace tandem::proto::mold
