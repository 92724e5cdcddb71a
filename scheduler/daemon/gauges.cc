#include "scheduler/daemon/gauges.h"

#include <iterator>
#include <limits>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/daemon/thread.h"
#include "scheduler/model/task.h"
#include "scheduler/os/clock.h"

namespace heliotrope::daemon {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(5);
// Jobs that are counted in one look: a fraction of a millisecond of the core thread.
constexpr int kJobsAtATime = 1000;

constexpr const char* kJobStateLabels[] = {"pending", "running", "succeeded", "failed",
                                           "cancelled"};
// All that core::Machine gives a site's mode.
constexpr model::Reason kPlanningModes[] = {
    model::Reason::kForecast,          model::Reason::kNoHistory,     model::Reason::kForecastYoung,
    model::Reason::kForecastOutOfBand, model::Reason::kForecastStale, model::Reason::kSensorFrozen};
constexpr const char* kNodeStateLabels[] = {"ready", "silent", "lost"};

constexpr char kCapacity[] = "heliotrope_datacenter_capacity_cores";
constexpr char kForeground[] = "heliotrope_datacenter_foreground_cores";
constexpr char kBatch[] = "heliotrope_datacenter_batch_cores";
constexpr char kHeadroom[] = "heliotrope_datacenter_headroom_cores";
constexpr char kReactive[] = "heliotrope_datacenter_planned_reactively";
constexpr char kPlanning[] = "heliotrope_datacenter_planning";
constexpr char kError[] = "heliotrope_forecast_error_ratio";
constexpr char kAccountUsed[] = "heliotrope_account_used_cores";
constexpr char kAccountLimit[] = "heliotrope_account_limit_cores";
constexpr char kAccountPending[] = "heliotrope_account_pending_tasks";
constexpr char kCoverage[] = "heliotrope_forecast_coverage_ratio";

}  // namespace

Gauges::Gauges(CoreLoop& core, os::MetricsRegistry& registry) : core_(core), registry_(registry) {
  for (size_t i = 0; i < kJobStates; ++i) {
    jobs_[i] = &registry.AddGauge("heliotrope_jobs", "Jobs by state; ended ones until they expire.",
                                  {{"state", kJobStateLabels[i]}});
  }
  for (size_t i = 0; i < kTaskStates; ++i) {
    const auto state = static_cast<model::TaskState>(i);
    tasks_[i] =
        &registry.AddGauge("heliotrope_tasks", "Tasks by state; those of ended jobs included.",
                           {{"state", absl::AsciiStrToLower(model::TaskStateName(state))}});
  }
  for (size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i] = &registry.AddGauge(
        "heliotrope_nodes", "Nodes by state: connected, silent within their lease, or given up.",
        {{"state", kNodeStateLabels[i]}});
  }
  const auto late = [&registry](const char* deadline) {
    return &registry.AddGauge("heliotrope_tasks_expected_late",
                              "Tasks that are foreseen to end after their deadline, or have not "
                              "ended by then, by whether it is ahead or has passed.",
                              {{"deadline", deadline}});
  };
  late_ahead_ = late("ahead");
  late_passed_ = late("passed");
  drained_ = &registry.AddGauge("heliotrope_drained_nodes", "Nodes that an operator has drained.");
}

void Gauges::Start() {
  thread_ = StartThread({.name = "gauges"}, [this] { Run(); });
}

void Gauges::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

void Gauges::Run() {
  while (true) {
    Refresh().IgnoreError();  // Fails only when all is about to end.
    const absl::Duration end = os::Boottime() + kInterval;
    MutexLock lock(mutex_);
    while (!stopping_ && os::Boottime() < end) changed_.WaitFor(mutex_, end - os::Boottime());
    if (stopping_) return;
  }
}

absl::Status Gauges::Refresh() {
  FleetView view;
  HT_RETURN_IF_ERROR(
      core_.ReadNow([&view](const core::Machine& machine) { view = LookAtFleet(machine); }));
  JobCounts counts;
  JobUid next(1);
  while (next != JobUid()) {
    HT_RETURN_IF_ERROR(
        core_.ReadNow([&](const core::Machine& machine) { CountSome(machine, next, counts); }));
  }
  MutexLock lock(refresh_);
  Show(view);
  Show(counts);
  return absl::OkStatus();
}

