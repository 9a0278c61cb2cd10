// SPDX-License-Identifier: Apache-2.0
//
// What a forked child of a process with threads may do is little: memory and locks are as they were
// in the middle of whatever other threads did. So everything that needs either is done before the
// fork, in Prepare, and WriteFile, which runs in the child, makes system calls and computes hashes.
#include "pools/zone_image_writer.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "pools/zone_image.h"
#include "pools/zone_image_format.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

/// Written to the disk while the next ones are hashed, so that little of it waits in memory, where
/// it would slow down whoever else writes.
constexpr std::uint64_t kWindowBytes = 8u << 20;
constexpr int kNicer = 5;

std::int64_t NowNs(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// What the child says, in memory that it shares with its parent.
struct Report {
  std::atomic<std::uint32_t> done{0};
  std::atomic<std::int32_t> error{0};      ///< errno
  std::atomic<const char*> what{nullptr};  ///< could not be done
  std::atomic<std::uint64_t> zone_hash{0};
  std::atomic<std::uint64_t> write_ns{0};
};

/// What is written, and where; made before the fork.
struct Plan {
  ImageHeader header;
  std::vector<std::byte> tables;  ///< pools, then hashes of chunks
  const std::byte* state = nullptr;
  int file = -1;
  int folder = -1;
  std::string name;       ///< in the folder
  std::string temporary;  ///< in the folder
  Report* report = nullptr;
};

bool WriteAll(int file, std::uint64_t offset, const void* from, std::size_t size) {
  const auto* place = static_cast<const char*>(from);
  while (size > 0) {
    const long wrote = ::syscall(SYS_pwrite64, file, place, size, offset);
    if (wrote < 0 && errno == EINTR) {
      continue;
    }
    if (wrote <= 0) {
      return false;
    }
    place += wrote;
    offset += static_cast<std::uint64_t>(wrote);
    size -= static_cast<std::size_t>(wrote);
  }
  return true;
}

/// Starts the way to the disk for one window, and waits for the one before it.
void PushOut(int file, std::uint64_t begin, std::uint64_t window_end) {
  ::syscall(SYS_sync_file_range, file, window_end - kWindowBytes, kWindowBytes,
            SYNC_FILE_RANGE_WRITE);
  if (window_end >= begin + 2 * kWindowBytes) {
    ::syscall(SYS_sync_file_range, file, window_end - 2 * kWindowBytes, kWindowBytes,
              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  }
}

bool WriteState(Plan& plan) {
  ImageHeader& header = plan.header;
  auto* const chunk_hashes = reinterpret_cast<std::uint64_t*>(
      plan.tables.data() + (header.chunks_offset - header.pools_offset));
  std::uint64_t window_end = header.state_offset + kWindowBytes;
  for (std::uint64_t i = 0, at = 0; i < header.chunk_count; ++i, at += kImageChunkBytes) {
    const std::byte* const chunk = plan.state + at;
    const std::uint64_t size = std::min(kImageChunkBytes, header.stored_bytes - at);
    chunk_hashes[i] = XXH3_64bits(chunk, size);
    if (!WriteAll(plan.file, header.state_offset + at, chunk, size)) {
      return false;
    }
    if (header.state_offset + at + size >= window_end) {
      PushOut(plan.file, header.state_offset, window_end);
      window_end += kWindowBytes;
    }
  }
  header.zone_hash = XXH3_64bits(plan.state, header.state_bytes);
  return true;
}

/// In the child, or in this process. What could not be done; null: all is done.
const char* WriteFile(Plan& plan) {
  ImageHeader& header = plan.header;
  if (!WriteState(plan)) {
    return "write the state to";
  }
  header.tables_hash = XXH3_64bits(plan.tables.data(), plan.tables.size());
  header.header_hash = XXH3_64bits(&header, offsetof(ImageHeader, header_hash));
  if (!WriteAll(plan.file, header.pools_offset, plan.tables.data(), plan.tables.size()) ||
      !WriteAll(plan.file, 0, &header, sizeof header)) {
    return "write the tables to";
  }
  if (::syscall(SYS_fsync, plan.file) != 0) {
    return "sync";
  }
  if (::syscall(SYS_renameat, plan.folder, plan.temporary.c_str(), plan.folder,
                plan.name.c_str()) != 0) {
    return "give its name to";
  }
  return ::syscall(SYS_fsync, plan.folder) == 0 ? nullptr : "sync the folder of";
}

void WriteAndReport(Plan& plan) {
  const std::int64_t begin = NowNs(CLOCK_MONOTONIC);
  const char* const failed = WriteFile(plan);
  const int reason = errno;
  if (failed != nullptr) {
    ::syscall(SYS_unlinkat, plan.folder, plan.temporary.c_str(), 0);
  }
  Report& report = *plan.report;
  report.what = failed;
  report.error = failed != nullptr ? reason : 0;
  report.zone_hash = plan.header.zone_hash;
  report.write_ns = static_cast<std::uint64_t>(NowNs(CLOCK_MONOTONIC) - begin);
  report.done.store(1, std::memory_order_release);
}

/// Ports, locks and logs of the parent must not live on in the child.
void CloseAllBut(int a, int b) {
  const auto low = static_cast<unsigned>(std::min(a, b));
  const auto high = static_cast<unsigned>(std::max(a, b));
  if (low > 0) {
    ::syscall(SYS_close_range, 0u, low - 1, 0u);
  }
  if (high > low + 1) {
    ::syscall(SYS_close_range, low + 1, high - 1, 0u);
  }
  ::syscall(SYS_close_range, high + 1, ~0u, 0u);
}

/// As the kernel has it.
struct KernelSigaction {
  void (*handler)(int) = SIG_DFL;
  unsigned long flags = 0;
  void (*restorer)() = nullptr;
  unsigned long mask = 0;
};

[[noreturn]] void RunChild(Plan& plan) {
  CloseAllBut(plan.file, plan.folder);
  const KernelSigaction by_default;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGBUS, SIGABRT}) {
    ::syscall(SYS_rt_sigaction, signal, &by_default, nullptr, sizeof by_default.mask);
  }
  const unsigned long none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
  ::syscall(SYS_setpriority, PRIO_PROCESS, 0, kNicer);
  WriteAndReport(plan);
  ::syscall(SYS_exit_group, plan.report->what.load() == nullptr ? 0 : 1);
  for (;;) {
  }
}

}  // namespace

