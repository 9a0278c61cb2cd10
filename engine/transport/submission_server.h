// SPDX-License-Identifier: Apache-2.0
//
// SubmissionServer: takes submissions from many clients by SoupBinTCP and sends each client its
// acknowledgement stream: packet n is the Acknowledgement of submission n. Nothing is acknowledged
// before Committed says that it is in the log. One connection per user: the login on the
// newest one counts, whichever comes last. A client that does not take its acknowledgements, or
// submits more than its rate, is not read from meanwhile. On the thread of the io_context.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sequencer.h"
#include "engine/transport/connection.h"
#include "engine/transport/gate.h"
#include "engine/transport/listener.h"
#include "engine/transport/token_bucket.h"
#include "engine/transport/turnstile.h"
#include "pools/result.h"
#include "replay/storage.h"

namespace tandem::engine {

class SubmissionServer {
 public:
  /// The sequencer behind it.
  class Backend {
   public:
    virtual ~Backend() = default;
    /// Submission `message` of `user`; an accepted one is in backend.sequencer().header().
    virtual Sequencer::Verdict Submit(proto::User user, const proto::MessageView& message,
                                      Sequencer::Rights rights) = 0;
    /// Why the last one was refused.
    virtual const std::string& reason() const = 0;
    virtual const Sequencer& sequencer() const = 0;
    /// Puts everything accepted into the log now, then calls Committed. False: it failed.
    virtual bool Commit() = 0;
    /// Commit soon, once for all that is ready.
    virtual void CommitSoon() = 0;
  };

  /// `folder`: the input log, from which old acknowledgements are read. `gate`: who may log in.
  SubmissionServer(boost::asio::io_context& context, replay::Storage& storage, std::string folder,
                   Backend& backend, Gate& gate, const ConnectionLimits& limits = {});
  ~SubmissionServer();

  /// Clients that connect wait until Serve.
  Status Listen(const Endpoint& endpoint) { return listener_.Listen(endpoint); }
  /// The log is there, of this session.
  void Serve(proto::Session session) {
    session_ = session;
    listener_.Accept();
  }
  /// Everything accepted so far, up to input message `number`, is in the log.
  void Committed(std::uint64_t number);
  /// Ends the connections of those who may not submit any more.
  void UsersChanged();
  void Close();

  [[nodiscard]] std::size_t clients() const { return by_user_.size(); }
  [[nodiscard]] const Turnstile& turnstile() const { return turnstile_; }
  /// How often a client was paused because it submitted more than its rate.
  [[nodiscard]] std::uint64_t paused() const { return paused_; }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  class Client;

  void Accept(boost::asio::ip::tcp::socket socket);
  /// Null: there is no limit.
  TokenBucket* BucketOf(proto::User user);

  boost::asio::io_context& context_;
  replay::Storage& storage_;
  std::string folder_;
  proto::Session session_;
  Backend& backend_;
  Gate& gate_;
  ConnectionLimits limits_;
  Turnstile turnstile_;
  Listener listener_;
  std::uint64_t committed_ = 0;
  std::uint64_t arrivals_ = 0;                    ///< connections accepted so far
  std::vector<std::shared_ptr<Client>> clients_;  ///< in the order of their arrival
  std::map<proto::User, Client*> by_user_;        ///< those that have logged in
  std::map<proto::User, TokenBucket> buckets_;    ///< over reconnects
  std::uint64_t paused_ = 0;
};

}  // namespace tandem::engine
