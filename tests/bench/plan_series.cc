#include "tests/bench/plan_series.h"

#include <algorithm>
#include <cmath>

namespace heliotrope::bench {
namespace {

// What saving, restoring and carrying take, as the core has it by default.
absl::Duration MovePause(const Kind& kind) {
  if (!kind.checkpoint) return absl::ZeroDuration();
  return absl::Seconds(40) + absl::Seconds(kind.checkpoint->value() / 125'000'000);
}

// Of a forecast so far ahead, the distance of its high quantile to its median.
double MarginAt(absl::Duration ahead) {
  return 0.02 + 0.04 * std::min(1.0, absl::ToDoubleHours(ahead) / 24);
}

}  // namespace

PlanSeries::PlanSeries(const Options& options)
    : options_(options), random_(options.seed), fleet_(FleetOf()), drift_(kSites, 0) {
  input_.now = LoadStart() + absl::Hours(9);
  input_.settings = fleet_.planning;
  for (const model::DataCenter& data_center : fleet_.data_centers) {
    plan::Site site;
    site.id = data_center.id;
    site.capacity = MilliCores::FromCores(NodesPerSite(options.percent) * kCoresPerNode);
    site.largest_task = {MilliCores::FromCores(kCoresPerNode), kMemoryPerNode};
    site.target_utilization = kTargetUtilization;
    site.reactive = false;
    site.mode = model::Reason::kForecast;
    input_.sites.push_back(std::move(site));
  }
  for (int i = 0; i < kQueuedClasses; ++i) input_.classes.push_back(AClass());
  // Exactly as many as said: each class gives its share, and the largest what is left.
  const double excess = static_cast<double>(CountTasks()) / kQueuedTasks;
  for (plan::Class& one : input_.classes) {
    one.count = std::max(1, static_cast<int>(one.count / excess));
  }
  const auto largest = std::max_element(
      input_.classes.begin(), input_.classes.end(),
      [](const plan::Class& x, const plan::Class& y) { return x.count < y.count; });
  largest->count += static_cast<int>(kQueuedTasks - CountTasks());
  for (int i = 0; i < options.running; ++i) input_.running.push_back(ARunningTask());
  FillSites();
}

void PlanSeries::Next(const plan::Plan& last) {
  input_.scarcity = last.scarcity;
  input_.now += absl::Minutes(5);
  ChangeClasses();
  ChangeRunning();
  FillSites();
}

uint64_t PlanSeries::AllowedBy(size_t residency) const {
  uint64_t allowed = 0;
  for (size_t site = 0; site < kSites; ++site) {
    if (fleet_.jurisdictions.Allows(Residencies()[residency],
                                    fleet_.data_centers[site].jurisdiction)) {
      allowed |= uint64_t{1} << site;
    }
  }
  return allowed;
}

plan::Class PlanSeries::AClass() {
  const Kind kind = AKind(random_);
  plan::Class made;
  made.id = next_class_++;
  made.request = kind.request;
  made.remaining = kind.expected;
  made.remaining_high = kind.expected * 1.6;
  made.deadline = input_.now + kind.patience;
  made.priority = kind.priority;
  made.checkpointable = kind.checkpoint.has_value();
  made.allowed = AllowedBy(kind.residency);
  made.home = fleet_.data_centers[kind.home].id;
  made.move_pause = MovePause(kind);
  made.count = kind.count;
  made.oldest = input_.now;
  return made;
}

plan::RunningTask PlanSeries::ARunningTask() {
  const Kind kind = AKind(random_);
  plan::RunningTask made;
  made.task = {JobUid(1), next_task_++};
  made.attempt = AttemptNumber(1);
  made.request = kind.request;
  made.remaining = kind.expected;
  made.remaining_high = kind.expected * 1.6;
  made.deadline = input_.now + kind.patience;
  made.priority = kind.priority;
  made.allowed = AllowedBy(kind.residency);
  do {
    made.site = random_.Uniform(kSites);
  } while ((made.allowed >> made.site & 1) == 0);
  made.checkpointable = kind.checkpoint.has_value();
  made.started = input_.now;
  made.move_pause = MovePause(kind);
  return made;
}

int64_t PlanSeries::CountTasks() const {
  int64_t tasks = 0;
  for (const plan::Class& one : input_.classes) tasks += one.count;
  return tasks;
}

void PlanSeries::FillSites() {
  input_.grid = plan::MakeGrid(input_.now);
  for (size_t i = 0; i < input_.sites.size(); ++i) {
    plan::Site& site = input_.sites[i];
    drift_[i] = 0.9 * drift_[i] + 0.01 * (random_.Double() - 0.5);
    site.headroom.clear();
    site.likely.clear();
    site.price.clear();
    for (const plan::Block& block : input_.grid) {
      const absl::Time middle = block.start + block.length / 2;
      const absl::Duration ahead = middle - input_.now;
      const double fading = std::exp(-std::max(0.0, absl::ToDoubleHours(ahead)) / 6);
      const double spare = kTargetUtilization - ForegroundAt(i, middle) - drift_[i] * fading;
      const auto cores = [&](double share) { return site.capacity.ScaledBy(std::max(0.0, share)); };
      site.likely.push_back(cores(spare));
      site.headroom.push_back(cores(spare - MarginAt(ahead)));
      // Known for a day; beyond that as usual, which each day teaches a little more.
      const double usual = ahead > absl::Hours(24) ? 1 + drift_[i] : 1;
      site.price.push_back(MicroCost::FromUnits(PriceAt(i, middle) * usual));
    }
    site.foreground_now = site.capacity.ScaledBy(ForegroundAt(i, input_.now) + drift_[i]);
    site.batch_now = MilliCores::Zero();
  }
  for (const plan::RunningTask& task : input_.running) {
    input_.sites[task.site].batch_now += task.request.cores;
  }
}

// A twentieth of the classes has become less, one in a hundred is gone and another has come.
void PlanSeries::ChangeClasses() {
  const auto gone = [this](const plan::Class& one) {
    return random_.Chance(0.01) || one.deadline <= input_.now;
  };
  std::erase_if(input_.classes, gone);
  for (plan::Class& one : input_.classes) {
    if (random_.Chance(0.05)) one.count -= std::max(1, one.count / 10);
  }
  std::erase_if(input_.classes, [](const plan::Class& one) { return one.count <= 0; });
  while (input_.classes.size() < kQueuedClasses) input_.classes.push_back(AClass());
  const int64_t missing = kQueuedTasks - CountTasks();
  if (missing > 0) input_.classes.back().count += static_cast<int>(missing);
}

void PlanSeries::ChangeRunning() {
  for (plan::RunningTask& task : input_.running) {
    task.remaining -= absl::Minutes(5);
    task.remaining_high -= absl::Minutes(5);
  }
  std::erase_if(input_.running, [](const plan::RunningTask& task) {
    return task.remaining <= absl::ZeroDuration();
  });
  while (input_.running.size() < static_cast<size_t>(options_.running)) {
    input_.running.push_back(ARunningTask());
  }
}

}  // namespace heliotrope::bench
