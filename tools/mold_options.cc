// SPDX-License-Identifier: Apache-2.0
#include "tools/mold_options.h"

#include "proto/moldudp64.h"
#include "tools/options.h"

namespace tandem::tools {

namespace {

engine::Endpoint ParsedEndpoint(const std::string& text) {
  auto parsed = engine::ParseEndpoint(text);
  if (!parsed) throw CLI::ValidationError(parsed.error().text);
  return *parsed;
}

std::vector<engine::MoldLine> ParsedLines(const std::vector<std::string>& texts) {
  std::vector<engine::MoldLine> lines;
  for (const std::string& text : texts) {
    auto line = engine::ParseMoldLine(text);
    if (!line) throw CLI::ValidationError(line.error().text);
    if (std::find(lines.begin(), lines.end(), *line) != lines.end()) {
      throw CLI::ValidationError("the line " + text + " is given twice; give two different ones");
    }
    lines.push_back(*line);
  }
  return lines;
}

}  // namespace

void AddMoldServer(CLI::App& command, engine::MoldServerOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--multicast",
          [&options](const std::vector<std::string>& texts) { options.lines = ParsedLines(texts); },
          "Send the stream by MoldUDP64 too, on these lines: two of them on two networks are lines "
          "A and B. Without an interface by loopback only")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("GROUP:PORT[@INTERFACE]");
  command
      .add_option_function<std::string>(
          "--requests",
          [&options](const std::string& text) { options.requests = ParsedEndpoint(text); },
          "Where requests for what a line lost are answered (UDP)")
      ->type_name("HOST:PORT");
  command
      .add_option("--multicast-packet", options.packet_size,
                  "Largest packet, in bytes of UDP payload; the largest message must fit")
      ->check(WholeNumber(proto::mold::PacketSizeFor(128), proto::mold::kPacketSizeMax))
      ->capture_default_str();
  command
      .add_option("--multicast-hops", options.hops,
                  "Networks that a multicast packet may pass through")
      ->check(WholeNumber(0, 255))
      ->capture_default_str();
}

void AddMoldClient(CLI::App& command, const std::string& prefix,
                   engine::MoldClientOptions& options) {
  command
      .add_option_function<std::vector<std::string>>(
          "--" + prefix + "multicast",
          [&options](const std::vector<std::string>& texts) { options.lines = ParsedLines(texts); },
          "Read the stream by MoldUDP64 from these lines, A and B; the first copy counts")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("GROUP:PORT[@INTERFACE]");
  command
      .add_option_function<std::vector<std::string>>(
          "--" + prefix + "requests",
          [&options](const std::vector<std::string>& texts) {
            options.requests.clear();
            for (const std::string& text : texts) options.requests.push_back(ParsedEndpoint(text));
          },
          "Servers that are asked, in turn, for what all lines lost")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  AddSession(command, "--" + prefix + "session", options.session,
             "Session to read from the lines; may be left out if a log or the stream's own port "
             "tells it");
}

Status CheckMoldClient(const std::string& prefix, const engine::MoldClientOptions& options,
                       const std::string& stream_name, const engine::Endpoint& stream) {
  const std::string lines = "--" + prefix + "multicast";
  const std::string requests = "--" + prefix + "requests";
  if (options.lines.empty() && stream.host.empty()) {
    return Error::BadInput("nobody says where to read from; give " + stream_name + " or " + lines);
  }
  if (options.lines.empty() && !options.requests.empty()) {
    return Error::BadInput(requests + " repairs what comes by " + lines + "; give that too");
  }
  if (options.lines.empty() && !options.session.empty()) {
    return Error::BadInput(
        "--" + prefix + "session is what is read from the lines of " + lines +
        "; give that too, or leave it away: a stream of its own names its session");
  }
  if (!options.lines.empty() && options.requests.empty() && stream.host.empty()) {
    return Error::BadInput("what all lines lose could not be had again; give " + requests + " or " +
                           stream_name + " beside " + lines);
  }
  return {};
}

}  // namespace tandem::tools
