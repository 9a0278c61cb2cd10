// SPDX-License-Identifier: Apache-2.0
#include "tools/control_client.h"

#include <google/protobuf/message.h>
#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/live/role_loop.h"
#include "engine/transport/submission_client.h"
#include "proto/schema.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

namespace {

std::vector<std::byte> BytesOf(const google::protobuf::Message& payload) {
  proto::Header header;
  header.type = static_cast<std::uint16_t>(proto::TypeNumberOf(*payload.GetDescriptor()));
  const std::string text = payload.SerializeAsString();
  header.payload_size = static_cast<std::uint16_t>(text.size());
  std::vector<std::byte> message(sizeof header + text.size());
  std::memcpy(message.data(), &header, sizeof header);
  if (!text.empty()) std::memcpy(message.data() + sizeof header, text.data(), text.size());
  return message;
}

class Submitter : private engine::SubmissionClient::Handler {
 public:
  Submitter(const ControlClient& options, std::vector<std::byte> message, std::string password)
      : options_(options),
        message_(std::move(message)),
        timer_(loop_.context()),
        client_(loop_.context(), options.to, options.user, 0, *this) {
    client_.SetPassword(std::move(password));
    client_.GoOnFromThere();
  }

  /// The number that it has in the input stream.
  Result<std::uint64_t> Run() {
    timer_.expires_after(std::chrono::seconds(options_.timeout_seconds));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) loop_.Stop(ExitCode::kFailure);
    });
    client_.Start();
    loop_.Run();
    client_.Stop();
    if (number_ != 0) return number_;
    if (!result_) return result_.error();
    return Error::Failure(
        "no answer from " + options_.to.text() + (why_.empty() ? "" : ": " + why_) +
        (was_sent_ ? "; whether it was taken is not known, so look into the input stream"
                   : "; nothing was submitted"));
  }

 private:
  Result<std::optional<proto::MessageView>> NextMessage() override {
    if (was_sent_) return std::optional<proto::MessageView>();
    was_sent_ = true;
    return proto::ParseMessage(message_);
  }
  void OnLogin(proto::Session session, std::uint64_t) override {
    spdlog::info("{}: session {}", options_.user, session.view());
  }
  void OnAcknowledged(const proto::Header& header) override { number_ = header.number; }
  void OnDisconnected(const std::string& why) override { why_ = why; }
  void OnDone(const Status& status) override {
    result_ = status;
    loop_.Stop();
  }

  const ControlClient& options_;
  std::vector<std::byte> message_;
  engine::RoleLoop loop_;
  boost::asio::steady_timer timer_;
  bool was_sent_ = false;
  std::uint64_t number_ = 0;
  std::string why_;  ///< there is no connection
  Status result_;
  engine::SubmissionClient client_;
};

}  // namespace

void ControlClient::AddTo(CLI::App& command) {
  command.add_option("--user", user, "Who logs in at the sequencer")
      ->check(UserName())
      ->type_name("NAME")
      ->capture_default_str();
  AddPasswordFile(command, password_file);
  command
      .add_option("--timeout", timeout_seconds, "Give up if there is no answer within this time")
      ->check(WholeNumber(1, 3600))
      ->type_name("SECONDS")
      ->capture_default_str();
}

Result<std::uint64_t> ControlClient::Submit(const google::protobuf::Message& message) const {
  auto password = PasswordOf(user, password_file);
  if (!password) return password.error();
  return Submitter(*this, BytesOf(message), std::move(*password)).Run();
}

}  // namespace tandem::tools