Gauges::FleetView Gauges::LookAtFleet(const core::Machine& machine) {
  FleetView view;
  for (const plan::Site& site : machine.board().sites) {
    Site shown;
    shown.id = site.id;
    shown.capacity = site.capacity.cores();
    shown.foreground = site.foreground_now.cores();
    shown.batch = site.batch_now.cores();
    shown.headroom = site.headroom.empty() ? 0 : site.headroom.front().cores();
    shown.reactive = site.reactive;
    shown.mode = site.mode;
    const auto curve = machine.curves().find(site.id);
    if (curve != machine.curves().end()) shown.curve = curve->second.StatusAt(machine.now());
    const auto coverage = machine.coverage().find(site.id);
    for (size_t i = 0; i < curve::kQuantiles && coverage != machine.coverage().end(); ++i) {
      shown.coverage[i] = coverage->second.share(i);
    }
    view.sites.push_back(std::move(shown));
  }
  view.late = machine.CountLate();
  for (const auto& [id, node] : machine.nodes()) {
    ++view.nodes[node.lost ? 2 : node.connected ? 0 : 1];
    view.drained += node.drained ? 1 : 0;
  }
  view.accounts = LookAtAccounts(machine);
  return view;
}

// Only those that the configuration lists are told apart: anybody can submit under a new name.
std::map<std::string, Gauges::Account> Gauges::LookAtAccounts(const core::Machine& machine) {
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  std::map<std::string, Account> accounts;
  accounts[kOtherAccounts].limit = kNoLimit;
  for (const auto& [id, policy] : machine.fleet().accounts) {
    accounts[id.value()].limit =
        policy.most.cores == MilliCores::Max() ? kNoLimit : policy.most.cores.cores();
  }
  for (const auto& [id, use] : machine.account_use()) {
    const bool listed = machine.fleet().accounts.contains(id);
    Account& account = accounts[listed ? id.value() : kOtherAccounts];
    account.used += use.held.cores.cores();
    account.pending += static_cast<double>(use.pending_tasks);
  }
  return accounts;
}

void Gauges::CountSome(const core::Machine& machine, JobUid& next, JobCounts& counts) {
  auto job = machine.jobs().lower_bound(next);
  for (int i = 0; i < kJobsAtATime && job != machine.jobs().end(); ++i, ++job) {
    ++counts.jobs[static_cast<size_t>(job->second->State())];
    const core::TaskCounts& tasks = job->second->counts;
    const uint32_t by_state[kTaskStates] = {tasks.pending,       tasks.assigned,  tasks.running,
                                            tasks.checkpointing, tasks.succeeded, tasks.failed,
                                            tasks.cancelled};
    for (size_t state = 0; state < kTaskStates; ++state) counts.tasks[state] += by_state[state];
  }
  next = job == machine.jobs().end() ? JobUid() : job->first;
}

void Gauges::Show(const JobCounts& counts) {
  for (size_t i = 0; i < kJobStates; ++i) jobs_[i]->Set(static_cast<double>(counts.jobs[i]));
  for (size_t i = 0; i < kTaskStates; ++i) tasks_[i]->Set(static_cast<double>(counts.tasks[i]));
}

void Gauges::Show(const std::map<std::string, Account>& accounts) {
  for (const auto& [name, account] : accounts) {
    auto known = accounts_.find(name);
    if (known == accounts_.end()) known = accounts_.emplace(name, MakeAccount(name)).first;
    known->second.used->Set(account.used);
    known->second.limit->Set(account.limit);
    known->second.pending->Set(account.pending);
  }
  std::erase_if(accounts_, [&](const auto& entry) {
    if (accounts.contains(entry.first)) return false;
    registry_.RemoveGauge(kAccountUsed, *entry.second.used);
    registry_.RemoveGauge(kAccountLimit, *entry.second.limit);
    registry_.RemoveGauge(kAccountPending, *entry.second.pending);
    return true;
  });
}

Gauges::OfAccount Gauges::MakeAccount(const std::string& account) {
  const auto add = [&](const char* name, const char* help) {
    return &registry_.AddGauge(name, help, {{"account", account}});
  };
  return {.used = add(kAccountUsed,
                      "Cores that the tasks of an account hold; \"other\": of all "
                      "accounts that are not configured."),
          .limit = add(kAccountLimit, "Cores that they may hold at once; +Inf: no limit."),
          .pending = add(kAccountPending, "Tasks of an account that wait.")};
}

