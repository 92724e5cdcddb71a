#include "scheduler/rpc/services.h"

#include <variant>

#include "scheduler/rpc/agent_hub.h"
#include "scheduler/rpc/fleet_service.h"
#include "scheduler/rpc/job_service.h"
#include "scheduler/rpc/watch_hub.h"

namespace heliotrope::rpc {

namespace {

class AllServices final : public Services {
 public:
  AllServices(CorePort& core, os::MetricsRegistry& metrics)
      : watchers_(core),
        agents_(core),
        jobs_(core, metrics, watchers_),
        fleet_(core, metrics),
        curves_(core, metrics),
        plan_(core, metrics, decisions_) {}

  std::vector<grpc::Service*> All() override {
    return {&jobs_, &fleet_, &curves_, &plan_, &agents_};
  }

  void OnEffects(std::vector<core::Effect> effects) override {
    agents_.Send(effects);
    for (const core::Effect& effect : effects) {
      if (const auto* changed = std::get_if<core::JobChanged>(&effect)) {
        watchers_.OnJobChanged(changed->job);
      } else if (const auto* decision = std::get_if<core::Decision>(&effect)) {
        decisions_.Add(*decision);
      }
    }
  }

  void Stop() override {
    agents_.Stop();
    watchers_.Stop();
    decisions_.Stop();
  }

 private:
  JobWatchHub watchers_;
  DecisionLog decisions_;
  AgentHub agents_;
  JobServiceImpl jobs_;
  FleetServiceImpl fleet_;
  CurveServiceImpl curves_;
  PlanServiceImpl plan_;
};

}  // namespace

std::unique_ptr<Services> MakeServices(CorePort& core, os::MetricsRegistry& metrics) {
  return std::make_unique<AllServices>(core, metrics);
}

}  // namespace heliotrope::rpc
