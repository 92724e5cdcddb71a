#include "scheduler/sim/baselines.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <utility>

#include "scheduler/base/check.h"

namespace heliotrope::sim {
namespace {

constexpr int kNightBegins = 22;
constexpr int kNightEnds = 6;

// Waiting jobs that a data center takes or refuses alike.
struct GroupKey {
  bool urgent = false;  // Night window: its laxity has run out.
  size_t home = 0;
  uint64_t allowed = 0;
  int cpus = 0;

  friend auto operator<=>(const GroupKey&, const GroupKey&) = default;
};

class Baseline {
 public:
  Baseline(const World& world, const Options& options)
      : world_(world), options_(options), used_(world.data_centers.size(), 0) {
    journal_.submitted = ArrivalOrder(world, options.days);
  }

  Journal Run() {
    size_t arrived = 0;
    const std::vector<size_t>& order = journal_.submitted;
    for (; now_ < world_.horizon; now_ += curve::kBinSeconds) {
      if (options_.progress && now_ % kHour == 0) {
        options_.progress(static_cast<double>(now_) / static_cast<double>(world_.horizon));
      }
      while (!ends_.empty() && ends_.top().first <= now_) EndOne();
      for (; arrived < order.size() && world_.jobs[order[arrived]].submit <= now_; ++arrived) {
        Arrive(arrived, order[arrived]);
      }
      if (options_.policy == Policy::kNightWindow) NoteUrgent();
      StartAll();
      if (arrived == order.size() && ends_.empty() && waiting_ == 0) break;
    }
    return std::move(journal_);
  }

 private:
  using End = std::pair<Seconds, size_t>;                       // Time, index of the segment.
  using Entry = std::pair<std::pair<Seconds, size_t>, size_t>;  // Rank, row.
  using Group = std::set<Entry>;

  // At home first come, first served; where there is a choice, who can wait least goes first.
  void Arrive(size_t number, size_t row) {
    const Job& job = world_.jobs[row];
    const bool by_laxity =
        options_.policy == Policy::kLeastLoaded || options_.policy == Policy::kCheapestNow;
    const Seconds rank = by_laxity ? job.deadline - job.expected : 0;
    groups_[{false, job.home, world_.AllowedOf(job), job.cpus}].insert({{rank, number}, row});
    ++waiting_;
  }

  void EndOne() {
    const Segment& one = journal_.segments[ends_.top().second];
    used_[one.data_center] -= world_.jobs[one.job].cpus;
    ends_.pop();
  }

  // What cannot wait for the night any longer.
  void NoteUrgent() {
    std::vector<std::pair<GroupKey, Entry>> urgent;
    for (auto& [key, group] : groups_) {
      if (key.urgent) continue;
      for (const Entry& entry : group) {
        const Job& job = world_.jobs[entry.second];
        if (now_ + job.expected >= job.deadline) urgent.emplace_back(key, entry);
      }
    }
    for (auto& [key, entry] : urgent) {
      groups_[key].erase(entry);
      key.urgent = true;
      groups_[key].insert(entry);
    }
  }

  bool IsNight(size_t data_center) const {
    const absl::TimeZone& zone = world_.data_centers[data_center].time_zone;
    const int hour = absl::ToCivilHour(world_.At(now_), zone).hour();
    return hour >= kNightBegins || hour < kNightEnds;
  }

  bool Fits(size_t place, int cpus) const {
    return used_[place] + static_cast<double>(cpus) <= world_.SpareAt(place, now_);
  }

  // Where a group's next job would start now.
  std::optional<size_t> PlaceOf(const GroupKey& key) const {
    if (options_.policy == Policy::kHome || options_.policy == Policy::kNightWindow) {
      if (options_.policy == Policy::kNightWindow && !key.urgent && !IsNight(key.home)) return {};
      if ((key.allowed >> key.home & 1) != 0) {
        return Fits(key.home, key.cpus) ? std::optional(key.home) : std::nullopt;
      }
    }
    std::optional<std::pair<double, size_t>> best;
    for (size_t place = 0; place < used_.size(); ++place) {
      if ((key.allowed >> place & 1) == 0 || !Fits(place, key.cpus)) continue;
      const double cores = static_cast<double>(world_.data_centers[place].cores());
      const double rank = options_.policy == Policy::kCheapestNow
                              ? world_.PriceAt(place, now_)
                              : world_.LoadAt(place, now_) + used_[place] / cores;
      if (!best || rank < best->first) best = {rank, place};
    }
    return best ? std::optional(best->second) : std::nullopt;
  }

  // In order, passing over what does not fit.
  void StartAll() {
    std::map<Entry, std::map<GroupKey, Group>::iterator> heads;
    for (auto it = groups_.begin(); it != groups_.end(); ++it) {
      if (!it->second.empty()) heads.emplace(*it->second.begin(), it);
    }
    while (!heads.empty()) {
      const auto group = heads.begin()->second;
      heads.erase(heads.begin());
      const std::optional<size_t> place = PlaceOf(group->first);
      if (!place) continue;
      Start(group->second.begin()->second, *place);
      group->second.erase(group->second.begin());
      if (!group->second.empty()) heads.emplace(*group->second.begin(), group);
    }
  }

  void Start(size_t row, size_t place) {
    const Job& job = world_.jobs[row];
    const Seconds end = std::min(now_ + job.duration, world_.horizon);
    ends_.emplace(end, journal_.segments.size());
    journal_.segments.push_back({row, 1, place, now_, end, end - now_});
    used_[place] += job.cpus;
    --waiting_;
  }

  const World& world_;
  const Options& options_;
  Seconds now_ = 0;
  Journal journal_;
  std::vector<double> used_;
  std::map<GroupKey, Group> groups_;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  int64_t waiting_ = 0;
};

}  // namespace

Journal RunBaseline(const World& world, const Options& options) {
  HT_CHECK(options.policy != Policy::kHeliotrope && options.policy != Policy::kGreedy);
  return Baseline(world, options).Run();
}

}  // namespace heliotrope::sim
