#include "tests/bench/machine_series.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/limits.h"

namespace heliotrope::bench {
namespace {

using model::AttemptPhase;

constexpr absl::Duration kHistory = absl::Hours(24 * 28);

class Stopwatch {
 public:
  // Seconds since the last lap.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Nobody is ever lost here, so nobody has to say that it lives.
core::MachineOptions OptionsOf() {
  core::MachineOptions options;
  options.lease_real = absl::Minutes(1);
  options.lease = absl::Hours(24 * 365);
  return options;
}

}  // namespace

MachineSeries::MachineSeries(int percent, uint64_t seed)
    : random_(seed), now_(LoadStart() + absl::Hours(9)), machine_(OptionsOf(), FleetOf()) {
  BeginFleet(percent);
  SetPrices();
  MeasureLoad();
  Do(core::Tick{});
  FillQueue();
  Do(core::Tick{});
  machine_.TakeChanges();
}

void MachineSeries::BeginFleet(int percent) {
  const std::vector<model::DataCenter>& data_centers = machine_.fleet().data_centers;
  for (size_t site = 0; site < data_centers.size(); ++site) {
    const model::DataCenter& data_center = data_centers[site];
    for (int i = 0; i < NodesPerSite(percent); ++i) {
      core::NodeHello hello;
      hello.node = NodeId(absl::StrCat(data_center.id.value(), "-n", i));
      hello.session = 1;
      hello.instance = hello.node.value();
      hello.version = "0.0.0";
      hello.data_center = data_center.id;
      hello.jurisdiction = data_center.jurisdiction;
      hello.capacity = {MilliCores::FromCores(kCoresPerNode), kMemoryPerNode};
      hello.address = absl::StrCat(hello.node.value(), ":7410");
      nodes_.emplace_back(hello.node, site);
      Do(hello);
    }
    core::ImportCurve history{.data_center = data_center.id, .bins = {}};
    for (absl::Time at = now_ - kHistory; at < now_; at += curve::BinLength()) {
      history.bins.push_back({at, ForegroundAt(site, at) + 0.02 * (random_.Double() - 0.5)});
    }
    Do(history);
  }
}

// A day ahead, as on a day-ahead market.
void MachineSeries::SetPrices() {
  core::SetPrices command;
  for (size_t site = 0; site < kSites; ++site) {
    auto& prices = command.usd_per_mwh[machine_.fleet().data_centers[site].id];
    for (absl::Time at = now_ - absl::Hours(24 * 7); at < now_ + absl::Hours(24);
         at += absl::Hours(1)) {
      prices.emplace_back(at, PriceAt(site, at));
    }
  }
  Do(command);
}

int MachineSeries::FillQueue() {
  int jobs = 0;
  for (; machine_.pending_tasks() < kQueuedTasks; ++jobs) {
    const Kind kind = AKind(random_);
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"simulated"};
    spec->request = kind.request;
    spec->expected_duration = kind.expected;
    if (kind.checkpoint) spec->checkpoint.emplace().expected_bytes = *kind.checkpoint;
    spec->count = static_cast<uint32_t>(
        std::min(int64_t{kind.count}, kQueuedTasks - machine_.pending_tasks()));
    spec->deadline = now_ + kind.patience;
    spec->priority = kind.priority;
    spec->account = AccountId("bench");
    spec->home = machine_.fleet().data_centers[kind.home].id;
    spec->residency = Residencies()[kind.residency];
    work_.push_back(std::max(absl::Seconds(30), kind.expected * (0.5 + random_.Double())));
    Do(core::SubmitJob{
        .spec = std::move(spec), .id = JobId(absl::StrCat("job-", work_.size())), .request = {}});
  }
  return jobs;
}

void MachineSeries::MeasureLoad() {
  for (const auto& [node, site] : nodes_) {
    const double load = ForegroundAt(site, now_) + 0.02 * (random_.Double() - 0.5);
    core::NodeLoad command{.node = node, .session = 1, .samples = {}};
    command.samples.push_back({now_, MilliCores::FromCores(load * kCoresPerNode), Bytes::Zero()});
    Do(command);
  }
}

void MachineSeries::EndWork() {
  while (!ends_.empty() && ends_.begin()->first <= now_) {
    const auto [end_time, key] = *ends_.begin();
    ends_.erase(ends_.begin());
    const auto attempt = attempts_.find(key);
    if (attempt == attempts_.end()) continue;
    core::AttemptStatus status;
    status.key = key;
    status.phase = AttemptPhase::kSucceeded;
    status.end_time = end_time;
    status.exit_code = 0;
    const NodeId node = attempt->second.node;
    attempts_.erase(attempt);
    Report(node, std::move(status));
  }
}

MachineSeries::Parts MachineSeries::Replan() {
  Parts parts;
  now_ += absl::Minutes(5);
  Stopwatch watch;
  Do(core::Tick{});
  parts.board = watch.Lap();
  Talk();
  if (absl::ToUnixSeconds(now_) % 3600 == 0) SetPrices();
  MeasureLoad();
  EndWork();
  Talk();
  Do(core::Tick{});

  watch.Lap();
  plan::Input input = machine_.PlanInput();
  parts.snapshot = watch.Lap();
  const auto plan = std::make_shared<const plan::Plan>(plan::Compute(input));
  parts.planning = watch.Lap();
  Do(core::AdoptPlan{plan});
  parts.adoption = watch.Lap();
  Do(core::Tick{});
  parts.dispatch = watch.Lap();
  classes_ = input.classes.size();
  Talk();

  const int jobs = FillQueue();
  watch.Lap();
  Do(core::Tick{});
  parts.placement = watch.Lap() / std::max(1, jobs);
  Talk();
  machine_.TakeChanges();
  return parts;
}

MachineSeries::Crowding MachineSeries::Crowd() {
  for (size_t i = 0; i < kMaxPlannedClasses; ++i) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"simulated"};
    spec->request = {MilliCores::FromCores(1), Bytes::FromGiB(1)};
    spec->expected_duration = absl::Hours(1);
    spec->checkpoint.emplace();
    spec->deadline = now_ + absl::Hours(24) + absl::Minutes(static_cast<int64_t>(i));
    spec->account = AccountId("crowd");
    spec->residency.any = true;
    work_.push_back(spec->expected_duration);
    Do(core::SubmitJob{
        .spec = std::move(spec), .id = JobId(absl::StrCat("job-", work_.size())), .request = {}});
  }
  Crowding longest;
  TimeTicks(longest);
  // Who has wanted a plan before it is grouped for the next one.
  for (int plans = 0; plans < 2; ++plans) {
    Do(core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    TimeTicks(longest);
  }
  return longest;
}

