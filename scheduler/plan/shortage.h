// Where running batch is, or will be within the time that leaving takes, more than there is room
// for, and which tasks have to go so that it is not.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// A running task that has to go.
struct Leaver {
  size_t task = 0;  // Index in input.running.
  model::Reason reason = model::Reason::kNone;
  int64_t gone_by_s = 0;  // When its room is needed.
  int64_t held = 0;       // What batch would hold then, in thousandths of a core, and
  int64_t room = 0;       // what there is for it.
};

struct Departures {
  std::vector<Leaver> leavers;  // By index of the task.
  std::vector<Stay> stays;      // Spared though room is short: under the deadline safety net.
};

// Batch of running tasks may exceed its room by this much before anything is told to leave, so that
// noise in a forecast or a measurement moves nothing.
int64_t Tolerance(const Site& site);

// Whether a running task counts against its site's room.
bool CountsThere(const RunningTask& task);

// What the site's running tasks hold at a moment.
Amount HeldAt(const Ledger& ledger, size_t site, int64_t seconds);

Departures FindDepartures(const Ledger& ledger);

}  // namespace heliotrope::plan
