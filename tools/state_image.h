// SPDX-License-Identifier: Apache-2.0
//
// LoadedImage: an image of a state as a whole in memory, every chunk checked, to be walked and
// compared by declared names. Takes as much memory as the state has bytes. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "pools/result.h"
#include "pools/state/zone_walk.h"
#include "replay/image.h"

namespace tandem::tools {

class LoadedImage {
 public:
  /// An error says why the image cannot be opened, or what is damaged.
  static Result<std::unique_ptr<LoadedImage>> Load(const std::string& path);
  LoadedImage(const LoadedImage&) = delete;
  LoadedImage& operator=(const LoadedImage&) = delete;
  ~LoadedImage();

  [[nodiscard]] const replay::StateImage& image() const { return image_; }
  [[nodiscard]] const replay::ImageLabel& label() const { return image_.label(); }
  [[nodiscard]] const std::string& path() const { return image_.path(); }
  /// What the zone's hash covers.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  /// To be called before walk(), once. An error says what is wrong with the description of the
  /// types, or with the very beginning of the state.
  Status MakeWalk();
  [[nodiscard]] const state::ZoneWalk& walk() const { return *walk_; }
  [[nodiscard]] bool has_walk() const { return walk_.has_value(); }
  /// Its file, which stays readable when its name is gone. Nothing else may be asked for then.
  [[nodiscard]] replay::StateImage TakeImage() { return std::move(image_); }

 private:
  explicit LoadedImage(replay::StateImage image) : image_(std::move(image)) {}

  replay::StateImage image_;
  std::span<std::byte> bytes_;
  std::optional<state::ZoneWalk> walk_;
};

/// "session DAY after input 500, digest 0123456789abcdef".
[[nodiscard]] std::string StandsText(const replay::ImageLabel& label);

}  // namespace tandem::tools
