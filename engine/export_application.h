// SPDX-License-Identifier: Apache-2.0
//
// TANDEM_APPLICATION: the entry points (replay/application_abi.h) of an application that is built
// as a shared library. Once, in one source file of the library, outside of any namespace:
//
//   TANDEM_APPLICATION(ledger::Ledger, "ledger", /*behaviour version*/ 1)
//
// The type derives from engine::Application. docs/applications.md says how to build and run it.
#pragma once

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "engine/application.h"
#include "replay/application_abi.h"

namespace tandem::engine {

/// What a void* of the entry points stands for.
struct Exported {
  std::unique_ptr<replay::Application> application;
  replay::StatePlace place;
  replay::OutputBatch outputs;
  std::string portable_schema = {};

  [[nodiscard]] replay::PortableState& portable() const {
    return dynamic_cast<replay::PortableState&>(*application);
  }

  static Exported& Of(void* pointer) { return *static_cast<Exported*>(pointer); }

  /// Gives what the step made to the host. What the host fills in of a header is not read.
  void HandOver(const TandemOutputsV3& to) const {
    for (std::size_t i = 0; i < outputs.count(); ++i) {
      const std::span<const std::byte> message = outputs.message(i);
      std::uint16_t type = 0;
      std::memcpy(&type, message.data() + offsetof(proto::Header, type), sizeof type);
      const std::size_t size = message.size() - sizeof(proto::Header);
      unsigned char* const payload = to.append(
          to.host, type,
          reinterpret_cast<const char*>(message.data()) + offsetof(proto::Header, user), size);
      if (size > 0) std::memcpy(payload, message.data() + sizeof(proto::Header), size);
    }
  }
};

/// The entry points of application type T.
template <class T>
struct EntryPoints {
  static inline const char* name = nullptr;
  static inline std::uint32_t behaviour_version = 0;

  static void* Make(const TandemZoneV3* zone, char* error, std::uint64_t error_size) {
    pools::ZoneOptions options;
    options.address = zone->address;
    options.reserve_bytes = zone->reserve_bytes;
    options.limit_bytes = zone->limit_bytes;
    options.perturbation = {.chain_seed = zone->chain_seed,
                            .fill = static_cast<std::uint8_t>(zone->fill)};
    auto made = T::Make(name, behaviour_version, options);
    if (!made) {
      std::snprintf(error, error_size, "%s", made.error().text.c_str());
      return nullptr;
    }
    const replay::StatePlace place = (*made)->state_place();
    return new Exported{
        .application = std::move(made).value(), .place = place, .outputs = replay::OutputBatch()};
  }
  static void Destroy(void* application) { delete &Exported::Of(application); }
  static const unsigned char* Schema(void* application, std::uint64_t* size) {
    const std::string& schema = Exported::Of(application).application->info().schema;
    *size = schema.size();
    return reinterpret_cast<const unsigned char*>(schema.data());
  }
  static void* ResumePoint(void* application) {
    return &Exported::Of(application).application->resume_point();
  }
  static void State(void* application, TandemStateV3* state) {
    const Exported& exported = Exported::Of(application);
    *state = {.zone_address = exported.place.zone_address,
              .layout = exported.place.layout,
              .build = exported.place.build.c_str()};
  }
  static void Step(void* application, const unsigned char* message, std::uint64_t size,
                   const TandemOutputsV3* outputs) {
    Exported& exported = Exported::Of(application);
    const auto input =
        proto::ParseMessage({reinterpret_cast<const std::byte*>(message), std::size_t{size}});
    ENSURE(input.has_value(), "%zu bytes that are no message", std::size_t{size});
    exported.outputs.Clear();
    exported.application->Step(*input, exported.outputs);
    exported.HandOver(*outputs);
  }
  static void OnTime(void* application, const unsigned char* header,
                     const TandemOutputsV3* outputs) {
    Exported& exported = Exported::Of(application);
    proto::Header tick;
    std::memcpy(&tick, header, sizeof tick);
    exported.outputs.Clear();
    exported.application->OnTime(tick, exported.outputs);
    exported.HandOver(*outputs);
  }
  static std::uint64_t ShuffleFree(void* application, std::uint64_t seed) {
    return Exported::Of(application).application->ShuffleFree(seed);
  }
  static const unsigned char* PortableSchema(void* application, std::uint64_t* size) {
    Exported& exported = Exported::Of(application);
    exported.portable_schema = exported.portable().PortableSchema();
    *size = exported.portable_schema.size();
    return reinterpret_cast<const unsigned char*>(exported.portable_schema.data());
  }
  static void SavePortable(void* application, void* host,
                           void (*put)(void*, std::uint16_t, const char*, std::uint64_t)) {
    struct Sink final : replay::RecordSink {
      void Put(std::uint16_t type, std::string_view payload) override {
        put(host, type, payload.data(), payload.size());
      }
      void* host = nullptr;
      void (*put)(void*, std::uint16_t, const char*, std::uint64_t) = nullptr;
    } sink;
    sink.host = host;
    sink.put = put;
    Exported::Of(application).portable().SavePortable(sink);
  }
  static std::int32_t LoadPortable(void* application, const unsigned char* message,
                                   std::uint64_t size, char* error, std::uint64_t error_size) {
    const auto record =
        proto::ParseMessage({reinterpret_cast<const std::byte*>(message), std::size_t{size}});
    ENSURE(record.has_value(), "%zu bytes that are no message", std::size_t{size});
    const Status status = Exported::Of(application).portable().LoadPortable(*record);
    if (status.ok()) return 0;
    std::snprintf(error, error_size, "%s", status.error().text.c_str());
    return 1;
  }
  static void PlantFault(void* application, char* text, std::uint64_t size) {
    std::snprintf(text, size, "%s", Exported::Of(application).application->PlantFault().c_str());
  }

  static const TandemApplicationV3* Table(const char* application_name, std::uint32_t version) {
    name = application_name;
    behaviour_version = version;
    static const TandemApplicationV3 table{.size = sizeof table,
                                           .header_bytes = sizeof(proto::Header),
                                           .resume_point_bytes = sizeof(replay::ResumePoint),
                                           .behaviour_version = version,
                                           .name = application_name,
                                           .make = Make,
                                           .destroy = Destroy,
                                           .schema = Schema,
                                           .resume_point = ResumePoint,
                                           .state = State,
                                           .step = Step,
                                           .on_time = OnTime,
                                           .shuffle_free = ShuffleFree,
                                           .portable_schema = PortableSchema,
                                           .save_portable = SavePortable,
                                           .load_portable = LoadPortable,
                                           .plant_fault = PlantFault};
    return &table;
  }
};

}  // namespace tandem::engine

#define TANDEM_APPLICATION(Type, name, behaviour_version)                                    \
  extern "C" __attribute__((visibility("default"))) std::uint32_t tandem_application_abi() { \
    return TANDEM_APPLICATION_ABI;                                                           \
  }                                                                                          \
  extern "C" __attribute__((visibility("default"))) const TandemApplicationV3*               \
  tandem_application_v3() {                                                                  \
    return ::tandem::engine::EntryPoints<Type>::Table(name, behaviour_version);              \
  }
