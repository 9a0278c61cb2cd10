// SPDX-License-Identifier: Apache-2.0
//
// Progress: which input an engine is stepping, in a small file that is mapped into memory, so that
// the next process knows in which input the one before it died. Two marks a step, without a system
// call: they outlive the process, and nobody asks that they outlive the host.
//
// One thread, but for current(): from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "pools/result.h"
#include "proto/header.h"

namespace tandem::engine {

class Progress {
 public:
  /// In memory only.
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// In the file at `path`, which is made if it is missing, and what it says of the process before.
  Status Open(const std::string& path, proto::Session session);
  /// Removes the file, if there is one.
  void Remove();

  /// The input in which the process before died, when it died in a step; 0: it did not.
  [[nodiscard]] std::uint64_t died_at() const { return died_at_; }
  /// How many processes in a row have died there.
  [[nodiscard]] std::uint32_t deaths() const { return page_->deaths; }

  void Begin(const proto::Header& input) {
    std::uint64_t user = 0;
    std::memcpy(&user, input.user.bytes.data(), sizeof user);
    Store(page_->user, user);
    Store(page_->type, input.type);
    Store(page_->stepping, input.number);
  }
  void End(std::uint64_t number) {
    Store(page_->stepping, 0);
    if (number == died_at_) [[unlikely]]
      Forget();
  }

  struct Step {
    std::uint64_t number = 0;  ///< 0: none is running
    std::uint16_t type = 0;
    proto::User user;
  };
  [[nodiscard]] Step current() const;

 private:
  struct Page {
    std::uint64_t magic = 0;
    proto::Session session;
    std::uint16_t reserved = 0;
    std::uint32_t deaths = 0;
    std::uint64_t died_at = 0;
    std::uint64_t stepping = 0;  ///< input number; 0: none
    std::uint64_t user = 0;
    std::uint64_t type = 0;
  };
  static_assert(sizeof(Page) == 56);

  template <class T>
  static void Store(T& to, std::uint64_t value) {
    std::atomic_ref(to).store(value, std::memory_order_relaxed);
  }
  void Forget();

  Page* page_;
  std::string path_;
  std::uint64_t died_at_ = 0;
};

}  // namespace tandem::engine
