// SPDX-License-Identifier: Apache-2.0
#include "replay/shared_application.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include "pools/ensure.h"
#include "replay/application_abi.h"
#include "replay/portable.h"
#include "replay/storage.h"

namespace tandem::replay {
namespace {

constexpr std::size_t kTextSize = 4096;

static_assert(sizeof(ResumePoint) == 192 && sizeof(proto::Header) == 64,
              "a change of what libraries and this program share: raise TANDEM_APPLICATION_ABI");

/// What the entry points append to.
unsigned char* AppendTo(void* host, std::uint16_t type, const char* user, std::uint64_t size) {
  proto::User name;
  std::memcpy(name.bytes.data(), user, name.bytes.size());
  return reinterpret_cast<unsigned char*>(
      static_cast<OutputBatch*>(host)->Append(type, name, size));
}

class SharedApplication final : public Application, public PortableState {
 public:
  SharedApplication(const TandemApplicationV3& entry, void* made)
      : entry_(entry),
        made_(made),
        resume_point_(*static_cast<ResumePoint*>(entry.resume_point(made))) {
    std::uint64_t size = 0;
    const unsigned char* const schema = entry.schema(made, &size);
    info_ = {.name = entry.name,
             .behaviour_version = entry.behaviour_version,
             .schema = std::string(reinterpret_cast<const char*>(schema), size)};
  }
  SharedApplication(const SharedApplication&) = delete;
  SharedApplication& operator=(const SharedApplication&) = delete;
  ~SharedApplication() override { entry_.destroy(made_); }

  [[nodiscard]] const ApplicationInfo& info() const override { return info_; }
  ResumePoint& resume_point() override { return resume_point_; }
  [[nodiscard]] StatePlace state_place() const override {
    TandemStateV3 state{};
    entry_.state(made_, &state);
    return {.zone_address = state.zone_address, .layout = state.layout, .build = state.build};
  }

  void Step(const proto::MessageView& input, OutputBatch& outputs) override {
    const TandemOutputsV3 to{.host = &outputs, .append = AppendTo};
    entry_.step(made_, reinterpret_cast<const unsigned char*>(input.bytes.data()),
                input.bytes.size(), &to);
  }

  void OnTime(const proto::Header& tick, OutputBatch& outputs) override {
    const TandemOutputsV3 to{.host = &outputs, .append = AppendTo};
    entry_.on_time(made_, reinterpret_cast<const unsigned char*>(&tick), &to);
  }

  std::uint64_t ShuffleFree(std::uint64_t seed) override {
    return entry_.shuffle_free(made_, seed);
  }

  [[nodiscard]] std::string PortableSchema() const override {
    std::uint64_t size = 0;
    const unsigned char* const schema = entry_.portable_schema(made_, &size);
    return {reinterpret_cast<const char*>(schema), size};
  }
  void SavePortable(RecordSink& to) override {
    entry_.save_portable(
        made_, &to, [](void* host, std::uint16_t type, const char* payload, std::uint64_t size) {
          static_cast<RecordSink*>(host)->Put(type, {payload, size});
        });
  }
  Status LoadPortable(const proto::MessageView& record) override {
    std::array<char, kTextSize> error{};
    const std::int32_t refused =
        entry_.load_portable(made_, reinterpret_cast<const unsigned char*>(record.bytes.data()),
                             record.bytes.size(), error.data(), error.size());
    return refused == 0 ? Status() : Error::BadInput(error.data());
  }

  std::string PlantFault() override {
    std::array<char, kTextSize> text{};
    entry_.plant_fault(made_, text.data(), text.size());
    return text.data();
  }

