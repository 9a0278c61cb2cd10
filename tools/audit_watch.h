// SPDX-License-Identifier: Apache-2.0
//
// AuditWatch: what `tandem audit --status FILE` last said of itself, and whether it still runs. It
// serves no port, so `tandem status` reads that file; on the same host. One thread.
#pragma once

#include <string>

namespace tandem::tools {

class AuditWatch {
 public:
  AuditWatch(std::string name, std::string file);

  void Look();
  /// Its process is there, as far as the last Look knows.
  [[nodiscard]] bool runs() const { return runs_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// For a person, without the name.
  [[nodiscard]] const std::string& detail() const { return detail_; }
  /// Why all is not well, with the name; empty: it is.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// What the file holds; null if there is nothing that can be read.
  [[nodiscard]] const std::string& json() const { return json_; }

 private:
  std::string name_;
  std::string file_;
  bool runs_ = false;
  std::string detail_;
  std::string problem_;
  std::string json_ = "null";
};

}  // namespace tandem::tools
