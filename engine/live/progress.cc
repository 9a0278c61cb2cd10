// SPDX-License-Identifier: Apache-2.0
#include "engine/live/progress.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "pools/ensure.h"

namespace tandem::engine {

namespace {

constexpr std::uint64_t kMagic = 0x31534752504d4454;  // "TDMPRGS1"
constexpr std::size_t kSize = 4096;

Error Sentence(const std::string& path, int error) {
  return Error::Failure("cannot keep " + path +
                        ", which says which input is being stepped: " + std::strerror(error));
}

}  // namespace

Progress::Progress() {
  void* const memory =
      ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ENSURE(memory != MAP_FAILED, "no page of memory for the progress");
  page_ = new (memory) Page;
}

Progress::~Progress() { ::munmap(page_, kSize); }

Status Progress::Open(const std::string& path, proto::Session session) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return Sentence(path, errno);
  // A mapped page without space on the disk would be a signal instead of an error.
  const int full = ::posix_fallocate(file, 0, kSize);
  // In the place of the page that is there: the watchdog may be looking.
  void* const memory =
      full != 0 ? MAP_FAILED
                : ::mmap(page_, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  const int error = full != 0 ? full : errno;
  ::close(file);
  if (memory == MAP_FAILED) return Sentence(path, error);
  path_ = path;
  if (page_->magic != kMagic || page_->session != session) {
    page_->magic = kMagic;
    page_->session = session;
    page_->deaths = 0;
    page_->died_at = 0;
    Store(page_->stepping, 0);
  }
  if (const std::uint64_t number = current().number; number != 0) {
    Store(page_->stepping, 0);
    page_->deaths = number == page_->died_at ? page_->deaths + 1 : 1;
    page_->died_at = number;
  }
  died_at_ = page_->deaths > 0 ? page_->died_at : 0;
  return {};
}

void Progress::Remove() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void Progress::Forget() {
  page_->deaths = 0;
  died_at_ = 0;
}

Progress::Step Progress::current() const {
  const auto load = [](std::uint64_t& from) {
    return std::atomic_ref(from).load(std::memory_order_relaxed);
  };
  Step step;
  step.number = load(page_->stepping);
  step.type = static_cast<std::uint16_t>(load(page_->type));
  const std::uint64_t user = load(page_->user);
  std::memcpy(step.user.bytes.data(), &user, sizeof user);
  return step;
}

}  // namespace tandem::engine