struct ImageWriter::Job {
  ~Job() {
    if (child > 0) {
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, __WALL);
      RemoveTemporary();
    }
    Close();
    if (plan.report != nullptr) {
      ::munmap(plan.report, sizeof(Report));
    }
  }
  void Close() {
    for (int* const file : {&plan.file, &folder}) {
      if (*file >= 0) {
        ::close(std::exchange(*file, -1));
      }
    }
  }
  void RemoveTemporary() const {
    ::unlink((path + plan.temporary.substr(plan.name.size())).c_str());
  }

  Error Failed(const std::string& what, int reason) const {
    return Error::Failure("cannot " + what + " the image " + path + ": " + std::strerror(reason));
  }
  Status Prepare(const ZoneView& zone, const ImageOptions& options);
  Status OpenFiles();
  Status Fork();
  Result<ImageWritten> Outcome();

  std::string path;
  Plan plan;
  int& folder = plan.folder;
  pid_t child = 0;
  std::uint64_t fork_ns = 0;
};

Status ImageWriter::Job::Prepare(const ZoneView& zone, const ImageOptions& options) {
  path = options.path;
  ENSURE(options.label.size() <= kImageLabelMax && options.build.size() <= kImageBuildMax,
         "a label of %zu and a build id of %zu bytes do not fit into an image",
         options.label.size(), options.build.size());
  const std::vector<PoolInfo> pools = zone.Pools();
  const auto* const slots = reinterpret_cast<PoolControl*>(zone.address() + kZoneSlotsOffset);
  const std::span<const std::byte> state = zone.image_bytes();
  ImageHeader& header = plan.header;
  header.zone_layout_version = kZoneLayoutVersion;
  header.address = zone.address();
  header.stored_bytes = state.size();
  header.state_bytes = zone.state_bytes().size();
  header.root = reinterpret_cast<std::uintptr_t>(zone.header().root);
  header.root_bytes = zone.header().root_bytes;
  header.pools_offset = kImagePageBytes;
  header.pool_count = pools.size();
  header.chunks_offset = header.pools_offset + pools.size() * sizeof(ImagePool);
  header.chunk_count = (state.size() + kImageChunkBytes - 1) / kImageChunkBytes;
  const std::string_view description = zone.description();
  header.description_offset = header.chunks_offset + header.chunk_count * sizeof(std::uint64_t);
  header.description_size = description.size();
  const std::uint64_t tables_end = header.description_offset + description.size();
  header.state_offset = (tables_end + kImagePageBytes - 1) / kImagePageBytes * kImagePageBytes;
  header.file_bytes = header.state_offset + state.size();
  header.layout = options.layout;
  header.written_ns = NowNs(CLOCK_REALTIME);
  header.slots_used = zone.control().slots_used;
  header.build_size = static_cast<std::uint32_t>(options.build.size());
  header.label_size = static_cast<std::uint32_t>(options.label.size());
  std::copy(options.build.begin(), options.build.end(), header.build);
  std::copy(options.label.begin(), options.label.end(), header.label);
  plan.tables.resize(tables_end - header.pools_offset);
  std::byte* place = plan.tables.data();
  for (const PoolInfo& pool : pools) {
    ImagePool record;
    std::copy_n(pool.name.c_str(), pool.name.size() + 1, record.name);
    record.kind = static_cast<std::uint32_t>(pool.kind);
    record.slot = pool.slot;
    const PoolControl* const base = slots[pool.slot].base;
    if (base != nullptr) {
      record.base_slot = static_cast<std::uint32_t>(base - slots);
    }
    record.address = pool.address;
    record.element_bytes = pool.element_bytes;
    record.limit = pool.limit;
    record.figures = pool.figures;
    std::memcpy(place, &record, sizeof record);
    place += sizeof record;
  }
  std::copy_n(reinterpret_cast<const std::byte*>(description.data()), description.size(),
              plan.tables.data() + (header.description_offset - header.pools_offset));
  plan.state = state.data();
  void* const shared =
      ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    return Failed("begin", errno);
  }
  plan.report = ::new (shared) Report;
  return OpenFiles();
}

