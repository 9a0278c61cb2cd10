// SPDX-License-Identifier: Apache-2.0
//
// state_bench: what an image of a state costs, and how soon a new process answers from one. For
// each size: how long the state stands still for the fork, what its steps take while the child
// writes, how fast it writes, and the time from the start of a new process to its first answer.
// Beside floors of the same run: a bare fork of the same pages, a bare write of as many bytes, a
// new process that does nothing but map the file and read a page.
//
//   state_bench [--sizes 64MiB,1GiB] [--seconds S] [--runs N] [--folder DIR]
//
// The state is rows of 256 bytes in a Tpool; a step changes one at random. Sizes for which the
// host has too little memory are left out, and that is said.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pools/lpool.h"
#include "pools/tpool.h"
#include "pools/zone.h"
#include "pools/zone_image.h"
#include "pools/zone_image_writer.h"
#include "tests/benchmarks/measure.h"

extern char** environ;  // NOLINT: posix_spawn wants it

namespace tandem {
namespace {

using benchmarks::Clock;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::SecondsSince;
using pools::ImageWriter;
using pools::ZoneImage;

constexpr std::uint64_t kRowBytes = 256;
constexpr double kMiB = 1 << 20;

struct Row {
  std::uint64_t words[kRowBytes / 8];
};

struct State {
  explicit State(pools::PoolRef base) : lpool("lpool", base), rows("row", lpool) {}
  pools::Lpool lpool;
  pools::Tpool<Row> rows;
  Row* first = nullptr;
  std::uint64_t count = 0;
  std::uint64_t seed = 1;

  /// Changes one of `changed`, as a step would.
  std::uint64_t Step(const std::vector<Row*>& changed) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return ++changed[(seed >> 20) % changed.size()]->words[seed >> 59];
  }
};

/// One row of so many is changed by steps: one of a page.
constexpr std::uint64_t kRowsInPage = 4096 / kRowBytes;

std::unique_ptr<pools::Zone> MakeZone() {
  auto zone = Must(pools::Zone::Map({}));
  zone->MakeRoot<State>(zone->sbrk());
  Must(zone->Settle());
  return zone;
}

/// Rows one after the other until the zone has `bytes`; those are returned that steps change.
std::vector<Row*> Fill(pools::Zone& zone, std::uint64_t bytes) {
  auto& state = zone.root<State>();
  std::vector<Row*> rows;
  while (zone.used_bytes() < bytes) {
    Row& row = state.rows.Alloc(Row{});
    for (std::uint64_t i = 0; i < 32; ++i) row.words[i] = (state.count + i) * 0x9e3779b97f4a7c15;
    if (++state.count % kRowsInPage == 0) rows.push_back(&row);
  }
  state.first = rows.front();
  return rows;
}

struct Steps {
  std::vector<float> us;

  void Take(State& state, const std::vector<Row*>& rows) {
    const auto begin = Clock::now();
    (void)state.Step(rows);
    us.push_back(static_cast<float>(SecondsSince(begin) * 1e6));
  }
  [[nodiscard]] std::string Text() {
    std::sort(us.begin(), us.end());
    char line[96];
    std::snprintf(line, sizeof line, "p50 %.2f us, p99.9 %.1f us, max %.2f ms", us[us.size() / 2],
                  us[us.size() * 999 / 1000], us.back() / 1e3);
    return line;
  }
};

double BareForkMs() {
  const auto begin = Clock::now();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  const double ms = SecondsSince(begin) * 1e3;
  ::waitpid(child, nullptr, 0);
  return ms;
}

double BareWriteSeconds(const std::string& path, std::span<const std::byte> bytes) {
  const auto begin = Clock::now();
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  for (std::uint64_t at = 0; at < bytes.size();) {
    const auto wrote =
        ::write(file, bytes.data() + at, std::min<std::uint64_t>(1 << 20, bytes.size() - at));
    ENSURE(wrote > 0, "the disk is full");
    at += static_cast<std::uint64_t>(wrote);
  }
  ENSURE(::fsync(file) == 0, "fsync failed");
  ::close(file);
  const double seconds = SecondsSince(begin);
  ::unlink(path.c_str());
  return seconds;
}

/// What `state_bench --restart` does: a new process that answers from the image.
int Restart(const std::string& path) {
  const auto zone = MakeZone();
  const auto image = Must(ZoneImage::Open(path));
  Must(image.CheckIdentity({.layout = 1, .build = ""}));
  Must(image.RestoreInto(zone->address()));
  auto& state = zone->root<State>();
  const std::uint64_t answer = state.Step({state.first});
  return ::write(STDOUT_FILENO, &answer, sizeof answer) == sizeof answer ? 0 : 1;
}

/// What `state_bench --map` does: the floor of it.
int MapOnly(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY);
  const auto size = std::filesystem::file_size(path);
  const auto* const bytes = static_cast<const std::uint64_t*>(
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0));
  const std::uint64_t answer = bytes[size / 16];
  return ::write(STDOUT_FILENO, &answer, sizeof answer) == sizeof answer ? 0 : 1;
}

