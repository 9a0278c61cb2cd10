// SPDX-License-Identifier: Apache-2.0
#include "tools/auditor.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tandem::tools {
namespace {

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

const char* NameOf(AuditFinding::Verdict verdict) {
  switch (verdict) {
    case AuditFinding::Verdict::kDamage:
      return "damage";
    case AuditFinding::Verdict::kNondeterminism:
      return "nondeterminism";
    case AuditFinding::Verdict::kUndecided:
      break;
  }
  return "undecided";
}

std::uint64_t Auditor::position() const {
  return replay_ != nullptr ? replay_->position().number : 0;
}

// Those that were not looked at yet, oldest input first.
Result<std::vector<Auditor::Candidate>> Auditor::Candidates() {
  std::vector<Candidate> candidates;
  std::vector<std::string> still_there;
  for (std::size_t side = 0; side < options_.images.size(); ++side) {
    if (options_.images[side].empty()) continue;
    auto images = ImagesIn(options_.images[side]);
    if (!images) return images.error();
    for (FoundImage& image : *images) {
      if (std::find(done_.begin(), done_.end(), image.path) != done_.end()) {
        still_there.push_back(image.path);
      } else {
        candidates.push_back({.side = side, .image = std::move(image)});
      }
    }
  }
  done_ = std::move(still_there);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.image.label.input.number < b.image.label.input.number;
                   });
  return candidates;
}

Status Auditor::Start(const Candidate& oldest,
                      const std::function<void(const AuditStep&)>& on_step) {
  if (options_.from_nothing) {
    const auto image = replay::StateImage::Open(oldest.image.path);  // for where its zone lies
    if (!image) return image.error();
    auto replay = StateReplay::FromNothing(At(image->zone().about().address, options_.application),
                                           options_.input);
    if (!replay) return replay.error();
    replay_ = std::move(*replay);
    is_proven_ = true;
    return {};
  }
  auto image = replay::StateImage::Open(oldest.image.path);
  if (!image) return image.error();
  auto replay = StateReplay::FromImage(options_.application, options_.input, *image);
  if (!replay) return replay.error();
  replay_ = std::move(*replay);
  const std::uint64_t bytes = image->zone().about().state_bytes;
  bases_.push_back({oldest.side, oldest.image.path, std::move(*image)});
  start_side_ = oldest.side;
  done_.push_back(oldest.image.path);
  on_step({.what = AuditStep::What::kStart,
           .side = oldest.side,
           .path = oldest.image.path,
           .label = oldest.image.label,
           .bytes = bytes,
           .why = ""});
  return {};
}

Result<std::optional<AuditFinding>> Auditor::Round(
    const std::function<void(const AuditStep&)>& on_step, const std::function<bool()>& ask) {
  const auto candidates = Candidates();
  if (!candidates) return candidates.error();
  for (const Candidate& candidate : *candidates) {
    if (!ask()) break;
    AuditStep step{.side = candidate.side,
                   .path = candidate.image.path,
                   .label = candidate.image.label,
                   .from = position(),
                   .why = ""};
    const auto pass_by = [&](const std::string& why) {
      step.what = AuditStep::What::kPassedBy;
      step.why = why;
      done_.push_back(candidate.image.path);
      on_step(step);
    };
    if (replay_ == nullptr) {
      if (Status status = Start(candidate, on_step); !status) {
        if (options_.from_nothing || Exists(candidate.image.path)) return status.error();
        pass_by(status.error().text);  // an engine keeps a few only
        continue;
      }
      if (!options_.from_nothing) continue;
      step.from = 0;
    }
    const std::uint64_t number = candidate.image.label.input.number;
    if (number < position()) {  // of an engine that is behind the other one
      const auto image = replay::StateImage::Open(candidate.image.path);
      const auto back = image ? GoBack(number, image->zone().about().address) : Result<bool>(false);
      if (!back) return back.error();
      if (!*back) {
        pass_by("the replay stands after input " + std::to_string(position()) + " already");
        continue;
      }
      step.from = position();
    }
    const auto end = replay_->LogEnd();
    if (!end) return end.error();
    if (*end < number) break;  // the log has not got there
    const auto image = LoadedImage::Load(candidate.image.path);
    if (!image) {
      pass_by(image.error().text);
      continue;
    }
    if (const Status alike = CheckMadeAlike(**image, *replay_); !alike) {
      pass_by(alike.error().text);
      continue;
    }
    if (Status status = replay_->StepTo(number, ask); !status) {
      if (!ask()) break;
      return status.error();
    }
    if (const auto why = WhyNotComparable(**image, *replay_)) {
      return Error::BadInput("the image " + candidate.image.path + " " + *why);
    }
    step.bytes = (*image)->bytes().size();
    done_.push_back(candidate.image.path);
    if (!replay_->Equals(**image)) {
      step.what = AuditStep::What::kDiffers;
      on_step(step);
      auto finding = Examine(candidate, **image, ask);
      if (!finding) return finding.error();
      return std::optional(std::move(*finding));
    }
    ++same_[candidate.side];
    same_at_[candidate.side] = number;
    // What one engine has wrong from the beginning, its own later images have, too.
    is_proven_ = is_proven_ || candidate.side != start_side_;
    Keep({candidate.side, candidate.image.path, (*image)->TakeImage()});
    on_step(step);
  }
  return std::optional<AuditFinding>();
}

