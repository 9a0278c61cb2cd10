// SPDX-License-Identifier: Apache-2.0
//
// images_bench: what images are worth to a live pair of `book` in the middle of a large day. The
// day is so many orders that rest in the book: an input log, output logs and an image are made of
// it, and a pair goes on from there. Then:
//   restart      from the start of an engine's process to the first output of it that nobody has
//                yet, read by a client that logs in as soon as there is a port; beside the floor of
//                the same with an empty book
//   round trips  client to client while A, then B, writes an image, beside the same undisturbed.
//                That engine has a core for itself and its child, as if it had a host for itself;
//                all others share the others
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cinttypes>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "book/book.pb.h"
#include "engine/book/flow_stream.h"
#include "engine/context.h"
#include "engine/live/image_keeper.h"
#include "proto/schema.h"
#include "replay/log_writer.h"
#include "tandem/control.pb.h"
#include "tests/benchmarks/await_message.h"
#include "tests/benchmarks/measure.h"
#include "tests/benchmarks/open_loop_client.h"
#include "tests/benchmarks/rounds.h"
#include "tools/pair.h"

namespace tandem {
namespace {

using benchmarks::AwaitMessage;
using benchmarks::Clock;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::OpenLoopClient;
using benchmarks::PortOf;
using benchmarks::PrintHead;
using benchmarks::PrintRow;
using benchmarks::ProgramBeside;
using benchmarks::Rounds;
using benchmarks::Run;
using benchmarks::SecondsSince;
using tools::Pair;
using tools::Process;
using tools::RoleId;

constexpr const char* kSession = "BENCH";
constexpr double kMiB = 1 << 20;

struct Settings {
  std::uint64_t orders = 8'000'000;
  double rate = 2'000;
  double seconds = 4;
  int rounds = 5;
  std::string folder = std::filesystem::temp_directory_path();
};

/// Has a process run on the last core only, or on all but that; 0: this one. No more than one core:
/// it runs there.
void PlaceOn(pid_t process, bool last) {
  const auto cores = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (cores < 2) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned core = 0; core < cores; ++core) {
    if ((core == cores - 1) == last) CPU_SET(core, &set);
  }
  ENSURE(::sched_setaffinity(process, sizeof set, &set) == 0, "cannot place a process on a core");
}

/// An input log of buyers who outbid nobody: all that they order rests.
void WriteDay(const std::string& folder, std::uint64_t orders) {
  replay::PosixStorage storage;
  replay::LogOptions options;
  options.session = proto::Session(kSession);
  options.role = replay::kInputRole;
  options.schema = proto::SchemaOf({pb::Tick::descriptor(), book::pb::NewOrder::descriptor()});
  auto log = Must(replay::LogWriter::Open(storage, folder, options));
  book::FlowStream stream(options.session);
  book::FlowMessage message{.user = proto::User("DAY"), .type = book::kNewOrderType, .payload = ""};
  book::pb::NewOrder order;
  order.set_side(book::pb::BUY);
  order.set_kind(book::pb::LIMIT);
  order.set_size(100);
  for (std::uint64_t id = 1; id <= orders; ++id) {
    order.set_order_id(id);
    order.set_symbol("S" + std::to_string(id % 100));
    order.set_price(static_cast<std::int64_t>(10'000 + id / 100 % 1'000));
    order.SerializeToString(&message.payload);
    message.time_ns = static_cast<std::int64_t>(id);
    log.Append(stream.Next(message));
    if (log.buffered_bytes() >= 1 << 20) Must(log.Flush());
  }
  Must(log.Close());
}

/// A pair that goes on from such a day. Each engine has images below its log's name + "-images".
class PairInADay {
 public:
  PairInADay(const std::string& folder, std::uint64_t orders) : folder_(folder) {
    std::filesystem::create_directories(folder + "/a-images");
    WriteDay(folder + "/input", orders);
    const std::string image = folder + "/a-images/" + engine::ImageKeeper::NameOf(orders);
    Run({"replay", folder + "/input", "-o", folder + "/a", "--image-out", image},
        folder + "/replay.out");
    std::filesystem::copy(folder + "/a", folder + "/b");
    std::filesystem::copy(folder + "/a-images", folder + "/b-images");
    image_bytes_ = std::filesystem::file_size(image);
    for (const char* const name : {"A", "B"}) awaited_[name] = orders;
    pair_ = Must(Pair::Make(ProgramBeside("tandem"), folder, kSession));
    Must(pair_->Start(RoleId::kSequencer));
    Must(StartEngine(RoleId::kEngineA));
    Must(StartEngine(RoleId::kEngineB));
    Must(pair_->Start(RoleId::kDedup));
    while (!pair_->Settled()) pair_->RunFor(std::chrono::milliseconds(50));
  }

  Status StartEngine(RoleId role) {
    return pair_->Start(role, {"--images", pair_->Folder(role) + "-images"});
  }
  /// Gives `alone` a core.
  void Place(RoleId alone) {
    for (const RoleId role :
         {RoleId::kSequencer, RoleId::kEngineA, RoleId::kEngineB, RoleId::kDedup}) {
      PlaceOn(pair_->pid(role), role == alone);
    }
    PlaceOn(0, false);
  }
  /// Has an engine that was placed write an image. Whoever asks for it takes no time from others.
  void Snapshot(const std::string& name) {
    Run({"control", pair_->submissions(), "snapshot", name}, folder_ + "/control.out", [] {
      PlaceOn(0, true);
      (void)::setpriority(PRIO_PROCESS, 0, 19);
    });
  }
  /// Until it has written one that nobody waited for yet.
  void AwaitImage(const std::string& name) {
    const RoleId role = name == "A" ? RoleId::kEngineA : RoleId::kEngineB;
    const auto& status = pair_->status(role);
    while (status.image_writing() || status.image_number() <= awaited_[name]) {
      pair_->RunFor(std::chrono::milliseconds(100));
      ENSURE(status.image_failure().empty(), "engine %s writes no image: %s", name.c_str(),
             status.image_failure().c_str());
    }
    awaited_[name] = status.image_number();
  }
  [[nodiscard]] Pair& pair() { return *pair_; }
  [[nodiscard]] std::uint16_t submissions() const { return PortOf(pair_->submissions()); }
  [[nodiscard]] std::uint16_t stream(RoleId role) const { return PortOf(pair_->stream(role)); }
  [[nodiscard]] double image_mib() const { return static_cast<double>(image_bytes_) / kMiB; }

