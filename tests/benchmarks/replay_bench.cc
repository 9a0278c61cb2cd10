// SPDX-License-Identifier: Apache-2.0
//
// replay_bench: messages a second of a replay of generated order flow through `book`, beside two
// floors measured in the same run. One is what a replay cannot do without: the same inputs parsed,
// the same outputs filled in from plain memory and serialised. The other is what those who copy a
// stream do: every message, input or output, parsed and serialised again. Runs alternate; medians
// are printed, and a digest of the result.
//
//   replay_bench [--orders N] [--runs N] [--folder DIR]
//
// The replay reads the input log (CRC, digest chain), steps, seals and writes the output log: the
// same code as `tandem replay`.
#include <google/protobuf/message.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "book/book.pb.h"
#include "engine/book/book.h"
#include "engine/book/flow_stream.h"
#include "engine/book/generator.h"
#include "engine/context.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"
#include "replay/replay.h"
#include "tests/benchmarks/measure.h"

namespace tandem {
namespace {

namespace pb = book::pb;
using benchmarks::Clock;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::SecondsSince;
using google::protobuf::Message;

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
    auto input =
        Must(replay::LogReader::Open(storage_, folder_ + "/input", {.check_digest = false}));
    const auto begin = Clock::now();
    auto output =
        Must(replay::LogWriter::Open(storage_, folder_ + "/output",
                                     {.session = kSession, .schema = application->info().schema}));
    progress_ = Must(replay::Replay(*application, input, {.output = &output})).progress;
    const double seconds = SecondsSince(begin);
    digest_ = output.position().digest;
    Must(output.Close());
    return seconds;
  }

  /// Parses every input, fills in and serialises every output; returns seconds.
  double Floor() {
    if (inputs_.empty()) Load();
    engine::MessageScratch scratch({pb::NewOrder::descriptor()->file()});
    auto& new_order = scratch.Get<pb::NewOrder>();
    auto& cancel = scratch.Get<pb::Cancel>();
    auto& reduce = scratch.Get<pb::Reduce>();
    std::uint64_t sum = 0;
    std::size_t next_output = 0;
    const auto begin = Clock::now();
    for (const Input& input : inputs_) {
      Message* message = &new_order;
      if (input.type == engine::TypeOf<pb::Cancel>()) message = &cancel;
      if (input.type == engine::TypeOf<pb::Reduce>()) message = &reduce;
      sum += message->ParseFromArray(payloads_.data() + input.begin, static_cast<int>(input.size));
      for (std::uint32_t i = 0; i < input.outputs; ++i) {
        sum += Serialise(outputs_[next_output++], scratch);
      }
    }
    const double seconds = SecondsSince(begin);
    ENSURE(sum > 0, "nothing was done");
    return seconds;
  }

  /// Parses and serialises every message of both streams; returns seconds.
  double CopyFloor() {
    if (inputs_.empty()) Load();
    std::uint64_t sum = 0;
    const auto begin = Clock::now();
    for (const Copied& copied : copied_) {
      Message& message = *messages_[copied.type];
      sum += message.ParseFromArray(copied_payloads_.data() + copied.begin, copied.size);
      const std::size_t size = message.ByteSizeLong();
      if (written_ + size > buffer_.size()) written_ = 0;
      message.SerializeWithCachedSizesToArray(buffer_.data() + written_);
      written_ += size;
    }
    const double seconds = SecondsSince(begin);
    ENSURE(sum == copied_.size(), "not all of it was parsed");
    return seconds;
  }

  [[nodiscard]] const replay::ReplayProgress& progress() const { return progress_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

 private:
  struct Input {
    std::size_t begin;  ///< in payloads_
    std::uint16_t size;
    std::uint16_t type;
    std::uint32_t outputs;  ///< that it caused
  };
  struct Copied {
    std::size_t begin;  ///< in copied_payloads_
    std::uint16_t size;
    std::uint16_t type;
  };
  /// An output as a program might hold it before it becomes a message.
  struct Output {
    std::uint16_t type = 0;
    std::uint8_t choice = 0;        ///< side, role or reason
    std::uint8_t other_choice = 0;  ///< kind
    std::string_view symbol;
    std::array<std::uint64_t, 4> numbers{};
  };

  void WriteInput() {
    book::Generator generator(book::GeneratorOptions{});
    book::FlowStream stream(kSession);
    book::FlowMessage message;
    auto log = Must(replay::LogWriter::Open(storage_, folder_ + "/input",
                                            {.session = kSession,
                                             .role = replay::kInputRole,
                                             .schema = Must(book::MakeBook())->info().schema}));
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
      const proto::Header& header = input.message().header;
      inputs_.push_back({.begin = payloads_.size(),
                         .size = header.payload_size,
                         .type = header.type,
                         .outputs = 0});
      payloads_ += input.message().payload_text();
      Copy(input.message());
    }
    auto output = Must(replay::LogReader::Open(storage_, folder_ + "/output", {}));
    while (output.Next() == replay::ReadOutcome::kMessage) {
      ++inputs_[output.message().header.origin - 1].outputs;
      outputs_.push_back(Plain(output.message()));
      Copy(output.message());
    }
    const auto* const file = pb::NewOrder::descriptor()->file();
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto* const type = file->message_type(i);
      const std::uint32_t number = type->options().GetExtension(tandem::pb::type);
      if (messages_.size() <= number) messages_.resize(number + 1u);
      messages_[number].reset(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
    }
  }

