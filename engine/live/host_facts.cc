// SPDX-License-Identifier: Apache-2.0
#include "engine/live/host_facts.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "engine/build_id.h"
#include "engine/transport/printable.h"
#include "tandem/status.pb.h"

namespace tandem::engine {
namespace {

std::string ReadCpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != line.npos) return line.substr(colon + 2, 100);
  }
  return "";
}

std::string ReadHostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0
             ? std::string(name.data(), ::strnlen(name.data(), 64))
             : "";
}

}  // namespace

const std::string& BuildId() {
  static const std::string id = BuildIdOf(nullptr);
  return id;
}

std::string BuildOf(const EngineAbout& about) {
  return about.library.empty() ? BuildId() : BuildId() + "+" + about.library;
}

const std::string& CpuModel() {
  static const std::string model = ReadCpuModel();
  return model;
}

const std::string& HostName() {
  static const std::string name = ReadHostName();
  return name;
}

void FillAbout(const EngineAbout& about, pb::Status* status) {
  // A string of a status must be text; these come from files that anybody may have written.
  status->set_build(BuildOf(about));
  status->set_cpu(Printable(CpuModel()));
  status->set_host(Printable(HostName()));
  status->set_application(about.application);
  status->set_zone_address(about.zone_address);
  status->set_pools(Printable(about.pools));
}

}  // namespace tandem::engine
