// SPDX-License-Identifier: Apache-2.0
//
// LogTools: runs `tandem` as a person does, on logs of `book` messages in a folder of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "book/book.pb.h"
#include "proto/schema.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"
#include "replay/log_writer.h"
#include "tests/support/run_program.h"

namespace tandem::test {

inline Ran Tandem(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), TANDEM_PROGRAM);
  return RunProgram(arguments);
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return lines;
}

/// A folder of the test's own, with logs of `book` messages in it.
class LogTools : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "log_tools_" + std::to_string(::getpid()) + "_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  /// How a log is made: every third message is a tick, the others open and cancel an order. From
  /// message `differs_at` on, orders have another price.
  struct Recipe {
    std::uint64_t messages = 9;
    std::uint64_t differs_at = UINT64_MAX;
    std::string session = "DAY1";
    replay::LogRole role = replay::kOutputRole;
    bool close = true;
    std::string schema = proto::SchemaOf({book::pb::NewOrder::descriptor()});
    std::uint64_t segment_bytes = 16 << 10;
  };

  replay::LogWriter Write(const std::string& name, const Recipe& recipe) {
    auto writer = replay::LogWriter::Open(storage_, Path(name),
                                          {.session = proto::Session(recipe.session),
                                           .role = recipe.role,
                                           .schema = recipe.schema,
                                           .segment_bytes = recipe.segment_bytes});
    EXPECT_TRUE(writer) << writer.error().text;
    while (writer->position().number < recipe.messages) {
      writer->Append(MessageAfter(writer->position(), recipe));
    }
    EXPECT_TRUE(writer->Flush());
    EXPECT_TRUE(!recipe.close || writer->Close().ok());
    return std::move(*writer);
  }

  static std::vector<std::byte> MessageAfter(proto::StreamPosition before, const Recipe& recipe) {
    const std::uint64_t number = before.number + 1;
    proto::Header header;
    header.session = proto::Session(recipe.session);
    header.number = number;
    header.time_ns = static_cast<std::int64_t>(1'340'285'400'000'000'000 + number);
    header.origin = (number + 2) / 3;
    header.index = static_cast<std::uint32_t>((number + 2) % 3);
    header.flags = number % 3 == 0 ? proto::kLast : 0;
    header.epoch = 1;
    std::string payload;
    if (number % 3 == 0) {
      header.type = 1;
    } else if (number % 3 == 1) {
      book::pb::NewOrder order;
      order.set_order_id(number);
      order.set_symbol("ABC");
      order.set_price(number >= recipe.differs_at ? 101 : 100);
      payload = order.SerializeAsString();
      header.type = 100;
      header.user = proto::User("alice");
    } else {
      book::pb::Cancel cancel;
      cancel.set_order_id(number - 1);
      payload = cancel.SerializeAsString();
      header.type = 101;
      header.user = proto::User("alice");
    }
    header.payload_size = static_cast<std::uint16_t>(payload.size());
    std::vector<std::byte> bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(&bytes[sizeof header], payload.data(), payload.size());
    const std::uint64_t digest = proto::Digest(before.digest, bytes);
    std::memcpy(bytes.data(), &digest, sizeof digest);
    return bytes;
  }

  /// The first half of the message after `last`, where it would stand: what a writer that was
  /// killed may leave.
  void TearTail(const std::string& log, proto::StreamPosition last) const {
    auto storage = storage_;
    const auto reader = replay::LogReader::Open(
        storage, Path(log), {.from_number = replay::ReadOptions::kEnd, .check_digest = false});
    ASSERT_TRUE(reader) << reader.error().text;
    ASSERT_EQ(reader->position().number, last.number);
    const auto message = MessageAfter(last, Recipe{});
    std::fstream stream(replay::SegmentPath(Path(log), reader->segment_id()),
                        std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(stream);
    const std::uint32_t size_and_kind =
        replay::SizeAndKind(message.size(), replay::RecordKind::kMessage);
    stream.seekp(static_cast<std::streamoff>(reader->offset() + 4));
    stream.write(reinterpret_cast<const char*>(&size_and_kind), sizeof size_and_kind);
    stream.write(reinterpret_cast<const char*>(message.data()),
                 static_cast<std::streamsize>(message.size() / 2));
  }

  void FlipByte(const std::string& file, std::int64_t offset) const {
    std::fstream stream(Path(file), std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(stream) << file;
    if (offset < 0) offset += static_cast<std::int64_t>(std::filesystem::file_size(Path(file)));
    stream.seekg(offset);
    const int byte = stream.get();
    stream.seekp(offset);
    stream.put(static_cast<char>(byte ^ 0x55));
  }

  std::string folder_;
  replay::PosixStorage storage_;
};

}  // namespace tandem::test
