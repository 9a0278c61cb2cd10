// SPDX-License-Identifier: Apache-2.0
#include "tools/check_report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "tools/json_text.h"

namespace tandem::tools {
namespace {

/// The perturbation that changes nothing.
const std::string kRepeat = "repeat";

constexpr std::string_view kWhatNow = "docs/check.md says what that stands for, and what to do";

std::string Plain(std::uint64_t number) { return std::to_string(number); }

const char* NameOf(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kSame:
      return "same";
    case CheckOutcome::kDiffers:
      return "differs";
    case CheckOutcome::kEnded:
      return "ended";
    case CheckOutcome::kNotRun:
      return "not_run";
  }
  return "";
}

std::string InParentheses(const std::string& text) { return text.empty() ? "" : " (" + text + ")"; }

std::string RunsOf(const CheckFinding& finding) {
  return Plain(finding.runs) + (finding.runs == 1 ? " run" : " runs");
}

/// The run in which it showed, and what was so about it.
std::string Details(const CheckFinding& finding) {
  std::string text = "\n" + finding.name + InParentheses(finding.how) + ": ";
  if (finding.outcome == CheckOutcome::kEnded) {
    text += "the process " + finding.why + "\n";
  } else if (finding.report.number == 0) {
    text +=
        "the state differs after input " + Plain(finding.report.cause) + "\n" + finding.report.text;
  } else {
    text += "the first output that differs is " + Plain(finding.report.number) + ", of input " +
            Plain(finding.report.cause) + "\n" + finding.report.text;
  }
  if (finding.by_chance) {
    text +=
        "  by chance:  not so, or not at all, when that was done once more: outputs change from "
        "run to run\n";
  }
  return text + "  again:      " + finding.again + "\n";
}

std::string JsonOf(const CheckFinding& finding) {
  std::string text = "{\"name\":\"" + finding.name + "\",\"changes\":";
  AppendJsonText(finding.what, &text);
  text += std::string(",\"result\":\"") + NameOf(finding.outcome) +
          "\",\"runs\":" + Plain(finding.runs);
  const auto add = [&text](const char* name, const std::string& value) {
    if (value.empty()) return;
    text += std::string(",\"") + name + "\":";
    AppendJsonText(value, &text);
  };
  if (finding.outcome != CheckOutcome::kSame) {
    add("why", finding.why);
    add("how", finding.how);
    add("again", finding.again);
    if (finding.by_chance) text += ",\"by_chance\":true";
  }
  if (finding.outcome == CheckOutcome::kDiffers) text += ",\"difference\":" + finding.report.json;
  return text + "}";
}

}  // namespace

std::uint64_t CheckSummary::runs() const {
  std::uint64_t runs = 0;
  for (const CheckFinding& finding : findings) runs += finding.runs;
  return runs;
}

std::string CheckFinding::Exposes() const {
  if (outcome != CheckOutcome::kDiffers && outcome != CheckOutcome::kEnded) return "";
  return by_chance ? kRepeat : name;
}

std::vector<std::string> CheckSummary::Exposed() const {
  std::vector<std::string> exposed;
  for (const CheckFinding& finding : findings) {
    const std::string name = finding.Exposes();
    if (!name.empty() && std::ranges::find(exposed, name) == exposed.end()) exposed.push_back(name);
  }
  return exposed;
}

std::string TextOf(const CheckFinding& finding) {
  std::string result;
  switch (finding.outcome) {
    case CheckOutcome::kSame:
      result = "same      " + RunsOf(finding);
      break;
    case CheckOutcome::kDiffers:
      result = "DIFFERS   in run " + Plain(finding.runs) +
               (finding.report.number == 0
                    ? ", in its state, after input "
                    : ", at output " + Plain(finding.report.number) + ", of input ") +
               Plain(finding.report.cause);
      break;
    case CheckOutcome::kEnded:
      result = "ENDED     in run " + Plain(finding.runs);
      break;
    case CheckOutcome::kNotRun:
      result = "not run   " + finding.why;
      break;
  }
  char name[32];
  std::snprintf(name, sizeof name, "%-14s", finding.name.c_str());
  return name + result + "\n";
}

std::string TextOf(const CheckSummary& summary) {
  const auto exposed = summary.Exposed();
  if (exposed.empty()) {
    return "the same: " + Plain(summary.runs()) + " runs gave the outputs of the first one, byte " +
           "for byte, " + Plain(summary.first.outputs) + " each\n";
  }
  std::string text;
  std::string names;
  bool by_chance = false;
  for (const CheckFinding& finding : summary.findings) {
    if (!finding.Exposes().empty()) text += Details(finding);
  }
  for (const std::string& name : exposed) {
    if (name == kRepeat) {
      by_chance = true;
    } else {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  text += "\nNOT DETERMINISTIC: outputs ";
  if (!names.empty()) text += "depend on what is changed by " + names;
  if (by_chance) text += std::string(names.empty() ? "" : ", and ") + "change with nothing changed";
  text += "\n";
  return text + std::string(kWhatNow) + "\n";
}

std::string JsonOf(const CheckSummary& summary) {
  char digest[24];
  std::snprintf(digest, sizeof digest, "%016" PRIx64, summary.first.digest);
  const auto exposed = summary.Exposed();
  std::string text = std::string("{\"result\":\"") + (exposed.empty() ? "same" : "differs") +
                     "\",\"seed\":" + Plain(summary.seed) +
                     ",\"inputs\":" + Plain(summary.first.inputs) +
                     ",\"outputs\":" + Plain(summary.first.outputs) + ",\"digest\":\"" + digest +
                     "\",\"runs\":" + Plain(summary.runs()) + ",\"exposed_by\":[";
  for (std::size_t i = 0; i < exposed.size(); ++i) {
    text += (i == 0 ? "\"" : ",\"") + exposed[i] + "\"";
  }
  text += "],\"perturbations\":[";
  for (std::size_t i = 0; i < summary.findings.size(); ++i) {
    text += (i == 0 ? "" : ",") + JsonOf(summary.findings[i]);
  }
  return text + "]}\n";
}

}  // namespace tandem::tools
