// SPDX-License-Identifier: Apache-2.0
//
// The mark of a log: how far it is known to be on the disk. Two slots are written in turn, so that
// a torn write leaves the other one. Written after a sync, never before it. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pools/result.h"
#include "replay/log_format.h"
#include "replay/storage.h"

namespace tandem::replay {

struct MarkState {
  MarkSlot mark;         ///< the slot that counts; generation 0: none
  std::string text;      ///< what is odd about the file, as a sentence; empty: nothing
  bool missing = false;  ///< there is no mark file
  bool damaged = false;  ///< the slot that does not count is neither whole nor empty
  int next_slot = 0;     ///< the slot that does not count: the next mark goes there

  /// True if what begins at this place was synced.
  [[nodiscard]] bool Covers(std::uint64_t segment_id, std::uint64_t offset) const {
    return mark.segment_id > segment_id || (mark.segment_id == segment_id && mark.offset > offset);
  }

  /// True if the host has not stopped since the mark was written, so that nothing that was written
  /// after it can have been lost.
  [[nodiscard]] bool WrittenInBoot(std::uint32_t boot_id) const {
    return boot_id != 0 && mark.boot_id == boot_id;
  }
};

/// Reads folder/mark. A missing file is no error: nothing is known to be synced then.
Result<MarkState> ReadMarkFile(Storage& storage, const std::string& folder);

/// What is wrong with a segment that is complete and ends before `mark`, which stands in it.
[[nodiscard]] std::string EndsBeforeMark(const MarkSlot& mark);

class MarkFile {
 public:
  /// `state`: what ReadMarkFile said of it. `boot_id`: of this host, now.
  MarkFile(std::unique_ptr<File> file, const MarkState& state, std::uint32_t boot_id)
      : file_(std::move(file)),
        generation_(state.mark.generation),
        next_slot_(state.next_slot),
        boot_id_(boot_id) {}

  /// Fills in magic, boot id, generation and CRC, and writes the slot that does not count now.
  Status Write(MarkSlot slot);
  /// Empties the slot that does not count, so that no second torn write can leave none.
  Status ClearNextSlot();
  Status Sync() { return file_->Sync(); }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t generation_;  ///< of the slot that counts
  int next_slot_;
  std::uint32_t boot_id_;
};

}  // namespace tandem::replay
