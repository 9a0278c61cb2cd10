// SPDX-License-Identifier: Apache-2.0
//
// The part of Boost.Asio that the product uses, over the simulated network and the simulated time:
// the same names and the same promises (handlers are never called from within the call that starts
// an operation; an operation that is cancelled ends with operation_aborted; what is pending is
// dropped with its io_context). The product's transports and live roles are compiled against these
// headers in place of Boost's, without a change. One thread.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/network.h"
#include "tests/simulation/process.h"

namespace boost::asio {

using boost::system::error_code;

class io_context {
 public:
  class executor_type {
   public:
    explicit executor_type(io_context& context) : context_(&context) {}
    [[nodiscard]] io_context& context() const { return *context_; }

   private:
    io_context* context_;
  };
  /// What has handlers that wait for something.
  class Pending {
   public:
    explicit Pending(io_context& context) : context(context), id_(++context.pendings_) {
      context.pending_.emplace(id_, this);
    }
    virtual ~Pending() { context.pending_.erase(id_); }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    /// Moves its handlers out, to be destroyed.
    virtual void Drop(std::vector<std::shared_ptr<void>>& handlers) = 0;

    io_context& context;

   private:
    std::uint64_t id_;
  };

  explicit io_context(int concurrency = -1);
  ~io_context();
  io_context(const io_context&) = delete;
  io_context& operator=(const io_context&) = delete;

  std::size_t run();
  template <class Duration>
  std::size_t run_for(Duration duration) {
    After(std::chrono::nanoseconds(duration).count(),
          [this] { process_.Execute([this] { process_.Unblock(); }); });
    return run();
  }
  void stop();
  [[nodiscard]] bool stopped() const { return is_stopped_; }
  void restart() { is_stopped_ = false; }
  [[nodiscard]] executor_type get_executor() noexcept { return executor_type(*this); }

  [[nodiscard]] tandem::simulation::Process& process() { return process_; }
  [[nodiscard]] tandem::simulation::Scheduler& scheduler() {
    return process_.environment().scheduler;
  }
  /// Calls `handler` soon, after those that were posted before.
  void Post(std::function<void()> handler);
  /// At a later time, unless the context is gone by then. `what` is no handler: it may Post one.
  void After(std::int64_t delay_ns, std::function<void()> what);

 private:
  void Wake();

  tandem::simulation::Process& process_;
  std::deque<std::function<void()>> queue_;
  std::int64_t woken_ns_ = 0;
  bool is_stopped_ = false;
  std::uint64_t pendings_ = 0;
  std::map<std::uint64_t, Pending*> pending_;  ///< in the order of their making
  tandem::simulation::Life life_ = tandem::simulation::NewLife();
};

using any_io_executor = io_context::executor_type;

template <class Handler>
void post(io_context& context, Handler handler) {
  context.Post([shared = std::make_shared<Handler>(std::move(handler))] { (*shared)(); });
}
template <class Handler>
void post(const io_context::executor_type& executor, Handler handler) {
  post(executor.context(), std::move(handler));
}

/// One handler that waits; called or dropped once.
template <class... Arguments>
class WaitingHandler {
 public:
  template <class Handler>
  void Set(Handler handler) {
    call_ = std::make_shared<std::function<void(Arguments...)>>(
        [shared = std::make_shared<Handler>(std::move(handler))](Arguments... arguments) {
          (*shared)(std::forward<Arguments>(arguments)...);
        });
  }
  explicit operator bool() const { return call_ != nullptr; }
  /// Its call, which is to be posted.
  [[nodiscard]] std::shared_ptr<std::function<void(Arguments...)>> Take() {
    return std::exchange(call_, nullptr);
  }
  void Drop(std::vector<std::shared_ptr<void>>& handlers) {
    if (call_) handlers.push_back(Take());
  }

 private:
  std::shared_ptr<std::function<void(Arguments...)>> call_;
};

class steady_timer {
 public:
  using clock_type = std::chrono::steady_clock;
  using time_point = clock_type::time_point;
  using duration = clock_type::duration;

  explicit steady_timer(io_context& context) : impl_(std::make_shared<Impl>(context)) {}
  explicit steady_timer(const io_context::executor_type& executor)
      : steady_timer(executor.context()) {}
  template <class Duration>
  steady_timer(io_context& context, Duration after) : steady_timer(context) {
    expires_after(after);
  }
  ~steady_timer() { cancel(); }
  steady_timer(const steady_timer&) = delete;
  steady_timer& operator=(const steady_timer&) = delete;

  std::size_t expires_after(duration after) { return expires_at(clock_type::now() + after); }
  std::size_t expires_at(time_point at) {
    const std::size_t cancelled = cancel();
    impl_->expiry = at;
    return cancelled;
  }
  [[nodiscard]] io_context::executor_type get_executor() { return impl_->context.get_executor(); }
  [[nodiscard]] time_point expiry() const { return impl_->expiry; }
  std::size_t cancel();

  template <class Handler>
  void async_wait(Handler handler) {
    impl_->waiting.emplace_back();
    impl_->waiting.back().Set(std::move(handler));
    Schedule();
  }

 private:
  struct Impl : io_context::Pending {
    using Pending::Pending;
    void Drop(std::vector<std::shared_ptr<void>>& handlers) override {
      for (auto& handler : waiting) handler.Drop(handlers);
      waiting.clear();
    }
    std::deque<WaitingHandler<error_code>> waiting;
    time_point expiry;
    std::uint64_t generation = 0;
  };
  void Schedule();
  static std::size_t Complete(Impl& impl, error_code error);

  std::shared_ptr<Impl> impl_;
};

/// SIGTERM only: the one that the simulation sends.
class signal_set {
 public:
  template <class... Signals>
  explicit signal_set(io_context& context, Signals... /*signals*/)
      : impl_(std::make_shared<Impl>(context)) {}
  ~signal_set();
  signal_set(const signal_set&) = delete;
  signal_set& operator=(const signal_set&) = delete;

  template <class Handler>
  void async_wait(Handler handler) {
    impl_->waiting.Set(std::move(handler));
    Arm();
  }
  void cancel();

 private:
  struct Impl : io_context::Pending {
    using Pending::Pending;
    void Drop(std::vector<std::shared_ptr<void>>& handlers) override { waiting.Drop(handlers); }
    WaitingHandler<error_code, int> waiting;
  };
  void Arm();

  std::shared_ptr<Impl> impl_;
};

}  // namespace boost::asio