/// From before the process is made to its answer.
double FirstAnswerMs(const char* program, const char* mode, const std::string& path) {
  int ends[2];
  ENSURE(::pipe(ends) == 0, "no pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string words[] = {program, mode, path};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  const auto begin = Clock::now();
  pid_t child = 0;
  ENSURE(::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments, environ) == 0,
         "cannot start %s", program);
  std::uint64_t answer = 0;
  const auto got = ::read(ends[0], &answer, sizeof answer);
  const double ms = SecondsSince(begin) * 1e3;
  int status = 0;
  ::waitpid(child, &status, 0);
  ENSURE(got == sizeof answer && status == 0, "%s %s gave no answer", program, mode);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[0]);
  ::close(ends[1]);
  return ms;
}

std::uint64_t AvailableBytes() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  std::uint64_t kib = 0;
  while (file >> word) {
    if (word == "MemAvailable:") file >> kib;
  }
  return kib << 10;
}

void Print(const char* what, const std::string& value) {
  std::printf("  %-44s %s\n", what, value.c_str());
  std::fflush(stdout);
}

std::string Ms(double ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f ms", ms);
  return text;
}

std::string Rate(double bytes, double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "%.0f MiB/s", bytes / kMiB / seconds);
  return text;
}

void Measure(const char* program, std::uint64_t bytes, double seconds, int runs,
             const std::string& folder) {
  const std::string path = folder + "/image";
  auto zone = MakeZone();
  const std::vector<Row*> rows = Fill(*zone, bytes);
  auto& state = zone->root<State>();
  std::printf("state of %.0f MiB, %" PRIu64 " rows\n", static_cast<double>(bytes) / kMiB,
              state.count);
  Steps alone;
  for (const auto begin = Clock::now(); SecondsSince(begin) < seconds;) alone.Take(state, rows);
  Print("steps alone", alone.Text());

  std::vector<double> forks, bare_forks, writes, bare_writes;
  Steps during;
  std::uint64_t hash = 0;
  for (int i = 0; i < runs; ++i) {
    bare_forks.push_back(BareForkMs());
    hash = zone->Hash();
    auto writer = Must(
        ImageWriter::Start(zone->view(), {.path = path, .layout = 1, .build = "", .label = ""}));
    for (;;) {
      if (auto outcome = writer.Poll()) {
        const auto written = Must(std::move(*outcome));
        ENSURE(written.zone_hash == hash, "the image is not what was forked");
        forks.push_back(static_cast<double>(written.fork_ns) / 1e6);
        writes.push_back(static_cast<double>(written.write_ns) / 1e9);
        break;
      }
      for (int step = 0; step < 100; ++step) during.Take(state, rows);
    }
    bare_writes.push_back(BareWriteSeconds(folder + "/bare", zone->state_bytes()));
  }
  Print("stands still for the fork", Ms(Median(forks)));
  Print("  floor: a bare fork", Ms(Median(bare_forks)));
  Print("steps while the child writes", during.Text());
  const auto size = static_cast<double>(bytes);
  Print("child writes, with hashes and sync, at", Rate(size, Median(writes)));
  Print("  floor: a bare write and sync", Rate(size, Median(bare_writes)));
  zone.reset();

  const auto image = Must(ZoneImage::Open(path));
  std::vector<double> answers, maps;
  for (int i = 0; i < runs; ++i) {
    answers.push_back(FirstAnswerMs(program, "--restart", path));
    maps.push_back(FirstAnswerMs(program, "--map", path));
  }
  Print("new process to first answer", Ms(Median(answers)));
  Print("  floor: a process that maps and reads a page", Ms(Median(maps)));
  const auto begin = Clock::now();
  Must(image.Verify());
  Print("verified behind, at", Rate(size, SecondsSince(begin)));
  std::printf("  hash %016" PRIx64 "\n", hash);
}

}  // namespace
}  // namespace tandem

int main(int argc, char** argv) {
  using namespace tandem;
  if (argc == 3 && std::string(argv[1]) == "--restart") return Restart(argv[2]);
  if (argc == 3 && std::string(argv[1]) == "--map") return MapOnly(argv[2]);
  CLI::App app("What images of a state cost, and how soon a new process answers from one");
  std::vector<std::uint64_t> sizes = {64u << 20, 1u << 30, std::uint64_t{4} << 30};
  double seconds = 2;
  int runs = 5;
  std::string folder = std::filesystem::temp_directory_path() / "state_bench";
  app.add_option("--sizes", sizes, "Of the state, as 64MiB,1GiB")
      ->delimiter(',')
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--seconds", seconds, "Of steps alone")->check(CLI::Range(0.01, 3600.0));
  app.add_option("--runs", runs, "Medians of so many")->check(CLI::Range(1, 100));
  app.add_option("--folder", folder, "Where images are written")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(folder);
  for (const std::uint64_t bytes : sizes) {
    // The state, what is copied of it while it is written, and the file in the page cache.
    if (AvailableBytes() < 2 * bytes + bytes / 2) {
      std::printf("state of %.0f MiB: left out, too little memory\n",
                  static_cast<double>(bytes) / kMiB);
      continue;
    }
    Measure(argv[0], bytes, seconds, runs, folder);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
