// SPDX-License-Identifier: Apache-2.0
#include "tools/replay_saves.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "replay/portable.h"

namespace tandem::tools {
namespace {

namespace fs = std::filesystem;

Status CheckImagePlace(const std::string& image) {
  const std::string cannot = "cannot write the image " + image + ": ";
  std::error_code ignored;
  const fs::file_status status = fs::status(image, ignored);
  if (fs::is_directory(status)) {
    return Error::BadInput(cannot + "it is a folder; give --image-out a file");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return Error::BadInput(cannot + "something is there that is no file; give --image-out another");
  }
  fs::path folder = fs::path(image).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, ignored)) {
    return Error::BadInput(cannot + "there is no folder " + folder.string() + "; make it");
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return Error::BadInput(cannot + "the folder " + folder.string() + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace

Status CheckOutside(const std::string& option, const std::string& path, const std::string& log) {
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(path, error);
  if (error) return {};
  const fs::path outer = fs::canonical(log, error);
  if (error) return {};
  const auto [left, right] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  if (left != outer.end() || right == inner.end()) return {};
  return Error::BadInput(option + " " + path + " lies in the folder of the input log " + log +
                         "; give another place");
}

Status ReplaySaves::CheckPlaces(const std::string& input) const {
  if (!options_.image.empty()) {
    if (Status status = CheckOutside("--image-out", options_.image, input); !status) return status;
    if (Status status = CheckImagePlace(options_.image); !status) return status;
  }
  if (options_.portable.empty()) return {};
  std::error_code ignored;
  for (const std::string& taken : {options_.portable, options_.portable + ".partial"}) {
    if (fs::exists(taken, ignored)) {
      return Error::BadInput(taken + " is there already: remove it or choose another folder");
    }
  }
  return CheckOutside("--portable-out", options_.portable, input);
}

Status ReplaySaves::WriteImage(replay::Application& application, proto::Session session) {
  auto written = replay::WriteImage(application, session, options_.image);
  if (!written) return written.error();
  image_number_ = application.resume_point().input.number;
  image_ = std::move(*written);
  return {};
}

Status ReplaySaves::Finish(replay::Application& application, proto::Session session) {
  if (!options_.image.empty() && options_.image_at == 0) {
    if (Status status = WriteImage(application, session); !status) return status;
  }
  if (options_.portable.empty()) return {};
  Status status = replay::WritePortable(storage_, options_.portable, session, application);
  if (!status) {
    Error error = status.error();
    if (image_) error.text += "; the image " + image_->path + " is written";
    return error;
  }
  portable_number_ = application.resume_point().input.number;
  return {};
}

std::string ReplaySaves::Text() const {
  const std::string before = " was written: the replay ended before ";
  std::string text;
  if (!options_.image.empty() && image_) {
    char line[128];
    std::snprintf(line, sizeof line,
                  " after input %" PRIu64 ": %" PRIu64 " bytes, hash %016" PRIx64, image_number_,
                  image_->file_bytes, image_->zone_hash);
    text += "image " + image_->path + line + "\n";
  } else if (!options_.image.empty()) {
    text += "no image" + before +
            (options_.image_at == 0 ? "its end" : "input " + std::to_string(options_.image_at)) +
            "\n";
  }
  if (!options_.portable.empty() && portable_number_) {
    text += "portable snapshot " + options_.portable + " after input " +
            std::to_string(*portable_number_) + "\n";
  } else if (!options_.portable.empty()) {
    text += "no portable snapshot" + before + "its end\n";
  }
  return text;
}

std::string ReplaySaves::Json() const {
  std::string json;
  if (!options_.image.empty()) {
    char object[160] = "null";
    if (image_) {
      std::snprintf(object, sizeof object,
                    "{\"input\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\"}",
                    image_number_, image_->file_bytes, image_->zone_hash);
    }
    json += std::string(",\"image\":") + object;
  }
  if (!options_.portable.empty()) {
    json += ",\"portable\":" + (portable_number_
                                    ? "{\"input\":" + std::to_string(*portable_number_) + "}"
                                    : std::string("null"));
  }
  return json;
}

}  // namespace tandem::tools
