// SPDX-License-Identifier: Apache-2.0
#include "proto/soupbintcp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tandem::proto::soup {
namespace {

using Bytes = std::vector<std::byte>;

Bytes ToBytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string ToText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Packed(PacketType type, std::string_view payload = {}) {
  Bytes bytes;
  AppendPacket(bytes, type, payload);
  return ToText(bytes);
}

/// What a receiver makes of `bytes`: "type:payload" for each packet, then what is left over.
std::vector<std::string> Receive(std::span<const std::byte> bytes) {
  std::vector<std::string> seen;
  for (;;) {
    const auto framed = NextPacket(bytes);
    if (!framed) return seen.push_back("not SoupBinTCP"), seen;
    if (!framed->packet) break;
    seen.push_back(std::string(1, static_cast<char>(framed->packet->type)) + ":" +
                   ToText(framed->packet->payload));
    bytes = bytes.subspan(framed->size);
  }
  if (!bytes.empty()) seen.push_back(std::to_string(bytes.size()) + " bytes wait");
  return seen;
}

using Seen = std::vector<std::string>;

TEST(SoupPacket, HasTheseBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(Packed(PacketType::kServerHeartbeat), "\x00\x01H"s);
  EXPECT_EQ(Packed(PacketType::kClientHeartbeat), "\x00\x01R"s);
  EXPECT_EQ(Packed(PacketType::kLogout), "\x00\x01O"s);
  EXPECT_EQ(Packed(PacketType::kEndOfSession), "\x00\x01Z"s);
  EXPECT_EQ(Packed(PacketType::kLoginRejected, "S"), "\x00\x02JS"s);
  EXPECT_EQ(Packed(PacketType::kDebug, "hi"), "\x00\x03+hi"s);
  EXPECT_EQ(Packed(PacketType::kSequenced, std::string(256, 'x')),
            "\x01\x01S"s + std::string(256, 'x'));
  EXPECT_EQ(Packed(PacketType::kUnsequenced, "ab"), "\x00\x03Uab"s);
}

TEST(SoupPacket, OfALoginHasTheseBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(Packed(PacketType::kLoginRequest,
                   Encode(LoginRequest{
                       .user = "U1", .password = "secret", .session = "DAY1", .number = 42})),
            "\x00\x2fLU1    secret          DAY1                  42"s);
  EXPECT_EQ(
      Packed(PacketType::kLoginAccepted, Encode(LoginAccepted{.session = "DAY1", .number = 42})),
      "\x00\x1f"
      "A      DAY1                  42"s);
}

TEST(SoupPacket, NeedsEveryByte) {
  const Bytes bytes = ToBytes(Packed(PacketType::kSequenced, "payload"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto framed = NextPacket(std::span(bytes).first(size));
    ASSERT_TRUE(framed.has_value()) << size;
    EXPECT_FALSE(framed->packet.has_value()) << size;
    EXPECT_EQ(framed->size, 0u) << size;
  }
  EXPECT_EQ(Receive(bytes), Seen{"S:payload"});
}

TEST(SoupPacket, IsFoundInAnyPiecesOfAStream) {
  Bytes stream;
  AppendPacket(stream, PacketType::kSequenced, "one");
  AppendPacket(stream, PacketType::kServerHeartbeat);
  AppendPacket(stream, PacketType::kUnsequenced, std::string_view(""));
  AppendPacket(stream, PacketType::kSequenced, "four");
  const Seen all = {"S:one", "H:", "U:", "S:four"};
  EXPECT_EQ(Receive(stream), all);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Seen seen;
    Bytes received;
    for (const auto piece : {std::span(stream).first(cut), std::span(stream).subspan(cut)}) {
      received.insert(received.end(), piece.begin(), piece.end());
      while (const auto framed = NextPacket(received)) {
        if (!framed->packet) break;
        seen.push_back(std::string(1, static_cast<char>(framed->packet->type)) + ":" +
                       ToText(framed->packet->payload));
        received.erase(received.begin(),
                       received.begin() + static_cast<std::ptrdiff_t>(framed->size));
      }
    }
    EXPECT_EQ(seen, all) << "cut at " << cut;
    EXPECT_TRUE(received.empty()) << "cut at " << cut;
  }
}

TEST(SoupPacket, CarriesAsMuchAsItsLengthCanSay) {
  const std::string most(kPayloadSizeMax, 'x');
  const std::string packed = Packed(PacketType::kSequenced, most);
  EXPECT_EQ(packed.substr(0, 3), "\xff\xffS");
  EXPECT_EQ(Receive(ToBytes(packed)), Seen{"S:" + most});
}

TEST(SoupPacketDeathTest, CarriesNoMore) {
  Bytes bytes;
  EXPECT_DEATH(AppendPacket(bytes, PacketType::kSequenced, std::string(kPayloadSizeMax + 1, 'x')),
               "a packet of 65535 bytes");
}

TEST(SoupPacket, OfLengthZeroIsNotSoupBinTcp) {
  using namespace std::string_literals;
  EXPECT_EQ(Receive(ToBytes("\0"s)), Seen{"1 bytes wait"});
  EXPECT_EQ(Receive(ToBytes("\0\0"s)), Seen{"not SoupBinTCP"});
  EXPECT_EQ(Receive(ToBytes("\0\0S"s)), Seen{"not SoupBinTCP"});
  EXPECT_EQ(Receive(ToBytes("\0\1H\0\0"s)), (Seen{"H:", "not SoupBinTCP"}));
}

TEST(SoupPacket, OfAnUnknownTypeIsHandedOn) {
  using namespace std::string_literals;
  EXPECT_EQ(Receive(ToBytes("\0\2?x"s)), Seen{"?:x"});
}

TEST(SoupPacket, MadeOfGarbageIsNeverLongerThanWhatCame) {
  constexpr unsigned kSeed = 20260401;
  std::printf("seed %u\n", kSeed);
  std::mt19937 random(kSeed);
  for (int run = 0; run < 20'000; ++run) {
    Bytes garbage(random() % 64);
    for (std::byte& byte : garbage)
      byte = std::byte(random() % 8 == 0 ? random() % 256 : random() % 6);
    std::span<const std::byte> left = garbage;
    while (const auto framed = NextPacket(left)) {
      if (!framed->packet) break;
      ASSERT_GE(framed->size, kPrefixSize);
      ASSERT_LE(framed->size, left.size());
      ASSERT_EQ(framed->packet->payload.size(), framed->size - kPrefixSize);
      left = left.subspan(framed->size);
    }
    (void)ParseLoginRequest(garbage);
    (void)ParseLoginAccepted(garbage);
  }
}

std::optional<LoginRequest> Parse(std::string_view payload) {
  return ParseLoginRequest(std::as_bytes(std::span(payload)));
}

TEST(SoupLogin, ComesBackAsItWasSent) {
  const LoginRequest logins[] = {
      {.user = "", .password = "", .session = "", .number = 0},
      {.user = "U1", .password = "pw", .session = "DAY1", .number = 1},
      {.user = "123456",
       .password = "1234567890",
       .session = "0123456789",
       .number = std::numeric_limits<std::uint64_t>::max()},
  };
  for (const LoginRequest& login : logins) {
    const auto parsed = Parse(Encode(login));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->user, login.user);
    EXPECT_EQ(parsed->password, login.password);
    EXPECT_EQ(parsed->session, login.session);
    EXPECT_EQ(parsed->number, login.number);
  }
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const std::string encoded = Encode(LoginAccepted{.session = "DAY1", .number = number});
    const auto parsed = ParseLoginAccepted(std::as_bytes(std::span(encoded)));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->session, "DAY1");
    EXPECT_EQ(parsed->number, number);
  }
}

