// SPDX-License-Identifier: Apache-2.0
#include "tools/state_incident.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/live/host_facts.h"
#include "engine/live/incident.h"
#include "engine/live/sheet.h"
#include "proto/schema.h"
#include "tools/incident.h"
#include "tools/state_text.h"

namespace tandem::tools {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr const char* kFacts = "facts.txt";
constexpr const char* kReport = "report.txt";
constexpr const char* kDifferences = "differences.jsonl";

std::string Plain(std::uint64_t number) { return std::to_string(number); }

engine::Sheet SheetOf(const AuditFinding& finding, const std::string& input) {
  const replay::ImageLabel& label = finding.image.label;
  engine::Sheet sheet;
  sheet.Add("tandem state incident", kVersion);
  sheet.Add("session", label.session.str());
  sheet.Add("input", label.input.number);
  sheet.Add("input digest", proto::DigestText(label.input.digest));
  sheet.Add("engine", engine::NameOfSide(finding.side));
  sheet.Add("application", label.application);
  sheet.Add("image", finding.image.path);
  sheet.Add("equal up to input", finding.equal_at);
  sheet.Add("equal with", finding.equal_with);
  sheet.Add("engine equal up to input", finding.own_equal_at);
  sheet.Add("engine equal with", finding.own_equal_with);
  sheet.Add("is proven", finding.is_proven ? "yes" : "no");
  sheet.Add("verdict", NameOf(finding.verdict));
  sheet.Add("input log", input);
  sheet.Add("fields or elements that differ", finding.comparison.fields);
  sheet.Add("bytes that differ", finding.comparison.bytes);
  if (!finding.comparison.differences.empty()) {
    sheet.Add("first", state::TextOf(finding.comparison.differences[0]));
  }
  sheet.Add("host", engine::HostName());
  sheet.Add("build", engine::BuildId());
  sheet.Add("found", proto::TimeText(ClockNow()));
  return sheet;
}

std::string JsonLines(const state::Comparison& comparison) {
  std::string out;
  for (const state::Difference& one : comparison.differences) {
    AppendDifference(one, &out);
    out += '\n';
  }
  return out;
}

/// When the memory of this engine was changed. That the other one was right says nothing of it.
std::string Window(const AuditFinding& finding) {
  const std::string number = Plain(finding.image.label.input.number);
  if (finding.own_equal_with.empty()) {
    return "No image of it was proven before: at some time before input " + number;
  }
  return "Between input " + Plain(finding.own_equal_at) + ", of which its image was equal, and " +
         number;
}

/// Which of its images may have the damage.
std::string Suspects(const AuditFinding& finding) {
  if (finding.own_equal_with.empty()) return "";
  return " of input " + Plain(finding.own_equal_at + 1) + " and later";
}

/// Images go when their engine has newer ones; this one stays.
Status Keep(const std::string& path, const std::string& as) {
  std::error_code error;
  std::filesystem::create_hard_link(path, as, error);
  if (error) std::filesystem::copy_file(path, as, error);
  if (error) return Error::Failure("cannot keep " + path + " as " + as + ": " + error.message());
  return {};
}

}  // namespace

std::string DescribeFinding(const AuditFinding& finding, const std::string& folder,
                            const std::string& input) {
  const std::string side = engine::NameOfSide(finding.side);
  const std::string number = Plain(finding.image.label.input.number);
  std::string text = "STATE INCIDENT: the state of engine " + side + " after input " + number +
                     " is not what the input makes of it\n";
  text += "image:     " + finding.image.path + ", " + StandsText(finding.image.label) + "\n";
  text += "replayed:  from ";
  if (finding.equal_with.empty()) {
    text += "nothing, that is from input 1 on";
  } else {
    text += finding.equal_with + ", input " + Plain(finding.equal_at);
    text += finding.is_proven ? ", which was equal" : ", which nobody else has proven";
  }
  text += "\ndiffers:   " + ExtentText(finding.comparison) + "; A is the replay, B the image\n";
  text += DifferencesText(finding.comparison);
  text += "verdict:   ";
  switch (finding.verdict) {
    case AuditFinding::Verdict::kDamage:
      text +=
          "damage: two replays agree with each other, and not with engine " + side +
          ".\n           " + Window(finding) +
          " its memory was changed\n           by something that is not the input: a fault of the "
          "memory, a stray write, somebody's hand.\n           What it answers from then on may "
          "be wrong, and no output need have shown it yet.\n";
      text += "next: stop engine " + side + ", move its images" + Suspects(finding) +
              " away, and start it again: it steps the\n      log from an older image, or from the "
              "beginning. Look at its host before you do.\n";
      break;
    case AuditFinding::Verdict::kNondeterminism:
      text +=
          "nondeterminism: two replays from the same state differ from each other.\n"
          "           Something that is not in the input reaches the state: an address, a "
          "clock, memory that\n           was never written. It is the software, on every "
          "host.\n";
      text += "next: tandem check finds out what it is\n";
      break;
    case AuditFinding::Verdict::kUndecided:
      text += "undecided: this state, or the one that the replay began with.\n";
      text +=
          "next: tandem audit --from-start, with the same folders, decides it if the input log "
          "begins at message 1\n";
      break;
  }
  text += "next: tandem bisect " + folder + " --input " + input +
          (finding.own_equal_with.empty() ? " --from-start" : "") +
          "\n      narrows down after which message it was there\n";
  return text;
}

Result<std::string> WriteStateIncident(replay::Storage& storage, const std::string& incidents,
                                       const AuditFinding& finding, const std::string& input) {
  const std::string name = Plain(finding.image.label.input.number);
  const std::string partial = incidents + "/." + name + ".partial";
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);  // of a process that was killed meanwhile
  if (Status status = storage.MakeFolder(partial); !status) return status.error();
  std::string folder = incidents + "/" + name;
  for (int again = 2; storage.FolderExists(folder); ++again) {
    folder = incidents + "/" + name + "." + std::to_string(again);
  }
  if (Status status = Keep(finding.image.path, partial + "/image"); !status) return status.error();
  if (std::filesystem::exists(finding.own_equal_with, ignored)) {
    if (Status status = Keep(finding.own_equal_with, partial + "/start"); !status) {
      return status.error();
    }
  }
  const std::pair<const char*, std::string> files[] = {
      {kDifferences, JsonLines(finding.comparison)},
      {kReport, DescribeFinding(finding, folder, input)},
      {kFacts, SheetOf(finding, input).Print()}};
  for (const auto& [file, text] : files) {
    if (Status status = engine::WriteWhole(storage, partial, file, text); !status) {
      return status.error();
    }
  }
  if (Status status = storage.Rename(partial, folder); !status) return status.error();
  if (Status status = storage.SyncFolder(incidents); !status) return status.error();
  return folder;
}

Result<std::optional<std::string>> ReadStateIncident(replay::Storage& storage,
                                                     const std::string& folder) {
  constexpr std::uint64_t kReportMax = 1u << 24;
  const auto sheet = engine::ReadSheet(storage, folder + "/" + kFacts);
  if (!sheet) return sheet.error();
  if (!*sheet || !(*sheet)->Number("tandem state incident")) return std::optional<std::string>();
  auto report = engine::ReadWhole(storage, folder + "/" + kReport, kReportMax);
  if (!report) return report.error();
  if (!*report) return Error::BadInput(folder + " has no " + kReport);
  return report;
}

}  // namespace tandem::tools
