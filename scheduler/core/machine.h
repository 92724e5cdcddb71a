// The scheduler's decisions: a deterministic state machine without I/O, clock, thread or chance of
// its own. The daemon, the simulator and the tests drive this same class; README.md lists the
// duties of whoever does.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/base/limits.h"
#include "scheduler/core/command.h"
#include "scheduler/core/coverage.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/state.h"
#include "scheduler/curve/arrivals.h"
#include "scheduler/curve/bin_accumulator.h"
#include "scheduler/curve/demand.h"
#include "scheduler/curve/durations.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/outlook.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::core {

// What is told of the load of a data center over blocks of time, instead of what its curve says.
struct ToldOutlook {
  std::vector<curve::BlockOutlook> blocks;
  bool out_of_band = false;  // It has been wrong: to be planned without, as by such a curve.
};
// A function: same arguments, same answer.
using OutlookSource = std::function<ToldOutlook(const DataCenterId& data_center, absl::Time now,
                                                std::span<const curve::Block> blocks)>;

struct MachineOptions {
  absl::Duration lease_real;    // As configured, for validation of graces.
  absl::Duration lease;         // The same in scheduling time.
  absl::Duration lease_margin;  // Scheduling time on top before a silent node is given up.
  int major_version = 0;
  int64_t max_pending_tasks = kMaxPendingTasks;
  // For simulations only, to see what a forecast is worth and what a bad one costs.
  // Empty: the curves' own forecasts.
  OutlookSource outlook;
};

// How a job that is not submitted would be planned. `plan` has one verdict, the job's, or none when
// there is no grid yet; what it says is planned is the plan of now and this job.
struct Preview {
  Job job;  // With the first of its tasks only; all are counted.
  plan::Class task_class;
  plan::Plan plan;
};

struct Outcome {
  Reply reply;
  std::vector<Effect> effects;
};

// Core thread only.
class Machine {
 public:
  // The value of deadline_shift() with which deadlines are told apart to the minute: of those within
  // a week a share of 2^-14 is less.
  static constexpr int kExactDeadlines = 14;

  Machine(const MachineOptions& options, FleetConfig fleet);

  // Takes up what was durable. REQUIRES: nothing was applied before. Every node counts as silent
  // with a fresh lease. What today's configuration does not allow any more is changed, as by a
  // SetFleet: TakeChanges has it. DATA_LOSS if the image contradicts itself.
  absl::Status Recover(Image image, absl::Time now);

  // Changes the state and returns what is to be done, in order. A refused command changes nothing.
  // Same state, command and now: same outcome. `now` never goes back: an earlier one counts as the
  // last.
  Outcome Apply(const Command& command, absl::Time now);

  // What has changed since the last call. The shell commits it before it lets the effects out.
  Changes TakeChanges();

  // When the next Tick is due at the latest.
  absl::Time NextTimer() const;

  // A snapshot for the planner.
  plan::Input PlanInput() const;

  // Its accounts alone, as of now; none when none is configured.
  std::vector<plan::Account> PlanAccounts() const;

