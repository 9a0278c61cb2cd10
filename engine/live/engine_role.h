// SPDX-License-Identifier: Apache-2.0
//
// The live engine: reads the input stream from where its state stands, steps, appends to its output
// log, serves that log. Begins from nothing: it steps the whole input again and compares with its
// own log before it appends; or, if it keeps images of its state, from the newest that is good and
// goes with its log, or from a portable snapshot that does, and steps what follows. A Snapshot in
// the input that names it has it write one, unless it is catching up. A sequencer that does not
// have the inputs which were acted on, or has others in their place, ends it: "input forked at N or
// before it", exit code kDivergence.
//
// Before it steps what it has not stepped before, it looks ahead for a Skip of it: up to where one
// may stand, which the sequencer says at the login (mostly nowhere), or to the end of what there
// is, if it does not say so or if the process before died in an input. What it looks at waits in
// memory or, if it keeps a copy of the input, in that. With a copy it steps from there, and asks
// the sequencer only for what follows. Once it has caught up each input is appended to the copy and
// stepped where it lies.
//
// An input in whose step the process died as often in a row as `deaths_max` says is not stepped
// again: the role ends with a sentence that names it. A step that does not end is ended, with the
// process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "engine/live/engine_about.h"
#include "engine/live/image_keeper.h"
#include "engine/live/input_replica.h"
#include "engine/live/progress.h"
#include "engine/live/role_loop.h"
#include "engine/live/watchdog.h"
#include "engine/transport/mold_client.h"
#include "engine/transport/stream_server.h"
#include "replay/application.h"
#include "replay/chunk_queue.h"
#include "replay/log_reader.h"
#include "replay/log_writer.h"

namespace tandem::engine {

struct EngineRoleOptions {
  std::string name;                        ///< A or B
  std::string folder;                      ///< of the output log
  Endpoint input;                          ///< the sequencer's stream
  Endpoint stream;                         ///< where the output is served
  std::string input_log{};                 ///< folder of the copy of the input; empty: none is kept
  std::optional<Endpoint> input_stream{};  ///< where that is served; null: nowhere
  std::string images{};                    ///< folder of images of the state; empty: none are kept
  std::uint32_t images_keep = 3;           ///< the newest ones
  std::string
      portable{};  ///< folder of a portable snapshot, for when no image is good; empty: none
  /// Needed with `portable`: ends the application and makes a new one, which lives as long as the
  /// role, for one that has taken a part of a snapshot is of no use.
  std::function<Result<replay::Application*>()> make_anew{};
  std::string progress_file{};                   ///< see progress.h; empty: in memory only
  std::uint32_t deaths_max = 3;                  ///< in a row in one input; 0: no limit
  std::chrono::milliseconds step_limit{60'000};  ///< 0: none
  EngineAbout about{};
  std::uint64_t plant_fault_at = 0;  ///< drill: damage the state after this input; 0: never
  std::uint64_t segment_bytes = replay::kSegmentBytesDefault;  ///< of the log
  std::string users = {};             ///< file of those who may read the output; "": anybody may
  std::string password = {};          ///< to log in with, under its name; empty: none
  MoldServerOptions mold = {};        ///< the output stream by MoldUDP64
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

  std::uint64_t WantedNumber() override { return Received().number + 1; }
  std::optional<std::uint64_t> WantedDigest() override { return Received().digest; }
  std::string WantedSession() override { return session_.str(); }
  void OnLogin(proto::Session session, std::uint64_t number) override;
  void OnSchema(const std::string& schema) override { input_schema_ = schema; }
  void OnStatus(const pb::Status& status) override;
  void OnMessage(const proto::MessageView& message) override;
  void OnBatchEnd() override;
  void OnDisconnected(const std::string& why) override;

  ExitCode RunInFolder();
  Status OpenExistingLog();
  /// `session`: of a new log; blank: that of the log that is there.
  Status OpenLog(proto::Session session);
  /// `logged`: where the log ends.
  void RestoreImage(proto::StreamPosition logged);
  /// The same, unless an image was restored. An error: there is no state to begin with any more.
  Status LoadPortable(proto::StreamPosition logged);
  [[nodiscard]] Status PortableFits(proto::StreamPosition logged) const;
  void TellWhatIsNotUsed() const;
  /// Is `output`, after which a state stands, one of the log?
  [[nodiscard]] Status FitsLog(proto::StreamPosition output, proto::StreamPosition logged) const;
  Status OpenReplica();
  Status CheckHasWhatWasActedOn(const pb::Status& status) const;
  /// False: the role ends, or there is nothing more to be done with this connection.
  bool Step(const proto::MessageView& message);
  /// The last input that is here: in the copy, or in the state.
  [[nodiscard]] proto::StreamPosition Received() const {
    return replica_ ? received_ : application_->resume_point().input;
  }
  bool MayStepAgain(const proto::MessageView& message);
  bool Hold(const proto::MessageView& message);
  bool StepHeld();
  [[nodiscard]] std::uint64_t LookTo(const pb::Status& status) const;
  void LookedAhead();
  /// Asks for what follows the last input that is stepped. Not with a copy of the input.
  void ReadAgain(const std::string& why);
  [[nodiscard]] std::uint64_t MayStepTo() const;
  void StepReplicaSoon();
  void StepReplica();
  bool Flush();
  void PlantFault();
  void OnSnapshot(const proto::MessageView& message);
  [[nodiscard]] std::string Describe(const proto::MessageView& input) const;
  [[nodiscard]] Error Deadly(const proto::MessageView& input) const;
  pb::Status MakeStatus() const;
  void SendStatusLater();

  EngineRoleOptions options_;
  replay::Application* application_;
  replay::Storage& storage_;
  RoleLoop loop_;
  proto::Session session_;  ///< blank until known
  std::optional<replay::LogWriter> log_;
  std::unique_ptr<OwnLog> own_log_;
  std::optional<Engine> engine_;
  std::unique_ptr<InputReplica> replica_;  ///< null: none is kept
  std::unique_ptr<ImageKeeper> images_;    ///< null: none are kept
  std::uint64_t loaded_number_ = 0;  ///< input of the portable snapshot it began from; 0: none
  Progress progress_;
  std::optional<Watchdog> watchdog_;  ///< looks at progress_
  StreamServer stream_;
  MoldClient input_;
  boost::asio::steady_timer status_timer_;
  std::string input_schema_;
  bool was_verifying_ = false;
  std::uint64_t logged_input_ = 0;  ///< cause of the last output in the log as it was opened

  proto::StreamPosition received_;    ///< the last input that came; the state may be behind it
  bool awaits_status_ = false;        ///< the first one after a login
  bool looks_ahead_ = true;           ///< up to target_
  std::uint64_t target_ = 0;          ///< known once the status has come
  std::uint64_t there_at_login_ = 0;  ///< inputs that the sequencer had
  std::uint64_t looked_to_ = 0;       ///< inputs up to here were looked at before they are stepped
  replay::Chunk held_;                ///< what was looked at and is to be stepped
  bool held_is_full_ = false;         ///< more was looked at than is held
  bool replica_is_scheduled_ = false;
  std::vector<std::byte> deadly_;  ///< the input in whose step the process before died
  bool deadly_is_told_ = false;
  struct {
    std::uint64_t input_number = 0;
    proto::StreamPosition output;
  } shown_;  ///< in the status: of one moment
};

}  // namespace tandem::engine
