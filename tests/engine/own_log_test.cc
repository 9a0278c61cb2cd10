// SPDX-License-Identifier: Apache-2.0
//
// An engine's own output log, cut at every place of an input with a thousand outputs: at each
// message, and in the middle of each record.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "tests/support/echo_application.h"
#include "tests/support/memory_storage.h"
#include "tests/support/test_stream.h"

namespace tandem::engine {
namespace {

using replay::LogReader;
using replay::LogWriter;
using replay::ReadOutcome;
using test::Bytes;

constexpr const char* kFolder = "a";
constexpr std::uint16_t kType = proto::kFirstApplicationType;

class LogOutputs final : public RecordedOutputs {
 public:
  explicit LogOutputs(LogReader reader) : reader_(std::move(reader)) {}
  Result<proto::MessageView> Next() override {
    if (reader_.Next() == ReadOutcome::kMessage) return reader_.message();
    return Error::Failure("the log ends too early");
  }

 private:
  LogReader reader_;
};

class OwnLogTest : public testing::Test {
 protected:
  OwnLogTest() {
    test::TestStream stream;
    inputs_ = {stream.Add(kType, "ab"), stream.Add(kType, std::string(1000, 'x')),
               stream.Add(kType, "yz")};
  }

  static LogWriter Open(test::MemoryStorage& storage) {
    replay::LogOptions options;
    options.session = proto::Session("TEST");
    options.segment_bytes = 1u << 16;
    auto log = LogWriter::Open(storage, kFolder, options);
    if (!log) ADD_FAILURE() << log.error().text;
    return std::move(*log);
  }
  /// One life of an engine, from an empty state: what it verified.
  std::uint64_t Live(test::MemoryStorage& storage) {
    LogWriter log = Open(storage);
    EXPECT_TRUE(log.Flush().ok());
    auto reader = LogReader::Open(storage, kFolder, {});
    EXPECT_TRUE(reader.ok());
    LogOutputs recorded(std::move(*reader));
    test::EchoApplication application;
    const proto::StreamPosition logged = log.position();
    Engine engine(application, proto::Session("TEST"), logged, recorded);
    for (const Bytes& input : inputs_) {
      const Status status = engine.Apply(test::View(input));
      EXPECT_TRUE(status.ok()) << status.error().text;
      for (std::size_t i = 0; i < engine.new_count(); ++i) log.Append(engine.new_output(i));
      EXPECT_TRUE(log.Flush().ok());
    }
    return logged.number;
  }
  static std::vector<Bytes> Read(test::MemoryStorage& storage) {
    std::vector<Bytes> messages;
    auto reader = LogReader::Open(storage, kFolder, {});
    while (reader->Next() == ReadOutcome::kMessage) {
      const auto bytes = reader->message().bytes;
      messages.emplace_back(bytes.begin(), bytes.end());
    }
    return messages;
  }

  std::vector<Bytes> inputs_;
};

TEST_F(OwnLogTest, CutAtAnyPlaceOfAThousandOutputsIsVerifiedAndContinued) {
  test::MemoryStorage perfect;
  EXPECT_EQ(Live(perfect), 0u);
  const std::vector<Bytes> outputs = Read(perfect);
  ASSERT_EQ(outputs.size(), 1004u);
  for (std::size_t cut = 0; cut <= outputs.size(); ++cut) {
    for (const bool torn : {false, true}) {
      if (torn && cut == outputs.size()) continue;
      test::MemoryStorage storage;
      {
        LogWriter log = Open(storage);
        for (std::size_t i = 0; i < cut; ++i) log.Append(outputs[i]);
        ASSERT_TRUE(log.Flush().ok());
        if (torn) {
          // The process dies in the middle of the write of the next one.
          log.Append(outputs[cut]);
          storage.FailFrom(1, test::MemoryStorage::Fault::kTornWrite);
          ASSERT_FALSE(log.Flush().ok());
        }
      }
      storage.StopFailing();
      ASSERT_EQ(Live(storage), cut) << (torn ? "torn" : "");
      ASSERT_EQ(Read(storage), outputs) << "cut after " << cut << (torn ? ", torn" : "");
    }
  }
}

}  // namespace
}  // namespace tandem::engine
