// SPDX-License-Identifier: Apache-2.0
#include "tests/simulation/asio/simulated_asio.h"

#include <algorithm>
#include <csignal>

#include "pools/ensure.h"

namespace boost::asio {

using tandem::simulation::kUs;
using tandem::simulation::Process;
using tandem::simulation::Scheduler;

namespace {

Process& CurrentProcess() {
  ENSURE(Process::current() != nullptr, "an io_context outside of a simulated process");
  return *Process::current();
}

}  // namespace

io_context::io_context(int /*concurrency*/) : process_(CurrentProcess()) {}

io_context::~io_context() {
  life_.reset();
  std::vector<std::shared_ptr<void>> handlers;
  for (const auto& [id, pending] : pending_) pending->Drop(handlers);
  // What they hold may close sockets, which leave pending_ then.
  const auto queue = std::exchange(queue_, {});
}

std::size_t io_context::run() {
  if (!is_stopped_) process_.Block();
  return 0;
}

void io_context::stop() {
  is_stopped_ = true;
  process_.Unblock();
}

void io_context::Post(std::function<void()> handler) {
  if (process_.is_crashing()) return;
  queue_.push_back(std::move(handler));
  Wake();
}

// One event of the scheduler for each handler, in order.
void io_context::Wake() {
  const std::int64_t now_ns = scheduler().now_ns();
  const std::int64_t soon_ns =
      now_ns + (scheduler().OneIn(4) ? scheduler().Between(0, 20 * kUs) : 0);
  woken_ns_ = std::max({woken_ns_, soon_ns, process_.stalled_until_ns()});
  scheduler().After(woken_ns_ - now_ns, life_, [this] {
    if (is_stopped_ || queue_.empty()) return;
    if (process_.stalled_until_ns() > scheduler().now_ns()) return Wake();
    auto handler = std::move(queue_.front());
    queue_.pop_front();
    process_.Execute(std::move(handler));
  });
}

void io_context::After(std::int64_t delay_ns, std::function<void()> what) {
  scheduler().After(std::max<std::int64_t>(delay_ns, 0), life_, std::move(what));
}

std::size_t steady_timer::Complete(Impl& impl, error_code error) {
  ++impl.generation;
  const std::size_t count = impl.waiting.size();
  for (auto& handler : std::exchange(impl.waiting, {})) {
    impl.context.Post([call = handler.Take(), error] { (*call)(error); });
  }
  return count;
}

std::size_t steady_timer::cancel() {
  if (impl_->waiting.empty()) return 0;
  return Complete(*impl_, error::operation_aborted);
}

void steady_timer::Schedule() {
  const auto delay = std::chrono::nanoseconds(impl_->expiry - clock_type::now());
  impl_->context.After(delay.count(),
                       [weak = std::weak_ptr(impl_), generation = impl_->generation] {
                         const auto impl = weak.lock();
                         if (impl && impl->generation == generation) Complete(*impl, {});
                       });
}

signal_set::~signal_set() {
  cancel();
  if (!impl_->context.process().ended()) impl_->context.process().on_terminate = nullptr;
}

void signal_set::cancel() {
  if (!impl_->waiting) return;
  impl_->context.Post(
      [call = impl_->waiting.Take()] { (*call)(error::operation_aborted, SIGTERM); });
}

void signal_set::Arm() {
  impl_->context.process().on_terminate = [weak = std::weak_ptr(impl_)] {
    const auto impl = weak.lock();
    if (!impl || !impl->waiting) return;
    impl->context.Post([call = impl->waiting.Take()] { (*call)(error_code(), SIGTERM); });
  };
}

}  // namespace boost::asio
