// SPDX-License-Identifier: Apache-2.0
//
// log_bench: what a log costs beside what it cannot do without. Appending: the same messages in the
// same batches written by pwrite into files of the same, preallocated size, copied into the batch
// one by one or, where that is not even needed, straight from memory. Scanning with every check:
// the two checksums alone, CRC32C of each record and XXH3 of each message, over the same
// mapped bytes. Nothing is synced; the runs alternate, medians are printed.
//
//   log_bench [--messages N] [--runs N] [--folder DIR]
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "pools/ensure.h"
#include "proto/digest.h"
#include "replay/log_format.h"
#include "replay/log_reader.h"
#include "replay/log_segment.h"
#include "replay/log_writer.h"
#include "tests/benchmarks/measure.h"

namespace tandem {
namespace {

using benchmarks::Clock;
using benchmarks::Median;
using benchmarks::Must;
using benchmarks::SecondsSince;

constexpr std::size_t kBatchBytes = 1u << 20;
const proto::Session kSession("BENCH");

class Bench {
 public:
  Bench(std::uint64_t messages, std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    proto::StreamPosition position;
    for (std::uint64_t i = 1; i <= messages; ++i) {
      proto::Header header;
      header.session = kSession;
      header.type = 100;
      header.payload_size = static_cast<std::uint16_t>(24 + i * 7 % 64);
      header.flags = proto::kLast;
      header.number = i;
      header.time_ns = static_cast<std::int64_t>(i);
      header.origin = i;
      header.epoch = 1;
      const std::size_t begin = bytes_.size();
      bytes_.resize(begin + sizeof header + header.payload_size, std::byte(i));
      std::memcpy(bytes_.data() + begin, &header, sizeof header);
      const auto message = std::span(bytes_).subspan(begin);
      position.digest = proto::Digest(position.digest, message);
      std::memcpy(message.data(), &position.digest, sizeof position.digest);
      sizes_.push_back(static_cast<std::uint32_t>(message.size()));
    }
  }
  ~Bench() { std::filesystem::remove_all(folder_); }

  double Append() {
    std::filesystem::remove_all(folder_ + "/log");
    // A new log is synced once, so that it is one; that is not appending.
    auto log = Must(
        replay::LogWriter::Open(storage_, folder_ + "/log", {.session = kSession, .schema = ""}));
    const auto begin = Clock::now();
    std::size_t at = 0;
    for (const std::uint32_t size : sizes_) {
      log.Append({bytes_.data() + at, size});
      at += size;
      if (log.buffered_bytes() >= kBatchBytes) Must(log.Flush());
    }
    Must(log.Flush());
    return SecondsSince(begin);
  }

  /// The bytes of the messages, in as many files. `copy`: each is copied into a batch first, as by
  /// a program that gets them one by one; else they lie in one piece already.
  double AppendFloor(bool copy) {
    const std::string folder = folder_ + "/plain";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::vector<std::byte> batch(copy ? kBatchBytes + proto::kMessageSizeMax : 0);
    const auto begin = Clock::now();
    int descriptor = -1;
    int files = 0;
    std::uint64_t end = replay::kSegmentBytesDefault;  // of what the file has
    const auto write = [&](std::span<const std::byte> bytes) {
      if (end + bytes.size() > replay::kSegmentBytesDefault) {
        if (descriptor >= 0) ::close(descriptor);
        const std::string path = folder + "/" + std::to_string(files++);
        descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
        ENSURE(descriptor >= 0 && ::fallocate(descriptor, 0, 0, replay::kSegmentBytesDefault) == 0,
               "cannot write %s", path.c_str());
        end = 0;
      }
      ENSURE(::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(end)) ==
                 static_cast<ssize_t>(bytes.size()),
             "cannot write to file %d", files);
      end += bytes.size();
    };
    std::size_t at = 0;
    std::size_t used = 0;
    for (const std::uint32_t size : sizes_) {
      if (copy) std::memcpy(batch.data() + used, bytes_.data() + at, size);
      at += size;
      used += size;
      if (used < kBatchBytes && at < bytes_.size()) continue;
      write(copy ? std::span<const std::byte>(batch).first(used)
                 : std::span<const std::byte>(bytes_).subspan(at - used, used));
      used = 0;
    }
    ::close(descriptor);
    return SecondsSince(begin);
  }

