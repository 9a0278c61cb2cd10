// SPDX-License-Identifier: Apache-2.0
//
// ImageKeeper: the images that an engine writes of its state, in a folder of their own: takes one
// when it is told to, in a forked child; keeps the newest; restores the newest that is good when
// the engine starts, and reads it through behind its back. The only part of the live roles that
// forks.
//
// Nothing that goes wrong with an image ends the engine, with one exception: an image whose state
// turns out to be damaged after the engine has gone on from it.
//
// On the thread of the engine; verifies on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pools/result.h"
#include "replay/application.h"
#include "replay/image.h"

namespace tandem::pb {
class Status;
}

namespace tandem::engine {

class ImageKeeper {
 public:
  struct Options {
    std::string engine;  ///< its name, for the log
    std::string folder;  ///< made if missing
    std::uint32_t keep = 3;
  };

  explicit ImageKeeper(Options options);
  /// Ends a child that still writes; what was there before is still there.
  ~ImageKeeper();

  /// Takes away what a process that died left half written.
  [[nodiscard]] Status Open();

  /// Restores `application`, which has stepped nothing, from the newest image that is good: of this
  /// application, build and session, and one of which `fits` says that it goes with the logs. The
  /// others are told of in the log, with the reason. Nothing: there is none, the state is empty.
  std::optional<replay::ImageLabel> RestoreNewest(
      replay::Application& application, proto::Session session,
      const std::function<Status(const replay::ImageLabel&)>& fits);

  /// Begins to write an image of the state; not if one is being written.
  void Take(replay::Application& application, proto::Session session);

  /// To be called now and then: how did the child end, and what did the reading find? An error: the
  /// state that the engine went on from is damaged. The image is out of the way then.
  [[nodiscard]] Status OnTime();

  /// Puts what there is to say of images into the status of an engine.
  void Fill(pb::Status* status) const;

  /// "image-00000000000000001234": names sort as the inputs do.
  [[nodiscard]] static std::string NameOf(std::uint64_t input_number);
  /// The inputs that images in `folder` stand after, the newest first. No folder: none.
  [[nodiscard]] static std::vector<std::uint64_t> List(const std::string& folder);

 private:
  [[nodiscard]] std::string PathOf(std::uint64_t input_number) const;
  void VerifyBehind(replay::StateImage image);
  void NotWritten(std::uint64_t number, const std::string& why);
  void Written(const pools::ImageWritten& written);
  /// Of its own, all but the newest; what is there of others neither counts nor goes.
  void RemoveOld() const;

  Options options_;
  std::optional<pools::ImageWriter> writer_;
  std::uint64_t writing_number_ = 0;
  std::int64_t writing_since_ns_ = 0;
  std::uint64_t number_ = 0;     ///< input that the newest image stands after; 0: none is known
  std::int64_t written_ns_ = 0;  ///< of that one, wall clock
  std::uint64_t restored_number_ = 0;  ///< input that this process went on from; 0: from nothing
  /// Numbers of images that count and are removed when they are old: those that this process wrote,
  /// the one that it went on from, and those of the same session and application before that one.
  std::set<std::uint64_t> own_;
  std::uint64_t failed_number_ = 0;  ///< input of the last image that could not be written
  std::string failure_;              ///< why; empty: none, or a later one could

  enum class Verified { kNotYet, kGood, kDamaged };
  std::thread verifier_;
  std::atomic<bool> stop_ = false;
  std::atomic<Verified> verified_ = Verified::kNotYet;
  std::string damage_;  ///< written before verified_ says so
};

}  // namespace tandem::engine
