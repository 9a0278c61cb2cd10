// SPDX-License-Identifier: Apache-2.0
//
// MoldReceiver: makes one gapless stream out of MoldUDP64 packets that come on several lines, lost,
// doubled, late, damaged, or of another session. Takes of each message the copy that comes first
// and whose digest follows from what was taken; says what to request again, when, and of which
// server; and when a SoupBinTCP connection has to help.
//
// A pure step: packets and times in, messages and requests out. No socket, no clock. One thread.
// Memory: what has come too early, at most Options::window_bytes.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "proto/digest.h"
#include "proto/message.h"
#include "proto/moldudp64.h"

namespace tandem::engine {

struct MoldReceiverOptions {
  std::size_t lines = 1;
  std::size_t servers = 0;  ///< that answer requests
  bool has_soup = false;    ///< a SoupBinTCP connection can help
  /// Messages that are further on than this are not kept, they come again.
  std::uint64_t window = 16'384;
  std::size_t window_bytes = 8u << 20;
  /// More messages missing than this are read by SoupBinTCP at once, if there is one.
  std::uint64_t soup_from = 20'000;
  std::int64_t patience_ns = 2'000'000;  ///< for what another line, or a late packet, may bring
  std::int64_t timeout_ns = 20'000'000;  ///< of the first request; each further one twice as long
  std::int64_t timeout_max_ns = 1'000'000'000;
  std::int64_t soup_stay_ns = 1'000'000'000;  ///< how long at least SoupBinTCP helps
};

/// What happened so far, for the status.
struct MoldReceiverCounts {
  std::vector<std::uint64_t> won;  ///< messages taken, by line
  std::uint64_t repaired = 0;      ///< messages taken from answers to requests
  std::uint64_t by_soup = 0;       ///< messages taken from SoupBinTCP
  std::uint64_t requests = 0;
  std::uint64_t repeated = 0;       ///< messages that were there already
  std::uint64_t not_kept = 0;       ///< messages that came too early to be kept
  std::uint64_t malformed = 0;      ///< packets or messages that are none
  std::uint64_t other_session = 0;  ///< packets
  std::uint64_t unchained = 0;      ///< messages whose digest does not follow
};

class MoldReceiver {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  /// So many answers to different requests must carry the same message that does not follow until
  /// it is handed on, for the sink to judge: the stream has forked.
  static constexpr int kContradictions = 5;

  class Sink {
   public:
    virtual ~Sink() = default;
    /// The next message. Valid during the call. It may call Begin.
    virtual void OnNext(const proto::MessageView& message) = 0;
  };
  struct Request {
    std::size_t server = 0;
    proto::mold::PacketHeader header;
    bool operator==(const Request&) const = default;
  };

  MoldReceiver(const MoldReceiverOptions& options, Sink& sink);

  /// Goes on with message `number`. `digest`: of the message before it; null: not known, so that
  /// the first one that comes is taken on trust.
  void Begin(std::uint64_t number, std::optional<std::uint64_t> digest);
  /// Until then, packets are passed over.
  void SetSession(proto::Session session) { session_ = session; }
  [[nodiscard]] proto::Session session() const { return session_; }

  void OnPacket(std::size_t line, std::span<const std::byte> packet, std::int64_t now_ns);
  /// What came to the socket that requests are sent from.
  void OnAnswer(std::span<const std::byte> packet, std::int64_t now_ns);
  /// A message of the session, by SoupBinTCP. It is taken even if its digest does not follow: the
  /// sink judges.
  void OnSoupMessage(const proto::MessageView& message, std::int64_t now_ns);
  /// SoupBinTCP says that the stream ends with this message now.
  void OnSoupEnd(std::uint64_t number, std::int64_t now_ns);
  void SetSoupConnected(bool connected) { soup_connected_ = connected; }
  void OnTime(std::int64_t now_ns);

  /// What is to be sent now. Null: nothing.
  [[nodiscard]] std::optional<Request> TakeRequest();
  /// When OnTime is to be called at the latest; kNever: whenever something comes.
  [[nodiscard]] std::int64_t deadline_ns() const { return request_at_ns_; }
  /// Messages from next() on are to be read by SoupBinTCP: at the start, and when nothing else
  /// helps, until the lines have caught up.
  [[nodiscard]] bool wants_soup() const { return wants_soup_; }

  [[nodiscard]] std::uint64_t next() const { return next_; }
  /// The number after the last message that is known to exist.
  [[nodiscard]] std::uint64_t claimed() const { return claimed_; }
  [[nodiscard]] std::size_t kept_bytes() const { return early_bytes_; }
  [[nodiscard]] const MoldReceiverCounts& counts() const { return counts_; }

 private:
  enum class Source : std::uint8_t { kLine, kAnswer, kSoup };
  enum class Taken : std::uint8_t { kYes, kNo, kUnchained };

  std::optional<proto::mold::Packet> Parse(std::span<const std::byte> bytes);
  void TakeMessages(proto::mold::Packet packet, Source source, std::size_t line);
  Taken Take(const proto::MessageView& message, Source source, std::size_t line);
  void Deliver(const proto::MessageView& message);
  void Count(Source source, std::size_t line);
  void Keep(const proto::MessageView& message, Source source, std::size_t line);
  void TakeEarly();
  void Contradict(const proto::MessageView& message);
  void Settle(Source source, std::uint64_t next_before, std::int64_t now_ns);
  [[nodiscard]] bool AllLinesAreBeyond() const;
  [[nodiscard]] std::uint64_t Missing() const;

  [[nodiscard]] bool LinesKnow(std::uint64_t number) const;

  struct Early {
    Source source;
    std::size_t line;
    std::vector<std::byte> bytes;
  };

  MoldReceiverOptions options_;
  Sink& sink_;
  proto::Session session_;
  std::uint64_t next_ = 1;
  std::optional<std::uint64_t> digest_ = proto::kDigestStart;  ///< of the message before next_
  std::uint64_t claimed_ = 1;
  std::vector<std::uint64_t> line_claims_;
  std::map<std::uint64_t, Early> early_;
  std::size_t early_bytes_ = 0;

  std::optional<Request> request_;
  std::int64_t request_at_ns_ = kNever;
  std::int64_t timeout_ns_;
  std::size_t server_ = 0;
  std::size_t attempts_ = 0;  ///< requests since the last progress

  bool wants_soup_;
  bool soup_connected_ = false;
  std::int64_t soup_until_ns_ = 0;

  std::uint64_t contradiction_hash_ = 0;
  int contradictions_ = 0;
  bool may_contradict_ = false;  ///< a request went out since the last one that counted

  MoldReceiverCounts counts_;
};

}  // namespace tandem::engine
