// SPDX-License-Identifier: Apache-2.0
//
// Defects planted in the product's own code, to see that the simulation finds them. Where each one
// stands is in planted_bugs.cmake: the simulation compiles copies of the product's sources with
// those lines changed, so the product itself has no trace of them. At most one is on at a time.
#pragma once

#include <array>
#include <cstdint>

namespace tandem::simulation {

enum class Planted : std::uint8_t {
  kNone,
  kSkippedDigestCheck,
  kDroppedDuplicateCheck,
  kSyncDoesNothing,
  kTimeOfArrival,
  kRingOverrun,
  kOffByOneAfterReconnect,
  kStaleEpochAccepted,
  kOutputEmittedAgain,
  kOutputServedAgain,
  kAcknowledgedEarly,
  kNotSentAgain,
  kClientsForgotten,
  kFlushDropsATail,
  kAddressInAnOutput,
  kTakeBackSkipsOne,
  kLookAheadOffByOne,
  kReadmittedWithoutProof,
  kAgreeWithOneCopy,
  kAnsweredBeforeCopied,
  kForkOverlooked,
  kRepairOffByOne,
  kSendsWithoutEnd,
};

struct PlantedBug {
  Planted bug;
  const char* name;
  bool engine_b_lies;       ///< it shows only where there is a lie to find
  std::uint64_t seeds_max;  ///< it is found within so many, from any seed on
};

inline constexpr std::array kPlantedBugs = {
    PlantedBug{Planted::kSkippedDigestCheck, "SkippedDigestCheck", true, 40},
    PlantedBug{Planted::kDroppedDuplicateCheck, "DroppedDuplicateCheck", false, 100},
    PlantedBug{Planted::kSyncDoesNothing, "SyncDoesNothing", false, 100},
    PlantedBug{Planted::kTimeOfArrival, "TimeOfArrival", false, 10},
    PlantedBug{Planted::kRingOverrun, "RingOverrun", false, 100},
    PlantedBug{Planted::kOffByOneAfterReconnect, "OffByOneAfterReconnect", false, 100},
    PlantedBug{Planted::kStaleEpochAccepted, "StaleEpochAccepted", false, 400},
    PlantedBug{Planted::kOutputEmittedAgain, "OutputEmittedAgain", false, 100},
    PlantedBug{Planted::kOutputServedAgain, "OutputServedAgain", false, 100},
    PlantedBug{Planted::kAcknowledgedEarly, "AcknowledgedEarly", false, 100},
    PlantedBug{Planted::kNotSentAgain, "NotSentAgain", false, 100},
    PlantedBug{Planted::kClientsForgotten, "ClientsForgotten", false, 100},
    PlantedBug{Planted::kFlushDropsATail, "FlushDropsATail", false, 100},
    PlantedBug{Planted::kAddressInAnOutput, "AddressInAnOutput", false, 10},
    PlantedBug{Planted::kTakeBackSkipsOne, "TakeBackSkipsOne", false, 400},
    PlantedBug{Planted::kLookAheadOffByOne, "LookAheadOffByOne", false, 400},
    PlantedBug{Planted::kReadmittedWithoutProof, "ReadmittedWithoutProof", true, 100},
    PlantedBug{Planted::kAgreeWithOneCopy, "AgreeWithOneCopy", false, 100},
    PlantedBug{Planted::kAnsweredBeforeCopied, "AnsweredBeforeCopied", false, 400},
    PlantedBug{Planted::kForkOverlooked, "ForkOverlooked", false, 400},
    PlantedBug{Planted::kRepairOffByOne, "RepairOffByOne", false, 100},
    PlantedBug{Planted::kSendsWithoutEnd, "SendsWithoutEnd", false, 100},
};

inline Planted planted = Planted::kNone;

[[nodiscard]] inline bool Is(Planted bug) { return planted == bug; }

}  // namespace tandem::simulation