  void Copy(const proto::MessageView& message) {
    copied_.push_back({.begin = copied_payloads_.size(),
                       .size = message.header.payload_size,
                       .type = message.header.type});
    copied_payloads_ += message.payload_text();
  }

  template <class T>
  static T Parsed(const proto::MessageView& message) {
    T parsed;
    const auto text = message.payload_text();
    ENSURE(parsed.ParseFromArray(text.data(), static_cast<int>(text.size())), "not an output");
    return parsed;
  }

  /// Symbols live on in symbols_.
  std::string_view Keep(const std::string& symbol) { return *symbols_.insert(symbol).first; }

  Output Plain(const proto::MessageView& message) {
    Output plain;
    plain.type = message.header.type;
    if (plain.type == engine::TypeOf<pb::Accepted>()) {
      const auto of = Parsed<pb::Accepted>(message);
      plain.choice = static_cast<std::uint8_t>(of.side());
      plain.other_choice = static_cast<std::uint8_t>(of.kind());
      plain.symbol = Keep(of.symbol());
      plain.numbers = {of.order_id(), static_cast<std::uint64_t>(of.price()), of.size(), 0};
    } else if (plain.type == engine::TypeOf<pb::Executed>()) {
      const auto of = Parsed<pb::Executed>(message);
      plain.choice = static_cast<std::uint8_t>(of.role());
      plain.numbers = {of.order_id(), static_cast<std::uint64_t>(of.price()), of.size(),
                       of.remaining()};
    } else if (plain.type == engine::TypeOf<pb::Cancelled>()) {
      const auto of = Parsed<pb::Cancelled>(message);
      plain.choice = static_cast<std::uint8_t>(of.reason());
      plain.numbers = {of.order_id(), of.size(), 0, 0};
    } else if (plain.type == engine::TypeOf<pb::Reduced>()) {
      const auto of = Parsed<pb::Reduced>(message);
      plain.numbers = {of.order_id(), of.size(), of.remaining(), 0};
    } else if (plain.type == engine::TypeOf<pb::Rejected>()) {
      const auto of = Parsed<pb::Rejected>(message);
      plain.choice = static_cast<std::uint8_t>(of.reason());
      plain.numbers = {of.order_id(), of.input_type(), 0, 0};
    } else if (plain.type == engine::TypeOf<pb::Trade>()) {
      const auto of = Parsed<pb::Trade>(message);
      plain.choice = static_cast<std::uint8_t>(of.aggressor());
      plain.symbol = Keep(of.symbol());
      plain.numbers = {of.maker_id(), of.taker_id(), static_cast<std::uint64_t>(of.price()),
                       of.size()};
    } else {
      ENSURE(plain.type == engine::TypeOf<pb::TopOfBook>(), "an output of type %u", plain.type);
      const auto of = Parsed<pb::TopOfBook>(message);
      plain.symbol = Keep(of.symbol());
      plain.numbers = {static_cast<std::uint64_t>(of.bid_price()), of.bid_size(),
                       static_cast<std::uint64_t>(of.ask_price()), of.ask_size()};
    }
    return plain;
  }

