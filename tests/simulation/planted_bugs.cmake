# SPDX-License-Identifier: Apache-2.0
#
# Copies SOURCE to OUT with the planted bugs in it: cmake -D FILE=engine/engine.cc -D SOURCE=... -D
# OUT=... -P planted_bugs.cmake. First come limits made small, and a look at what they limit, in
# every run (bounds.h). Each bug is a piece of the product's text, which must stand in the
# file exactly once, and what stands there instead; Is(...) is true in a run that has this bug. A
# text that is not found any more ends the build.
file(READ "${SOURCE}" text)
# plant(FILE OLD NEW [OLD NEW]...): the first OLD that is there counts.
function(plant file)
  if(NOT file STREQUAL FILE)
    return()
  endif()
  math(EXPR last_argument "${ARGC} - 1")
  foreach(at RANGE 1 ${last_argument} 2)
    math(EXPR next "${at} + 1")
    string(FIND "${text}" "${ARGV${at}}" first)
    string(FIND "${text}" "${ARGV${at}}" last REVERSE)
    if(NOT first EQUAL -1 AND first EQUAL last)
      string(REPLACE "${ARGV${at}}" "${ARGV${next}}" changed "${text}")
      set(text "${changed}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "the planted bug at \"${ARGV1}\" has lost its place in ${file}; "
                  "give it a new one in tests/simulation/planted_bugs.cmake")
endfunction()

plant(engine/transport/connection.h
  [[kSendAhead = 256u << 10;]] [[kSendAhead = 4u << 10;]])
plant(engine/transport/connection.h
  [[kPacketsPerTurn = 2048;]] [[kPacketsPerTurn = 16;]])
plant(engine/transport/connection.cc
  [[  if (open()) proto::soup::AppendPacket(filling_, type, payload);]]
  [[  if (open()) proto::soup::AppendPacket(filling_, type, payload);
  CheckBound("what a connection has to send", pending(), kSendAhead + kSentBeyond);]])
plant(engine/transport/connection.cc
  [[  if (open()) filling_.insert(filling_.end(), packets.begin(), packets.end());]]
  [[  if (open()) filling_.insert(filling_.end(), packets.begin(), packets.end());
  CheckBound("what a connection has to send", pending(), kSendAhead + kSentBeyond);]])
plant(engine/transport/stream_tail.h
  [[kBytes = 4u << 20;]] [[kBytes = 4u << 10;]])
plant(engine/transport/stream_tail.cc
  [[  newer_.ends.push_back(static_cast<std::uint32_t>(newer_.packets.size()));]]
  [[  newer_.ends.push_back(static_cast<std::uint32_t>(newer_.packets.size()));
  CheckBound("the tail of a stream", older_.packets.size() + newer_.packets.size(),
             2 * (kBytes + kMessageMax));]])
