// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/gate.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "engine/transport/printable.h"
#include "engine/transport/token_bucket.h"

namespace tandem::engine {

namespace asio = boost::asio;
using Clock = TokenBucket::Clock;

namespace {

/// Failures that are remembered, by user and address; beyond, all of an address count as one.
constexpr std::size_t kGuessersMax = 4096;

/// Checks passwords one after the other, off the event loop.
class PasswordThread {
 public:
  explicit PasswordThread(asio::io_context& context)
      : context_(context), thread_([this] { Run(); }) {}
  ~PasswordThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    ready_.notify_one();
    thread_.join();
  }

  /// `done` is called on the io_context's thread.
  void Check(std::string password, std::string hash, std::function<void(bool)> done) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back({std::move(password), std::move(hash), std::move(done)});
    }
    ready_.notify_one();
  }

 private:
  struct Job {
    std::string password;
    std::string hash;
    std::function<void(bool)> done;
  };

  void Run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      const bool matches = PasswordMatches(job.password, job.hash);
      asio::post(context_, [done = std::move(job.done), matches] { done(matches); });
      lock.lock();
    }
  }

  asio::io_context& context_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> jobs_;  ///< at most one a connection, so bounded by their number
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

class Gate::Impl {
 public:
  Impl(asio::io_context& context, std::string path) : context_(context), path_(std::move(path)) {}

  Status Open() {
    if (path_.empty()) return {};
    if (Status status = Load(); !status) return status;
    // Who is not there costs as much time as who is.
    auto nobody = HashPassword("nobody");
    if (!nobody) return nobody.error();
    nobody_ = std::move(*nobody);
    thread_.emplace(context_);
    hang_up_.emplace(context_, SIGHUP);
    AwaitHangUp();
    return {};
  }

  void Check(const std::string& user, const std::string& password, const asio::ip::address& address,
             unsigned needed, std::function<void(const Admission&)> done) {
    if (path_.empty()) {
      const bool is_operator = user == kOperatorUser && address.is_loopback();
      return done({.admitted = true,
                   .rights = kSubmitRight | kReadRight | (is_operator ? kOperatorRight : 0u),
                   .why = ""});
    }
    const auto found = users_.find(user);
    const bool is_known = found != users_.end();
    const Guesser guesser{address.to_string(), is_known ? user : std::string()};
    if (!MayTry(guesser)) {
      ++refused_;
      return done({.why = "too many logins with a wrong password came from there; one is looked "
                          "at each second"});
    }
    const std::string hash = is_known ? found->second.hash : nobody_;
    thread_->Check(password, hash,
                   [this, user, hash, needed, guesser, done = std::move(done)](bool matches) {
                     done(Decide(user, hash, needed, guesser, matches));
                   });
  }

  [[nodiscard]] bool Has(std::string_view user, unsigned rights) const {
    if (path_.empty()) return true;
    const auto found = users_.find(user);
    return found != users_.end() && (found->second.rights & rights) != 0;
  }
  void OnChange(std::function<void()> on_change) { on_change_ = std::move(on_change); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  using Guesser = std::pair<std::string, std::string>;  ///< address and user

  Status Load() {
    auto users = LoadUsers(path_);
    if (!users) return users.error();
    users_ = std::move(*users);
    if (const std::string open = TooOpen(path_); !open.empty()) spdlog::warn("{}", open);
    if (users_.empty()) spdlog::warn("{} names no user, so nobody can log in", path_);
    return {};
  }

  void AwaitHangUp() {
    hang_up_->async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      if (const Status status = Load(); !status) {
        spdlog::error("SIGHUP: the users stay as they were: {}", status.error().text);
      } else {
        spdlog::info("SIGHUP: {} read again, {} users", path_, users_.size());
        if (on_change_) on_change_();
      }
      AwaitHangUp();
    });
  }

  [[nodiscard]] bool MayTry(const Guesser& guesser) {
    const auto found = failures_.find(guesser);
    return found == failures_.end() || found->second.HasOne(Clock::now());
  }

  Admission Decide(const std::string& user, const std::string& hash, unsigned needed,
                   const Guesser& guesser, bool matches) {
    // The file may have been read again since.
    const auto found = users_.find(user);
    if (matches && found != users_.end() && found->second.hash == hash) {
      const unsigned rights = found->second.rights;
      if ((rights & needed) != 0) return {.admitted = true, .rights = rights, .why = ""};
      ++refused_;
      return {.why = "user " + user + " may " + RightsText(rights) + " and nothing else"};
    }
    ++refused_;
    Failed(guesser);
    return {.why = "wrong user or password: \"" + Printable(user) + "\""};
  }

  void Failed(Guesser guesser) {
    const Clock::time_point now = Clock::now();
    if (failures_.size() >= kGuessersMax) {
      for (auto entry = failures_.begin(); entry != failures_.end();) {
        entry = entry->second.full(now) ? failures_.erase(entry) : std::next(entry);
      }
    }
    if (failures_.size() >= kGuessersMax) guesser = {};
    const auto found = failures_.try_emplace(guesser, 1.0, kFailuresMax, now).first;
    (void)found->second.Take(now);
  }

  asio::io_context& context_;
  const std::string path_;
  std::optional<asio::signal_set> hang_up_;  ///< if there is a file
  UserList users_;
  std::string nobody_;  ///< a hash that nobody has
  std::map<Guesser, TokenBucket> failures_;
  std::uint64_t refused_ = 0;
  std::function<void()> on_change_;
  std::optional<PasswordThread> thread_;
};

Gate::Gate(asio::io_context& context, std::string path)
    : impl_(std::make_unique<Impl>(context, std::move(path))) {}
Gate::~Gate() = default;

Status Gate::Open() { return impl_->Open(); }
void Gate::Check(const std::string& user, const std::string& password,
                 const asio::ip::address& address, unsigned needed,
                 std::function<void(const Admission&)> done) {
  impl_->Check(user, password, address, needed, std::move(done));
}
bool Gate::Has(std::string_view user, unsigned rights) const { return impl_->Has(user, rights); }
void Gate::OnChange(std::function<void()> on_change) { impl_->OnChange(std::move(on_change)); }
std::uint64_t Gate::refused() const { return impl_->refused(); }

}  // namespace tandem::engine
