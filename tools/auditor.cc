// SPDX-License-Identifier: Apache-2.0
#include "tools/auditor.h"

#include <algorithm>
#include <utility>

#include "replay/log_reader.h"

namespace tandem::tools {
namespace {

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
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
Result<std::vector<Auditor::Candidate>> Auditor::Candidates(
    const std::function<void(const AuditStep&)>& on_step) {
  std::vector<Candidate> candidates;
  std::vector<std::string> still_there;
  for (std::size_t side = 0; side < options_.images.size(); ++side) {
    if (options_.images[side].empty()) continue;
    std::vector<PassedBy> passed_by;
    auto images = ImagesIn(options_.images[side], &passed_by);
    if (!images) return images.error();
    for (FoundImage& image : *images) {
      if (Has(done_, image.path)) {
        still_there.push_back(image.path);
      } else {
        candidates.push_back({.side = side, .image = std::move(image)});
      }
    }
    for (PassedBy& file : passed_by) {
      if (Has(unreadable_, file.path)) continue;
      unreadable_.push_back(file.path);
      ++passed_by_[side];
      on_step({.what = AuditStep::What::kPassedBy,
               .side = side,
               .path = std::move(file.path),
               .why = std::move(file.why)});
    }
  }
  done_ = std::move(still_there);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.image.label.input.number < b.image.label.input.number;
                   });
  return candidates;
}

// All that is wrong with the image itself, so that what else is wrong is the log or the
// application.
Result<std::optional<std::string>> Auditor::WhyNoStart(const Candidate& candidate) {
  const auto why = [](std::string text) { return std::optional(std::move(text)); };
  const auto image = replay::StateImage::Open(candidate.image.path);
  if (!image) return why(image.error().text);
  if (Status status = image->zone().Verify(); !status) return why(status.error().text);
  auto empty = StateReplay::FromNothing(options_.application, options_.input);
  if (!empty) return empty.error();
  if (image->label().input.number != 0) {
    replay::PosixStorage storage;
    const auto log = replay::LogReader::Open(
        storage, options_.input,
        {.from_number = image->label().input.number + 1, .check_digest = false});
    if (!log) return why(log.error().text);
    if (log->position() != image->label().input) {
      return why("the image is of " + StandsText(image->label()) +
                 ", and the input log has another message there: it is of another input");
    }
  }
  if (options_.from_nothing) return std::optional<std::string>();
  empty->reset();  // the next one lies at the same address
  const auto replay = StateReplay::FromImage(options_.application, options_.input, *image);
  return replay ? std::optional<std::string>() : why(replay.error().text);
}

Status Auditor::Start(const Candidate& oldest,
                      const std::function<void(const AuditStep&)>& on_step) {
  auto image = replay::StateImage::Open(oldest.image.path);
  if (!image) return image.error();
  const std::uint64_t address = image->zone().about().address;
  auto replay = options_.from_nothing
                    ? StateReplay::FromNothing(At(address, options_.application), options_.input)
                    : StateReplay::FromImage(options_.application, options_.input, *image);
  if (!replay) return replay.error();
  replay_ = std::move(*replay);
  if (options_.from_nothing) {
    is_proven_ = true;
    return {};
  }
  has_start_ = true;
  start_side_ = oldest.side;
  start_at_ = oldest.image.label.input.number;
  const std::uint64_t bytes = image->zone().about().state_bytes;
  bases_.push_back({oldest.side, oldest.image.path, std::move(*image)});
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
  const auto candidates = Candidates(on_step);
  if (!candidates) return candidates.error();
  beyond_log_ = 0;
  if (candidates->empty()) return std::optional<AuditFinding>();
  replay::PosixStorage storage;
  const auto log = replay::LogReader::Open(storage, options_.input, {.check_digest = false});
  if (!log) return log.error();
  const auto end = replay::LogReader::FindEnd(storage, options_.input);
  if (!end) return end.error();
  for (const Candidate& candidate : *candidates) {
    if (!ask()) break;
    const replay::ImageLabel& label = candidate.image.label;
    const std::uint64_t number = label.input.number;
    AuditStep step{.side = candidate.side,
                   .path = candidate.image.path,
                   .label = label,
                   .from = position(),
                   .why = ""};
    const auto pass_by = [&](const std::string& why) {
      step.what = AuditStep::What::kPassedBy;
      step.why = why;
      ++passed_by_[candidate.side];
      done_.push_back(candidate.image.path);
      on_step(step);
    };
    if (label.session != log->session()) {
      pass_by("the image is of session " + label.session.str() + ", and the input log of session " +
              log->session().str());
      continue;
    }
    if (end->last.number < number) {  // the log has not got there
      if (end->damage) return *end->damage;
      ++beyond_log_;
      continue;
    }
    if (replay_ == nullptr) {
      const auto why = WhyNoStart(candidate);
      if (!why) return why.error();
      if (*why) {
        pass_by(**why);
        continue;
      }
      if (Status status = Start(candidate, on_step); !status) return status.error();
      if (!options_.from_nothing) continue;
      step.from = 0;
    }
    const auto image = LoadedImage::Load(candidate.image.path);
    if (!image) {
      pass_by(image.error().text);
      continue;
    }
    if (number < position()) {  // of an engine that is behind the other one
      const auto back = GoBack(number, (*image)->image().zone().about().address);
      if (!back) return back.error();
      if (!*back) {
        pass_by("the replay stands after input " + std::to_string(position()) + " already");
        continue;
      }
      step.from = position();
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
      pass_by("the image " + *why);
      continue;
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