  // --- Reading. Core thread only; all that is read is released with the batch. ---
  // Before reading: sums that wait for the next Tick are brought up to date.
  void PrepareToRead() {
    if (capacity_stale_) RefreshCapacity();
  }
  absl::Time now() const { return now_; }
  JobUid next_uid() const { return next_uid_; }
  const Job* FindJob(JobUid uid) const;
  const Job* FindJob(const JobId& id) const;
  const std::map<JobUid, std::unique_ptr<Job>>& jobs() const { return jobs_; }
  const std::map<RequestId, Request>& requests() const { return requests_; }
  const std::map<NodeId, Node>& nodes() const { return nodes_; }
  const FleetConfig& fleet() const { return fleet_; }
  const plan::Plan& current_plan() const { return plan_; }
  const plan::Input& board() const { return board_; }
  const std::map<DataCenterId, curve::Forecaster>& curves() const { return curves_; }
  // How good they have been; of the same data centers.
  const std::map<DataCenterId, Coverage>& coverage() const { return coverage_; }
  // The batch work that accounts submit; of kMaxForecastAccounts at most, an idle one gives way.
  const std::map<AccountId, curve::Arrivals>& arrivals() const { return arrivals_; }
  int64_t active_jobs() const { return totals_active_; }
  int64_t pending_tasks() const { return totals_pending_; }
  int64_t held_tasks() const { return totals_held_; }
  // How finely waiting tasks are told apart by deadline (kMaxPlannedClasses).
  int deadline_shift() const { return deadline_shift_; }
  // What accounts hold and have waiting; of those that have tasks which have not ended.
  const std::map<AccountId, model::AccountUse>& account_use() const { return account_use_; }
  const model::AccountPolicy& PolicyOf(const AccountId& account) const;
  const MachineOptions& options() const { return options_; }
  // How long tasks run against what was expected of them; of kMaxDurationKeys names at most.
  const curve::Durations& durations() const { return durations_; }
  // Work a task still has to do, by what was learned of its kind and what it has done: the mean,
  // and what it is planned for where a deadline counts, which is never less.
  curve::RemainingWork RemainingWork(const Job& job, const model::Task& task) const;
  absl::Duration Remaining(const Job& job, const model::Task& task) const {
    return RemainingWork(job, task).mean;
  }
  // The chance that a task of the job ends when it may run so much longer. A task that has not been
  // submitted counts as new.
  curve::Chance ChanceWithin(const Job& job, const model::Task& task, absl::Duration limit) const;
  // What SubmitJob would be answered now; nothing changes by it and nothing is promised.
  Reply CheckSubmit(const SubmitJob& command) const;
  // How a job that CheckSubmit accepts would be planned into what the plan of now leaves free.
  // REQUIRES: `spec` is of such a reply.
  Preview PreviewOf(const JobId& id, std::shared_ptr<const model::JobSpec> spec) const;
  // The class that a waiting task is planned with; a fresh one of the same kind otherwise.
  plan::Class ClassOf(const Job& job, const model::Task& task) const;
  // The verdict that a waiting task's class has in the plan of now; nullptr if it is not planned
  // yet.
  const plan::Verdict* VerdictOf(const Job& job, const model::Task& task) const;
  // A job of a class and how many tasks wait in it; nothing if none does.
  std::optional<std::pair<JobId, size_t>> ExampleOf(uint64_t class_id) const;
  // Whether prices are the signal's rather than the load itself.
  bool priced() const { return priced_; }
  // That it is foreseen to miss its deadline; nullptr if it is not, or has none.
  const ExpectedLate* LateOf(const Job& job, const TaskId& id) const;
  // The same of one of its tasks, if it is found among the running ones and the first and last 64.
  const ExpectedLate* LateOf(const Job& job) const;
  // Tasks that are foreseen to miss their deadline, by whether it is still ahead. Cost O(classes and
  // running tasks among them).
  struct LateCounts {
    int64_t ahead = 0;
    int64_t passed = 0;
  };
  LateCounts CountLate() const;
  // Why a waiting task waits, at this moment.
  std::pair<model::Reason, std::string> WaitReason(const Job& job, const model::Task& task) const;

 private:
  using Classes = std::map<ClassKey, ClassQueue>;
  // A class with a verdict, in dispatch order. Valid until the next plan: what is here is read at
  // each dispatch, so that classes of which nothing can start yet cost next to nothing.
  struct Turn {
    std::tuple<bool, int64_t, int64_t, absl::Time, uint64_t> rank;
    absl::Time from;  // Nothing of it starts earlier.
    Classes::iterator task_class;
    size_t verdict = 0;  // Index in plan_.verdicts.
  };

