// SPDX-License-Identifier: Apache-2.0
//
// replay_bench: messages a second of a replay of generated order flow through `book`, beside a
// floor measured in the same run: the same inputs parsed and the same outputs serialised by
// Protobuf, and nothing else. Runs alternate; medians are printed, and a digest of the result.
//
//   replay_bench [--orders N] [--runs N] [--folder DIR]
//
// The replay reads the input log (CRC, digest chain), steps, seals and writes the output log: the
// same code as `tandem replay`.
#include <google/protobuf/message.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "book/book.pb.h"
#include "engine/book/book.h"
#include "engine/book/flow_stream.h"
#include "engine/book/generator.h"
#include "engine/context.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "replay/replay.h"

namespace tandem {
namespace {

using Clock = std::chrono::steady_clock;
using google::protobuf::Message;

double Seconds(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <class T>
T Must(Result<T> result) {
  ENSURE(result.ok(), "%s", result.error().text.c_str());
  return std::move(result).value();
}
void Must(const Status& status) { ENSURE(status.ok(), "%s", status.error().text.c_str()); }

const proto::Session kSession("BENCH");

class Bench {
 public:
  Bench(std::uint64_t orders, std::string folder) : orders_(orders), folder_(std::move(folder)) {
    std::filesystem::remove_all(folder_);
    WriteInput();
  }
  ~Bench() { std::filesystem::remove_all(folder_); }

  /// Replays everything into a new log; returns seconds.
  double Replay() {
    std::filesystem::remove_all(folder_ + "/output");
    const auto application = Must(book::MakeBook());
    auto input = Must(replay::LogReader::Open(storage_, folder_ + "/input", {.check_digest = false}));
    const auto begin = Clock::now();
    auto output = Must(replay::LogWriter::Open(
        storage_, folder_ + "/output",
        {.session = kSession, .schema = application->info().schema}));
    progress_ = Must(replay::Replay(*application, input, UINT64_MAX, output));
    digest_ = output.position().digest;
    Must(output.Close());
    return Seconds(begin);
  }

  /// Parses every input and serialises as many outputs as the replay made; returns seconds.
  double Floor() {
    if (inputs_.empty()) Load();
    engine::MessageScratch scratch({book::pb::NewOrder::descriptor()->file()});
    auto& new_order = scratch.Get<book::pb::NewOrder>();
    auto& cancel = scratch.Get<book::pb::Cancel>();
    auto& reduce = scratch.Get<book::pb::Reduce>();
    std::vector<std::uint8_t> buffer(2048);
    std::uint64_t sum = 0;
    std::size_t next_output = 0;
    std::uint64_t outputs = 0;
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Input& input = inputs_[i];
      Message* message = &new_order;
      if (input.type == engine::TypeOf<book::pb::Cancel>()) message = &cancel;
      if (input.type == engine::TypeOf<book::pb::Reduce>()) message = &reduce;
      sum += message->ParseFromArray(payloads_.data() + input.begin, static_cast<int>(input.size));
      const std::uint64_t outputs_until = (i + 1) * progress_.outputs / inputs_.size();
      for (; outputs < outputs_until; ++outputs) {
        const Message& output = *outputs_[next_output];
        next_output = (next_output + 1) % outputs_.size();
        sum += output.ByteSizeLong();
        output.SerializeWithCachedSizesToArray(buffer.data());
      }
    }
    const double seconds = Seconds(begin);
    ENSURE(sum > 0, "nothing was done");
    return seconds;
  }

  [[nodiscard]] const replay::ReplayProgress& progress() const { return progress_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

 private:
  /// As many outputs of the real stream as stay in the cache; their mix and sizes are real.
  static constexpr std::size_t kOutputsKept = 4096;

  struct Input {
    std::size_t begin;
    std::uint16_t size;
    std::uint16_t type;
  };

  void WriteInput() {
    book::Generator generator(book::GeneratorOptions{});
    book::FlowStream stream(kSession);
    book::FlowMessage message;
    auto log = Must(replay::LogWriter::Open(
        storage_, folder_ + "/input",
        {.session = kSession, .role = replay::kInputRole, .schema = Must(book::MakeBook())->info().schema}));
    for (std::uint64_t i = 0; i < orders_; ++i) {
      generator.Next(message);
      log.Append(stream.Next(message));
      if (log.buffered_bytes() > (1u << 20)) Must(log.Flush());
    }
    Must(log.Close());
  }

  void Load() {
    auto input = Must(replay::LogReader::Open(storage_, folder_ + "/input", {}));
    while (input.Next() == replay::ReadOutcome::kMessage) {
      const auto text = input.message().payload_text();
      const proto::Header& header = input.message().header;
      inputs_.push_back({.begin = payloads_.size(), .size = header.payload_size, .type = header.type});
      payloads_ += text;
    }
    engine::MessageScratch prototypes({book::pb::NewOrder::descriptor()->file()});
    auto output = Must(replay::LogReader::Open(storage_, folder_ + "/output", {}));
    while (outputs_.size() < kOutputsKept && output.Next() == replay::ReadOutcome::kMessage) {
      const Message* const prototype = PrototypeOf(output.message().header.type);
      if (prototype == nullptr) continue;
      std::unique_ptr<Message> message(prototype->New());
      const auto text = output.message().payload_text();
      ENSURE(message->ParseFromArray(text.data(), static_cast<int>(text.size())), "not an output");
      outputs_.push_back(std::move(message));
    }
  }

  static const Message* PrototypeOf(std::uint16_t type) {
    const auto* const file = book::pb::NewOrder::descriptor()->file();
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* const descriptor = file->message_type(i);
      if (descriptor->options().GetExtension(pb::type) == type) {
        return google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
      }
    }
    return nullptr;
  }

  std::uint64_t orders_;
  std::string folder_;
  replay::PosixStorage storage_;
  replay::ReplayProgress progress_;
  std::uint64_t digest_ = 0;
  std::vector<Input> inputs_;
  std::string payloads_;
  std::vector<std::unique_ptr<Message>> outputs_;
};

int Main(int argument_count, char** arguments) {
  CLI::App app("Replay of `book` beside parse-and-serialise alone");
  std::uint64_t orders = 2'000'000;
  int runs = 7;
  std::string folder = std::filesystem::temp_directory_path() / "tandem-replay-bench";
  app.add_option("--orders", orders, "Generated messages")->capture_default_str();
  app.add_option("--runs", runs, "Runs of each; the median counts")->capture_default_str();
  app.add_option("--folder", folder, "For the logs; emptied")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  Bench bench(orders, folder + "-" + std::to_string(::getpid()));
  std::vector<double> replays;
  std::vector<double> floors;
  for (int run = 0; run < runs; ++run) {
    replays.push_back(bench.Replay());
    floors.push_back(bench.Floor());
  }
  const double replay = Median(replays);
  const double floor = Median(floors);
  const auto millions = [&](double seconds, std::uint64_t count) {
    return static_cast<double>(count) / seconds / 1e6;
  };
  const std::uint64_t inputs = bench.progress().inputs;
  const std::uint64_t messages = inputs + bench.progress().outputs;
  std::printf("%lu inputs, %lu outputs, digest of the result %016lx; medians of %d runs\n\n",
              static_cast<unsigned long>(inputs),
              static_cast<unsigned long>(bench.progress().outputs),
              static_cast<unsigned long>(bench.digest()), runs);
  std::printf("%-32s %10s %16s %18s\n", "", "seconds", "M inputs/s", "M messages/s");
  std::printf("%-32s %10.3f %16.2f %18.2f\n", "replay of book", replay, millions(replay, inputs),
              millions(replay, messages));
  std::printf("%-32s %10.3f %16.2f %18.2f\n", "floor: parse and serialise", floor,
              millions(floor, inputs), millions(floor, messages));
  std::printf("%-32s %10.2f   (best replay / best floor %.2f)\n", "ratio", replay / floor,
              *std::min_element(replays.begin(), replays.end()) /
                  *std::min_element(floors.begin(), floors.end()));
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