TEST(SoupLogin, TakesFieldsPaddedOnEitherSide) {
  const auto parsed = Parse("    U1        pwDAY1      42                  ");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->user, "U1");
  EXPECT_EQ(parsed->password, "pw");
  EXPECT_EQ(parsed->session, "DAY1");
  EXPECT_EQ(parsed->number, 42u);
}

TEST(SoupLogin, TakesABlankNumberForZero) {
  const auto parsed = Parse("U1    pw              DAY1                    ");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->number, 0u);
}

TEST(SoupLogin, RefusesWhatIsNoNumber) {
  for (const char* number : {"                  x1", "                  1x", "                 1 2",
                             "                  -1", "                  +1", "                 0x1",
                             "18446744073709551616", "99999999999999999999"}) {
    EXPECT_FALSE(Parse("U1    pw              DAY1" + std::string(number)).has_value()) << number;
    const std::string accepted = "      DAY1" + std::string(number);
    EXPECT_FALSE(ParseLoginAccepted(std::as_bytes(std::span(accepted))).has_value()) << number;
  }
}

TEST(SoupLogin, RefusesEveryOtherSize) {
  const std::string request = Encode(LoginRequest{.user = "U1", .password = "", .session = ""});
  const std::string accepted = Encode(LoginAccepted{.session = "DAY1", .number = 1});
  ASSERT_EQ(request.size(), 46u);
  ASSERT_EQ(accepted.size(), 30u);
  for (std::size_t size = 0; size <= 60; ++size) {
    const std::string text = (request + std::string(20, ' ')).substr(0, size);
    EXPECT_EQ(Parse(text).has_value(), size == 46) << size;
    const std::string other = (accepted + std::string(40, ' ')).substr(0, size);
    EXPECT_EQ(ParseLoginAccepted(std::as_bytes(std::span(other))).has_value(), size == 30) << size;
  }
}

TEST(SoupLoginDeathTest, CutsNoField) {
  EXPECT_DEATH((void)Encode(LoginRequest{.user = "1234567", .password = "", .session = ""}),
               "a field of 7 characters where 6 fit");
  EXPECT_DEATH((void)Encode(LoginAccepted{.session = "01234567890"}),
               "a field of 11 characters where 10 fit");
}

}  // namespace
}  // namespace tandem::proto::soup