  // How many of a class's tasks will be late, the last ones.
  struct WaitingOutlook {
    int64_t late = 0;
    double chance = 0;                       // To be in time, of the first of them.
    const plan::Allotment* start = nullptr;  // Where it would start; nullptr: nowhere.
  };

  struct Placement {
    model::Reason reason;
    std::string detail;
  };

  // machine.cc
  absl::Status RecoverTasks(Job& job);
  void RecoverCurves(Image& image);
  void FireTimers();
  void ExpireRequests();
  void ExpireJobs();
  Job& JobAt(JobUid uid);
  model::Task& TaskAt(const TaskId& id);
  model::TaskRun& RunOf(model::Task& task);
  void Touch(const TaskId& id);
  void SetState(Job& job, const TaskId& id, model::TaskState state, model::Reason reason,
                std::string detail);
  void EndTask(Job& job, const TaskId& id, model::TaskState state, model::Reason reason,
               const std::string& detail);
  void FinishJobIfDone(Job& job);
  void Decide(DecisionKind kind, const Job& job, const TaskId& id, Decision decision);

  // accounts.cc
  // Counts tasks of the job that are in the state, for the job, in all and for its account.
  void Count(Job& job, model::TaskState state, int64_t tasks);
  // Whether the account may have one more task of this size alive (Promise 12), and how many.
  bool WithinQuota(const AccountId& account, const model::Resources& request) const {
    return QuotaRoom(account, request) > 0;
  }
  int64_t QuotaRoom(const AccountId& account, const model::Resources& request) const;
  int64_t QuotaRoom(const plan::Class& task_class) const {
    return task_class.account ? QuotaRoom(*task_class.account, task_class.request)
                              : std::numeric_limits<int64_t>::max();
  }
  absl::Status CheckAccount(const model::JobSpec& spec) const;
  void NoteQuotaWaits();
  void NoteQuotaWait(const ClassKey& key, const plan::Verdict& verdict);
  plan::Account PlanAccount(const AccountId& account) const;
  void AddAccount(const AccountId& account, std::vector<plan::Account>& accounts) const;

  // jobs.cc
  Reply On(const SubmitJob& command);
  Reply On(const CancelJob& command);
  absl::Status CheckFeasible(const model::JobSpec& spec) const;
  absl::Status CheckRoom(const model::JobSpec& spec) const;
  std::shared_ptr<const model::JobSpec> Complete(std::shared_ptr<const model::JobSpec> spec) const;

  // nodes.cc
  Reply On(const NodeHello& command);
  Reply On(const NodeHeartbeat& command);
  Reply On(const NodeReport& command);
  Reply On(const NodeLoad& command);
  Reply On(const NodeGone& command);
  Reply On(const DrainNode& command);
  Reply On(const DeclareNodeLost& command);
  Reply On(const RefreshLeases& command);
  absl::Status CheckHello(const NodeHello& hello) const;
  Node* LiveNode(const NodeId& id, uint64_t session);
  void ExpireLeases();
  void LoseNode(Node& node);
  void LeaveThere(Job& job, const TaskId& id);
  void NoteBack(Job& job, const TaskId& id);
  void ReconcileAttempts(Node& node, const std::vector<AttemptStatus>& attempts);
  void ReconcileCheckpoints(Node& node, const std::vector<HeldCheckpoint>& checkpoints);
  void SetLease(Node& node);

