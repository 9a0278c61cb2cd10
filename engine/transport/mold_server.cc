// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_server.h"

#include <spdlog/spdlog.h>

#include "engine/transport/mold_history.h"
#include "engine/transport/mold_publisher.h"
#include "engine/transport/mold_request_server.h"
#include "replay/log_reader.h"

namespace tandem::engine {

namespace mold = proto::mold;
using replay::ReadOutcome;

/// The log as far as it is published.
class MoldServer::Log {
 public:
  Log(replay::Storage& storage, const std::string& folder, replay::LogReader reader)
      : history(storage, folder), reader(std::move(reader)) {}

  MoldHistory history;
  replay::LogReader reader;
};

MoldServer::MoldServer(boost::asio::io_context& context, replay::Storage& storage,
                       MoldServerOptions options)
    : options_(std::move(options)),
      storage_(storage),
      publisher_(std::make_unique<MoldPublisher>(context, options_.packet_size)),
      requests_(std::make_unique<MoldRequestServer>(context, options_.packet_size)) {}

MoldServer::~MoldServer() = default;

Status MoldServer::Open() {
  const std::size_t needed = mold::PacketSizeFor(options_.message_size_max);
  if (needed > options_.packet_size) {
    return Error::BadInput("messages have up to " + std::to_string(options_.message_size_max) +
                           " bytes, which take a packet of " + std::to_string(needed) +
                           ", but packets have " + std::to_string(options_.packet_size) +
                           "; give --multicast-packet " + std::to_string(needed) +
                           " or more, or a smaller --message-size");
  }
  if (Status status = publisher_->Open(options_.lines, options_.hops); !status) return status;
  return options_.requests ? requests_->Listen(*options_.requests) : Status();
}

void MoldServer::Serve(const std::string& folder, proto::Session session) {
  folder_ = folder;
  session_ = session;
}

void MoldServer::Publish(std::uint64_t number) {
  if (failed_ || folder_.empty()) return;
  if (!log_) {
    // What was put in the place of what was taken back is new to everybody.
    const std::uint64_t next = taken_back_to_.value_or(number) + 1;
    auto reader =
        replay::LogReader::Open(storage_, folder_, {.from_number = next, .check_digest = false});
    if (!reader) return Fail(reader.error().text);
    taken_back_to_.reset();
    log_ = std::make_unique<Log>(storage_, folder_, std::move(*reader));
    publisher_->Begin(session_, next);
    requests_->Serve(&log_->history, session_);
  }
  for (;;) {
    const ReadOutcome outcome = log_->reader.Next(number);
    if (outcome == ReadOutcome::kDamaged) return Fail(log_->reader.error().text);
    if (outcome == ReadOutcome::kEnd) break;
    const proto::MessageView& message = log_->reader.message();
    if (mold::PacketSizeFor(message.bytes.size()) > options_.packet_size) {
      return Fail("message " + std::to_string(message.header.number) + " has " +
                  std::to_string(message.bytes.size()) + " bytes, too many for a packet");
    }
    publisher_->Add(message);
    if (options_.requests) log_->history.Add(message);
  }
  publisher_->Flush();
  requests_->Publish(number);
}

// Readers who are further on find out by the digest, once the stream has come past them again.
void MoldServer::TakeBackTo(std::uint64_t number) {
  if (failed_ || !log_) return;
  requests_->Serve(nullptr, session_);
  requests_->Publish(number);
  log_.reset();
  publisher_->Begin(session_, number + 1);
  taken_back_to_ = number;
}

void MoldServer::Fail(const std::string& why) {
  failed_ = true;
  spdlog::error("nothing is sent by MoldUDP64 any more: {}; readers need the stream's own port",
                why);
}

void MoldServer::Close() {
  publisher_->Close();
  requests_->Close();
}

void MoldServer::AddTo(pb::Status& status) const {
  pb::MulticastStatus& multicast = *status.mutable_multicast();
  for (const MoldLine& line : options_.lines) multicast.add_lines(line.text());
  multicast.set_packets(publisher_->packets());
  multicast.set_not_sent(publisher_->not_sent());
  multicast.set_requests_port(requests_->port());
  multicast.set_answers(requests_->answers());
  multicast.set_refused(requests_->refused());
  multicast.set_ignored(requests_->ignored());
}

std::string MoldServer::Describe() const {
  std::string text;
  for (const MoldLine& line : options_.lines) {
    text += (text.empty() ? "multicast on " : " and ") + line.text();
  }
  if (options_.requests) {
    text += (text.empty() ? "" : ", ") + ("requests on " + std::to_string(requests_->port()));
  }
  return text;
}

}  // namespace tandem::engine