void Gauges::Show(const FleetView& view) {
  Show(view.accounts);
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i]->Set(static_cast<double>(view.nodes[i]));
  drained_->Set(static_cast<double>(view.drained));
  late_ahead_->Set(static_cast<double>(view.late.ahead));
  late_passed_->Set(static_cast<double>(view.late.passed));
  std::set<DataCenterId> present;
  for (const Site& site : view.sites) {
    present.insert(site.id);
    auto known = data_centers_.find(site.id);
    if (known == data_centers_.end()) {
      known = data_centers_.emplace(site.id, MakeDataCenter(site.id)).first;
    }
    const OfDataCenter& gauges = known->second;
    gauges.capacity->Set(site.capacity);
    gauges.foreground->Set(site.foreground);
    gauges.batch->Set(site.batch);
    gauges.headroom->Set(site.headroom);
    gauges.reactive->Set(site.reactive ? 1 : 0);
    for (size_t i = 0; i < kPlanningReasons; ++i) {
      gauges.planning[i]->Set(site.mode == kPlanningModes[i] ? 1 : 0);
    }
    gauges.error_hour->Set(site.curve.wape_hour);
    gauges.error_day->Set(site.curve.wape_day);
    for (size_t i = 0; i < curve::kQuantiles; ++i) gauges.coverage[i]->Set(site.coverage[i]);
  }
  // A reload may have taken some away.
  std::erase_if(data_centers_, [&](const auto& entry) {
    if (present.contains(entry.first)) return false;
    Remove(entry.second);
    return true;
  });
}

Gauges::OfDataCenter Gauges::MakeDataCenter(const DataCenterId& id) {
  const auto add = [this, &id](const char* name, const char* help, os::MetricLabels labels = {}) {
    labels["datacenter"] = id.value();
    return &registry_.AddGauge(name, help, labels);
  };
  constexpr char kErrorHelp[] = "Sum of absolute forecast errors over sum of loads, by lead.";
  constexpr char kCoverageHelp[] =
      "Share of loads at or below the quantile of a day before; the level until one is judged.";
  OfDataCenter gauges;
  gauges.capacity = add(kCapacity, "Cores of connected nodes that are not drained.");
  gauges.foreground = add(kForeground, "Cores that the foreground uses, as measured.");
  gauges.batch = add(kBatch, "Cores that tasks hold, reservations included.");
  gauges.headroom = add(kHeadroom, "Cores that batch may use now.");
  gauges.reactive = add(kReactive, "1 while its forecast is not used.");
  static_assert(std::size(kPlanningModes) == kPlanningReasons);
  for (size_t i = 0; i < kPlanningReasons; ++i) {
    gauges.planning[i] = add(kPlanning, "1 for the reason of how it is planned.",
                             {{"reason", std::string(model::ReasonName(kPlanningModes[i]))}});
  }
  gauges.error_hour = add(kError, kErrorHelp, {{"lead", "1h"}});
  gauges.error_day = add(kError, kErrorHelp, {{"lead", "24h"}});
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    gauges.coverage[i] =
        add(kCoverage, kCoverageHelp, {{"level", absl::StrCat(curve::kQuantileLevels[i])}});
  }
  return gauges;
}

void Gauges::Remove(const OfDataCenter& gauges) {
  registry_.RemoveGauge(kCapacity, *gauges.capacity);
  registry_.RemoveGauge(kForeground, *gauges.foreground);
  registry_.RemoveGauge(kBatch, *gauges.batch);
  registry_.RemoveGauge(kHeadroom, *gauges.headroom);
  registry_.RemoveGauge(kReactive, *gauges.reactive);
  for (prometheus::Gauge* gauge : gauges.planning) registry_.RemoveGauge(kPlanning, *gauge);
  registry_.RemoveGauge(kError, *gauges.error_hour);
  registry_.RemoveGauge(kError, *gauges.error_day);
  for (prometheus::Gauge* gauge : gauges.coverage) registry_.RemoveGauge(kCoverage, *gauge);
}

}  // namespace heliotrope::daemon
