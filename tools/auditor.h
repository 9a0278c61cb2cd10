// SPDX-License-Identifier: Apache-2.0
//
// Auditor: proves that the states of two engines are what the input makes of them. Takes a state of
// its own along the input log and compares it, byte for byte, with every image that either engine
// has left, in the order of their inputs. So an image of A is the start, one of B is met by replay,
// the next of A by replay from there; a state that was damaged without any output showing it yet is
// found at its engine's next image.
//
// Touches nothing of the engines but their images and an input log. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "pools/state/compare.h"
#include "tools/image_folder.h"
#include "tools/state_replay.h"

namespace tandem::tools {

struct AuditOptions {
  std::array<std::string, 2> images;  ///< folders, of A and B; B may be empty: one engine
  std::string input;                  ///< folder of the input log
  bool from_nothing = false;          ///< start before input 1, not with the oldest image
  ApplicationOptions application;
};

/// An image that was looked at.
struct AuditStep {
  enum class What : std::uint8_t {
    kStart,  ///< the replay goes on from it; it is not proven yet
    kSame,   ///< it is what the replay has
    kDiffers,
    kPassedBy  ///< it cannot be read, or is gone: `why`
  };
  What what = What::kSame;
  std::size_t side = 0;  ///< 0: A
  std::string path;
  replay::ImageLabel label = {};  ///< empty if it cannot be read
  std::uint64_t from = 0;         ///< input after which the replay stood before
  std::uint64_t bytes = 0;
  std::string why;
};

/// An image that is not what the input makes of the state.
struct AuditFinding {
  enum class Verdict : std::uint8_t {
    kDamage,          ///< replays agree with each other, and not with the image
    kNondeterminism,  ///< replays differ among themselves
    kUndecided        ///< it, or what the replay began with: an image of the other engine
  };
  Verdict verdict = Verdict::kUndecided;
  std::size_t side = 0;        ///< whose image differs
  FoundImage image;            ///< that one
  std::uint64_t equal_at = 0;  ///< input up to which the replay was proven; 0: it began there
  std::string equal_with;      ///< the image that proved it, or the replay began with; empty: none
  bool is_proven = false;      ///< the replay began at input 1, or both engines agreed with it
  /// The last image of the same engine that the replay agreed with, or began with, and its input;
  /// empty: there is none. Only what came behind it can be said of this engine.
  std::string own_equal_with;
  std::uint64_t own_equal_at = 0;
  state::Comparison comparison;  ///< A: the replay, B: the image
};

class Auditor {
 public:
  static constexpr std::uint64_t kDifferencesKept = 1000;

  explicit Auditor(AuditOptions options) : options_(std::move(options)) {}

  /// Looks at all images that there are and that the log has reached, oldest input first, and tells
  /// `on_step` of each. Ends early if `ask` says false, or at the first that differs, which it
  /// gives. An image that cannot be read or compared is passed by. May be called again, for those
  /// that have come. An error: the log or the application.
  Result<std::optional<AuditFinding>> Round(const std::function<void(const AuditStep&)>& on_step,
                                            const std::function<bool()>& ask);

  /// Input up to which everything was looked at.
  [[nodiscard]] std::uint64_t position() const;
  /// Images of each side that were the same.
  [[nodiscard]] std::uint64_t same(std::size_t side) const { return same_[side]; }
  /// Is an image of that side known to be what the input makes of it, be it the one to begin with?
  [[nodiscard]] bool has_proven(std::size_t side) const {
    return same_[side] != 0 || (has_start_ && is_proven_ && start_side_ == side);
  }
  /// Images of each side that were compared, passed by or begun with; and those passed by.
  [[nodiscard]] std::uint64_t looked_at(std::size_t side) const {
    return same_[side] + passed_by_[side] + (has_start_ && start_side_ == side ? 1 : 0);
  }
  [[nodiscard]] std::uint64_t passed_by(std::size_t side) const { return passed_by_[side]; }
  /// The input of the image that it began with, if nothing proves that: it began neither with
  /// nothing, nor has an image of the other engine agreed.
  [[nodiscard]] std::optional<std::uint64_t> begins_unproven() const {
    return has_start_ && !is_proven_ ? std::optional(start_at_) : std::nullopt;
  }
  [[nodiscard]] std::size_t start_side() const { return start_side_; }
  /// Images that wait for the log to get there, in the last round.
  [[nodiscard]] std::uint64_t beyond_log() const { return beyond_log_; }
  /// The last input at which each side was; 0: never.
  [[nodiscard]] std::uint64_t same_at(std::size_t side) const { return same_at_[side]; }

 private:
  struct Candidate {
    std::size_t side = 0;
    FoundImage image;
  };
  /// Where a replay may begin again.
  struct Base {
    std::size_t side = 0;
    std::string path;
    replay::StateImage image;
  };
  static constexpr std::ptrdiff_t kBasesKept = 16;  ///< of each side
  void Keep(Base base);

  Result<std::vector<Candidate>> Candidates(const std::function<void(const AuditStep&)>& on_step);
  /// Why nothing can begin with this image, whatever is right with the log; null: it can.
  Result<std::optional<std::string>> WhyNoStart(const Candidate& candidate);
  /// Puts the replay where it may step to input `number`, which it has passed. False: there is no
  /// image left to begin with.
  Result<bool> GoBack(std::uint64_t number, std::uint64_t zone_address);
  /// An error is one of the log or the application.
  Status Start(const Candidate& oldest, const std::function<void(const AuditStep&)>& on_step);
  Result<AuditFinding> Examine(const Candidate& candidate, LoadedImage& image,
                               const std::function<bool()>& ask);

  AuditOptions options_;
  std::unique_ptr<StateReplay> replay_;
  /// Images that were the same, and the one that it all began with, oldest input first. Their files
  /// stay readable when their names are gone.
  std::deque<Base> bases_;
  std::size_t start_side_ = 0;  ///< whose image it all began with
  std::uint64_t start_at_ = 0;  ///< its input
  bool is_proven_ = false;      ///< see AuditFinding
  std::array<std::uint64_t, 2> same_{};
  std::array<std::uint64_t, 2> same_at_{};
  std::array<std::uint64_t, 2> passed_by_{};
  bool has_start_ = false;
  std::uint64_t beyond_log_ = 0;
  std::vector<std::string> unreadable_;  ///< files that were named already
  std::vector<std::string> done_;        ///< images that were looked at and are still there
};

[[nodiscard]] const char* NameOf(AuditFinding::Verdict verdict);

}  // namespace tandem::tools
