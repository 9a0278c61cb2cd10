// SPDX-License-Identifier: Apache-2.0
#include "tests/support/log_fixture.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "pools/ensure.h"
#include "replay/log_segment.h"
#include "replay/log_verify.h"

namespace tandem::test {

using replay::LogReader;
using replay::LogWriter;
using replay::ReadOutcome;

std::vector<std::byte> MessageOf(std::uint64_t number, std::uint64_t variant) {
  static std::map<std::uint64_t, std::vector<std::vector<std::byte>>> streams;
  std::vector<std::vector<std::byte>>& stream = streams[variant];
  while (stream.size() < number) {
    const std::uint64_t next = stream.size() + 1;
    std::string payload = "message " + std::to_string(next);
    if (variant != 0) payload += " of " + std::to_string(variant);
    payload.append(next * 7 % 23, static_cast<char>('a' + next % 26));
    proto::Header header;
    header.session = proto::Session("TEST");
    header.type = static_cast<std::uint16_t>(100 + next % 3);
    header.payload_size = static_cast<std::uint16_t>(payload.size());
    header.flags = proto::kLast;
    header.number = next;
    header.time_ns = static_cast<std::int64_t>(1'000'000'000 * next);
    header.origin = next;
    header.user = proto::User("alice");
    header.epoch = 1;
    std::vector<std::byte> bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    std::uint64_t before = proto::kDigestStart;
    if (!stream.empty()) std::memcpy(&before, stream.back().data(), sizeof before);
    const std::uint64_t digest = proto::Digest(before, bytes);
    std::memcpy(bytes.data(), &digest, sizeof digest);
    stream.push_back(std::move(bytes));
  }
  return stream[number - 1];
}

std::string LineOf(const proto::MessageView& message) {
  return std::to_string(message.header.number) + " " + std::to_string(message.header.digest) + " " +
         std::string(message.payload_text());
}

std::vector<std::string> Messages(std::uint64_t first, std::uint64_t last, const std::string& end) {
  std::vector<std::string> lines;
  for (std::uint64_t number = first; number <= last; ++number) {
    const std::vector<std::byte> bytes = MessageOf(number);
    lines.push_back(LineOf(*proto::ParseMessage(bytes)));
  }
  if (!end.empty()) lines.push_back(end);
  return lines;
}

std::vector<std::string> ReadAll(LogReader& reader) {
  std::vector<std::string> lines;
  for (;;) {
    switch (reader.Next()) {
      case ReadOutcome::kMessage:
        lines.push_back(LineOf(reader.message()));
        break;
      case ReadOutcome::kEnd:
        lines.emplace_back("end");
        return lines;
      case ReadOutcome::kDamaged:
        lines.push_back("damaged: " + reader.error().text);
        return lines;
    }
  }
}

TestLog::TestLog(std::uint64_t segment_bytes) {
  options.session = proto::Session("TEST");
  options.role = replay::kInputRole;
  options.schema = "a schema";
  options.segment_bytes = segment_bytes;
  options.check_digest = true;
}

Status TestLog::TryReopen() {
  writer.reset();
  Result<LogWriter> opened = LogWriter::Open(storage, folder, options);
  if (!opened) return opened.error();
  writer = std::move(*opened);
  return {};
}

void TestLog::Reopen() {
  const Status status = TryReopen();
  ENSURE(status.ok(), "%s", status.error().text.c_str());
}

void TestLog::Write(std::uint64_t count) {
  if (!writer) Reopen();
  for (std::uint64_t i = 0; i < count; ++i) {
    writer->Append(MessageOf(writer->position().number + 1));
  }
  const Status status = writer->Flush();
  ENSURE(status.ok(), "%s", status.error().text.c_str());
}

void TestLog::Sync() {
  const Status status = writer->Sync();
  ENSURE(status.ok(), "%s", status.error().text.c_str());
}

void TestLog::Close() {
  const Status status = writer->Close();
  ENSURE(status.ok(), "%s", status.error().text.c_str());
  writer.reset();
}

void TestLog::Crash() {
  writer.reset();
  storage.CrashProcesses();
}

void TestLog::CrashHost(std::mt19937_64* random) {
  writer.reset();
  storage.CrashHost(random);
}

std::vector<std::string> TestLog::Read(std::uint64_t from) {
  Result<LogReader> reader = LogReader::Open(storage, folder, {.from_number = from});
  if (!reader) return {"refused: " + reader.error().text};
  return ReadAll(*reader);
}

std::string TestLog::Verify() {
  const Result<replay::LogReport> report = replay::VerifyLog(storage, folder);
  if (!report) return report.error().text;
  if (report->problems.empty()) return "whole";
  std::string text;
  for (const std::string& problem : report->problems) text += problem + "\n";
  return text;
}

std::string TestLog::Path(std::uint64_t segment) const {
  return replay::SegmentPath(folder, segment);
}

void TestLog::ShrinkSize(std::uint64_t segment, std::uint64_t by) {
  std::vector<std::byte>& bytes = storage.Bytes(Path(segment));
  bytes.resize(bytes.size() - by);
}

void TestLog::SetByte(std::uint64_t segment, std::uint64_t offset, std::uint8_t value) {
  storage.Bytes(Path(segment)).at(offset) = std::byte{value};
}

void TestLog::FlipByte(std::uint64_t segment, std::uint64_t offset) {
  storage.Bytes(Path(segment)).at(offset) ^= std::byte{0x5a};
}

std::uint64_t TestLog::OffsetOf(std::uint64_t segment, std::uint64_t index) {
  const std::vector<std::byte>& bytes = storage.Bytes(Path(segment));
  std::uint64_t offset = sizeof(replay::SegmentHeader);
  for (; index > 0; --index) {
    std::uint32_t size_and_kind = 0;
    std::memcpy(&size_and_kind, bytes.data() + offset + 4, sizeof size_and_kind);
    offset += replay::RecordBytes(replay::BodySize(size_and_kind));
  }
  return offset;
}

void TestLog::FixChecksum(std::uint64_t segment, std::uint64_t offset) {
  std::vector<std::byte>& bytes = storage.Bytes(Path(segment));
  replay::SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::uint32_t size_and_kind = 0;
  std::memcpy(&size_and_kind, bytes.data() + offset + 4, sizeof size_and_kind);
  const std::size_t size = replay::RecordBytes(replay::BodySize(size_and_kind));
  const std::uint32_t crc =
      replay::Crc32c(header.crc, std::span(bytes).subspan(offset + 4, size - 4));
  std::memcpy(bytes.data() + offset, &crc, sizeof crc);
}

void TestLog::FixHeaderChecksum(std::uint64_t segment) {
  std::vector<std::byte>& bytes = storage.Bytes(Path(segment));
  replay::SegmentHeader header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.crc = replay::CrcOf(header);
  std::memcpy(bytes.data(), &header, sizeof header);
}

}  // namespace tandem::test
