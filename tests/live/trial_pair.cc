// SPDX-License-Identifier: Apache-2.0
#include "tests/live/trial_pair.h"

#include <filesystem>
#include <thread>

#include "engine/context.h"
#include "replay/log_reader.h"
#include "tandem/control.pb.h"
#include "tests/support/test_stream.h"
#include "tools/oracle.h"

namespace tandem::test {

namespace {

template <class T>
std::uint16_t Type() {
  return engine::TypeOf<T>();
}

}  // namespace

TrialPair::TrialPair() { program_ = TRIAL_PROGRAM; }

TrialPair::Input TrialPair::Add(std::int64_t amount, std::uint32_t outputs) {
  trial::pb::Add add;
  add.set_amount(amount);
  add.set_outputs(outputs);
  return {Type<trial::pb::Add>(), add.SerializeAsString()};
}

TrialPair::Input TrialPair::Harm(trial::pb::Harm::Kind kind, const std::string& note) {
  trial::pb::Harm harm;
  harm.set_kind(kind);
  harm.set_note(note);
  return {Type<trial::pb::Harm>(), harm.SerializeAsString(), "EVIL"};
}

TrialPair::Input TrialPair::Skip(std::uint64_t number, const std::string& reason) {
  pb::Skip skip;
  skip.set_number(number);
  skip.set_reason(reason);
  return {Type<pb::Skip>(), skip.SerializeAsString(), ""};
}

TrialPair::Input TrialPair::Activate(std::uint32_t version) {
  pb::Activate activate;
  activate.set_version(version);
  return {Type<pb::Activate>(), activate.SerializeAsString(), ""};
}

std::vector<TrialPair::Input> TrialPair::Adds(int count) {
  std::vector<Input> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(Add(i, static_cast<std::uint32_t>(i % 3)));
  return inputs;
}

void TrialPair::Write(const std::vector<Input>& inputs, const std::string& name,
                      const std::string& session) {
  replay::PosixStorage storage;
  replay::LogOptions options;
  options.session = proto::Session(session);
  options.role = replay::kInputRole;
  auto log = replay::LogWriter::Open(storage, Path(name), options);
  ASSERT_TRUE(log.ok()) << log.error().text;
  for (const Input& input : inputs) {
    proto::Header header;
    header.session = options.session;
    header.type = input.type;
    header.flags = proto::kLast;
    header.number = log->position().number + 1;
    header.time_ns = log->time_ns() + 1;
    header.user = proto::User(input.user);
    header.origin = input.user.empty() ? 0 : header.number;
    header.epoch = std::max(log->epoch(), 1u);
    log->Append(Seal(header, input.payload, log->position().digest));
    if (log->buffered_bytes() < (1u << 20)) continue;
    ASSERT_TRUE(log->Flush().ok());
  }
  ASSERT_TRUE(log->Close().ok());
}

void TrialPair::Cut(const std::string& name, std::uint64_t count) {
  replay::PosixStorage storage;
  const std::string old = Path(name) + ".old";
  std::filesystem::remove_all(old);
  std::filesystem::rename(Path(name), old);
  if (count == 0) return;
  auto reader = replay::LogReader::Open(storage, old, {});
  ASSERT_TRUE(reader.ok()) << reader.error().text;
  replay::LogOptions options;
  options.session = reader->session();
  options.role = reader->role();
  options.schema = reader->schema();
  auto log = replay::LogWriter::Open(storage, Path(name), options);
  ASSERT_TRUE(log.ok()) << log.error().text;
  while (log->position().number < count && reader->Next() == replay::ReadOutcome::kMessage) {
    log->Append(reader->message().bytes);
  }
  ASSERT_EQ(log->position().number, count);
  ASSERT_TRUE(log->Close().ok());
}

void TrialPair::Submit(const Sequencer& sequencer, std::uint64_t first, std::uint64_t last,
                       const std::string& user) {
  RawPeer client = RawPeer::Connect(sequencer.submissions);
  client.Login(user, first);
  const std::string accepted = client.Next();
  ASSERT_EQ(accepted.substr(0, 1), "A");
  EXPECT_EQ(std::stoull(accepted.substr(11)), first) << "exactly once";
  for (std::uint64_t i = first; i <= last; ++i) {
    const Input add = Add(static_cast<std::int64_t>(i));
    client.Submit(i, add.type, add.payload);
  }
  client.Acknowledgements(last - first + 1);
}

Program TrialPair::StartEngine(const Sequencer& sequencer, const std::string& name, Words more,
                               const std::string& application) {
  Words words = {"engine",   "--name",   name, "--input", At(sequencer.stream), "--log",
                 Path(name), "--stream", "0",  "--app",   application};
  words.insert(words.end(), more.begin(), more.end());
  return Start(words);
}

Program TrialPair::StartWithCopy(const Sequencer& sequencer, const std::string& name, Words more) {
  Words words = {"--input-log", Path(name + "-input"), "--input-stream", "0"};
  words.insert(words.end(), more.begin(), more.end());
  return StartEngine(sequencer, name, words);
}

std::string TrialPair::Sentence(const Program& program) {
  const Words errors = ErrorsIn(program.Output());
  EXPECT_EQ(errors.size(), 1u) << program.Output();
  return errors.empty() ? "" : errors[0];
}

Words TrialPair::Answers(const std::string& name) {
  replay::PosixStorage storage;
  auto log = replay::LogReader::Open(storage, Path(name), {});
  if (!log) return {log.error().text};
  Words lines;
  while (log->Next() == replay::ReadOutcome::kMessage) {
    const proto::MessageView& message = log->message();
    const std::string text(message.payload_text());
    std::string said = "type " + std::to_string(message.header.type);
    if (trial::pb::Total total;
        message.header.type == Type<trial::pb::Total>() && total.ParseFromString(text)) {
      said = std::to_string(total.total());
    } else if (pb::Skipped skipped;
               message.header.type == Type<pb::Skipped>() && skipped.ParseFromString(text)) {
      said = "skipped for " + message.header.user.str() + ", " + skipped.reason();
    } else if (pb::Activated activated;
               message.header.type == Type<pb::Activated>() && activated.ParseFromString(text)) {
      said = "version " + std::to_string(activated.version());
    }
    lines.push_back(std::to_string(message.header.origin) + ": " + said);
  }
  return lines;
}

void TrialPair::ExpectSame(const std::string& a, const std::string& b) {
  const auto sameness = tools::CompareLogs(Path(a), Path(b));
  ASSERT_TRUE(sameness.ok()) << sameness.error().text;
  EXPECT_TRUE(sameness->same) << a << " and " << b << " differ at " << sameness->difference;
}

void TrialPair::AwaitSame(const std::string& log, const std::string& like) {
  replay::PosixStorage storage;
  const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
  for (;;) {
    const auto a = replay::LogReader::LastPosition(storage, Path(log));
    const auto b = replay::LogReader::LastPosition(storage, Path(like));
    if (a && b && *a == *b) return;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << log << " does not become what " << like
                    << " is: " << (a ? std::to_string(a->number) : a.error().text) << ", "
                    << (b ? std::to_string(b->number) : b.error().text);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void TrialPair::ExpectReplays(const std::string& output, const std::string& input) {
  std::string said;
  EXPECT_EQ(Run({"replay", Path(input), "--app", "trial", "--against", Path(output)}, &said), 0)
      << said;
}

}  // namespace tandem::test