 private:
  std::string folder_;
  std::uint64_t image_bytes_ = 0;
  std::unique_ptr<Pair> pair_;
  std::map<std::string, std::uint64_t> awaited_;
};

/// A is killed, an order is answered by B, A starts: until its answer to that order, in ms.
double RestartMs(PairInADay& day, OpenLoopClient& client) {
  day.pair().Kill(RoleId::kEngineA);
  const std::uint64_t before = day.pair().status(RoleId::kEngineA).number();
  while (!day.pair().Settled()) {
    day.pair().RunFor(std::chrono::milliseconds(10));
    if (day.pair().status(RoleId::kDedup).number() >= before) break;
  }
  (void)client.Seconds(1);
  day.pair().RunFor(std::chrono::milliseconds(300));
  const std::uint64_t answer = day.pair().status(RoleId::kDedup).number();
  ENSURE(answer > before, "B has answered nothing since A was killed");
  const auto begin = Clock::now();
  Must(day.StartEngine(RoleId::kEngineA));
  AwaitMessage(day.stream(RoleId::kEngineA), answer);
  const double ms = SecondsSince(begin) * 1e3;
  while (!day.pair().Settled()) day.pair().RunFor(std::chrono::milliseconds(20));
  return ms;
}

void MeasureRestart(const Settings& settings, PairInADay& day, PairInADay& empty) {
  OpenLoopClient of_day(day.submissions(), {day.stream(RoleId::kDedup)}, 0);
  OpenLoopClient of_empty(empty.submissions(), {empty.stream(RoleId::kDedup)}, 0);
  std::vector<double> restarts, floors;
  for (int round = 0; round < settings.rounds; ++round) {
    restarts.push_back(RestartMs(day, of_day));
    floors.push_back(RestartMs(empty, of_empty));
  }
  std::printf("Engine's start to its first new answer, ms; medians of %d\n\n", settings.rounds);
  std::printf("%-44s %9.1f\n", "from its image and its log", Median(restarts));
  std::printf("%-44s %9.1f\n\n", "floor: the same with an empty book", Median(floors));
}

void MeasureRoundTrips(const Settings& settings, PairInADay& day) {
  OpenLoopClient client(
      day.submissions(),
      {day.stream(RoleId::kDedup), day.stream(RoleId::kEngineA), day.stream(RoleId::kEngineB)}, 0,
      "TRIPS");
  std::printf("Round trips at %.0f orders a second, us; medians of %d rounds of %g s\n\n",
              settings.rate, settings.rounds, settings.seconds);
  PrintHead("");
  for (const RoleId writer : {RoleId::kEngineA, RoleId::kEngineB}) {
    const std::string name = writer == RoleId::kEngineA ? "A" : "B";
    const std::string other = writer == RoleId::kEngineA ? "B" : "A";
    day.Place(writer);
    std::array<std::array<Rounds, 3>, 2> rounds;  // undisturbed and not; merged, A, B
    for (int round = 0; round < settings.rounds; ++round) {
      for (const bool writes : {false, true}) {
        std::thread asks([&] {
          if (!writes) return;
          std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds / 4));
          day.Snapshot(name);
        });
        const auto trips =
            client.RoundTrips(settings.rate, settings.seconds, static_cast<std::uint64_t>(round));
        asks.join();
        for (std::size_t i = 0; i < 3; ++i) rounds[writes ? 1 : 0][i].Add(trips[i]);
        if (writes) day.AwaitImage(name);
      }
    }
    const std::size_t own = writer == RoleId::kEngineA ? 1 : 2;
    PrintRow("undisturbed: merged", rounds[0][0].Medians());
    PrintRow(name + " writes an image: merged", rounds[1][0].Medians());
    PrintRow("  engine " + name + " alone", rounds[1][own].Medians());
    PrintRow("  engine " + other + " alone", rounds[1][3 - own].Medians());
    PrintRow("  merged to undisturbed", rounds[1][0].Medians(&rounds[0][0]));
  }
}

int Main(int argument_count, char** arguments) {
  CLI::App app(
      "Restarts from images and round trips while images are written, with a large book.\n"
      "example: tools/bench images --orders 2000000");
  Settings settings;
  app.add_option("--orders", settings.orders, "That rest in the book")->capture_default_str();
  app.add_option("--rate", settings.rate, "Orders a second")->capture_default_str();
  app.add_option("--seconds", settings.seconds, "For each measurement of round trips")
      ->check(CLI::Range(0.1, 8.0))
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "Of each; medians count")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", settings.folder, "For the logs; below it")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  const std::string folder = settings.folder + "/tandem-images-bench-" + std::to_string(::getpid());
  {
    PairInADay empty(folder + "/empty", 1);
    PairInADay day(folder + "/day", settings.orders);
    std::printf("A book of %" PRIu64 " orders, an image of %.0f MiB\n\n", settings.orders,
                day.image_mib());
    MeasureRestart(settings, day, empty);
    MeasureRoundTrips(settings, day);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