  double Scan() {
    const auto begin = Clock::now();
    auto log = Must(replay::LogReader::Open(storage_, folder_ + "/log", {}));
    std::uint64_t count = 0;
    while (log.Next() == replay::ReadOutcome::kMessage) ++count;
    const double seconds = SecondsSince(begin);
    ENSURE(count == sizes_.size(), "%zu messages of %zu", static_cast<std::size_t>(count),
           sizes_.size());
    return seconds;
  }

  double ScanFloor() {
    const auto begin = Clock::now();
    std::uint64_t sum = 0;
    std::uint64_t digest = proto::kDigestStart;
    std::size_t next = 0;
    for (std::uint64_t id = 1; next < sizes_.size(); ++id) {
      const auto file = Must(storage_.OpenToRead(replay::SegmentPath(folder_ + "/log", id)));
      const auto mapping = Must(file->Map());
      const std::span<const std::byte> bytes = mapping->bytes();
      std::uint64_t at = sizeof(replay::SegmentHeader);
      for (; next < sizes_.size(); ++next) {
        const std::uint64_t record = replay::RecordBytes(sizes_[next]);
        if (at + record + sizeof(replay::RecordHeader) > bytes.size()) break;
        sum += replay::RecordCrc(1, bytes.data() + at, record);
        digest = proto::Digest(digest, bytes.subspan(at + 8, sizes_[next]));
        at += record;
      }
    }
    const double seconds = SecondsSince(begin);
    ENSURE(sum != digest, "nothing was done");
    return seconds;
  }

  [[nodiscard]] double megabytes() const { return static_cast<double>(bytes_.size()) / 1e6; }

 private:
  std::string folder_;
  replay::PosixStorage storage_;
  std::vector<std::byte> bytes_;
  std::vector<std::uint32_t> sizes_;
};

int Main(int argument_count, char** arguments) {
  CLI::App app("Appending to a log and scanning it, beside what that cannot do without");
  std::uint64_t messages = 2'000'000;
  int runs = 7;
  std::string folder = std::filesystem::temp_directory_path() / "tandem-log-bench";
  app.add_option("--messages", messages, "Messages in the log")->capture_default_str();
  app.add_option("--runs", runs, "Runs of each; the median counts")->capture_default_str();
  app.add_option("--folder", folder, "For the logs; emptied")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  Bench bench(messages, folder + "-" + std::to_string(::getpid()));
  std::vector<double> append, written, copied, scan, scan_floor;
  for (int run = 0; run < runs; ++run) {
    append.push_back(bench.Append());
    written.push_back(bench.AppendFloor(false));
    copied.push_back(bench.AppendFloor(true));
    scan.push_back(bench.Scan());
    scan_floor.push_back(bench.ScanFloor());
  }
  std::printf("%lu messages, %.0f MB; medians of %d runs\n\n", static_cast<unsigned long>(messages),
              bench.megabytes(), runs);
  std::printf("%-36s %8s %10s %8s %8s\n", "", "seconds", "M/s", "GB/s", "ratio");
  const auto row = [&](const char* name, double seconds, double over) {
    std::printf("%-36s %8.3f %10.2f %8.2f %8.2f\n", name, seconds,
                static_cast<double>(messages) / seconds / 1e6, bench.megabytes() / 1e3 / seconds,
                over / seconds);
  };
  row("append", Median(append), Median(append));
  row("floor: messages batched, pwrite", Median(copied), Median(append));
  row("floor: pwrite from where they lie", Median(written), Median(append));
  row("scan with every check", Median(scan), Median(scan));
  row("floor: the two checksums alone", Median(scan_floor), Median(scan));
  return 0;
}

}  // namespace
}  // namespace tandem

int main(int argument_count, char** arguments) { return tandem::Main(argument_count, arguments); }
