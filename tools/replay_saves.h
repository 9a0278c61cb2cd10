// SPDX-License-Identifier: Apache-2.0
//
// What a replay leaves of the state: an image, a portable snapshot, or both. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pools/result.h"
#include "replay/image.h"
#include "replay/storage.h"

namespace tandem::tools {

struct ReplaySaveOptions {
  std::string image{};         ///< file; empty: none
  std::uint64_t image_at = 0;  ///< input that it stands after; 0: the last
  std::string portable{};      ///< folder, for the state after the last input; empty: none
};

class ReplaySaves {
 public:
  ReplaySaves(replay::Storage& storage, const ReplaySaveOptions& options)
      : storage_(storage), options_(options) {}

  /// Before the replay: an error if nothing can be written there. `input`: folder of its input.
  [[nodiscard]] Status CheckPlaces(const std::string& input) const;

  /// After input `image_at`.
  Status WriteImage(replay::Application& application, proto::Session session);
  /// After the last input: what is left to be written. Not called if the replay ended before.
  Status Finish(replay::Application& application, proto::Session session);

  /// Lines: what was written, or that it was not.
  [[nodiscard]] std::string Text() const;
  /// ,"image":{...},"portable":{...} of what was asked for; null: it was not written.
  [[nodiscard]] std::string Json() const;

 private:
  replay::Storage& storage_;
  const ReplaySaveOptions& options_;
  std::optional<pools::ImageWritten> image_;
  std::uint64_t image_number_ = 0;                ///< input that it stands after
  std::optional<std::uint64_t> portable_number_;  ///< the same; null: not written
};

/// An error if `path`, which `option` gives, lies in the folder of the log `log`.
[[nodiscard]] Status CheckOutside(const std::string& option, const std::string& path,
                                  const std::string& log);

}  // namespace tandem::tools