void MachineSeries::TimeTicks(Crowding& longest) {
  do {
    const int shift = machine_.deadline_shift();
    Stopwatch watch;
    Do(core::Tick{});
    const double took = watch.Lap();
    double& most = machine_.deadline_shift() == shift ? longest.placement : longest.regroup;
    most = std::max(most, took);
  } while (machine_.NextTimer() <= now_);
  Talk();
}

void MachineSeries::Talk() {
  while (!orders_.empty()) {
    const core::OrderAttempt order = std::move(orders_.front());
    orders_.pop_front();
    OnOrder(order);
  }
}

void MachineSeries::OnOrder(const core::OrderAttempt& order) {
  switch (order.action) {
    case core::AttemptAction::kStart: {
      core::AttemptStatus status;
      status.key = order.key;
      status.phase = AttemptPhase::kRunning;
      status.start_time = now_;
      attempts_[order.key] = {order.node, now_};
      absl::Duration left = work_[order.key.task.job.value() - 1];
      if (order.start->restore) left -= done_[order.key.task];
      ends_.emplace(now_ + std::max(absl::Seconds(1), left), order.key);
      Report(order.node, std::move(status));
      return;
    }
    case core::AttemptAction::kLeave:
      Leave(order);
      return;
    case core::AttemptAction::kStop: {
      if (attempts_.erase(order.key) == 0) return;
      core::AttemptStatus status;
      status.key = order.key;
      status.phase = AttemptPhase::kStopped;
      status.end_time = now_;
      Report(order.node, std::move(status));
      return;
    }
    case core::AttemptAction::kForget:
      return;
  }
}

void MachineSeries::Leave(const core::OrderAttempt& order) {
  const auto attempt = attempts_.find(order.key);
  if (attempt == attempts_.end()) return;
  const absl::Duration ran = now_ - attempt->second.since;
  attempts_.erase(attempt);
  done_[order.key.task] += ran;
  core::AttemptStatus status;
  status.key = order.key;
  status.phase = AttemptPhase::kLeft;
  status.end_time = now_;
  status.checkpoint = core::SealedCheckpoint{.key = {order.key, 1},
                                             .digest = std::string(32, '.'),
                                             .size = Bytes::FromMiB(512),
                                             .run_time = ran};
  Report(order.node, std::move(status));
}

void MachineSeries::Report(const NodeId& node, core::AttemptStatus status) {
  core::NodeReport report{.node = node, .session = 1, .attempts = {}, .checkpoints = {}};
  report.attempts.push_back(std::move(status));
  Do(report);
}

// What the core has no reason to refuse here.
void MachineSeries::Do(const core::Command& command) {
  core::Outcome outcome = machine_.Apply(command, now_);
  HT_CHECK_EQ(outcome.reply.status.message(), "");
  for (core::Effect& effect : outcome.effects) {
    auto* order = std::get_if<core::OrderAttempt>(&effect);
    if (order != nullptr) orders_.push_back(std::move(*order));
  }
}

}  // namespace heliotrope::bench
