// SPDX-License-Identifier: Apache-2.0
#include "tools/audit_watch.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <sys/types.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/transport/served_role.h"

namespace tandem::tools {

namespace {

std::string Plain(double number) { return std::to_string(static_cast<std::uint64_t>(number)); }

}  // namespace

AuditWatch::AuditWatch(std::string name, std::string file)
    : name_(std::move(name)), file_(std::move(file)) {}

void AuditWatch::Look() {
  runs_ = false;
  json_ = "null";
  std::ifstream file(file_);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  while (!text.empty() && text.back() == '\n') text.pop_back();
  google::protobuf::Struct said;
  if (!google::protobuf::util::JsonStringToMessage(text, &said).ok()) {
    detail_ = file_ + (file ? " is not what an audit writes" : " is not there");
    problem_ = name_ + " does not run: " + detail_;
    return;
  }
  json_ = text;
  auto& fields = *said.mutable_fields();
  const auto process = static_cast<pid_t>(fields["process"].number_value());
  runs_ = process > 0 && (::kill(process, 0) == 0 || errno == EPERM);
  detail_ = engine::Printable(fields["state"].string_value()) + "; up to input " +
            Plain(fields["input"].number_value()) +
            ", the same: " + Plain(fields["same_a"].number_value()) + " images of A, " +
            Plain(fields["same_b"].number_value()) + " of B";
  std::string nothing_of;
  for (const std::string side : {"a", "b"}) {
    const double passed_by = fields["passed_by_" + side].number_value();
    if (passed_by == 0) continue;
    const std::string of = Plain(passed_by) + " of " +
                           Plain(fields["images_" + side].number_value()) + " images of " +
                           (side == "a" ? "A" : "B");
    detail_ += ", passed by " + of;
    if (fields["same_" + side].number_value() != 0) continue;
    nothing_of += (nothing_of.empty() ? "" : " and ") + of;
  }
  if (fields["begins_unproven_at"].has_number_value()) {
    detail_ += "; begun with an image that nothing proves, of input " +
               Plain(fields["begins_unproven_at"].number_value());
  }
  problem_.clear();
  if (const std::string& incident = fields["incident"].string_value(); !incident.empty()) {
    problem_ =
        name_ + ": a state is not what its input makes of it, see " + engine::Printable(incident);
  } else if (!runs_) {
    problem_ = name_ + " does not run: its process " + std::to_string(process) +
               " has ended, and said last: " + engine::Printable(fields["state"].string_value());
  } else if (!nothing_of.empty()) {
    problem_ =
        name_ + " has passed by " + nothing_of + ", and compared none; what it printed says why";
  }
}

}  // namespace tandem::tools
