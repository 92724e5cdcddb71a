// Where a running task can go: for every kind of move.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scheduler/plan/journey.h"
#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

struct Target {
  size_t site = 0;
  int64_t arrives_s = 0;
  int64_t score = 0;
};

// Whether the site has room for one such task right now, by what is measured: that is when it is
// reserved.
bool HasRoomNow(const Ledger& ledger, size_t site, const Amount& each);

// How long a move stops the task.
int64_t PauseOf(const RunningTask& task);

// The cheapest place that the task can go to and stay in for a while: allowed, with the room now,
// by what is measured, because it is reserved now, and with headroom from now on.
std::optional<Target> FindTarget(const Ledger& ledger, const RunningTask& task);

// Enters the task at its target.
void EnterMoving(Ledger& ledger, const RunningTask& task, const Target& target, Overflow& overflow);

// "; goes to ..." with its inputs, or that there is no place and it waits.
std::string TargetText(const Ledger& ledger, const RunningTask& task,
                       const std::optional<Target>& target);

}  // namespace heliotrope::plan
