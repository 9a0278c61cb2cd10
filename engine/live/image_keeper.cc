// SPDX-License-Identifier: Apache-2.0
#include "engine/live/image_keeper.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>

#include "engine/transport/printable.h"
#include "tandem/status.pb.h"

namespace tandem::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "image-";
constexpr std::size_t kDigits = 20;

/// The number in the name of an image; nothing: it is none.
std::optional<std::uint64_t> NumberOf(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits || !name.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + kPrefix.size(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

std::int64_t WallNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string Milliseconds(std::uint64_t ns) {
  const std::uint64_t hundredths = ns / 10'000;
  std::string digits = std::to_string(hundredths % 100);
  if (digits.size() == 1) digits.insert(0, "0");
  return std::to_string(hundredths / 100) + "." + digits + " ms";
}

std::string MiB(std::uint64_t bytes) { return std::to_string((bytes + 524'288) >> 20) + " MiB"; }

}  // namespace

ImageKeeper::ImageKeeper(Options options) : options_(std::move(options)) {
  while (options_.folder.size() > 1 && options_.folder.back() == '/') options_.folder.pop_back();
}

ImageKeeper::~ImageKeeper() {
  stop_ = true;
  if (verifier_.joinable()) verifier_.join();
}

std::string ImageKeeper::NameOf(std::uint64_t input_number) {
  char name[32];
  std::snprintf(name, sizeof name, "image-%020" PRIu64, input_number);
  return name;
}

std::string ImageKeeper::PathOf(std::uint64_t input_number) const {
  return options_.folder + "/" + NameOf(input_number);
}

std::vector<std::uint64_t> ImageKeeper::List(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : NamesIn(folder)) {
    if (const auto number = NumberOf(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end(), std::greater<>());
  return numbers;
}

Status ImageKeeper::Open() {
  std::error_code error;
  fs::create_directories(options_.folder, error);
  if (error) {
    return Error::Failure("cannot make the folder " + options_.folder +
                          " for images: " + error.message());
  }
  for (const std::string& name : NamesIn(options_.folder)) {
    const std::size_t end = name.find(".tmp.");
    if (end == std::string::npos || !NumberOf(std::string_view(name).substr(0, end))) continue;
    fs::remove(options_.folder + "/" + name, error);
  }
  return {};
}

std::optional<replay::ImageLabel> ImageKeeper::RestoreNewest(
    replay::Application& application, proto::Session session,
    const std::function<Status(const replay::ImageLabel&)>& fits) {
  const std::vector<std::uint64_t> numbers = List(options_.folder);
  for (const std::uint64_t number : numbers) {
    const auto begin = std::chrono::steady_clock::now();
    auto image = replay::StateImage::Open(PathOf(number));
    Status status = image ? Status() : Status(image.error());
    if (status) {
      if (Status fit = fits(image->label()); !fit) {
        status = Error{fit.error().code, "the image " + image->path() + " " + fit.error().text};
      }
    }
    if (status) status = replay::Restore(application, *image, session);
    if (!status) {
      spdlog::warn("engine {}: not restored: {}; trying what is older", options_.engine,
                   status.error().text);
      continue;
    }
    const replay::ImageLabel label = image->label();
    number_ = restored_number_ = label.input.number;
    written_ns_ = image->zone().about().written_ns;
    spdlog::info("engine {}: restored {} of state after input {}, output {} from {} in {}",
                 options_.engine, MiB(image->zone().about().state_bytes), label.input.number,
                 label.output.number, image->path(),
                 Milliseconds(static_cast<std::uint64_t>(
                     std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count())));
    own_.insert(number);
    for (const std::uint64_t older : numbers) {
      if (older >= number) continue;
      const auto before = replay::StateImage::Open(PathOf(older));
      if (before && before->label().application == label.application &&
          before->label().session == label.session) {
        own_.insert(older);
      }
    }
    VerifyBehind(std::move(*image));
    return label;
  }
  return std::nullopt;
}

void ImageKeeper::VerifyBehind(replay::StateImage image) {
  verifier_ = std::thread([this, image = std::move(image)] {
    const Status status = image.zone().Verify(&stop_);
    if (!status) damage_ = status.error().text;
    verified_ = status ? Verified::kGood : Verified::kDamaged;
  });
}

void ImageKeeper::Take(replay::Application& application, proto::Session session) {
  if (writer_) {
    const std::uint64_t due = application.resume_point().input.number;
    NotWritten(due, "the image after input " + std::to_string(writing_number_) +
                        " was still being written when the one after input " + std::to_string(due) +
                        " was due");
    return;
  }
  writing_number_ = application.resume_point().input.number;
  writing_since_ns_ = WallNs();
  auto started = replay::StartImage(application, session, PathOf(writing_number_));
  if (!started) {
    NotWritten(writing_number_, started.error().text);
    return;
  }
  writer_.emplace(std::move(*started));
}

Status ImageKeeper::OnTime() {
  if (writer_) {
    if (const auto outcome = writer_->Poll()) {
      writer_.reset();
      if (*outcome) {
        Written(**outcome);
      } else {
        NotWritten(writing_number_, outcome->error().text);
      }
    }
  }
  const Verified verified = verified_.load();
  if (verified == Verified::kNotYet || !verifier_.joinable()) return {};
  verifier_.join();
  if (verified == Verified::kGood) {
    spdlog::info("engine {}: all of the image after input {} is good", options_.engine,
                 restored_number_);
    return {};
  }
  const std::string path = PathOf(restored_number_);
  std::error_code error;
  fs::rename(path, path + ".damaged", error);
  return Error::Failure("engine " + options_.engine + " went on from an image that is damaged (" +
                        damage_ + "), so its state cannot be trusted; it is " +
                        (error ? "still there: remove it" : "set aside as " + path + ".damaged") +
                        ", and start the engine again");
}

void ImageKeeper::NotWritten(std::uint64_t number, const std::string& why) {
  failed_number_ = number;
  failure_ = why;
  spdlog::warn("engine {}: no image after input {}: {}; the engine goes on", options_.engine,
               number, why);
}

void ImageKeeper::Written(const pools::ImageWritten& written) {
  number_ = writing_number_;
  written_ns_ = writing_since_ns_;
  if (number_ > failed_number_) failure_.clear();
  spdlog::info("engine {}: image after input {}: {}, stood still for {}, written in {}",
               options_.engine, number_, MiB(written.file_bytes), Milliseconds(written.fork_ns),
               Milliseconds(written.write_ns));
  own_.insert(number_);
  RemoveOld();
}

void ImageKeeper::Fill(pb::Status* status) const {
  status->set_image_number(number_);
  status->set_image_time_ns(written_ns_);
  status->set_image_writing(writer_.has_value());
  status->set_image_failure(Printable(failure_));
  status->set_restored_number(restored_number_);
}

void ImageKeeper::RemoveOld() const {
  std::uint32_t kept = 0;
  for (const std::uint64_t number : List(options_.folder)) {
    if (!own_.contains(number) || ++kept <= options_.keep) continue;
    std::error_code error;
    fs::remove(PathOf(number), error);
    if (error) {
      spdlog::warn("engine {}: the old image {} cannot be removed: {}", options_.engine,
                   PathOf(number), error.message());
    }
  }
}

}  // namespace tandem::engine