  // attempts.cc
  void OnAttempt(Node& node, const AttemptStatus& status);
  void OnLiveAttempt(Job& job, const TaskId& id, Node& node, const AttemptStatus& status);
  void OnRunning(Job& job, const TaskId& id, Node& node, const AttemptStatus& status);
  void OnAgentLeaves(Job& job, const TaskId& id, const AttemptStatus& status);
  void OnEnded(Job& job, const TaskId& id, Node& node, const AttemptStatus& status);
  void OnFailed(Job& job, const TaskId& id, const AttemptStatus& status, model::Reason reason);
  void OnUnsaved(Job& job, const TaskId& id, const AttemptStatus& status);
  void OnLeft(Job& job, const TaskId& id, const AttemptStatus& status);
  void EndAttempt(const TaskId& id, model::Reason reason, std::string detail,
                  const AttemptStatus* status);
  void BackToPending(Job& job, const TaskId& id, model::Reason reason, std::string detail,
                     absl::Duration backoff);
  void StartAttempt(Job& job, const TaskId& id, Node& node, Placement placement);
  OrderAttempt MakeStart(const Job& job, const TaskId& id) const;
  void OrderStop(const Node& node, const model::AttemptKey& key, AttemptAction action,
                 model::Reason reason);
  void Occupy(Node& node, const TaskId& id, const model::Resources& request);
  void Vacate(Node& node, const TaskId& id, const model::Resources& request);
  void Reserve(Node& node, const TaskId& id, const model::Resources& request);
  void DropReservation(const TaskId& id);
  void AddBatch(Node& node, const model::Resources& request, int sign);
  void AddPinned(Node& node, MilliCores cores);

  // checkpoints.cc
  void OnSealed(Job& job, const TaskId& id, Node& node, const SealedCheckpoint& sealed);
  void OnHeld(Node& node, const HeldCheckpoint& held);
  void NoteUncopied(const Job& job, const TaskId& id);
  void LoseCopy(Node& node, const model::CheckpointKey& key);
  void ReleaseCopy(const NodeId& node, const model::CheckpointKey& key);
  void ReleaseAll(const TaskId& id);
  void ReleasePrevious(const TaskId& id);
  void PreferReachable(const Job& job, const TaskId& id);
  void TrimHolders(Job& job, const TaskId& id, const NodeId& running_on);
  void EnsureCopies();
  void ForgetOrderedCopy(const TaskId& id);
  void ForgetFailedCopies(const TaskId& id);
  NodeId ChooseCopyNode(const Job& job, const TaskId& id,
                        const model::Checkpoint& checkpoint) const;
  void OrderCopy(const Job& job, const model::Checkpoint& checkpoint, const NodeId& target);
  RestoreSource SourceOf(const model::Checkpoint& checkpoint, const NodeId& puller) const;
  bool CheckpointReachable(const model::Checkpoint& checkpoint) const;
  absl::Time GivenUp(const model::Checkpoint& checkpoint) const;

  // residency.cc
  bool MayBeOn(const model::JobSpec& spec, const Node& node) const;
  void EnforceResidency();
  void ReleaseOutside(const Job& job, const TaskId& id);
  void StopOutside(const Job& job, const TaskId& id);

  // classes.cc
  absl::Duration MovePause(Bytes size) const;
  void Enqueue(const Job& job, const TaskId& id);
  void JoinClass(const Job& job, const TaskId& id);
  void Dequeue(const Job& job, const TaskId& id);
  ClassKey KeyOf(const Job& job, const model::Task& task) const;
  plan::Class ClassFrom(const ClassKey& key, const ClassQueue& queue) const;
  void RebuildClasses();
  void ForgetVerdicts();
  size_t ClassesWith(int shift, size_t most) const;
  int BestShift() const;
  void GroupDeadlines();
  void ReadyBackoffs();

  // dispatch.cc
  Reply On(const AdoptPlan& command);
  Reply On(const Tick& command);
  void Dispatch();
  void PlaceNewClasses();
  Turn TurnOf(Classes::iterator task_class, size_t verdict) const;
  void SortDispatchOrder();
  using Turns = std::vector<Turn>::iterator;
  void DispatchTurn(Turn& turn);
  Turns EndOfEquals(Turns from);
  void DispatchFairly(Turns from, Turns to);
  // Starts at most so many of its tasks; how many it has started.
  int64_t StartSome(const ClassQueue& queue, const plan::Class& task_class, plan::Verdict& verdict,
                    int64_t most);
  void KeepGrants(const ClassQueue& queue, const plan::Class& task_class,
                  const plan::Verdict& verdict);
  int64_t StartAnywhere(const ClassQueue& queue, const plan::Class& task_class,
                        const plan::Verdict& verdict, plan::Mode mode, int64_t most);
  bool StartOne(const ClassQueue& queue, const plan::Class& task_class, size_t site,
                plan::Mode mode, model::Reason reason, const std::string& detail);
  Node* ChooseNode(size_t site, const model::Resources& request, const NodeId* except);
  void ApplyMoves(const std::vector<plan::MoveAdvice>& moves);
  bool ApplyMove(const plan::MoveAdvice& move);
  void WantPlan();