// A second replay from the last image that was the same, to tell damage from software that does not
// give the same state twice.
Result<AuditFinding> Auditor::Examine(const Candidate& candidate, LoadedImage& image,
                                      const std::function<bool()>& ask) {
  AuditFinding finding;
  finding.side = candidate.side;
  finding.image = candidate.image;
  const std::uint64_t number = candidate.image.label.input.number;
  for (const Base& base : bases_) {
    if (base.image.label().input.number > number) break;
    finding.equal_at = base.image.label().input.number;
    finding.equal_with = base.path;
    if (base.side != candidate.side) continue;
    finding.own_equal_at = finding.equal_at;
    finding.own_equal_with = base.path;
  }
  finding.is_proven = is_proven_;
  auto comparison = replay_->Compare(image, kDifferencesKept);
  if (!comparison) return comparison.error();
  finding.comparison = std::move(*comparison);
  const auto first = replay_->Hash();
  if (!first) return first.error();
  const auto back = GoBack(number, image.image().zone().about().address);
  if (!back || !*back) return finding;
  if (Status status = replay_->StepTo(number, ask); !status) return finding;
  const auto second = replay_->Hash();
  if (second && *second != *first) {
    finding.verdict = AuditFinding::Verdict::kNondeterminism;
  } else if (second && (finding.is_proven || !finding.own_equal_with.empty())) {
    finding.verdict = AuditFinding::Verdict::kDamage;
  }
  return finding;
}

void Auditor::Keep(Base base) {
  const auto behind = std::find_if(bases_.begin(), bases_.end(), [&](const Base& other) {
    return other.image.label().input.number > base.image.label().input.number;
  });
  const auto is_of_side = [side = base.side](const Base& other) { return other.side == side; };
  bases_.insert(behind, std::move(base));
  if (std::count_if(bases_.begin(), bases_.end(), is_of_side) > kBasesKept) {
    bases_.erase(std::find_if(bases_.begin(), bases_.end(), is_of_side));
  }
}

Result<bool> Auditor::GoBack(std::uint64_t number, std::uint64_t zone_address) {
  const replay::StateImage* from = nullptr;
  for (const Base& base : bases_) {
    if (base.image.label().input.number <= number) from = &base.image;
  }
  if (from == nullptr && !options_.from_nothing) return false;
  replay_.reset();  // the next one lies at the same address
  auto again = from != nullptr ? StateReplay::FromImage(options_.application, options_.input, *from)
                               : StateReplay::FromNothing(At(zone_address, options_.application),
                                                          options_.input);
  if (!again) return again.error();
  replay_ = std::move(*again);
  return true;
}

}  // namespace tandem::tools
