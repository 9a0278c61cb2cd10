// SPDX-License-Identifier: Apache-2.0
//
// ImageWriter: writes an image of a zone while the zone goes on: a forked child has the pages as
// they were and writes them, with system calls only (no allocation, no lock, nothing of the C
// library that might wait for a thread that is not there), at low priority. The parent pays the
// fork, which copies page tables, and a page fault for each page that it changes meanwhile.
//
// The file is written as NAME.tmp.PID, synced, renamed to NAME, and the folder is synced: a crash
// at any moment leaves what was under NAME before. A child that fails takes NAME.tmp.PID away.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pools/result.h"
#include "pools/zone_view.h"

namespace tandem::pools {

struct ImageOptions {
  std::string path;
  std::uint64_t layout = 0;
  std::string build;
  std::string label;
};

/// An image that is on the disk.
struct ImageWritten {
  std::string path;
  std::uint64_t file_bytes = 0;
  std::uint64_t zone_hash = 0;
  std::uint64_t fork_ns = 0;   ///< how long the zone stood still for it
  std::uint64_t write_ns = 0;  ///< how long writing and syncing took
};

class ImageWriter {
 public:
  /// Forks. An error: the file cannot be made, or the system refuses the fork.
  static Result<ImageWriter> Start(const ZoneView& zone, const ImageOptions& options);
  ImageWriter(ImageWriter&&) noexcept;
  ImageWriter& operator=(ImageWriter&&) noexcept;
  /// Ends the child if it still writes, and takes what it wrote away.
  ~ImageWriter();

  /// How it ended; nothing while it writes. Does not wait. Once it has said so, not to be asked
  /// again.
  [[nodiscard]] std::optional<Result<ImageWritten>> Poll();
  /// Waits.
  [[nodiscard]] Result<ImageWritten> Wait();
  [[nodiscard]] pid_t process() const;
  [[nodiscard]] const std::string& path() const;

 private:
  struct Job;
  friend Result<ImageWritten> WriteImage(const ZoneView& zone, const ImageOptions& options);
  explicit ImageWriter(std::unique_ptr<Job> job);
  std::unique_ptr<Job> job_;
};

/// Writes an image in this process; returns when it is on the disk.
Result<ImageWritten> WriteImage(const ZoneView& zone, const ImageOptions& options);

}  // namespace tandem::pools
