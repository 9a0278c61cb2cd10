// SPDX-License-Identifier: Apache-2.0
//
// tandem replay --against: the recorded log beside a replay, and what to say of the two.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pools/result.h"
#include "replay/replay.h"

namespace tandem::tools {

class ReplayAgainst {
 public:
  /// The recorded log in `folder`, from the output after `position` on; an error if it cannot be
  /// one of the outputs of session `session`.
  static Result<ReplayAgainst> Open(replay::Storage& storage, const std::string& folder,
                                    proto::Session session, proto::StreamPosition position);

  [[nodiscard]] replay::LogReader& log() { return log_; }

  /// Looks at what the replay found. `input`: folder of the inputs. `whole`: they were to be
  /// replayed to the end.
  Status Judge(const replay::ReplayResult& result, const std::string& input,
               const std::string& application_schema, bool whole);
  /// Notes on standard error what is wrong behind the end of the recorded log, if the comparison
  /// came to it.
  Status NoteEnd(const replay::ReplayResult& result);

  [[nodiscard]] bool same() const { return same_; }
  /// Sentences, and the messages decoded.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// "against":{...}
  [[nodiscard]] const std::string& json() const { return json_; }
  /// What NoteEnd noted.
  [[nodiscard]] const std::vector<std::string>& end_problems() const { return end_problems_; }

 private:
  ReplayAgainst(replay::Storage& storage, std::string folder, replay::LogReader log)
      : storage_(storage), folder_(std::move(folder)), log_(std::move(log)) {}

  Status Show(const replay::ReplayDifference& difference, const std::string& input,
              const std::string& application_schema);

  replay::Storage& storage_;
  std::string folder_;
  replay::LogReader log_;
  std::uint64_t begin_ = 0;  ///< output that the replay begins with
  std::uint64_t first_ = 0;  ///< output that is compared first
  bool same_ = true;
  std::string text_;
  std::string json_;
  std::vector<std::string> end_problems_;
};

}  // namespace tandem::tools
