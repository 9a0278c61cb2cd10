// SPDX-License-Identifier: Apache-2.0
#include "engine/transport/mold_receiver.h"

#include <algorithm>
#include <utility>

#include "pools/ensure.h"

namespace tandem::engine {

using proto::MessageView;
namespace mold = proto::mold;

MoldReceiver::MoldReceiver(const MoldReceiverOptions& options, Sink& sink)
    : options_(options),
      sink_(sink),
      line_claims_(options.lines, 0),
      timeout_ns_(options.timeout_ns),
      wants_soup_(options.has_soup) {
  counts_.won.resize(options.lines, 0);
}

void MoldReceiver::Begin(std::uint64_t number, std::optional<std::uint64_t> digest) {
  next_ = number;
  digest_ = digest;
  claimed_ = std::max(claimed_, next_);
  contradictions_ = 0;
}

std::optional<mold::Packet> MoldReceiver::Parse(std::span<const std::byte> bytes) {
  auto packet = mold::ParsePacket(bytes);
  if (!packet) {
    ++counts_.malformed;
  } else if (session_.empty() || packet->header.session != session_) {
    ++counts_.other_session;
    return std::nullopt;
  }
  return packet;
}

void MoldReceiver::OnPacket(std::size_t line, std::span<const std::byte> packet,
                            std::int64_t now_ns) {
  ENSURE(line < line_claims_.size(), "a packet of line %zu", line);
  const auto parsed = Parse(packet);
  if (!parsed) return;
  const std::uint64_t next_before = next_;
  const std::uint64_t claim =
      parsed->header.number + (parsed->header.has_messages() ? parsed->header.count : 0);
  line_claims_[line] = std::max(line_claims_[line], claim);
  claimed_ = std::max(claimed_, claim);
  if (parsed->header.has_messages()) TakeMessages(*parsed, Source::kLine, line);
  Settle(Source::kLine, next_before, now_ns);
}

void MoldReceiver::OnAnswer(std::span<const std::byte> packet, std::int64_t now_ns) {
  const auto parsed = Parse(packet);
  if (!parsed) return;
  const std::uint64_t next_before = next_;
  if (parsed->header.has_messages()) {
    TakeMessages(*parsed, Source::kAnswer, 0);
  } else if (parsed->header.number <= next_) {
    // The server has no more than we: what a line claimed is not there, or will be claimed again.
    claimed_ = next_;
  }
  Settle(Source::kAnswer, next_before, now_ns);
}

void MoldReceiver::OnSoupMessage(const MessageView& message, std::int64_t now_ns) {
  const std::uint64_t next_before = next_;
  claimed_ = std::max(claimed_, message.header.number + 1);
  if (Take(message, Source::kSoup, 0) == Taken::kUnchained) Deliver(message);
  TakeEarly();
  Settle(Source::kSoup, next_before, now_ns);
}

void MoldReceiver::OnSoupEnd(std::uint64_t number, std::int64_t now_ns) {
  if (number == std::numeric_limits<std::uint64_t>::max()) return;
  if (number + 1 > next_) {
    claimed_ = std::max(claimed_, number + 1);
  } else if (wants_soup_) {
    claimed_ = next_;
  }
  Settle(Source::kSoup, next_, now_ns);
}

void MoldReceiver::TakeMessages(mold::Packet packet, Source source, std::size_t line) {
  for (std::uint16_t i = 0; i < packet.header.count; ++i) {
    const auto message = proto::ParseMessage(packet.TakeMessage());
    if (!message || message->bytes.size() > proto::kMessageSizeMax ||
        message->header.session != session_ || message->header.number != packet.header.number + i) {
      ++counts_.malformed;
      continue;
    }
    if (Take(*message, source, line) == Taken::kUnchained) {
      ++counts_.unchained;
      if (source == Source::kAnswer) Contradict(*message);
    }
  }
  TakeEarly();
}

MoldReceiver::Taken MoldReceiver::Take(const MessageView& message, Source source,
                                       std::size_t line) {
  const std::uint64_t number = message.header.number;
  if (number < next_) {
    ++counts_.repeated;
    return Taken::kNo;
  }
  if (number > next_) {
    Keep(message, source, line);
    return Taken::kNo;
  }
  if (digest_ && proto::Digest(*digest_, message.bytes) != message.header.digest) {
    return Taken::kUnchained;
  }
  Count(source, line);
  Deliver(message);
  return Taken::kYes;
}

void MoldReceiver::Count(Source source, std::size_t line) {
  switch (source) {
    case Source::kLine:
      ++counts_.won[line];
      break;
    case Source::kAnswer:
      ++counts_.repaired;
      break;
    case Source::kSoup:
      ++counts_.by_soup;
      break;
  }
}

void MoldReceiver::Deliver(const MessageView& message) {
  next_ = message.header.number + 1;
  digest_ = message.header.digest;
  contradictions_ = 0;
  sink_.OnNext(message);
}

void MoldReceiver::Keep(const MessageView& message, Source source, std::size_t line) {
  const std::uint64_t number = message.header.number;
  if (number - next_ >= options_.window) {
    ++counts_.not_kept;
    return;
  }
  const auto [place, is_new] = early_.try_emplace(number);
  if (!is_new) {
    ++counts_.repeated;
    return;
  }
  place->second = {
      .source = source, .line = line, .bytes = {message.bytes.begin(), message.bytes.end()}};
  early_bytes_ += message.bytes.size();
  while (early_bytes_ > options_.window_bytes) {
    const auto last = std::prev(early_.end());
    early_bytes_ -= last->second.bytes.size();
    early_.erase(last);
    ++counts_.not_kept;
  }
}

void MoldReceiver::TakeEarly() {
  while (!early_.empty() && early_.begin()->first <= next_) {
    const auto node = early_.extract(early_.begin());
    const Early& early = node.mapped();
    early_bytes_ -= early.bytes.size();
    if (node.key() < next_) continue;
    const auto message = proto::ParseMessage(early.bytes);
    ENSURE(message.has_value(), "%zu bytes were kept that are no message", early.bytes.size());
    if (Take(*message, early.source, early.line) == Taken::kUnchained) ++counts_.unchained;
  }
}

void MoldReceiver::Contradict(const MessageView& message) {
  if (!may_contradict_) return;
  may_contradict_ = false;
  // All of the message: one that was damaged on its way is not the same as another damaged one.
  const std::uint64_t hash = proto::Digest(message.header.digest, message.bytes);
  if (hash != contradiction_hash_) contradictions_ = 0;
  contradiction_hash_ = hash;
  if (++contradictions_ >= kContradictions) Deliver(message);
}

bool MoldReceiver::LinesKnow(std::uint64_t number) const {
  return std::ranges::any_of(line_claims_,
                             [number](std::uint64_t claim) { return claim > number; });
}

bool MoldReceiver::AllLinesAreBeyond() const {
  return line_claims_.size() > 1 &&
         std::ranges::all_of(line_claims_, [this](std::uint64_t claim) { return claim > next_; });
}

std::uint64_t MoldReceiver::Missing() const {
  const std::uint64_t end = early_.empty() ? claimed_ : std::min(claimed_, early_.begin()->first);
  return end > next_ ? end - next_ : 0;
}

// After anything: is there a gap, and what is to be done about it when.
void MoldReceiver::Settle(Source source, std::uint64_t next_before, std::int64_t now_ns) {
  claimed_ = std::max(claimed_, next_);
  const bool has_progress = next_ != next_before;
  if (has_progress) {
    attempts_ = 0;
    timeout_ns_ = options_.timeout_ns;
  }
  // SoupBinTCP has done enough once the lines live and have told of all that was taken.
  const bool in_step = claimed_ == next_ && LinesKnow(next_ - 1);
  if (wants_soup_ && in_step && now_ns >= soup_until_ns_) wants_soup_ = false;
  if (claimed_ == next_) {
    request_at_ns_ = kNever;
    return;
  }
  if (options_.has_soup && !wants_soup_ && claimed_ - next_ > options_.soup_from) {
    wants_soup_ = true;
    soup_until_ns_ = now_ns + options_.soup_stay_ns;
  }
  if (has_progress && source == Source::kAnswer) {
    request_at_ns_ = now_ns;  // the rest of what is missing, of the server that just answered
  } else if (has_progress || request_at_ns_ == kNever) {
    request_at_ns_ = now_ns + options_.patience_ns;
  }
  // Lost on every line, unless it is late on all: another one will not bring it.
  if (attempts_ == 0 && AllLinesAreBeyond()) request_at_ns_ = now_ns;
  OnTime(now_ns);
}

void MoldReceiver::OnTime(std::int64_t now_ns) {
  if (now_ns < request_at_ns_) return;
  if (claimed_ == next_) {
    request_at_ns_ = kNever;
    return;
  }
  const bool was_asked_in_vain = attempts_ >= 2 * options_.servers;
  if (options_.has_soup && !wants_soup_ && was_asked_in_vain) {
    wants_soup_ = true;
    soup_until_ns_ = now_ns + options_.soup_stay_ns;
  }
  const bool soup_brings_it = wants_soup_ && soup_connected_;
  if (options_.servers > 0 && !soup_brings_it && Missing() > 0) {
    // The same server once more after an answer, another one after silence.
    if (attempts_ > 0) server_ = (server_ + 1) % options_.servers;
    const std::uint64_t count = std::min<std::uint64_t>(Missing(), mold::kCountMax);
    request_ = Request{
        .server = server_,
        .header = {
            .session = session_, .number = next_, .count = static_cast<std::uint16_t>(count)}};
    ++attempts_;
    ++counts_.requests;
    may_contradict_ = true;
  }
  request_at_ns_ = now_ns + timeout_ns_;
  timeout_ns_ = std::min(timeout_ns_ * 2, options_.timeout_max_ns);
}

std::optional<MoldReceiver::Request> MoldReceiver::TakeRequest() {
  return std::exchange(request_, std::nullopt);
}

}  // namespace tandem::engine
