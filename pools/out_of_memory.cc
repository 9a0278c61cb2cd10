// SPDX-License-Identifier: Apache-2.0
#include "pools/out_of_memory.h"

#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

#include "pools/result.h"
#include "pools/zone_layout.h"

namespace tandem::pools {
namespace {

struct Refusal {
  const PoolControl* pool = nullptr;
  std::uint64_t asked_bytes = 0;
  RefusalReason reason = RefusalReason::kNone;
};

[[gnu::tls_model("initial-exec")]] thread_local constinit Refusal last_refusal;

// Text in a fixed buffer; what does not fit is cut.
class Report {
 public:
  Report& operator<<(std::string_view text) {
    const std::size_t length = text.size() < kSize - used_ ? text.size() : kSize - used_;
    std::memcpy(text_ + used_, text.data(), length);
    used_ += length;
    return *this;
  }

  Report& operator<<(std::uint64_t number) {
    char digits[20];
    std::size_t i = sizeof digits;
    do {
      digits[--i] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return *this << std::string_view(digits + i, sizeof digits - i);
  }

  Report& Hex(std::uint64_t number) {
    char digits[16];
    std::size_t i = sizeof digits;
    do {
      digits[--i] = "0123456789abcdef"[number % 16];
      number /= 16;
    } while (number != 0);
    return *this << "0x" << std::string_view(digits + i, sizeof digits - i);
  }

  Report& Limit(std::string_view what, std::uint64_t bound) {
    return bound == kNoLimit ? *this : *this << ", limit " << bound << what;
  }

  void Write() const {
    std::size_t done = 0;
    while (done < used_) {
      const ssize_t written = write(STDERR_FILENO, text_ + done, used_ - done);
      if (written <= 0) {
        return;
      }
      done += static_cast<std::size_t>(written);
    }
  }

 private:
  static constexpr std::size_t kSize = 8192;
  char text_[kSize];
  std::size_t used_ = 0;
};

void Explain(Report& report, const Refusal& refusal) {
  const PoolControl& pool = *refusal.pool;
  switch (refusal.reason) {
    case RefusalReason::kNone:
      break;
    case RefusalReason::kElementLimit:
      report << "has reached its limit of " << pool.limit.elements << " elements";
      break;
    case RefusalReason::kByteLimit:
      report << "may not take " << refusal.asked_bytes << " bytes more: its limit is "
             << pool.limit.bytes << " bytes";
      break;
    case RefusalReason::kAddressSpace:
      report << "has no room for " << refusal.asked_bytes
             << " bytes more in the address range of its zone";
      break;
    case RefusalReason::kSystem:
      report << "was refused " << refusal.asked_bytes << " bytes by the operating system";
      break;
    case RefusalReason::kLock:
      report << "was refused " << refusal.asked_bytes
             << " bytes that stay in memory: raise the limit of locked memory (ulimit -l)";
      break;
    case RefusalReason::kTooLarge:
      report << "has no blocks of " << refusal.asked_bytes << " bytes";
      break;
    case RefusalReason::kRefusedByTest:
      report << "was refused " << refusal.asked_bytes << " bytes by a test";
      break;
  }
}

void Describe(Report& report, const PoolControl& pool) {
  const Figures figures = PoolRef(const_cast<PoolControl&>(pool)).GetFigures();
  report << "  " << pool.name << " (" << KindName(pool.kind) << "): live " << figures.live
         << ", peak " << figures.live_peak << ", " << figures.live_bytes << " bytes, taken "
         << figures.taken_bytes << " bytes";
  report.Limit(" elements", pool.limit.elements).Limit(" bytes", pool.limit.bytes) << "\n";
}

void TellStep(Report& report) {
  if (StepScope::Active()) {
    report << "  while processing message " << StepScope::MessageNumber() << "\n";
  } else {
    report << "  outside a step\n";
  }
}

[[noreturn]] void End(const Report& report) {
  report.Write();
  _exit(static_cast<int>(ExitCode::kOutOfMemory));
}

}  // namespace

std::nullptr_t Refuse(const PoolControl& pool, std::uint64_t asked_bytes, RefusalReason reason) {
  last_refusal = {&pool, asked_bytes, reason};
  return nullptr;
}

void EndOutOfMemory(const PoolControl& pool, std::uint64_t asked_bytes) {
  Report report;
  report << "tandem: out of memory in pool " << pool.name << ": " << asked_bytes
         << " bytes were asked for";
  if (last_refusal.pool != nullptr && last_refusal.reason != RefusalReason::kNone) {
    report << ", but pool " << last_refusal.pool->name << " ";
    Explain(report, last_refusal);
  }
  report << ".\n";
  TellStep(report);
  report << "  the chain, from the pool to the operating system:\n";
  for (const PoolControl* link = &pool; link != nullptr; link = link->base) {
    Describe(report, *link);
  }
  if (pool.zone != nullptr) {
    const ZoneControl& zone = *pool.zone;
    report << "  zone at ";
    report.Hex(zone.address) << ": address range of " << zone.reserve_end - zone.address
                             << " bytes, " << zone.committed_end - zone.address << " usable\n";
  }
  report << "  Raise the limit or give the host more memory, then start again.\n";
  End(report);
}

void EndInlaryFull(const char* name, std::uint64_t elements_max, std::uint64_t element_bytes) {
  Report report;
  report << "tandem: out of memory in pool " << name << ": " << element_bytes
         << " bytes were asked for, but it has room for " << elements_max
         << " elements inside its parent and is full.\n";
  TellStep(report);
  report << "  Declare it with a larger max, then build and start again.\n";
  End(report);
}

}  // namespace tandem::pools