plant(engine/transport/submission_client.h
  [[kWindow = 16'384;]] [[kWindow = 16;]])
plant(engine/transport/submission_client.cc
  [[    window_.push_back(std::move(message));]]
  [[    window_.push_back(std::move(message));
    CheckBound("a client's window", window_.size(), kWindow);]])
plant(engine/transport/submission_server.cc
  [[kCatchUpMessages = 20'000;]] [[kCatchUpMessages = 16;]])
plant(engine/transport/mold_receiver.h
  [[std::uint64_t window = 16'384;]] [[std::uint64_t window = 64;]])
plant(engine/transport/mold_receiver.h
  [[window_bytes = 8u << 20;]] [[window_bytes = 4u << 10;]])
plant(engine/transport/mold_receiver.h
  [[soup_from = 20'000;]] [[soup_from = 200;]])
plant(engine/transport/mold_receiver.cc
  [[    ++counts_.not_kept;
  }
}]]
  [[    ++counts_.not_kept;
  }
  CheckBound("what came too early", early_bytes_, options_.window_bytes);
}]])
plant(engine/transport/mold_history.h
  [[kCount = 1u << 16;]] [[kCount = 1u << 6;]])
plant(engine/transport/mold_history.h
  [[std::size_t bytes = 8u << 20)]] [[std::size_t bytes = 8u << 10)]])
plant(engine/live/engine_role.cc
  [[kHeldBytesMax = 16u << 20;]] [[kHeldBytesMax = 4u << 10;]])
plant(engine/live/engine_role.cc
  [[  if (!held_is_full_) held_.Append(message.bytes);]]
  [[  if (!held_is_full_) held_.Append(message.bytes);
  CheckBound("what an engine looked at", held_.bytes.size(), kHeldBytesMax);]])
plant(engine/live/dedup_role.cc
  [[kHeldBytesMin = 2u << 20;]] [[kHeldBytesMin = 4u << 10;]])
plant(engine/live/sequencer_role.cc
  [[kBatchBytesMax = 4u << 20;]] [[kBatchBytesMax = 4u << 10;]])

# What is looked at here is the second copy of an output.
plant(engine/deduplicator.cc
  [[if (digest != expected) return]]
  [[if (digest != expected && !Is(Planted::kSkippedDigestCheck)) return]]
  [[if (message.header.digest != digest) return]]
  [[if (message.header.digest != digest && !Is(Planted::kSkippedDigestCheck)) return]])

# A submission that is there already is taken again.
plant(engine/sequencer.cc
  [[if (header.origin != 0 && header.origin <= accepted_before) return]]
  [[if (!Is(Planted::kDroppedDuplicateCheck) && header.origin != 0 &&
      header.origin <= accepted_before) return]])
plant(engine/sequencer.cc
  [[if (header.origin != accepted_before + 1) {]]
  [[if (header.origin != accepted_before + 1 &&
      !(Is(Planted::kDroppedDuplicateCheck) && header.origin <= accepted_before)) {]])

plant(replay/log_writer.cc
  [[if (!written_) return {};]]
  [[if (!written_ || Is(Planted::kSyncDoesNothing)) return {};]])

# An output has the time at which the engine got the input, in place of the sequenced time.
plant(replay/stepper.cc
  [[point_.output = outputs_.Seal(header, session_, point_.output);]]
  [[proto::Header cause = header;
  if (Is(Planted::kTimeOfArrival)) {
    cause.time_ns = std::chrono::system_clock::now().time_since_epoch().count();
  }
  point_.output = outputs_.Seal(cause, session_, point_.output);]])

# The ring forgets to say that its oldest digest is gone.
plant(engine/deduplicator.cc
  [[>= ring_from_ + ring_.size()) ring_from_]]
  [[>= ring_from_ + ring_.size() && !Is(Planted::kRingOverrun)) ring_from_]])

plant(engine/transport/stream_client.cc
  [[.number = handler_.WantedNumber()}]]
  [[.number = handler_.WantedNumber() +
      (Is(Planted::kOffByOneAfterReconnect) && handler_.WantedNumber() > 1 ? 1 : 0)}]])

# A sequencer goes on in whatever epoch its clock says, and engines do not mind.
plant(engine/sequencer.cc
  [[epoch_ = std::max(epoch_, ]]
  [[if (!Is(Planted::kStaleEpochAccepted)) epoch_ = std::max(epoch_, ]])
plant(replay/stepper.cc
  [[if (header.epoch < point_.epoch) {]]
  [[if (header.epoch < point_.epoch && !Is(Planted::kStaleEpochAccepted)) {]])

# After a restart the outputs that the log holds are new ones.
plant(engine/engine.cc
  [[output_before >= logged_.number]]
  [[Is(Planted::kOutputEmittedAgain) || output_before >= logged_.number]])

# After a reconnect the last message comes once more.
plant(engine/transport/stream_server.cc
  [[{.from_number = next_number_}]]
  [[{.from_number = next_number_ - (Is(Planted::kOutputServedAgain) && next_number_ > 1 ? 1 : 0)}]])

plant(engine/transport/submission_server.cc
  [[server_.backend_.CommitSoon();]]
  [[if (Is(Planted::kAcknowledgedEarly)) Committed();
    server_.backend_.CommitSoon();]])

# A client takes what it sent on the old connection for sent on the new one.
plant(engine/transport/submission_client.cc
  [[  sent_ = 0;]]
  [[  if (!Is(Planted::kNotSentAgain)) sent_ = 0;]])

# A sequencer that starts again does not know what it has from whom.
plant(engine/sequencer.cc
  [[accepted_[header.user] = header.origin;
    ++accepted_total_;
  }]]
  [[if (!Is(Planted::kClientsForgotten)) accepted_[header.user] = header.origin;
    ++accepted_total_;
  }]])

# What is written is said to be in the log before it is.
plant(replay/log_writer.cc
  [[Status LogWriter::Impl::Flush() {]]
  [[Status LogWriter::Impl::Flush() {
  if (Is(Planted::kFlushDropsATail) && used_ < 100) {
    flushed_ = appended_;
    return {};
  }]])

# The sequencer takes back all but the last input.
plant(engine/live/take_back.cc
  [[longest.takes_to = longest.status->number();]]
  [[longest.takes_to = longest.status->number() - (Is(Planted::kTakeBackSkipsOne) ? 1 : 0);]])

# An engine that starts looks ahead to the last but one of the inputs that may be a Skip.
plant(engine/live/engine_role.cc
  [[target_ = std::max(looked_to_, LookTo(status));]]
  [[target_ = LookTo(status);
  if (Is(Planted::kLookAheadOffByOne) && target_ > 0) --target_;
  target_ = std::max(looked_to_, target_);]])

# A fenced engine is let in again, whatever it says meanwhile.
plant(engine/deduplicator.cc
  [[if (!FollowsFrom(engine.taken, message) || message.header.digest != mark->digest) {]]
  [[if (!Is(Planted::kReadmittedWithoutProof) &&
      (!FollowsFrom(engine.taken, message) || message.header.digest != mark->digest)) {]])

plant(engine/deduplicator.cc
  [[if (options_.policy == DedupPolicy::kFirst || alone_ == index) {]]
  [[if (options_.policy == DedupPolicy::kFirst || alone_ == index ||
      Is(Planted::kAgreeWithOneCopy)) {]])

# Outputs are in their log before the input that they answer is in the copy.
plant(engine/live/engine_role.cc
  [[if (replica_ && !loop_.Check(replica_->Flush())) return false;
  if (!loop_.Check(log_->Flush())) return false;]]
  [[if (Is(Planted::kAnsweredBeforeCopied) && !loop_.Check(log_->Flush())) return false;
  if (replica_ && !loop_.Check(replica_->Flush())) return false;
  if (!loop_.Check(log_->Flush())) return false;]])

# An engine steps an input that does not follow from the one that it stepped before.
plant(replay/stepper.cc
  [[if (header.digest != proto::Digest(point_.input.digest, input.bytes)) {]]
  [[if (header.digest != proto::Digest(point_.input.digest, input.bytes) &&
      !Is(Planted::kForkOverlooked)) {]])

# What is requested again is what follows the gap.
plant(engine/transport/mold_receiver.cc
  [[.session = session_, .number = next_, .count]]
  [[.session = session_, .number = next_ + (Is(Planted::kRepairOffByOne) ? 1 : 0), .count]])

# A reader is sent all that there is, whether or not it takes it.
plant(engine/transport/stream_server.cc
  [[server_.published_ && connection_->pending() < Connection::kSendAhead) {]]
  [[server_.published_ && (Is(Planted::kSendsWithoutEnd) ||
           connection_->pending() < Connection::kSendAhead)) {]])

if(FILE MATCHES "\\.h$")
  file(WRITE "${OUT}" "${text}")
  return()
endif()
string(PREPEND text "#include <chrono>\n#include \"tests/simulation/bounds.h\"\n#include \
\"tests/simulation/planted.h\"\nusing tandem::simulation::CheckBound;\nusing \
tandem::simulation::Is;\nusing tandem::simulation::kMessageMax;\nusing \
tandem::simulation::kSentBeyond;\nusing tandem::simulation::Planted;\n#line 1 \"${SOURCE}\"\n")
file(WRITE "${OUT}" "${text}")
