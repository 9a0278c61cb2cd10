// SPDX-License-Identifier: Apache-2.0
//
// Typed applications. A user derives from Application<Derived, State, Inputs...> and writes one
// On(const Input&, Context&) per input message type; this layer decodes, dispatches, encodes, and
// keeps everything that must survive (resume point, random generator, timers, State) on one root in
// the zone. Between decoding and return nothing may be taken from the heap: state comes from the
// pools below State's base, output messages from Context::Make.
//
//   struct Ledger : engine::Application<Ledger, State, pb::Open, pb::Transfer> {
//     using Application::Application;
//     void On(const pb::Open& message, engine::Context& context);
//     void On(const pb::Transfer& message, engine::Context& context);
//     void OnTimer(const engine::Timer& timer, engine::Context& context);  // if it sets timers
//   };
//
// State is constructed once, with the zone's pools::Sbrk&, which is also a pools::PoolRef. Make is
// the only way to an application, so none is without the checks of Zone::Settle:
//
//   auto ledger = Ledger::Make("ledger", 1, zone_options);  // or why there is none
//
// One thread.
#pragma once

#include <google/protobuf/message.h>

#include <array>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/build_id.h"
#include "engine/context.h"
#include "engine/portable.h"
#include "engine/root_fields.h"
#include "engine/timers.h"
#include "pools/layout_text.h"
#include "pools/step_scope.h"
#include "pools/zone.h"
#include "proto/schema.h"
#include "replay/application.h"
#include "tandem/control.pb.h"
#include "tandem/options.pb.h"

namespace tandem::engine {

/// Does the application have timers? Only if it says what happens when one fires.
template <class Derived>
constexpr bool HasTimers() {
  if constexpr (requires { &Derived::OnTimer; }) {
    static_assert(
        requires(Derived & derived, const Timer& timer, Context& context) {
          derived.OnTimer(timer, context);
        },
        "OnTimer must be callable with a const engine::Timer& and an engine::Context&");
    return true;
  } else {
    return false;
  }
}

/// Stands for the Timers of an application that has none: no pool, no bytes.
struct NoTimers {
  explicit NoTimers(pools::PoolRef /*base*/) {}
};

template <class Derived, class State, class... Inputs>
class Application : public replay::Application, public replay::PortableState {
 public:
  /// What the zone's root is: all that an image must hold.
  struct Root {
    explicit Root(pools::Sbrk& sbrk) : state(sbrk), timers(sbrk) {}
    replay::ResumePoint resume_point;
    Random random;
    State state;
    [[no_unique_address]] std::conditional_t<HasTimers<Derived>(), Timers, NoTimers> timers;
  };

  /// What Make gives to the constructor, and nobody else can.
  class Start {
    friend Application;
    Start() = default;
    std::string name;
    std::uint32_t behaviour_version = 0;
    std::unique_ptr<pools::Zone> zone;
  };

  /// A new application with empty state, in a zone of its own. An error says why there can be no
  /// such zone, which setting of `options` could not be applied, or which pool of the state has a
  /// chain that does not end in the zone's Sbrk.
  static Result<std::unique_ptr<Derived>> Make(std::string name, std::uint32_t behaviour_version,
                                               const pools::ZoneOptions& options) {
    auto zone = pools::Zone::Map(options);
    if (!zone) return zone.error();
    Start start;
    start.name = std::move(name);
    start.behaviour_version = behaviour_version;
    start.zone = std::move(zone).value();
    auto application = std::make_unique<Derived>(std::move(start));
    if (Status status = application->zone().Settle(); !status) return status.error();
    application->Application::FindPlace();
    return application;
  }

  explicit Application(Start start)
      : zone_(std::move(start.zone)),
        root_(zone_->template MakeRoot<Root>(zone_->sbrk())),
        info_{.name = std::move(start.name),
              .behaviour_version = start.behaviour_version,
              .schema = proto::SchemaOf({pb::Refused::descriptor(), Inputs::descriptor()...})},
        scratch_({Inputs::descriptor()->file()...}) {
    zone_->Describe(pools::LayoutText(RootFields<Root, State, HasTimers<Derived>()>::kType));
    (AddHandler<Inputs>(), ...);
  }