  // lateness.cc
  void ForeseeLate();
  bool FleetIsThere() const;
  void HandOverLate();
  void TakeLateFromClasses();
  void KeepLate(const Job& job, const TaskId& id);
  void ForeseeWaiting(bool warn);
  WaitingOutlook OutlookOf(const ClassKey& key, const ClassQueue& queue,
                           const plan::Verdict& verdict, bool warned) const;
  const Job& JobOfLate(const ClassQueue& queue, int64_t late) const;
  void ForeseeClass(Classes::iterator task_class, const plan::Verdict& verdict, bool warn);
  std::pair<model::Reason, std::string> WhyLate(const ClassKey& key, absl::Time deadline,
                                                const plan::Verdict& verdict,
                                                const WaitingOutlook& outlook) const;
  void ForeseeRunning(bool warn);
  void ForeseeTask(const Job& job, const TaskId& id);
  double ChanceBy(const Job& job, const TaskId& id, absl::Duration high,
                  absl::Duration limit) const;
  bool TellLate(const ExpectedLate& late);
  void TellInTime(const ExpectedLate& late);

  // learning.cc
  absl::Duration WorkDone(const model::Task& task) const;
  void LearnDuration(const Job& job, const model::Task& task);
  void LearnDemand(const Job& job);
  std::vector<plan::FutureWork> FutureWork() const;

  // curves.cc
  Reply On(const SetFleet& command);
  Reply On(const SetPrices& command);
  Reply On(const ImportCurve& command);
  bool HasPlaceForAccount();
  void LearnArrival(const model::JobSpec& spec);
  std::vector<curve::SpecialKind> SpecialDaysOf(const DataCenterId& data_center) const;
  void CloseBins();
  static curve::Observation Learn(const curve::Bin& bin, curve::Forecaster& curve,
                                  Coverage& coverage);
  void LearnBin(const DataCenterId& id, const curve::Bin& bin);
  void NotePriced();
  void RebuildBoard();
  void RefreshSite(size_t site);
  std::optional<size_t> SiteOf(const DataCenterId& id) const;
  uint64_t AllowedSites(const model::Residency& residency) const;
  // What one task may ask at most, by site: within the largest node, and within the target
  // utilization of all nodes. Of the connected nodes, drained or not, or of all that are known.
  std::vector<model::Resources> LargestTasks(bool connected) const;
  void RefreshCapacity();
  static bool Counts(const Node& node);
  void IndexNode(const Node& node);
  MicroCost PriceAt(const model::DataCenter& data_center, absl::Time time, double load) const;

  MachineOptions options_;
  FleetConfig fleet_;
  absl::Time now_ = absl::InfinitePast();

  // Durable state.
  JobUid next_uid_{1};
  std::map<JobUid, std::unique_ptr<Job>> jobs_;
  std::map<RequestId, Request> requests_;
  std::map<NodeId, Node> nodes_;
  std::map<DataCenterId, curve::Forecaster> curves_;
  std::map<DataCenterId, Coverage> coverage_;      // One beside each of curves_.
  std::map<AccountId, curve::Arrivals> arrivals_;  // Each advanced to its newest arrival.

  curve::Durations durations_;

