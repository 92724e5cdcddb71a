// Hand-drawn fleets, classes and running tasks for the planner's tests. Times are hours after the
// start of a Monday, UTC, so that a test reads like a day: At(22.5) is 22:30.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

inline absl::Duration HoursOf(double hours) { return absl::Seconds(std::llround(hours * 3600)); }
// 2026-01-05 is a Monday.
inline absl::Time At(double hours) {
  return absl::FromCivil(absl::CivilHour(2026, 1, 5, 0), absl::UTCTimeZone()) + HoursOf(hours);
}
inline MilliCores Cores(double cores) { return MilliCores::FromCores(cores); }

// A value by the hour of the fleet's clock (0 is Monday 00:00; goes on over 24).
using Curve = std::function<double(double hour)>;
inline Curve Always(double value) {
  return [value](double) { return value; };
}
// `inside` from one hour of each day to another, else `outside`; may wrap around midnight.
inline Curve Daily(double from, double to, double inside, double outside) {
  return [=](double hour) {
    const double h = std::fmod(hour, 24);
    const bool in = from <= to ? h >= from && h < to : h >= from || h < to;
    return in ? inside : outside;
  };
}

class SiteBuilder {
 public:
  explicit SiteBuilder(const char* id) { site_.id = DataCenterId(id); }
  SiteBuilder& Capacity(double cores) {
    site_.capacity = heliotrope::plan::Cores(cores);
    site_.largest_task = {site_.capacity, Bytes::FromGiB(256)};
    return *this;
  }
  SiteBuilder& LargestNode(double cores, Bytes memory) {
    site_.largest_task = {heliotrope::plan::Cores(cores), memory};
    return *this;
  }
  SiteBuilder& NoNodes() {
    site_.capacity = MilliCores::Zero();
    site_.largest_task = {};
    return *this;
  }
  SiteBuilder& Drained() {
    site_.capacity = MilliCores::Zero();
    return *this;
  }
  SiteBuilder& Headroom(Curve cores) {
    headroom_ = std::move(cores);
    return *this;
  }
  SiteBuilder& Price(Curve price) {
    price_ = std::move(price);
    return *this;
  }
  SiteBuilder& Foreground(double cores) {
    site_.foreground_now = heliotrope::plan::Cores(cores);
    return *this;
  }
  SiteBuilder& Batch(double cores) {
    site_.batch_now = heliotrope::plan::Cores(cores);
    return *this;
  }
  SiteBuilder& Pinned(double cores) {
    site_.pinned_now = heliotrope::plan::Cores(cores);
    return *this;
  }
  SiteBuilder& Memory(Bytes all) {
    site_.memory = all;
    return *this;
  }
  SiteBuilder& ForegroundMemory(Bytes held) {
    site_.foreground_memory = held;
    return *this;
  }
  SiteBuilder& BatchMemory(Bytes held) {
    site_.batch_memory = held;
    return *this;
  }
  SiteBuilder& Reactive() {
    reactive_ = true;
    return *this;
  }
  Site Build(const std::vector<Block>& grid) const;

 private:
  Site site_;
  Curve headroom_ = Always(0);
  Curve price_ = Always(10);
  bool reactive_ = false;
};

inline Site SiteBuilder::Build(const std::vector<Block>& grid) const {
  Site site = site_;
  site.reactive = reactive_;
  site.mode = reactive_ ? model::Reason::kNoHistory : model::Reason::kForecast;
  for (const Block& block : grid) {
    const double hour = absl::ToDoubleHours(block.start - At(0));
    site.headroom.push_back(heliotrope::plan::Cores(headroom_(hour)));
    site.likely.push_back(heliotrope::plan::Cores(headroom_(hour)));
    site.price.push_back(MicroCost::FromUnits(price_(hour)));
  }
  return site;
}

inline SiteBuilder ASite(const char* id) { return std::move(SiteBuilder(id).Capacity(100)); }

constexpr uint64_t kAnywhere = ~uint64_t{0};

class ClassBuilder {
 public:
  ClassBuilder() {
    made_.id = 1;
    made_.request = {heliotrope::plan::Cores(1), Bytes::FromGiB(1)};
    made_.remaining = HoursOf(1);
    made_.allowed = kAnywhere;
    made_.count = 1;
    made_.checkpointable = true;
    made_.move_pause = absl::Minutes(1);
    made_.oldest = At(0);
  }
  ClassBuilder& Id(uint64_t id) { return made_.id = id, *this; }
  ClassBuilder& Cores(double cores) {
    return made_.request.cores = heliotrope::plan::Cores(cores), *this;
  }
  ClassBuilder& Memory(Bytes memory) { return made_.request.memory = memory, *this; }
  ClassBuilder& Hours(double hours) { return made_.remaining = HoursOf(hours), *this; }
  ClassBuilder& Count(int count) { return made_.count = count, *this; }
  ClassBuilder& Deadline(double hours) { return made_.deadline = At(hours), *this; }
  ClassBuilder& Priority(int priority) { return made_.priority = priority, *this; }
  ClassBuilder& Allowed(uint64_t bits) { return made_.allowed = bits, *this; }
  ClassBuilder& Home(const char* id) { return made_.home = DataCenterId(id), *this; }
  ClassBuilder& Oldest(double hours) { return made_.oldest = At(hours), *this; }
  ClassBuilder& CannotCheckpoint() {
    made_.checkpointable = false;
    made_.move_pause = absl::ZeroDuration();
    return *this;
  }
  ClassBuilder& CheckpointAt(const char* id, double restore_hours) {
    made_.checkpoint_at = DataCenterId(id);
    made_.restore_pause = HoursOf(restore_hours);
    return *this;
  }
  operator Class() const { return made_; }  // NOLINT(google-explicit-constructor)