Status ImageWriter::Job::OpenFiles() {
  const std::size_t slash = path.rfind('/');
  const std::string in = slash == std::string::npos ? "."
                         : slash == 0               ? "/"
                                                    : path.substr(0, slash);
  plan.name = slash == std::string::npos ? path : path.substr(slash + 1);
  plan.temporary = plan.name + ".tmp." + std::to_string(::getpid());
  folder = ::open(in.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    return Failed("open the folder of", errno);
  }
  plan.file =
      ::openat(folder, plan.temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  return plan.file >= 0 ? Status() : Failed("make", errno);
}

Status ImageWriter::Job::Fork() {
  // The first call of a function of a library may look for it, with locks.
  std::byte some[1024] = {};
  (void)XXH3_64bits(some, sizeof some);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const std::int64_t begin = NowNs(CLOCK_MONOTONIC);
  // Not fork(): what a library wants done around one is not wanted here.
  const long forked = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (forked == 0) {
    RunChild(plan);
  }
  const int reason = errno;
  fork_ns = static_cast<std::uint64_t>(NowNs(CLOCK_MONOTONIC) - begin);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (forked < 0) {
    RemoveTemporary();
    return Failed("fork for", reason);
  }
  child = static_cast<pid_t>(forked);
  Close();
  return {};
}

Result<ImageWritten> ImageWriter::Job::Outcome() {
  const Report& report = *plan.report;
  if (report.done.load(std::memory_order_acquire) == 0) {
    RemoveTemporary();
    return Error::Failure("cannot write the image " + path +
                          ": the process that wrote it was ended from outside");
  }
  if (report.what != nullptr) {
    return Failed(report.what.load(), report.error);
  }
  return ImageWritten{.path = path,
                      .file_bytes = plan.header.file_bytes,
                      .zone_hash = report.zone_hash,
                      .fork_ns = fork_ns,
                      .write_ns = report.write_ns};
}

ImageWriter::ImageWriter(std::unique_ptr<Job> job) : job_(std::move(job)) {}
ImageWriter::ImageWriter(ImageWriter&&) noexcept = default;
ImageWriter& ImageWriter::operator=(ImageWriter&&) noexcept = default;
ImageWriter::~ImageWriter() = default;

Result<ImageWriter> ImageWriter::Start(const ZoneView& zone, const ImageOptions& options) {
  auto job = std::make_unique<Job>();
  if (Status status = job->Prepare(zone, options); !status) {
    return status.error();
  }
  if (Status status = job->Fork(); !status) {
    return status.error();
  }
  return ImageWriter(std::move(job));
}

std::optional<Result<ImageWritten>> ImageWriter::Poll() {
  const pid_t ended = ::waitpid(job_->child, nullptr, WNOHANG | __WALL);
  if (ended == 0) {
    return std::nullopt;
  }
  job_->child = 0;
  return job_->Outcome();
}

Result<ImageWritten> ImageWriter::Wait() {
  while (::waitpid(job_->child, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  job_->child = 0;
  return job_->Outcome();
}

pid_t ImageWriter::process() const { return job_->child; }
const std::string& ImageWriter::path() const { return job_->path; }

Result<ImageWritten> WriteImage(const ZoneView& zone, const ImageOptions& options) {
  ImageWriter::Job job;
  if (Status status = job.Prepare(zone, options); !status) {
    return status.error();
  }
  WriteAndReport(job.plan);
  return job.Outcome();
}

}  // namespace tandem::pools
