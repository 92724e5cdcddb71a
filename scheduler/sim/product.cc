#include "scheduler/sim/product.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/random.h"
#include "scheduler/core/machine.h"
#include "scheduler/sim/agents.h"
#include "scheduler/sim/forecasts.h"
#include "scheduler/sim/known.h"

namespace heliotrope::sim {
namespace {

// Plans of one moment: a plan may ask for another, but not for ever.
constexpr int kMostPlansAtOnce = 8;
constexpr char kVersion[] = "0.0.0";

core::MachineOptions MachineOptionsOf(const World& world, const Options& options) {
  core::MachineOptions made;
  made.lease_real = absl::Minutes(1);
  // Nothing is ever lost here, so nobody has to say that it lives.
  made.lease = absl::Seconds(2 * world.horizon);
  made.outlook = OutlookOf(world, options.forecast);
  return made;
}

class Product {
 public:
  Product(const World& world, const Options& options)
      : world_(world),
        options_(options),
        random_(options.seed),
        agents_(world, journal_),
        machine_(MachineOptionsOf(world, options), Fleet()) {
    journal_.submitted = ArrivalOrder(world, options.days);
  }

  Journal Run() {
    Begin();
    size_t arrived = 0;
    const std::vector<size_t>& order = journal_.submitted;
    while (now_ < world_.horizon) {
      if (now_ == next_bin_) BeginBin();
      agents_.Advance(now_);
      for (; arrived < order.size() && world_.jobs[order[arrived]].submit <= now_; ++arrived) {
        Submit(order[arrived]);
      }
      Settle();
      if (arrived == order.size() && machine_.active_jobs() == 0) break;
      Seconds next = std::min(next_bin_, agents_.NextEvent());
      if (arrived < order.size()) next = std::min(next, world_.jobs[order[arrived]].submit);
      const absl::Time timer = machine_.NextTimer();
      if (timer < world_.At(next)) {
        next = absl::ToInt64Seconds(absl::Ceil(timer - world_.start, absl::Seconds(1)));
      }
      now_ = std::max(next, now_ + 1);
    }
    agents_.Close(std::min(now_, world_.horizon));
    return std::move(journal_);
  }

 private:
  core::FleetConfig Fleet() const {
    core::FleetConfig fleet;
    for (const DataCenter& one : world_.data_centers) {
      model::DataCenter made;
      made.id = one.id;
      made.region = one.region;
      made.time_zone_name = one.time_zone_name;
      made.time_zone = one.time_zone;
      made.jurisdiction = one.jurisdiction;
      made.target_utilization = world_.target_utilization;
      fleet.data_centers.push_back(std::move(made));
    }
    fleet.jurisdictions = world_.jurisdictions;
    fleet.move_pause = absl::Seconds(kSaveTime + kRestoreTime);
    // What has ended is of no more use here.
    fleet.ended_job_retention = absl::Minutes(1);
    return fleet;
  }

  // Hellos, and the history that curves learn from.
  void Begin() {
    for (const Agents::Node& node : agents_.nodes()) {
      const DataCenter& place = world_.data_centers[node.data_center];
      core::NodeHello hello;
      hello.node = node.id;
      hello.session = 1;
      hello.instance = node.id.value();
      hello.version = kVersion;
      hello.data_center = place.id;
      hello.jurisdiction = place.jurisdiction;
      hello.capacity = {node.spec.cores, node.spec.memory};
      hello.address = absl::StrCat(node.id.value(), ":7410");
      Do(hello);
    }
    for (const DataCenter& one : world_.data_centers) {
      if (one.history.empty()) continue;
      Do(core::ImportCurve{.data_center = one.id, .bins = one.history});
    }
  }

