#include "scheduler/daemon/planner.h"

#include <algorithm>
#include <memory>

#include "scheduler/daemon/thread.h"
#include "scheduler/os/clock.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::daemon {
namespace {

// After a plan the planner rests as long again as that took, within these: planning never takes
// more than half a core, and between full plans the core places new classes by itself.
constexpr absl::Duration kShortestPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

}  // namespace

void Planner::Start() {
  thread_ = StartThread({.name = "planner"}, [this] { Run(); });
}

void Planner::Want() {
  {
    MutexLock lock(mutex_);
    wanted_ = true;
  }
  changed_.NotifyOne();
}

void Planner::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

bool Planner::WaitForWish() {
  MutexLock lock(mutex_);
  while (!wanted_ && !stopping_) changed_.Wait(mutex_);
  wanted_ = false;
  return !stopping_;
}

void Planner::Pause(absl::Duration duration) {
  const absl::Duration end = os::Boottime() + duration;
  MutexLock lock(mutex_);
  while (!stopping_ && os::Boottime() < end) changed_.WaitFor(mutex_, end - os::Boottime());
}

absl::Duration Planner::PlanOnce() {
  plan::Input input;
  const auto read = [&input](const core::Machine& machine) { input = machine.PlanInput(); };
  if (!core_.ReadNow(read).ok()) return absl::ZeroDuration();
  const absl::Duration start = os::Boottime();
  auto plan = std::make_shared<const plan::Plan>(plan::Compute(input));
  const absl::Duration took = os::Boottime() - start;
  metrics_.OnPlan(took);
  core_.PostOwn(core::AdoptPlan{std::move(plan)}, nullptr);
  return took;
}

void Planner::Run() {
  while (WaitForWish()) Pause(std::clamp(PlanOnce(), kShortestPause, kLongestPause));
}

}  // namespace heliotrope::daemon
