// SPDX-License-Identifier: Apache-2.0
//
// Engines of the trial application that write images of their state.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/live/image_keeper.h"
#include "tests/live/trial_pair.h"

namespace tandem::test {

class Images : public TrialPair {
 protected:
  Program StartWithImages(const Sequencer& sequencer, const std::string& name, Words more = {}) {
    more.insert(more.end(), {"--images", Path(name + "-images"), "--images-keep", "2"});
    return StartEngine(sequencer, name, more);
  }
  [[nodiscard]] std::vector<std::uint64_t> ImagesOf(const std::string& name) const {
    return engine::ImageKeeper::List(Path(name + "-images"));
  }
  [[nodiscard]] std::string ImagePath(const std::string& name, std::uint64_t number) const {
    return Path(name + "-images/" + engine::ImageKeeper::NameOf(number));
  }
  /// Has the engine write one; the number of the input that told it to. It may take a moment until
  /// the sequencer has heard of the engine.
  std::uint64_t Tell(const Sequencer& sequencer, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + RawPeer::kPatience;
    std::string said;
    while (Run({"control", At(sequencer.submissions), "snapshot", name}, &said) != 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << said;
        return 0;
      }
      said.clear();
    }
    return std::stoull(said.substr(said.find("is input ") + 9));
  }
  /// The same, and waits for the image.
  std::uint64_t Snapshot(const Sequencer& sequencer, Program& engine, const std::string& name) {
    const std::uint64_t number = Tell(sequencer, name);
    EXPECT_TRUE(engine.Says("image after input " + std::to_string(number) + ": "));
    return number;
  }
  /// Flips a bit of a file.
  static void Damage(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
};

}  // namespace tandem::test