  // Derived from the durable state, or of this process's life.
  absl::flat_hash_map<std::string, JobUid> uid_by_id_;  // Lookup only.
  // No day in arrivals_ is before it, so that full places need not be searched at each submission.
  int64_t oldest_arrival_day_ = 0;
  curve::Demand demand_;
  std::set<std::pair<absl::Time, RequestId>> request_expiry_;
  std::set<std::pair<absl::Time, JobUid>> job_expiry_;
  std::set<std::pair<absl::Time, TaskId>> backoffs_;
  Classes classes_;
  absl::flat_hash_map<uint64_t, Classes::iterator> class_by_id_;  // Lookup only.
  uint64_t next_class_id_ = 1;
  uint64_t plan_basis_ = 1;    // Of the classes and sites that there are.
  size_t filled_classes_ = 0;  // In which tasks wait.
  absl::flat_hash_map<uint64_t, size_t> verdict_by_class_;  // Lookup only: index in plan_.verdicts.
  absl::btree_set<uint64_t> unplanned_;                     // Classes without a verdict.
  std::vector<Turn> dispatch_order_;
  // By site, in this dispatch: kept for those before in its order.
  std::vector<model::Resources> granted_;
  size_t first_block_ = 0;  // Of plan_: what it has start now.
  int deadline_shift_ = kExactDeadlines;
  bool order_stale_ = true;
  std::vector<absl::btree_set<std::pair<int64_t, NodeId>>> free_cores_;  // By site: (free, node).
  std::map<NodeId, int64_t> free_cores_of_node_;
  std::map<DataCenterId, curve::BinAccumulator> accumulators_;  // One per data center.
  std::map<DataCenterId, int> bins_since_state_;
  absl::Time next_bin_ = absl::InfinitePast();
  plan::Input board_;  // Sites and grid, kept current; no classes, no running tasks.
  plan::Plan plan_;
  // What is foreseen to be late. No waiting task is in late_tasks_ right after a plan was adopted.
  std::map<ClassKey, ExpectedLate> late_classes_;
  std::map<TaskId, ExpectedLate> late_tasks_;
  int told_late_ = 0;          // Warnings that the plan being adopted has told.
  std::set<TaskId> uncopied_;  // Whose newest checkpoint wants a second holder.
  std::map<TaskId, std::pair<NodeId, absl::Time>> copies_ordered_;
  // (task, node) that could not copy: until when it is not asked again.
  std::map<std::pair<TaskId, NodeId>, absl::Time> copies_failed_;
  absl::Time next_copy_check_ = absl::InfinitePast();
  absl::Time next_lease_ = absl::InfiniteFuture();  // No lease ends before this.
  std::set<size_t> overloaded_;  // Sites for which a plan was wanted because of measured load.
  bool priced_ = false;          // Every data center has a price signal.
  bool board_stale_ = false;
  bool capacity_stale_ = false;  // Nodes have come or gone: the sums and free_cores_ are of before.
  bool plan_stale_ = false;      // A plan is to be wanted once the capacity is known again.
  bool dispatch_needed_ = false;
  bool plan_wanted_ = false;        // From the wish until a plan is adopted.
  bool plan_wanted_again_ = false;  // Wished for once more since.
  uint64_t plan_wanted_at_ = 0;
  bool snapshot_ahead_ = false;  // A plan is wanted and no Tick has come since.
  uint64_t applied_ = 0;         // Commands so far.
  int64_t totals_active_ = 0;    // Jobs that have not ended.
  int64_t totals_pending_ = 0;
  int64_t totals_held_ = 0;
  std::map<AccountId, model::AccountUse> account_use_;
  // Of which the plan puts work off for their quota: once some of it is free, a plan is wanted.
  std::set<AccountId> put_off_by_quota_;

  // Of the command that is being applied.
  std::vector<Effect>* effects_ = nullptr;
  std::vector<model::AttemptKey> stale_;  // What its node was told to stop as stale.
  Changes changes_;
};

}  // namespace heliotrope::core