 private:
  Class made_;
};
inline ClassBuilder AClass() { return ClassBuilder(); }

class RunningBuilder {
 public:
  explicit RunningBuilder(size_t site) {
    made_.site = site;
    made_.task = {JobUid(1), 0};
    made_.attempt = AttemptNumber(1);
    made_.request = {heliotrope::plan::Cores(1), Bytes::FromGiB(1)};
    made_.remaining = HoursOf(4);
    made_.allowed = kAnywhere;
    made_.checkpointable = true;
    made_.move_pause = absl::Minutes(1);
    made_.started = At(-24);
  }
  RunningBuilder& Task(uint32_t index) { return made_.task.index = index, *this; }
  RunningBuilder& Cores(double cores) {
    return made_.request.cores = heliotrope::plan::Cores(cores), *this;
  }
  RunningBuilder& Memory(Bytes memory) { return made_.request.memory = memory, *this; }
  RunningBuilder& Hours(double hours) { return made_.remaining = HoursOf(hours), *this; }
  RunningBuilder& Deadline(double hours) { return made_.deadline = At(hours), *this; }
  RunningBuilder& Priority(int priority) { return made_.priority = priority, *this; }
  RunningBuilder& Allowed(uint64_t bits) { return made_.allowed = bits, *this; }
  RunningBuilder& CannotCheckpoint() { return made_.checkpointable = false, *this; }
  RunningBuilder& NodeDrained() { return made_.node_drained = true, *this; }
  RunningBuilder& NodeAway() { return made_.node_away = true, *this; }
  RunningBuilder& Moved(double hours) { return made_.last_moved = At(hours), *this; }
  RunningBuilder& Pause(absl::Duration pause) { return made_.move_pause = pause, *this; }
  operator RunningTask() const { return made_; }  // NOLINT(google-explicit-constructor)

 private:
  RunningTask made_;
};
inline RunningBuilder ARunningTask(size_t site) { return RunningBuilder(site); }

struct Fleet {
  double now = 0;
  std::vector<SiteBuilder> sites = {};
  std::vector<Class> classes = {};
  std::vector<RunningTask> running = {};
};

// What running tasks hold is added to their sites' batch.
inline Input InputOf(const Fleet& fleet) {
  Input input;
  input.now = At(fleet.now);
  input.grid = MakeGrid(input.now);
  for (const SiteBuilder& site : fleet.sites) input.sites.push_back(site.Build(input.grid));
  input.classes = fleet.classes;
  input.running = fleet.running;
  for (const RunningTask& task : fleet.running) {
    if (!task.node_drained && !task.node_away) {
      input.sites[task.site].batch_now += task.request.cores;
      input.sites[task.site].batch_memory += task.request.memory;
    }
  }
  return input;
}

inline std::string Described(const Input& input, const Plan& plan) {
  std::string text;
  for (const Verdict& verdict : plan.verdicts) {
    text += "class " + std::to_string(verdict.class_id) + " mode " +
            std::to_string(static_cast<int>(verdict.mode)) + " " +
            std::string(model::ReasonName(verdict.reason)) + ": " + verdict.detail + "\n";
    for (const Allotment& allotment : verdict.allotments) {
      text += "  " + std::to_string(allotment.count) + " in " +
              input.sites[allotment.site].id.value() + " " +
              absl::FormatTime("%a %H:%M", allotment.start, absl::UTCTimeZone()) + " to " +
              absl::FormatTime("%a %H:%M", allotment.end, absl::UTCTimeZone()) + " " +
              std::string(model::ReasonName(allotment.reason)) + ": " + allotment.detail + "\n";
    }
  }
  for (const MoveAdvice& move : plan.moves) {
    text += "move " + ToString(move.task) + " to " +
            (move.to ? input.sites[*move.to].id.value() : "nowhere") + " " +
            std::string(model::ReasonName(move.reason)) + ": " + move.detail + "\n";
  }
  for (const Stay& stay : plan.stays) {
    text += "stay " + ToString(stay.task) + " " + std::string(model::ReasonName(stay.reason)) +
            ": " + stay.detail + "\n";
  }
  return text;
}

}  // namespace heliotrope::plan
