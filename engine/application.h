// SPDX-License-Identifier: Apache-2.0
//
// Typed applications. A user derives from Application<Derived, State, Inputs...> and writes one
// On(const Input&, Context&) per input message type; this layer decodes, dispatches, encodes, and
// keeps everything that must survive (resume point, random generator, State) on one root in the
// zone. Between decoding and return nothing may be taken from the heap: state comes from the pools
// below State's base, output messages from Context::Make.
//
//   struct Ledger : engine::Application<Ledger, State, pb::Open, pb::Transfer> {
//     using Application::Application;
//     void On(const pb::Open& message, engine::Context& context);
//     void On(const pb::Transfer& message, engine::Context& context);
//   };
//
// State is constructed with (pools::PoolRef base), once. One thread.
#pragma once

#include <google/protobuf/message.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/context.h"
#include "pools/step_scope.h"
#include "pools/zone.h"
#include "proto/schema.h"
#include "replay/application.h"
#include "tandem/control.pb.h"
#include "tandem/options.pb.h"

namespace tandem::engine {

template <class Derived, class State, class... Inputs>
class Application : public replay::Application {
 public:
  /// What the zone's root is: all that an image must hold.
  struct Root {
    explicit Root(pools::PoolRef base) : state(base) {}
    replay::ResumePoint resume_point;
    Random random;
    State state;
  };

  Application(std::string name, std::uint32_t behaviour_version, std::unique_ptr<pools::Zone> zone)
      : zone_(std::move(zone)),
        root_(zone_->template MakeRoot<Root>(pools::PoolRef(zone_->sbrk()))),
        info_{.name = std::move(name),
              .behaviour_version = behaviour_version,
              .schema = proto::SchemaOf({pb::Refused::descriptor(), Inputs::descriptor()...})},
        scratch_({Inputs::descriptor()->file()...}) {
    (AddHandler<Inputs>(), ...);
  }

  [[nodiscard]] const replay::ApplicationInfo& info() const final { return info_; }
  replay::ResumePoint& resume_point() final { return root_.resume_point; }
  [[nodiscard]] State& state() { return root_.state; }
  [[nodiscard]] const State& state() const { return root_.state; }
  [[nodiscard]] pools::Zone& zone() { return *zone_; }

  void Step(const proto::MessageView& input, replay::OutputBatch& outputs) final {
    Context context(input.header, outputs, scratch_, root_.random);
    const std::uint16_t type = input.header.type;
    const Handler handler = type < handlers_.size() ? handlers_[type] : nullptr;
    if (handler == nullptr) {
      Refuse(pb::Refused::UNKNOWN_TYPE, context);
    } else if (!(this->*handler)(input, context)) {
      Refuse(pb::Refused::MALFORMED, context);
    }
  }

 private:
  using Handler = bool (Application::*)(const proto::MessageView&, Context&);

  template <class Input>
  void AddHandler() {
    const std::uint16_t type = TypeOf<Input>();
    if (handlers_.size() <= type) handlers_.resize(type + 1u);
    ENSURE(handlers_[type] == nullptr, "two inputs have the message type %u", type);
    handlers_[type] = &Application::Handle<Input>;
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
  MessageScratch scratch_;
  std::vector<Handler> handlers_;  ///< by message type
};

}  // namespace tandem::engine
