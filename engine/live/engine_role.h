// SPDX-License-Identifier: Apache-2.0
//
// The live engine: reads the input stream from where its state stands, steps, appends to its output
// log, serves that log. Begins from nothing: it steps the whole input again and compares with its
// own log before it appends. A sequencer that does not have the inputs which were acted on, or has
// others in their place, ends it: "input forked at N or before it", exit code kDivergence.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "engine/live/engine_about.h"
#include "engine/live/role_loop.h"
#include "engine/transport/mold_client.h"
#include "engine/transport/stream_server.h"
#include "replay/application.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct EngineRoleOptions {
  std::string name;    ///< A or B
  std::string folder;  ///< of the output log
  Endpoint input;      ///< the sequencer's stream
  Endpoint stream;     ///< where the output is served
  EngineAbout about;
  std::uint64_t plant_fault_at = 0;  ///< drill: damage the state after this input; 0: never
  std::uint64_t segment_bytes = replay::kSegmentBytesDefault;  ///< of the log
  std::string users;     ///< file of those who may read the output; "": anybody may
  std::string password;  ///< to log in with, under its name; empty: none
  MoldServerOptions mold = {};                                 ///< the output stream by MoldUDP64
  MoldClientOptions input_mold = {};  ///< lines of the input; `input` without a host: lines only
  ConnectionLimits limits;
};

class EngineRole : private StreamClient::Handler {
 public:
  EngineRole(EngineRoleOptions options, replay::Application& application, replay::Storage& storage);
  ~EngineRole() override;

  ExitCode Run();
  /// Ends Run soon. From any thread.
  void Stop() { loop_.StopSoon(); }

 private:
  class OwnLog;

  std::uint64_t WantedNumber() override { return application_.resume_point().input.number + 1; }
  std::optional<std::uint64_t> WantedDigest() override {
    return application_.resume_point().input.digest;
  }
  std::string WantedSession() override { return session_.str(); }
  void OnLogin(proto::Session session, std::uint64_t number) override;
  void OnStatus(const pb::Status& status) override;
  void OnMessage(const proto::MessageView& message) override;
  void OnBatchEnd() override;
  void OnDisconnected(const std::string& why) override;

  ExitCode RunInFolder();
  Status OpenExistingLog();
  /// `session`: of a new log; blank: that of the log that is there.
  Status OpenLog(proto::Session session);
  void PlantFault();
  pb::Status MakeStatus() const;

  EngineRoleOptions options_;
  replay::Application& application_;
  replay::Storage& storage_;
  RoleLoop loop_;
  proto::Session session_;  ///< blank until known
  std::optional<replay::LogWriter> log_;
  std::unique_ptr<OwnLog> own_log_;
  std::optional<Engine> engine_;
  StreamServer stream_;
  MoldClient input_;
  bool was_verifying_ = false;
  std::uint64_t logged_input_ = 0;  ///< cause of the last output in the log as it was opened
};

}  // namespace tandem::engine
