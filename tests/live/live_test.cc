// SPDX-License-Identifier: Apache-2.0
#include "tests/live/live_test.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "pools/ensure.h"
#include "replay/log_reader.h"
#include "tests/support/test_stream.h"

namespace tandem::test {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::size_t Count(const std::string& in, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = in.find(text); at != std::string::npos; at = in.find(text, at + 1)) ++count;
  return count;
}

std::uint16_t FreePort() {
  const auto ports = tools::FreePorts(1);
  ENSURE(ports.ok(), "no port is free");
  return ports->front();
}

std::string At(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

std::string Program::Output() const {
  std::ifstream file(output_file_);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Program::Says(const std::string& text, std::size_t times) {
  const auto deadline = Clock::now() + RawPeer::kPatience;
  while (Count(Output(), text) < times) {
    const bool ended = !running();
    if (Count(Output(), text) >= times) break;
    if (ended || Clock::now() > deadline) {
      ADD_FAILURE() << "it " << (ended ? "ended and never said \"" : "does not say \"") << text
                    << "\" " << times << " times, but:\n"
                    << Output();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

int Program::Wait() {
  const auto code = process_.Wait(RawPeer::kPatience);
  if (code) return *code;
  ADD_FAILURE() << "it does not end; it says:\n" << Output();
  return -1;
}

int Program::Stop(int signal) {
  Signal(signal);
  return Wait();
}

std::uint16_t Program::PortAfter(const std::string& before) {
  if (!Says(before)) return 0;
  const std::string output = Output();
  return static_cast<std::uint16_t>(
      std::stoul(output.substr(output.rfind(before) + before.size())));
}

std::vector<std::string> ErrorsIn(const std::string& output) {
  std::vector<std::string> errors;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t logged = line.find(" error ");
    if (line.starts_with("tandem: ")) {
      errors.push_back(line.substr(8));
    } else if (logged != std::string::npos && logged < 20) {
      errors.push_back(line.substr(logged + 7));
    }
  }
  return errors;
}

void LiveTest::SetUp() {
  std::string pattern = testing::TempDir() + "/tandem-live-XXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  folder_ = pattern;
}

void LiveTest::TearDown() {
  if (HasFailure()) {
    std::printf("logs and outputs are in %s\n", folder_.c_str());
  } else {
    std::filesystem::remove_all(folder_);
  }
}

Program LiveTest::Start(std::vector<std::string> arguments, std::vector<std::string> through) {
  const std::string name = arguments.empty() ? "tandem" : arguments[0];
  const std::string file = Path(std::to_string(++programs_) + "-" + name + ".out");
  through.push_back(program_.empty() ? TANDEM_PROGRAM : program_);
  through.insert(through.end(), arguments.begin(), arguments.end());
  auto process = tools::Process::Start(through, file);
  EXPECT_TRUE(process.ok()) << process.error().text;
  return Program(std::move(*process), file);
}

int LiveTest::Run(std::vector<std::string> arguments, std::string* output) {
  Program program = Start(std::move(arguments));
  const int code = program.Wait();
  if (output != nullptr) *output = program.Output();
  return code;
}

void LiveTest::ExpectEnds(std::vector<std::string> arguments, int code,
                          const std::string& sentence) {
  std::string line;
  for (const std::string& argument : arguments) line += " " + argument;
  std::string output;
  EXPECT_EQ(Run(std::move(arguments), &output), code) << line << "\n" << output;
  const std::vector<std::string> errors = ErrorsIn(output);
  ASSERT_EQ(errors.size(), 1u) << line << "\n" << output;
  EXPECT_NE(errors[0].find(sentence), std::string::npos)
      << line << "\nsays:     " << errors[0] << "\nand not:  " << sentence;
}

LiveTest::Sequencer LiveTest::StartSequencer(const std::string& log, std::vector<std::string> extra,
                                             const Sequencer* earlier) {
  const std::uint16_t submissions = earlier == nullptr ? FreePort() : earlier->submissions;
  const std::uint16_t stream = earlier == nullptr ? FreePort() : earlier->stream;
  std::vector<std::string> arguments = {"sequencer",     "--log",    Path(log),
                                        "--session",     "TEST",     "--submissions",
                                        At(submissions), "--stream", At(stream)};
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  Sequencer sequencer{Start(std::move(arguments)), submissions, stream};
  // Whoever has been told can connect.
  EXPECT_EQ(sequencer.program.PortAfter(", stream on "), stream);
  return sequencer;
}

void LiveTest::WriteLog(const std::string& name, replay::LogRole role, std::uint64_t count,
                        const std::string& session, std::size_t payload_size) {
  replay::PosixStorage storage;
  replay::LogOptions options;
  options.session = proto::Session(session);
  options.role = role;
  auto log = replay::LogWriter::Open(storage, Path(name), options);
  ASSERT_TRUE(log.ok()) << log.error().text;
  TestStream stream(session);
  const std::string payload(payload_size, 'p');
  for (std::uint64_t i = 0; i < count; ++i) {
    log->Append(stream.Add(200, payload));
    if (log->buffered_bytes() < (1u << 20)) continue;
    ASSERT_TRUE(log->Flush().ok());
  }
  ASSERT_TRUE(log->Close().ok());
}

std::vector<std::string> LiveTest::ReadLog(const std::string& name) {
  replay::PosixStorage storage;
  auto log = replay::LogReader::Open(storage, Path(name), {});
  if (!log) return {log.error().text};
  std::vector<std::string> lines;
  for (;;) {
    switch (log->Next()) {
      case replay::ReadOutcome::kEnd:
        return lines;
      case replay::ReadOutcome::kDamaged:
        lines.push_back(log->error().text);
        return lines;
      case replay::ReadOutcome::kMessage:
        break;
    }
    const proto::Header& header = log->message().header;
    lines.push_back(std::to_string(header.number) + " " + std::to_string(header.type) + " " +
                    header.user.str() + " " + std::to_string(header.origin) + " " +
                    std::to_string(header.payload_size));
  }
}

void LiveTest::AwaitMessages(const std::string& name, std::size_t count) {
  replay::PosixStorage storage;
  const auto deadline = Clock::now() + RawPeer::kPatience;
  for (;;) {
    const auto position = replay::LogReader::LastPosition(storage, Path(name));
    if (position && position->number >= count) return;
    if (Clock::now() > deadline) {
      ADD_FAILURE() << name << " does not get " << count << " messages: "
                    << (position ? std::to_string(position->number) : position.error().text);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void LiveTest::ExpectVerifies(const std::string& name) {
  std::string output;
  EXPECT_EQ(Run({"verify", Path(name)}, &output), 0) << output;
}

}  // namespace tandem::test
