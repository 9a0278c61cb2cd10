// SPDX-License-Identifier: Apache-2.0
//
// MoldUDP64 where there is no UDP: nothing is published by it, and its readers read by SoupBinTCP.
// tests/engine/mold_receiver_test.cc drives the step of a reader with lossy lines of its own.
#include "engine/transport/mold_client.h"
#include "engine/transport/mold_server.h"
#include "pools/ensure.h"

namespace tandem::engine {

class MoldPublisher {};
class MoldRequestServer {};
class MoldServer::Log {};
class MoldClient::Sockets {};

MoldServer::MoldServer(boost::asio::io_context& /*context*/, replay::Storage& storage,
                       MoldServerOptions options)
    : options_(std::move(options)), storage_(storage) {
  ENSURE(!options_.any(), "the simulated network has no UDP");
}
MoldServer::~MoldServer() = default;
Status MoldServer::Open() { return {}; }
void MoldServer::Serve(const std::string& /*folder*/, proto::Session /*session*/) {}
void MoldServer::Publish(std::uint64_t /*number*/) {}
void MoldServer::Close() {}
void MoldServer::AddTo(pb::Status& /*status*/) const {}
std::string MoldServer::Describe() const { return {}; }

MoldClient::MoldClient(boost::asio::io_context& context, MoldClientOptions options,
                       const Endpoint& server, std::string user, StreamClient::Handler& handler,
                       const ConnectionLimits& limits)
    : context_(context),
      options_(std::move(options)),
      handler_(handler),
      soup_(std::make_unique<StreamClient>(context, server, std::move(user), handler, limits)),
      receiver_({}, *this),
      timer_(context),
      watch_(context) {
  ENSURE(options_.lines.empty(), "the simulated network has no UDP");
}
MoldClient::~MoldClient() { Stop(); }
void MoldClient::AddServer(Endpoint server) { soup_->AddServer(std::move(server)); }
void MoldClient::SetPassword(std::string password) { soup_->SetPassword(std::move(password)); }
void MoldClient::SendStatus(const pb::Status& status) { soup_->SendStatus(status); }
std::string MoldClient::text() const { return soup_->server().text(); }
Status MoldClient::Start() {
  soup_->Start();
  return {};
}
void MoldClient::Stop() { soup_->Stop(); }
void MoldClient::Reconnect(const std::string& why) { soup_->Reconnect(why); }
bool MoldClient::connected() const { return soup_->connected(); }
void MoldClient::AddTo(pb::Status& /*status*/) const {}

// Never called: there are no lines.
std::uint64_t MoldClient::WantedNumber() { return 0; }
std::string MoldClient::WantedSession() { return {}; }
void MoldClient::OnLogin(proto::Session /*session*/, std::uint64_t /*number*/) {}
void MoldClient::OnStatus(const pb::Status& /*status*/) {}
void MoldClient::OnMessage(const proto::MessageView& /*message*/) {}
void MoldClient::OnBatchEnd() {}
void MoldClient::OnDisconnected(const std::string& /*why*/) {}
void MoldClient::OnNext(const proto::MessageView& /*message*/) {}

}  // namespace tandem::engine
