// SPDX-License-Identifier: Apache-2.0
//
// Sequencer: puts submissions of many clients into one order. Pure: submissions and time in,
// messages of the input stream out; the caller appends each to the input log before it calls again,
// and acknowledges or publishes nothing that is not in the log. One thread.
//
// Exactly once: every client numbers its submissions 1, 2, 3 ... in the header's `origin`. The next
// number is accepted, an earlier one is a duplicate and ignored, a later one is refused.
//
// Epoch: each life of a sequencer has one of its own: one more than the last in the log, or
// epoch_min if that is more. So a number that was published, lost and given again is told from the
// first one by epoch and digest, and readers that have the first one can stop. The log alone cannot
// see to it: a backup that was put back, or a folder that was wiped, knows nothing of epochs given
// since. The caller therefore gives as epoch_min what rises from start to start beside the log, as
// the seconds since 1970 do, and syncs the first message of an epoch before it publishes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "proto/digest.h"
#include "proto/message.h"
#include "replay/log_checkpoint.h"

namespace tandem::engine {

struct SequencerOptions {
  proto::Session session;
  std::size_t message_size_max = proto::kMessageSizeMaxDefault;  ///< header and payload
  std::int64_t tick_after_ns = 100'000'000;                      ///< a tick after this silence
  std::size_t users_max = 4096;  ///< each costs one map entry; one more is refused
  std::uint32_t epoch_min = 1;   ///< from 1; the epoch is this one or a later one
};

class Sequencer {
 public:
  enum class Verdict {
    kAccepted,   ///< message() is the sequenced message
    kDuplicate,  ///< accepted before; nothing to do
    kRefused,    ///< reason() says why; end the connection
  };

  explicit Sequencer(const SequencerOptions& options);

  /// Takes what a checkpoint of the input log says of its beginning; before any message.
  void Recover(const replay::Checkpoint& checkpoint);
  /// Takes a message that the input log already holds, in order, at start-up.
  void Recover(const proto::MessageView& message);

  /// Who may submit what: the application's messages, and what an operator has to say.
  struct Rights {
    bool submit = true;
    bool control = false;  ///< EndOfSession, Skip, Activate, Snapshot
  };
  /// `submission`: a message whose header has type, payload_size and origin; the rest is ignored.
  Verdict Submit(proto::User user, const proto::MessageView& submission, std::int64_t now_ns,
                 Rights rights);
  Verdict Submit(proto::User user, const proto::MessageView& submission, std::int64_t now_ns) {
    return Submit(user, submission, now_ns, Rights{});
  }
  /// True for the types that an operator may submit.
  [[nodiscard]] static bool IsControl(std::uint16_t type);

  /// True if a tick was due; message() is it.
  bool OnTime(std::int64_t now_ns);

  /// Tells the engine of that name to write an image of its state. False if the session has ended.
  bool TellSnapshot(std::string_view engine, std::int64_t now_ns);

  /// Ends the session; message() is the last one. False if it has ended already.
  bool EndSession(std::int64_t now_ns);

  /// The message made by the last call. Valid until the next one.
  [[nodiscard]] std::span<const std::byte> message() const { return message_; }
  [[nodiscard]] const proto::Header& header() const { return header_; }  ///< of message()
  [[nodiscard]] const std::string& reason() const { return reason_; }

  /// Of the stream before message(): for a segment of the log that begins with it.
  [[nodiscard]] replay::Checkpoint checkpoint() const;

  /// The digest of the message before message().
  [[nodiscard]] std::uint64_t digest_before() const { return digest_before_; }

  /// How many submissions of `user` are in the stream: the number of the last one.
  [[nodiscard]] std::uint64_t accepted(proto::User user) const;
  [[nodiscard]] std::uint64_t accepted_total() const { return accepted_total_; }
  [[nodiscard]] std::size_t users() const { return accepted_.size(); }
  [[nodiscard]] proto::StreamPosition position() const { return position_; }
  [[nodiscard]] bool ended() const { return ended_; }
  /// Behind this number there is no Skip in the stream: the last one, or what was recovered from a
  /// checkpoint, which does not tell.
  [[nodiscard]] std::uint64_t skips_until() const { return skips_until_; }
  /// Of the messages that this sequencer makes.
  [[nodiscard]] std::uint32_t epoch() const { return epoch_; }

 private:
  Verdict Refuse(std::string reason);
  void BeginEpochAfter(std::uint32_t epoch);
  void Append(std::uint16_t type, proto::User user, std::uint64_t origin,
              std::span<const std::byte> payload, std::int64_t now_ns);

  SequencerOptions options_;
  replay::AcceptedByUser accepted_;
  std::uint64_t accepted_total_ = 0;
  proto::StreamPosition position_;
  std::int64_t time_ns_ = 0;  ///< of the last message; never goes back
  std::uint32_t epoch_;
  std::uint32_t epoch_last_ = 0;     ///< of the last message; 0: there is none
  std::int64_t time_before_ns_ = 0;  ///< of the message before it
  std::uint32_t epoch_before_ = 0;
  bool ended_ = false;
  std::uint64_t skips_until_ = 0;
  proto::Header header_;
  std::uint64_t digest_before_ = 0;
  std::vector<std::byte> message_;
  std::string reason_;
};

}  // namespace tandem::engine
