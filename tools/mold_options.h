// SPDX-License-Identifier: Apache-2.0
//
// Options of MoldUDP64, for the roles that publish a stream by it and those that read one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "engine/transport/mold_client.h"
#include "engine/transport/mold_server.h"

namespace tandem::tools {

/// --multicast, --requests, --multicast-packet, --multicast-hops.
void AddMoldServer(CLI::App& command, engine::MoldServerOptions& options);

/// --PREFIXmulticast, --PREFIXrequests, --PREFIXsession.
void AddMoldClient(CLI::App& command, const std::string& prefix,
                   engine::MoldClientOptions& options);

/// An error unless there is a way to the whole of a stream. `stream`: the port of the stream, named
/// `stream_name` on the command line; no host: it is not given.
[[nodiscard]] Status CheckMoldClient(const std::string& prefix,
                                     const engine::MoldClientOptions& options,
                                     const std::string& stream_name,
                                     const engine::Endpoint& stream);

}  // namespace tandem::tools
