// SPDX-License-Identifier: Apache-2.0
//
// DedupRole: from a divergence to a pair again.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <utility>

#include "engine/live/dedup_role.h"
#include "engine/live/divergence_report.h"
#include "engine/live/log_cut.h"
#include "engine/live/log_folder.h"

namespace tandem::engine {

namespace {

/// How long an engine may take to show where it differs first.
constexpr std::chrono::seconds kSearchMax{30};
constexpr std::chrono::seconds kDecisionInterval{1};

std::string_view PolicyText(DedupPolicy policy) {
  return policy == DedupPolicy::kFirst ? "first" : "agree";
}

}  // namespace

void DedupRole::OnSearching(std::size_t engine) {
  if (!search_deadline_) {
    FlushAndPublish();
    spdlog::critical(
        "{}: engine {} at {} does not follow from the merged stream at output {}; nothing is "
        "published any more; looking for the first output that differs",
        options_.name, kEngineNames[engine], sources_[engine]->address(),
        deduplicator_->divergence()->number);
    search_deadline_ = Clock::now() + kSearchMax;
  }
  sources_[engine]->AskAgain();
}

void DedupRole::OnDivergence() {
  search_deadline_.reset();
  FlushAndPublish();
  report_ = Describe();
  spdlog::critical("{}: the copies differ; nothing is published any more", options_.name);
  std::fputs(report_.c_str(), stdout);
  std::fflush(stdout);
  if (options_.incidents != nullptr &&
      !loop_.Check(options_.incidents->OnDivergence(MakeFacts()))) {
    return;
  }
  decision_asked_at_ = Clock::now();
  if (options_.exit_on_divergence) {
    loop_.Stop(ExitCode::kDivergence);
  } else {
    spdlog::info("{}: still serving what is published, and the status", options_.name);
  }
}

std::string DedupRole::Describe() const {
  const Deduplicator::Divergence& divergence = *deduplicator_->divergence();
  std::optional<std::vector<std::byte>> published;
  if (divergence.number <= deduplicator_->published().number) {
    auto bytes = ReadOne(storage_, options_.folder, divergence.number);
    if (bytes) published = std::move(*bytes);
  }
  std::string report = DescribeDivergence(divergence, published, kEngineNames, schema_);
  if (divergence.is_omitted) report += DescribeOmission();
  const std::uint64_t last = deduplicator_->published().number;
  if (divergence.number <= last) {
    report += "  published and confirmed by nobody: outputs " + std::to_string(divergence.number) +
              " to " + std::to_string(last) + "\n";
  }
  return report;
}

std::string DedupRole::DescribeOmission() const {
  const Deduplicator::Divergence& divergence = *deduplicator_->divergence();
  const EngineSource& other = *sources_[1 - divergence.engine];
  std::string line = "  engine " + std::string(kEngineNames[divergence.engine]) +
                     " stands after input " + std::to_string(divergence.stands_after) + " with " +
                     std::to_string(divergence.number - 1) + " outputs, where engine " +
                     std::string(other.label()) + " gave ";
  const bool is_same_input = other.status().input_number() == divergence.stands_after;
  const std::uint64_t gave = is_same_input ? other.status().number() : divergence.number;
  return line + (is_same_input ? "" : "at least ") + std::to_string(gave) + "\n";
}

IncidentFacts DedupRole::MakeFacts() const {
  const Deduplicator::Divergence& divergence = *deduplicator_->divergence();
  IncidentFacts facts{.divergence = divergence,
                      .session = session_,
                      .folder = options_.folder,
                      .schema = schema_,
                      .policy = std::string(PolicyText(options_.policy)),
                      .report = report_,
                      .published = deduplicator_->published(),
                      .agreed = deduplicator_->agreed(),
                      .engines = {}};
  for (std::size_t engine = 0; engine < Deduplicator::kEngines; ++engine) {
    const EngineSource& source = *sources_[engine];
    IncidentEngine& of = facts.engines[engine];
    of = {.name = std::string(source.label()),
          .address = source.address(),
          .status = source.has_status() ? &source.status() : nullptr,
          .taken = deduplicator_->wanted(engine) - 1,
          .copy = {},
          .is_published = false};
    if (engine == divergence.engine) {
      of.copy = divergence.message;
    } else if (divergence.number <= facts.published.number) {
      if (auto bytes = ReadOne(storage_, options_.folder, divergence.number)) {
        of.copy = std::move(*bytes);
        of.is_published = true;
      }
    } else {
      of.copy = divergence.held;
    }
  }
  return facts;
}

void DedupRole::AwaitDecision(Clock::time_point now) {
  if (search_deadline_ && now > *search_deadline_) {
    deduplicator_->EndSearch();
    if (report_.empty()) OnDivergence();
  }
  if (options_.incidents == nullptr || report_.empty() ||
      now - decision_asked_at_ < kDecisionInterval) {
    return;
  }
  decision_asked_at_ = now;
  const auto keep = options_.incidents->Decision();
  Status status;
  if (!keep) {
    status = keep.error();
  } else if (*keep) {
    status = Resolve(**keep);
  }
  if (status || status.error().code != ExitCode::kBadInput) {
    loop_.Check(status);
    decision_error_.clear();
  } else if (std::exchange(decision_error_, status.error().text) != status.error().text) {
    spdlog::error("{}", status.error().text);
  }
}

Status DedupRole::ResumeIncident() {
  if (options_.incidents == nullptr) return {};
  const auto found = options_.incidents->Unfinished();
  if (!found) return found.error();
  if (!*found) return {};
  const OpenIncident& incident = **found;
  if (incident.keep && incident.is_applied) {
    const std::size_t fenced = 1 - *incident.keep;
    spdlog::warn("{}: engine {} is fenced since the copies differed at output {}", options_.name,
                 kEngineNames[fenced], incident.number);
    return deduplicator_->Fence(fenced, incident.number);
  }
  if (deduplicator_->published().number + 1 < incident.number) {
    spdlog::warn(
        "{}: the incident at output {} is not over, but the merged log ends before it; both "
        "engines are compared again from there",
        options_.name, incident.number);
    return options_.incidents->OnLost(deduplicator_->published());
  }
  deduplicator_->Halt(
      {.number = incident.number, .engine = incident.engine, .is_first = incident.is_first});
  report_ = incident.report.empty()
                ? "DIVERGENCE at output " + std::to_string(incident.number) + "\n"
                : incident.report;
  spdlog::critical(
      "{}: the copies differ at output {}, and nobody has said yet which engine to keep; nothing "
      "is published",
      options_.name, incident.number);
  return incident.keep ? Resolve(*incident.keep) : Status{};
}

Status DedupRole::Resolve(std::size_t keep) {
  const std::uint64_t number = deduplicator_->divergence()->number;
  const std::uint64_t before = deduplicator_->published().number;
  if (Status status = deduplicator_->Resolve(keep); !status) return status;
  const proto::StreamPosition published = deduplicator_->published();
  if (published.number < before) {
    if (Status status = TakeBack(published.number); !status) return status;
    spdlog::warn(
        "{}: outputs {} to {}, which were published from engine {} alone, are taken back; whoever "
        "has read them finds out by the digest of what follows",
        options_.name, number, before, kEngineNames[1 - keep]);
  }
  if (Status status = options_.incidents->OnResolved(keep, published); !status) return status;
  spdlog::info(
      "{}: going on after output {} with engine {}; engine {} is fenced until it has proven equal",
      options_.name, published.number, kEngineNames[keep], kEngineNames[1 - keep]);
  report_.clear();
  search_deadline_.reset();
  for (const auto& source : sources_) source->AskAgain();
  return {};
}

/// The merged log ends with `last` from now on.
Status DedupRole::TakeBack(std::uint64_t last) {
  if (Status status = log_->Close(); !status) return status;
  log_.reset();
  history_->Forget();
  stream_.TakeBackTo(last);
  if (Status status =
          CutLog(storage_, options_.folder, last, options_.incidents->FolderForTakenBack());
      !status) {
    return status;
  }
  return OpenWriter(session_);
}

void DedupRole::OnReadmitted(std::size_t engine) {
  const proto::StreamPosition published = deduplicator_->published();
  spdlog::info("{}: engine {} has proven equal up to output {}, and is one of the pair again",
               options_.name, kEngineNames[engine], deduplicator_->wanted(engine) - 1);
  if (options_.incidents != nullptr) {
    loop_.Check(options_.incidents->OnReadmitted(engine, published));
  }
}

}  // namespace tandem::engine
