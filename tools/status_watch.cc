// SPDX-License-Identifier: Apache-2.0
#include "tools/status_watch.h"

#include <limits>

#include "engine/transport/stream_client.h"
#include "engine/transport/users.h"

namespace tandem::tools {

namespace {

/// A role that was restarted is to be seen soon.
engine::ConnectionLimits Limits() {
  engine::ConnectionLimits limits;
  limits.backoff = std::chrono::milliseconds(200);
  return limits;
}

}  // namespace

/// Asks for a number that never comes.
class StatusWatch::Reader : private engine::StreamClient::Handler {
 public:
  Reader(boost::asio::io_context& context, const engine::Endpoint& endpoint,
         const std::string& password)
      : has_password_(!password.empty()), client_(context, endpoint, kUser, *this, Limits()) {
    client_.SetPassword(password);
    client_.Start();
  }

  State state = State::kUnknown;
  std::string why;
  pb::Status status;
  std::uint64_t count = 0;

 private:
  std::uint64_t WantedNumber() override { return std::numeric_limits<std::uint64_t>::max(); }
  std::string WantedSession() override { return ""; }
  void OnLogin(proto::Session, std::uint64_t) override {}
  void OnMessage(const proto::MessageView&) override {}
  void OnStatus(const pb::Status& of_role) override {
    status = of_role;
    state = State::kUp;
    why.clear();
    ++count;
  }
  void OnDisconnected(const std::string& reason) override {
    if (reason == engine::StreamClient::kNoSession) {
      state = State::kNoSession;
      why.clear();
    } else if (reason == engine::StreamClient::kNotAdmitted) {
      state = State::kLogin;
      why = HowToLogIn();
    } else {
      state = State::kDown;
      why = reason;
    }
  }
  [[nodiscard]] std::string HowToLogIn() const {
    return std::string(has_password_ ? "it does not take the password given for user `"
                                     : "it requires a login; give --password-file FILE with the "
                                       "password of user `") +
           kUser + "`, who must be in its users file with right read (`tandem users add`)";
  }

  bool has_password_;
  engine::StreamClient client_;
};

StatusWatch::StatusWatch(boost::asio::io_context& context, const engine::Endpoint& endpoint,
                         const std::string& password_file) {
  std::string password;
  if (!password_file.empty()) {
    // A file without one for us is that of a role; whether one is needed the role says.
    if (auto loaded = engine::LoadPassword(password_file, kUser)) password = std::move(*loaded);
  }
  reader_ = std::make_unique<Reader>(context, endpoint, password);
}

StatusWatch::~StatusWatch() = default;

StatusWatch::State StatusWatch::state() const { return reader_->state; }
const std::string& StatusWatch::why() const { return reader_->why; }
const pb::Status& StatusWatch::status() const { return reader_->status; }
std::uint64_t StatusWatch::count() const { return reader_->count; }

}  // namespace tandem::tools
