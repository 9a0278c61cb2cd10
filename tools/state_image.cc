// SPDX-License-Identifier: Apache-2.0
#include "tools/state_image.h"

#include <sys/mman.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <utility>

#include "pools/zone_layout.h"

namespace tandem::tools {

Result<std::unique_ptr<LoadedImage>> LoadedImage::Load(const std::string& path) {
  auto opened = replay::StateImage::Open(path);
  if (!opened) return opened.error();
  std::unique_ptr<LoadedImage> loaded(new LoadedImage(std::move(*opened)));
  const pools::ZoneImage& zone = loaded->image_.zone();
  const pools::ImageAbout& about = zone.about();
  void* const memory = ::mmap(nullptr, about.state_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Error{ExitCode::kOutOfMemory, "no memory for the " + std::to_string(about.state_bytes) +
                                             " bytes of the image " + path + ": " +
                                             std::strerror(errno)};
  }
  loaded->bytes_ = {static_cast<std::byte*>(memory), about.state_bytes};
  if (Status status = zone.Read(about.address + pools::kZoneHeaderOffset, loaded->bytes_);
      !status) {
    return status.error();
  }
  return loaded;
}

Status LoadedImage::MakeWalk() {
  const pools::ImageAbout& about = image_.zone().about();
  const auto refused = [this](const Error& error) {
    return Error{error.code, "the image " + path() + " cannot be read: " + error.text};
  };
  const auto view =
      state::StateView::OfImage(about.address, bytes_, about.description, about.pools);
  if (!view) return refused(view.error());
  auto walk = state::ZoneWalk::Of(*view);
  if (!walk) return refused(walk.error());
  walk_.emplace(std::move(*walk));
  return {};
}

LoadedImage::~LoadedImage() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::string StandsText(const replay::ImageLabel& label) {
  char text[80];
  std::snprintf(text, sizeof text, " after input %" PRIu64 ", digest %016" PRIx64,
                label.input.number, label.input.digest);
  return "session " + label.session.str() + text;
}

}  // namespace tandem::tools