  [[nodiscard]] const replay::ApplicationInfo& info() const final { return info_; }
  replay::ResumePoint& resume_point() final { return root_.resume_point; }
  [[nodiscard]] replay::StatePlace state_place() const final { return place_; }
  std::uint64_t ShuffleFree(std::uint64_t seed) final { return zone_->ShuffleFree(seed); }
  [[nodiscard]] State& state() { return root_.state; }
  [[nodiscard]] const State& state() const { return root_.state; }
  [[nodiscard]] pools::Zone& zone() { return *zone_; }

  void Step(const proto::MessageView& input, replay::OutputBatch& outputs) final {
    OnTime(input.header, outputs);
    Context context = ContextOf(input.header, outputs);
    const std::uint16_t type = input.header.type;
    const Handler handler = type < handlers_.size() ? handlers_[type] : nullptr;
    if (handler == nullptr) {
      Refuse(pb::Refused::UNKNOWN_TYPE, context);
    } else if (!(this->*handler)(input, context)) {
      Refuse(pb::Refused::MALFORMED, context);
    }
  }

  void OnTime(const proto::Header& now, replay::OutputBatch& outputs) final {
    if constexpr (HasTimers<Derived>()) {
      Timer due;
      while (root_.timers.TakeDue(now.time_ns, due)) {
        proto::Header cause = now;
        cause.time_ns = due.deadline_ns;
        cause.user = proto::User{};
        Context context = ContextOf(cause, outputs);
        const pools::StepScope scope(now.number);
        static_cast<Derived*>(this)->OnTimer(std::as_const(due), context);
      }
    }
  }

  [[nodiscard]] std::string PortableSchema() const final {
    if constexpr (HasPortable<Derived>()) return Derived::Portable::Schema();
    return "";
  }
  void SavePortable([[maybe_unused]] replay::RecordSink& to) final {
    if constexpr (HasPortable<Derived>()) {
      PortableWriter writer(to);
      engine_state().Save(writer);
      std::as_const(static_cast<Derived&>(*this)).Save(writer);
    }
  }
  Status LoadPortable(const proto::MessageView& record) final {
    if constexpr (HasPortable<Derived>()) {
      if (Status status; engine_state().Load(record, status)) return status;
      return Derived::Portable::Load(record, static_cast<Derived&>(*this));
    }
    return Error::BadInput("it has no portable form");
  }

 private:
  void FindPlace() {
    place_ = {.zone_address = zone_->address(),
              .layout = zone_->view().LayoutFingerprint(info_.name),
              .build = BuildIdOf(reinterpret_cast<const void*>(&Application::Make))};
  }

  using Handler = bool (Application::*)(const proto::MessageView&, Context&);

  template <class Input>
  void AddHandler() {
    const std::uint16_t type = TypeOf<Input>();
    if (handlers_.size() <= type) handlers_.resize(type + 1u);
    ENSURE(handlers_[type] == nullptr, "two inputs have the message type %u", type);
    handlers_[type] = &Application::Handle<Input>;
  }

  Context ContextOf(const proto::Header& cause, replay::OutputBatch& outputs) {
    return Context(cause, outputs, scratch_, root_.random, root_.resume_point.behaviour_version,
                   timers());
  }
  Timers* timers() {
    if constexpr (HasTimers<Derived>()) return &root_.timers;
    return nullptr;
  }
  EngineState engine_state() {
    std::uint32_t form_version = 0;
    if constexpr (HasPortable<Derived>()) form_version = Derived::Portable::kVersion;
    return {.info = info_,
            .form_version = form_version,
            .resume_point = root_.resume_point,
            .random = root_.random,
            .timers = timers()};
  }

  template <class Input>
  bool Handle(const proto::MessageView& input, Context& context) {
    Input& message = scratch_.Get<Input>();
    const std::string_view payload = input.payload_text();
    if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return false;
    const pools::StepScope scope(input.header.number);
    static_cast<Derived*>(this)->On(std::as_const(message), context);
    return true;
  }

  void Refuse(pb::Refused::Reason reason, Context& context) {
    pb::Refused refused;
    refused.set_reason(reason);
    refused.set_type(context.type());
    context.Emit(refused);
  }

  std::unique_ptr<pools::Zone> zone_;
  Root& root_;
  replay::ApplicationInfo info_;
  replay::StatePlace place_;
  MessageScratch scratch_;
  std::vector<Handler> handlers_;  ///< by message type
};

}  // namespace tandem::engine