  std::size_t Serialise(const Output& plain, engine::MessageScratch& scratch) {
    const auto& numbers = plain.numbers;
    if (plain.type == engine::TypeOf<pb::Accepted>()) {
      auto& message = scratch.Get<pb::Accepted>();
      message.set_order_id(numbers[0]);
      message.set_symbol(plain.symbol.data(), plain.symbol.size());
      message.set_side(static_cast<pb::Side>(plain.choice));
      message.set_kind(static_cast<pb::Kind>(plain.other_choice));
      message.set_price(static_cast<std::int64_t>(numbers[1]));
      message.set_size(numbers[2]);
      return Write(message);
    }
    if (plain.type == engine::TypeOf<pb::Executed>()) {
      auto& message = scratch.Get<pb::Executed>();
      message.set_order_id(numbers[0]);
      message.set_role(static_cast<pb::Executed::Role>(plain.choice));
      message.set_price(static_cast<std::int64_t>(numbers[1]));
      message.set_size(numbers[2]);
      message.set_remaining(numbers[3]);
      return Write(message);
    }
    if (plain.type == engine::TypeOf<pb::Cancelled>()) {
      auto& message = scratch.Get<pb::Cancelled>();
      message.set_order_id(numbers[0]);
      message.set_reason(static_cast<pb::Cancelled::Reason>(plain.choice));
      message.set_size(numbers[1]);
      return Write(message);
    }
    if (plain.type == engine::TypeOf<pb::Reduced>()) {
      auto& message = scratch.Get<pb::Reduced>();
      message.set_order_id(numbers[0]);
      message.set_size(numbers[1]);
      message.set_remaining(numbers[2]);
      return Write(message);
    }
    if (plain.type == engine::TypeOf<pb::Rejected>()) {
      auto& message = scratch.Get<pb::Rejected>();
      message.set_order_id(numbers[0]);
      message.set_reason(static_cast<pb::Rejected::Reason>(plain.choice));
      message.set_input_type(static_cast<std::uint32_t>(numbers[1]));
      return Write(message);
    }
    if (plain.type == engine::TypeOf<pb::Trade>()) {
      auto& message = scratch.Get<pb::Trade>();
      message.set_symbol(plain.symbol.data(), plain.symbol.size());
      message.set_maker_id(numbers[0]);
      message.set_taker_id(numbers[1]);
      message.set_price(static_cast<std::int64_t>(numbers[2]));
      message.set_size(numbers[3]);
      message.set_aggressor(static_cast<pb::Side>(plain.choice));
      return Write(message);
    }
    auto& message = scratch.Get<pb::TopOfBook>();
    message.set_symbol(plain.symbol.data(), plain.symbol.size());
    message.set_bid_price(static_cast<std::int64_t>(numbers[0]));
    message.set_bid_size(numbers[1]);
    message.set_ask_price(static_cast<std::int64_t>(numbers[2]));
    message.set_ask_size(numbers[3]);
    return Write(message);
  }

  /// Behind the last one, as into a buffer that is written out when it is full.
  template <class T>
  std::size_t Write(const T& message) {
    const std::size_t size = message.ByteSizeLong();
    if (written_ + size > buffer_.size()) written_ = 0;
    message.SerializeWithCachedSizesToArray(buffer_.data() + written_);
    written_ += size;
    return size;
  }

  std::uint64_t orders_;
  std::string folder_;
  replay::PosixStorage storage_;
  replay::ReplayProgress progress_;
  std::uint64_t digest_ = 0;
  std::vector<Input> inputs_;
  std::string payloads_;
  std::vector<Copied> copied_;  ///< inputs, then outputs
  std::string copied_payloads_;
  std::vector<std::unique_ptr<Message>> messages_;  ///< by type number
  std::vector<Output> outputs_;
  std::set<std::string> symbols_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(1u << 20);
  std::size_t written_ = 0;
};

int Main(int argument_count, char** arguments) {
  CLI::App app("Replay of `book` beside parsing and serialising the same messages alone");
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
  std::vector<double> copies;
  for (int run = 0; run < runs; ++run) {
    replays.push_back(bench.Replay());
    floors.push_back(bench.Floor());
    copies.push_back(bench.CopyFloor());
  }
  const double replay = Median(replays);
  const double floor = Median(floors);
  const double copy = Median(copies);
  const auto millions = [&](double seconds, std::uint64_t count) {
    return static_cast<double>(count) / seconds / 1e6;
  };
  const std::uint64_t inputs = bench.progress().inputs;
  const std::uint64_t messages = inputs + bench.progress().outputs;
  std::printf("%lu inputs, %lu outputs, digest of the result %016lx; medians of %d runs\n\n",
              static_cast<unsigned long>(inputs),
              static_cast<unsigned long>(bench.progress().outputs),
              static_cast<unsigned long>(bench.digest()), runs);
  const auto row = [&](const char* name, double seconds) {
    std::printf("%-40s %8.3f %14.2f %14.2f %8.2f\n", name, seconds, millions(seconds, inputs),
                millions(seconds, messages), replay / seconds);
  };
  std::printf("%-40s %8s %14s %14s %8s\n", "", "seconds", "M inputs/s", "M messages/s", "ratio");
  row("replay of book", replay);
  row("floor: parse inputs, fill and serialise", floor);
  row("floor: parse and serialise every message", copy);
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
