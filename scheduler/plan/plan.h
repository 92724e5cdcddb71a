// The planner's vocabulary and entry points. Pure: a snapshot in, a plan out; what it returns is
// advice that the core checks again. All times are scheduling time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/model/job.h"
#include "scheduler/model/reason.h"
#include "scheduler/model/task.h"

namespace heliotrope::plan {

// One stretch of the horizon.
struct Block {
  absl::Time start;
  absl::Duration length;
};

// Telescoping blocks from the 5-minute mark at or before `now`: 24 of 5 minutes, 40 of 15 minutes,
// 36 of an hour, 40 of 3 hours: 7 days.
std::vector<Block> MakeGrid(absl::Time now);

// The index of the block that holds `time`: 0 when before the grid, blocks.size() when past its
// end.
size_t BlockIndex(const std::vector<Block>& grid, absl::Time time);

// One data center as the planner sees it. The vectors have one entry per block of the grid.
// Capacity, foreground and batch are of the same nodes: connected ones that are not drained.
struct Site {
  DataCenterId id;
  MilliCores capacity;
  // What one task may ask at most: within the largest connected node, drained or not, and within
  // the target utilization of all of them.
  model::Resources largest_task;
  MilliCores foreground_now;  // Measured.
  MilliCores batch_now;       // Held by our tasks, reservations included.
  // The part of batch_now that cannot leave before it ends; more than batch_now: not known.
  MilliCores pinned_now = MilliCores::Max();
  // Of the same nodes. What the foreground will hold is not forecast: what it holds now counts for
  // all blocks. Max(): more than all tasks could ask.
  Bytes memory = Bytes::Max();
  Bytes foreground_memory;  // Measured.
  Bytes batch_memory;       // As batch_now.
  double target_utilization = 0.8;
  bool reactive = true;  // Plan by foreground_now only.
  model::Reason mode = model::Reason::kNoHistory;
  // What batch may hold: target minus a high quantile of the foreground; never negative.
  std::vector<MilliCores> headroom;
  std::vector<MilliCores> likely;  // The same with the median foreground.
  std::vector<MicroCost> price;    // Of one core-hour.
  // The median foreground, also where it is above the target. For people: nothing is planned by it.
  std::vector<MilliCores> foreground;
};

// An account whose tasks wait or run. Limits and what is held are of all sites together.
struct Account {
  AccountId id;
  int64_t weight_milli = 1000;  // Its share of what is scarce, against the others.
  model::Resources most{MilliCores::Max(), Bytes::Max()};  // Max(): no limit.
  model::Resources held;  // By all attempts that may be alive, those that leave included.
};

// Waiting tasks that are alike.
struct Class {
  uint64_t id = 0;  // Stable while the class exists; breaks ties.
  model::Resources request;
  absl::Duration remaining;  // Per task, on its cores: the mean of what was learned.
  // What it takes at most, but for the chance of a miss that is worth taking (Settings). Never less
  // than `remaining`.
  absl::Duration remaining_high;
  // With no more time than this left an hour over the target is worth its cost; what is not given
  // is `remaining_high`.
  std::optional<absl::Duration> pressing;
  absl::Time deadline = absl::InfiniteFuture();
  int priority = 0;
  bool checkpointable = false;
  uint64_t allowed = 0;  // Bit i: residency allows sites[i].
  std::optional<DataCenterId> home;
  absl::Duration move_pause;  // How long a later move stops it: save, carry, restore.
  // A holder's data center: starting there carries nothing.
  std::optional<DataCenterId> checkpoint_at;
  absl::Duration restore_pause;  // Carrying its checkpoint elsewhere.
  int count = 0;
  std::optional<AccountId> account;  // Unset: no account is limited.
  absl::Time oldest;                 // When its first task became ready.
};

// A task that holds a node and has not been told to leave.
struct RunningTask {
  TaskId task;
  AttemptNumber attempt;
  size_t site = 0;
  model::Resources request;
  absl::Duration remaining;
  absl::Duration remaining_high;           // As of a class,
  std::optional<absl::Duration> pressing;  // and this too.
  absl::Time deadline = absl::InfiniteFuture();
  int priority = 0;
  uint64_t allowed = 0;
  std::optional<AccountId> account;  // As of a class.
  bool checkpointable = false;       // Runs now and may be told to leave.
  bool node_drained = false;         // So it is not in its site's capacity.
  bool node_away = false;            // Not connected: the same, and it is told nothing.
  absl::Time started;
  absl::Time last_moved = absl::InfinitePast();
  absl::Duration move_pause;
};

// Work that is expected to be submitted and is not there yet: room and price are to be kept for it.
struct FutureWork {
  uint64_t allowed = 0;  // Bit i: residency allows sites[i]; never 0.
  absl::Time release;
  int64_t milli_core_seconds = 0;
  absl::Duration each;   // What one task usually runs.
  absl::Duration slack;  // How long it can usually wait; a week without a deadline.
};

// What the cores of a block are worth beyond their price, because they are scarce: a core-hour's
// worth to those who cannot have another. By site, then block of the grid.
struct Scarcity {
  std::vector<Block> grid;
  std::vector<std::vector<MicroCost>> worth;
};

struct Settings {
  absl::Duration move_cooldown = absl::Minutes(10);
  double move_gain_factor = 1.3;
  // A checkpointable task is not started where it would have to leave sooner.
  absl::Duration minimum_run = absl::Minutes(30);
  // The chance that a task runs longer than it is planned for, and so may miss its deadline. A miss
  // costs the same whatever the size of the task, while the price that waiting saves grows with its
  // core-hours: the chance that is worth taking is proportional to them. The least one keeps small
  // tasks from being planned for durations that were never seen; with the most one a large task is
  // still planned for what four of five are within.
  double miss_chance_per_core_hour = 0.0004;
  double least_miss_chance = 0.001;
  double most_miss_chance = 0.2;
  // What a met deadline is worth, in core-hours of batch above the target: so many for every task,
  // and this share of its own expected core-hours. A task runs above the target only when waiting
  // costs more than that in chance to meet its deadline (Promises 7 and 8 against each other).
  double deadline_worth_core_hours = 40;
  double deadline_worth_share = 0.1;
};

// The chance of a task with so many expected core-hours.
inline double MissChance(const Settings& settings, double core_hours) {
  return std::clamp(core_hours * settings.miss_chance_per_core_hour, settings.least_miss_chance,
                    settings.most_miss_chance);
}

// Core-hours above the target that the deadline of a task with so many expected core-hours is worth.
inline double DeadlineWorth(const Settings& settings, double core_hours) {
  return settings.deadline_worth_core_hours + settings.deadline_worth_share * core_hours;
}

struct Input {
  absl::Time now;
  uint64_t basis = 1;  // Of which classes and sites it tells; the plan says it again.
  std::vector<Block> grid;
  std::vector<Site> sites;           // Sorted by id; at most 64.
  std::vector<Class> classes;        // Sorted by id.
  std::vector<RunningTask> running;  // Sorted by (task, attempt).
  std::vector<Account> accounts;     // Of the classes and tasks that name one; sorted by id.
  std::vector<FutureWork> future;    // Of the next 60 hours, by residency and release.
  // Of the plan before, from which the next is found faster and with less change; empty: none.
  Scarcity scarcity;
  Settings settings;
};

// How a class is to be dispatched.
enum class Mode : unsigned char {
  kAsSoonAsPossible,  // Start wherever headroom is, in the order of `ranked`.
  kDeferred,          // Start by the allotments only.
  kMustRun,           // Safety net: start in free cores of any ranked site, target or not.
  kNever,             // No allowed site can ever hold it.
};

// So many tasks of a class are to start in a site in a block.
struct Allotment {
  size_t site = 0;
  size_t block = 0;
  absl::Time start;
  absl::Time end;  // Expected, of each task.
  int count = 0;
  model::Reason reason = model::Reason::kNone;
  std::string detail;  // With the inputs: headroom, price, deadline.
};

// Room that is kept for waiting tasks of a class, though they may have to wait until others have
// left it.
struct Grant {
  size_t site = 0;
  int64_t count = 0;
};

struct Verdict {
  uint64_t class_id = 0;
  int count = 0;  // Tasks that it was made for; more may have come since.
  Mode mode = Mode::kAsSoonAsPossible;
  std::vector<size_t> ranked;  // Allowed sites, most wanted now first.
  // What a core-hour of now is worth to it: what the dearest hour would cost that it needs
  // otherwise.
  MicroCost bid = MicroCost::Max();
  int64_t rank = 0;  // The bid with the job's priority in it: the larger starts first.
  std::vector<Allotment> allotments;  // By start time.
  std::vector<Grant> grants;          // Of now.
  // Of the tasks that have no allotment: how many find cores before their deadline when the safety
  // net starts them, headroom or not. Only of a whole plan.
  int64_t beyond = 0;
  model::Reason reason = model::Reason::kNone;  // Why its tasks wait, if they do.
  std::string detail;
};

// A running task is to leave.
struct MoveAdvice {
  TaskId task;
  AttemptNumber attempt;
  std::optional<size_t> to;  // Empty: no room anywhere allowed; checkpoint and wait.
  model::Reason reason = model::Reason::kNone;
  std::string detail;  // With the inputs.
};

// A running task that stays where room is short, and why.
struct Stay {
  TaskId task;
  AttemptNumber attempt;
  model::Reason reason = model::Reason::kNone;
  std::string detail;
};

struct Plan {
  absl::Time made = absl::InfinitePast();
  uint64_t basis = 1;  // Its input's.
  std::vector<Block> grid;
  std::vector<Verdict> verdicts;  // In dispatch order: most urgent first.
  std::vector<MoveAdvice> moves;
  std::vector<Stay> stays;
  // Running tasks that end after their deadline if they take as long as `remaining_high`. Sorted.
  std::vector<TaskId> at_risk;
  std::vector<std::vector<MilliCores>> planned;    // [site][block]: running and allotted cores,
  std::vector<std::vector<MilliCores>> firm;       // and those of them that cannot leave again.
  std::vector<std::vector<Bytes>> planned_memory;  // The same of memory.
  std::vector<std::vector<Bytes>> firm_memory;
  Scarcity scarcity;
};

// Plans everything. Deterministic; cost O(classes x sites x blocks).
Plan Compute(const Input& input);

// Plans one new class into what `plan` leaves free, adding to plan.planned and plan.verdicts.
// Used between full plans, so that a submission is answered at once. REQUIRES: both are of one
// grid; input.now may have gone on. The verdict is the last of plan.verdicts, out of dispatch
// order; it stays valid until the next change of them.
const Verdict& PlaceClass(const Input& input, const Class& added, Plan& plan);

// Whether one more task may start in the site right now, given live batch use: measured foreground,
// headroom of now and of the blocks that it must last for (a task that cannot checkpoint: its whole
// duration; else minimum_run), and under kMustRun free cores only; always with the memory that it
// asks. `granted` is kept for others. Needs input's sites, grid, now and settings. Cost O(blocks that it must last for).
bool FitsNow(const Input& input, const Class& task_class, size_t site, Mode mode,
             const model::Resources& granted = {});

// What a site could offer a class.
struct Option {
  enum class Verdict : unsigned char { kFits, kLater, kNever };
  size_t site = 0;
  Verdict verdict = Verdict::kNever;
  model::Reason reason = model::Reason::kNone;
  std::string detail;
  absl::Time start = absl::InfiniteFuture();
  absl::Time end = absl::InfiniteFuture();
  double mean_price = 0;  // In price units (not micro).
};

// Every site's option for one task of the class, best first: what the plan has chosen, then what
// fits, then what comes later by cost. Needs of input what FitsNow does; its grid may be newer than
// the plan's.
std::vector<Option> Explain(const Input& input, const Plan& plan, const Class& task_class);

}  // namespace heliotrope::plan
