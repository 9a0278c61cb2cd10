// SPDX-License-Identifier: Apache-2.0
#include "tools/state_live.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include "engine/live/image_keeper.h"
#include "tandem/control.pb.h"
#include "tools/interrupt.h"
#include "tools/options.h"
#include "tools/port_options.h"

namespace tandem::tools {

void LiveImage::AddTo(CLI::App& command) {
  CLI::Option* const of_engine =
      command
          .add_option("--engine", engine,
                      "Have this engine, as A or B, write an image now, and look at that")
          ->check(UserName())
          ->type_name("NAME");
  CLI::Option* const at_sequencer = AddEndpoint(
      command, "--control", control.to, "With --engine: the sequencer's address for submissions");
  at_sequencer->required(false)->needs(of_engine);
  of_engine->needs(at_sequencer);
  control.AddTo(command);
  for (const char* const name : {"--user", "--password-file", "--timeout"}) {
    command.get_option(name)->needs(of_engine);
  }
}

Result<std::string> LiveImage::Take(const std::string& folder) const {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return Error::BadInput("there is no folder " + folder + "; give the one that engine " + engine +
                           " has as --images, on this host");
  }
  pb::Snapshot snapshot;
  snapshot.set_engine(engine);
  const auto number = control.Submit(snapshot);
  if (!number) return number.error();
  CatchInterrupts();
  const std::string path = folder + "/" + engine::ImageKeeper::NameOf(*number);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(control.timeout_seconds);
  while (!std::filesystem::exists(path, error)) {
    if (Interrupted()) return Error::Failure("interrupted before there was an image");
    if (std::chrono::steady_clock::now() > deadline) {
      return Error::Failure("engine " + engine + " was told to write an image after input " +
                            std::to_string(*number) + ", and within " +
                            std::to_string(control.timeout_seconds) + " s none came in " + folder +
                            ": it may have another folder for them or none (--images), or still "
                            "write; `tandem status` and what it says itself tell which");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return path;
}

}  // namespace tandem::tools
