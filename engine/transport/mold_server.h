// SPDX-License-Identifier: Apache-2.0
//
// MoldServer: a log as MoldUDP64, beside StreamServer: what is published goes out on lines, and
// requests are answered. What the log held when publishing began is not sent, only answered. On the
// thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/transport/listener.h"
#include "engine/transport/mold_line.h"
#include "proto/moldudp64.h"
#include "replay/storage.h"
#include "tandem/status.pb.h"

namespace tandem::engine {

class MoldPublisher;
class MoldRequestServer;

struct MoldServerOptions {
  std::vector<MoldLine> lines;
  std::optional<Endpoint> requests;
  std::size_t packet_size = proto::mold::kPacketSizeDefault;  ///< bytes of UDP payload
  int hops = kMulticastHopsDefault;
  /// The largest message of the stream; it must fit.
  std::size_t message_size_max = proto::kMessageSizeMaxDefault;

  [[nodiscard]] bool any() const { return !lines.empty() || requests.has_value(); }
};

class MoldServer {
 public:
  MoldServer(boost::asio::io_context& context, replay::Storage& storage, MoldServerOptions options);
  ~MoldServer();

  /// An error if a message might not fit into a packet, or an address cannot be had.
  Status Open();
  /// As StreamServer's.
  void Serve(const std::string& folder, proto::Session session);
  void Publish(std::uint64_t number);
  void TakeBackTo(std::uint64_t number);
  void Close();
  void AddTo(pb::Status& status) const;

  /// "multicast on 239.1.1.1:9101, requests on 9102"
  [[nodiscard]] std::string Describe() const;

 private:
  class Log;

  void Fail(const std::string& why);

  MoldServerOptions options_;
  replay::Storage& storage_;
  std::unique_ptr<MoldPublisher> publisher_;
  std::unique_ptr<MoldRequestServer> requests_;
  std::unique_ptr<Log> log_;
  std::string folder_;
  proto::Session session_;
  std::optional<std::uint64_t> taken_back_to_;  ///< nothing was published since
  bool failed_ = false;
};

}  // namespace tandem::engine
