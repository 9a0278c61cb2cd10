// SPDX-License-Identifier: Apache-2.0
//
// What the importers of order flow for `book` share. One thread.
#pragma once

#include <string>
#include <utility>

#include "engine/book/flow_stream.h"
#include "pools/result.h"
#include "proto/header.h"
#include "tools/flow_log.h"
#include "tools/progress_line.h"

namespace tandem::tools {

/// An error if `user`, in whose name the flow is, is no name of a user.
inline Status CheckUser(const std::string& user) {
  if (proto::IsName(user, proto::kUserSizeMax)) return {};
  return Error::BadInput("the user name \"" + user +
                         "\" is not 1 to 6 letters, digits, '-' or '_'");
}

/// Makes an input log in `folder` of the messages that `read(sink)` gives to its sink, and shows
/// how far it is. Returns the totals that `read` does; after an error there is no log.
template <class Read>
auto ImportFlow(const std::string& folder, const std::string& session, Read&& read)
    -> decltype(read([](const book::FlowMessage&) { return Status(); })) {
  Result<FlowLog> log = FlowLog::Create(folder, session);
  if (!log) return log.error();
  ProgressLine progress("messages");
  auto totals = read([&](const book::FlowMessage& message) {
    progress.Show(log->position().number);
    return log->Append(message);
  });
  progress.Clear();
  if (!totals) return totals;
  if (const Status finished = log->Finish(); !finished) return finished.error();
  return totals;
}

}  // namespace tandem::tools
