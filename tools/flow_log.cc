// SPDX-License-Identifier: Apache-2.0
#include "tools/flow_log.h"

#include "book/book.pb.h"
#include "proto/schema.h"
#include "tandem/control.pb.h"

namespace tandem::tools {

Result<FlowLog> FlowLog::Create(const std::string& folder, const std::string& session) {
  if (!proto::IsName(session, proto::kSessionSizeMax)) {
    return Error::BadInput("the session name \"" + session +
                           "\" is not 1 to 10 letters, digits, '-' or '_'");
  }
  replay::LogOptions options;
  options.session = proto::Session(session);
  options.role = replay::kInputRole;
  options.schema = proto::SchemaOf({pb::Tick::descriptor(), book::pb::NewOrder::descriptor()});
  Result<NewLog> log = NewLog::Create(folder, options);
  if (!log) return log.error();
  return FlowLog(std::move(*log));
}

}  // namespace tandem::tools
