// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/stream_tail.h"

#include <gtest/gtest.h>

#include <random>

#include "proto/soupbintcp.h"
#include "tandem/control.pb.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using test::Bytes;

Bytes Message(std::uint64_t number, std::size_t payload_size, std::uint16_t type = 100) {
  proto::Header header;
  header.type = type;
  header.number = number;
  return test::Join(header, std::string(payload_size, static_cast<char>('a' + number % 26)));
}

/// What a stream server sends for the messages `from` to `to`, put together one by one.
std::string Framed(std::uint64_t from, std::uint64_t to, std::size_t payload_size) {
  Bytes packets;
  for (std::uint64_t number = from; number <= to; ++number) {
    AppendPacket(packets, proto::soup::PacketType::kSequenced, Message(number, payload_size));
  }
  return {reinterpret_cast<const char*>(packets.data()), packets.size()};
}

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(StreamTail, GivesWholePacketsFromAnyNumberItHolds) {
  StreamTail tail;
  EXPECT_FALSE(tail.holds(1));
  for (std::uint64_t number = 1; number <= 9; ++number) tail.Append(Message(number, 10));
  std::uint64_t next = 0;
  EXPECT_EQ(Text(tail.Packets(1, 9, 1'000'000, next)), Framed(1, 9, 10));
  EXPECT_EQ(next, 10u);
  EXPECT_EQ(Text(tail.Packets(4, 6, 1'000'000, next)), Framed(4, 6, 10)) << "published up to 6";
  EXPECT_EQ(next, 7u);
  EXPECT_EQ(Text(tail.Packets(4, 9, 2 * 77, next)), Framed(4, 5, 10)) << "a packet is 77 bytes";
  EXPECT_EQ(next, 6u);
  EXPECT_EQ(Text(tail.Packets(4, 9, 2 * 77 - 1, next)), Framed(4, 4, 10));
  EXPECT_EQ(next, 5u);
  EXPECT_EQ(Text(tail.Packets(9, 9, 0, next)), Framed(9, 9, 10)) << "one at least";
  EXPECT_EQ(next, 10u);
  EXPECT_FALSE(tail.holds(0));
  EXPECT_FALSE(tail.holds(10));
}

TEST(StreamTail, BeginsAnewWithANumberThatDoesNotFollow) {
  StreamTail tail;
  for (std::uint64_t number = 1; number <= 3; ++number) tail.Append(Message(number, 10));
  tail.Append(Message(100, 10));
  EXPECT_FALSE(tail.holds(3));
  EXPECT_FALSE(tail.holds(99));
  std::uint64_t next = 0;
  EXPECT_EQ(Text(tail.Packets(100, 100, 1'000, next)), Framed(100, 100, 10));
  EXPECT_EQ(next, 101u);
}

TEST(StreamTail, SaysAfterTheLastMessageThatTheSessionEnds) {
  StreamTail tail;
  const Bytes message = Message(1, 0, TypeOf<pb::EndOfSession>());
  tail.Append(message);
  Bytes expected;
  AppendPacket(expected, proto::soup::PacketType::kSequenced, message);
  AppendPacket(expected, proto::soup::PacketType::kEndOfSession);
  std::uint64_t next = 0;
  EXPECT_EQ(Text(tail.Packets(1, 1, 0, next)), Text(expected));
  EXPECT_EQ(next, 2u);
}

TEST(StreamTail, KeepsTheNewestMegabytesAndForgetsWhatIsOlder) {
  constexpr std::size_t kPayload = 1'000;
  constexpr std::size_t kPacket = 3 + 64 + kPayload;
  constexpr std::uint64_t kKept = StreamTail::kBytes / kPacket;
  StreamTail tail;
  std::mt19937_64 random(7);
  for (std::uint64_t number = 1; number <= 10 * kKept; ++number) {
    tail.Append(Message(number, kPayload));
    ASSERT_TRUE(tail.holds(number));
    ASSERT_EQ(tail.holds(1), (number - 1) * kPacket < 2 * StreamTail::kBytes) << number;
    if (number < kKept || number % 97 != 0) continue;
    const std::uint64_t from = number - random() % kKept;
    const std::uint64_t to = std::min(number, from + 4);
    std::uint64_t next = from;
    std::string packets;
    int pieces = 0;
    for (; next <= to; ++pieces) packets += Text(tail.Packets(next, to, 5 * kPacket, next));
    ASSERT_LE(pieces, 2);
    ASSERT_EQ(packets, Framed(from, to, kPayload));
    ASSERT_EQ(next, to + 1);
  }
}

}  // namespace
}  // namespace tandem::engine