 private:
  const TandemApplicationV3& entry_;
  void* const made_;
  ResumePoint& resume_point_;
  ApplicationInfo info_;
};

Error CannotLoad(const std::string& path, const std::string& why) {
  return Error::BadInput("cannot load the application " + path + ": " + why);
}

/// What dlopen's sentence says behind the file's name.
std::string LoaderSays(const std::string& path) {
  const char* const text = ::dlerror();
  std::string_view said = text != nullptr ? text : "no reason given";
  if (said.starts_with(path + ": ")) said.remove_prefix(path.size() + 2);
  return std::string(said);
}

/// The loader ends the process where a file is shorter than its own headers say. Empty: it is not.
std::string WhatIsWrongWithFile(const std::string& file) {
  PosixStorage storage;
  const auto opened = storage.OpenToRead(file);
  if (!opened) return opened.error().text;
  if (*opened == nullptr) return "it went away";
  const auto size = (*opened)->Size();
  if (!size) return size.error().text;
  const auto read = [&](std::uint64_t offset, auto& into) {
    const auto got = (*opened)->Read(offset, std::as_writable_bytes(std::span(&into, 1)));
    return got && *got == sizeof into;
  };
  ElfW(Ehdr) header;
  if (!read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_type != ET_DYN || header.e_phentsize != sizeof(ElfW(Phdr))) {
    return "it is no shared library";
  }
  std::uint64_t end = header.e_shoff + std::uint64_t{header.e_shnum} * header.e_shentsize;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) part;
    if (!read(header.e_phoff + i * sizeof part, part)) {
      end = UINT64_MAX;
      break;
    }
    if (part.p_type == PT_LOAD) end = std::max<std::uint64_t>(end, part.p_offset + part.p_filesz);
  }
  return end <= *size ? ""
                      : "it is cut: its headers tell of more than the " + std::to_string(*size) +
                            " bytes that it has";
}

}  // namespace

Result<std::unique_ptr<Application>> LoadApplication(const std::string& path,
                                                     const SharedZone& zone) {
  // The loader looks for a name without a slash elsewhere.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return CannotLoad(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return CannotLoad(path, "it is not a file");
  if (::access(file.c_str(), R_OK) != 0) return CannotLoad(path, std::strerror(errno));
  if (const std::string wrong = WhatIsWrongWithFile(file); !wrong.empty()) {
    return CannotLoad(path, wrong);
  }
  void* const library = ::dlmopen(LM_ID_NEWLM, file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return CannotLoad(path, LoaderSays(file));
  const auto abi = reinterpret_cast<decltype(&tandem_application_abi)>(
      ::dlsym(library, "tandem_application_abi"));
  if (abi == nullptr) {
    return CannotLoad(path,
                      "it is a library, but no application of Tandem: it does not export "
                      "tandem_application_abi; TANDEM_APPLICATION makes that");
  }
  if (const std::uint32_t version = abi(); version != TANDEM_APPLICATION_ABI) {
    return CannotLoad(path, "its entry points have version " + std::to_string(version) +
                                ", and this program knows version " +
                                std::to_string(TANDEM_APPLICATION_ABI) +
                                "; build it with the Tandem that runs it");
  }
  const auto get =
      reinterpret_cast<decltype(&tandem_application_v3)>(::dlsym(library, "tandem_application_v3"));
  const TandemApplicationV3* const entry = get != nullptr ? get() : nullptr;
  if (entry == nullptr) {
    return CannotLoad(path,
                      "it does not export tandem_application_v3; TANDEM_APPLICATION makes "
                      "that");
  }
  if (entry->size != sizeof *entry || entry->header_bytes != sizeof(proto::Header) ||
      entry->resume_point_bytes != sizeof(ResumePoint)) {
    return CannotLoad(path,
                      "it was built with another Tandem, of the same version of the entry "
                      "points but other layouts; build it with the Tandem that runs it");
  }
  const TandemZoneV3 where{.address = zone.address,
                           .reserve_bytes = zone.reserve_bytes,
                           .limit_bytes = zone.limit_bytes,
                           .chain_seed = zone.chain_seed,
                           .fill = zone.fill};
  std::array<char, kTextSize> error{};
  void* const made = entry->make(&where, error.data(), error.size());
  if (made == nullptr) return Error::BadInput(error.data());
  return std::unique_ptr<Application>(std::make_unique<SharedApplication>(*entry, made));
}

}  // namespace tandem::replay