  void BeginBin() {
    next_bin_ += curve::kBinSeconds;
    if (now_ % kHour == 0) BeginHour();
    agents_.SetForeground(now_);
    // Who of several speaks first is nobody's choice: the seed's.
    std::vector<size_t> order(agents_.nodes().size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_.Uniform(i)]);
    for (const size_t i : order) {
      const Agents::Node& node = agents_.nodes()[i];
      core::NodeLoad load{.node = node.id, .session = 1, .samples = {}};
      load.samples.push_back({world_.At(now_), node.foreground, Bytes::Zero()});
      Do(load);
    }
  }

  void BeginHour() {
    if (options_.progress) {
      options_.progress(static_cast<double>(now_) / static_cast<double>(world_.horizon));
    }
    core::SetPrices command;
    for (size_t place = 0; place < world_.data_centers.size(); ++place) {
      command.usd_per_mwh[world_.data_centers[place].id] = KnownPrices(world_, place, now_);
    }
    Do(command);
  }

  void Submit(size_t row) {
    const Job& job = world_.jobs[row];
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"simulated"};
    spec->request = {MilliCores::FromCores(job.cpus), Bytes::FromMiB(job.memory_mb)};
    spec->expected_duration = absl::Seconds(job.expected);
    if (job.can_checkpoint()) {
      spec->checkpoint.emplace();
      spec->checkpoint->expected_bytes = Bytes::FromBytes(job.checkpoint_mb * 1'000'000);
    }
    spec->deadline = world_.At(job.deadline);
    spec->priority = job.priority;
    spec->account = world_.users[job.user];
    spec->home = world_.data_centers[job.home].id;
    spec->residency = world_.residencies[job.residency].residency;
    // Late by its own expectation: a miss perhaps, but it is to be tried.
    spec->allow_late = true;
    core::SubmitJob submit{
        .spec = std::move(spec), .id = JobId(absl::StrCat("job-", row)), .request = {}};
    if (Apply(submit).ok()) row_of_uid_.push_back(row);
  }

  // What the core has no reason to refuse here.
  void Do(const core::Command& command) { HT_CHECK(Apply(command).ok()); }

  absl::Status Apply(const core::Command& command) {
    core::Outcome outcome = machine_.Apply(command, world_.At(now_));
    for (core::Effect& effect : outcome.effects) {
      if (auto* order = std::get_if<core::OrderAttempt>(&effect)) {
        orders_.push_back(std::move(*order));
      } else if (std::holds_alternative<core::PlanWanted>(effect)) {
        plan_wanted_ = true;
      }
    }
    return std::move(outcome.reply.status);
  }

  // Orders to the agents and their reports back, until nobody has anything to say.
  void Talk() {
    for (;;) {
      while (!orders_.empty()) {
        const core::OrderAttempt order = std::move(orders_.front());
        orders_.pop_front();
        agents_.OnOrder(order, row_of_uid_[order.key.task.job.value() - 1], now_);
      }
      agents_.Yield(now_);
      const std::vector<core::NodeReport> reports = agents_.TakeReports();
      if (reports.empty()) return;
      for (const core::NodeReport& report : reports) Do(report);
    }
  }

  void Settle() {
    Talk();
    Do(core::Tick{});
    Talk();
    for (int plans = 0; plans < kMostPlansAtOnce;) {
      if (std::exchange(plan_wanted_, false)) {
        ++plans;
        Do(core::AdoptPlan{
            std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
      } else if (machine_.NextTimer() > world_.At(now_)) {
        break;
      }
      Do(core::Tick{});
      Talk();
    }
    machine_.TakeChanges();
  }

  const World& world_;
  const Options& options_;
  Random random_;
  Journal journal_;
  Agents agents_;
  core::Machine machine_;
  Seconds now_ = 0;
  Seconds next_bin_ = 0;
  std::vector<size_t> row_of_uid_;  // Core ids are given out from 1.
  std::deque<core::OrderAttempt> orders_;
  bool plan_wanted_ = false;
};

}  // namespace

Journal RunProduct(const World& world, const Options& options) {
  return Product(world, options).Run();
}

}  // namespace heliotrope::sim
