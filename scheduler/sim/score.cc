#include "scheduler/sim/score.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace heliotrope::sim {
namespace {

// What another judge may round.
constexpr Seconds kUsefulTolerance = 2;
constexpr Seconds kClockTolerance = 1;

double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Counts of broken invariants, by their text.
class Invariants {
 public:
  Invariants(const World& world, const std::vector<Segment>& sorted)
      : world_(world), segments_(sorted) {}

  std::vector<std::string> Broken() {
    for (size_t i = 0; i < segments_.size(); ++i) {
      Check(segments_[i]);
      if (i > 0 && segments_[i - 1].job == segments_[i].job) {
        CheckPair(segments_[i - 1], segments_[i]);
      } else {
        carried_ = segments_[i].useful;
      }
    }
    std::vector<std::string> texts;
    Tell(outside_, "segments outside their interval or before their submission", texts);
    Tell(residency_, "residency violations", texts);
    Tell(overlaps_, "overlapping attempts", texts);
    Tell(fast_, "moves faster than the network", texts);
    Tell(kept_, "jobs without a checkpoint that kept work of a stopped attempt", texts);
    return texts;
  }

 private:
  static void Tell(int64_t count, const char* what, std::vector<std::string>& texts) {
    if (count > 0) texts.push_back(absl::StrCat(count, " ", what));
  }

  void Check(const Segment& one) {
    const Job& job = world_.jobs[one.job];
    if (one.start < job.submit || one.end < one.start || one.end > world_.horizon ||
        one.useful < 0 || one.useful > one.end - one.start) {
      ++outside_;
    }
    if (!world_.Allows(job, one.data_center)) ++residency_;
  }

  void CheckPair(const Segment& before, const Segment& one) {
    const Job& job = world_.jobs[one.job];
    if (one.start < before.end) ++overlaps_;
    const bool next_attempt = one.attempt != before.attempt;
    const bool moved = one.data_center != before.data_center;
    if (moved && job.can_checkpoint() && carried_ > 0 &&
        one.start - before.end < RestoreTime(job, /*carried=*/true)) {
      ++fast_;
    }
    if (next_attempt && !job.can_checkpoint() && before.useful > 0) ++kept_;
    carried_ += one.useful;
  }

  const World& world_;
  const std::vector<Segment>& segments_;
  Seconds carried_ = 0;
  int64_t outside_ = 0;
  int64_t residency_ = 0;
  int64_t overlaps_ = 0;
  int64_t fast_ = 0;
  int64_t kept_ = 0;
};

std::vector<Segment> Sorted(const Journal& journal) {
  std::vector<Segment> sorted = journal.segments;
  std::sort(sorted.begin(), sorted.end(), [](const Segment& a, const Segment& b) {
    return std::tie(a.job, a.start, a.attempt) < std::tie(b.job, b.start, b.attempt);
  });
  return sorted;
}

void ScoreJobs(const World& world, const Journal& journal, const std::vector<Segment>& sorted,
               Score& score) {
  std::vector<Seconds> useful(world.jobs.size(), 0);
  std::vector<Seconds> end(world.jobs.size(), 0);
  for (size_t i = 0; i < sorted.size(); ++i) {
    useful[sorted[i].job] += sorted[i].useful;
    end[sorted[i].job] = std::max(end[sorted[i].job], sorted[i].end);
    if (i > 0 && sorted[i - 1].job == sorted[i].job &&
        sorted[i - 1].data_center != sorted[i].data_center) {
      ++score.moves;
    }
  }
  for (const size_t row : journal.submitted) {
    const Job& job = world.jobs[row];
    ++score.jobs;
    if (job.can_checkpoint()) ++score.movable_jobs;
    const bool done = useful[row] >= job.duration - kUsefulTolerance;
    if (done) ++score.completed;
    if (!done || end[row] > job.deadline + kClockTolerance) ++score.misses;
    score.useful_core_hours +=
        static_cast<double>(std::min(useful[row], job.duration) * job.cpus) / 3600.0;
  }
}

}  // namespace

double Score::miss_share() const {
  return Share(static_cast<double>(misses), static_cast<double>(jobs));
}
double Score::overload_share() const { return Share(overload_core_hours, core_hours); }
double Score::moves_per_movable_job() const {
  return Share(static_cast<double>(moves), static_cast<double>(movable_jobs));
}

std::vector<std::vector<double>> CoresByBin(const World& world, const Journal& journal) {
  const size_t bins = static_cast<size_t>(world.horizon / curve::kBinSeconds);
  std::vector<std::vector<double>> cores(world.data_centers.size(), std::vector<double>(bins, 0));
  for (const Segment& one : journal.segments) {
    const double cpus = world.jobs[one.job].cpus;
    for (Seconds at = one.start; at < one.end;) {
      const Seconds bin = at / curve::kBinSeconds;
      const Seconds end = std::min(one.end, (bin + 1) * curve::kBinSeconds);
      cores[one.data_center][static_cast<size_t>(bin)] +=
          cpus * static_cast<double>(end - at) / curve::kBinSeconds;
      at = end;
    }
  }
  return cores;
}

Score ScoreJournal(const World& world, const Journal& journal) {
  Score score;
  const std::vector<Segment> sorted = Sorted(journal);
  score.broken = Invariants(world, sorted).Broken();
  if (!score.broken.empty()) return score;
  ScoreJobs(world, journal, sorted, score);
  double cost = 0;
  const std::vector<std::vector<double>> cores = CoresByBin(world, journal);
  for (size_t place = 0; place < cores.size(); ++place) {
    for (size_t bin = 0; bin < cores[place].size(); ++bin) {
      const double used = cores[place][bin];
      if (used == 0) continue;
      const Seconds time = static_cast<Seconds>(bin) * curve::kBinSeconds;
      const double hours = curve::kBinSeconds / 3600.0;
      score.core_hours += used * hours;
      cost += used * hours * world.PriceAt(place, time);
      score.overload_core_hours += std::max(0.0, used - world.SpareAt(place, time)) * hours;
    }
  }
  score.mean_price = Share(cost, score.useful_core_hours);
  return score;
}

}  // namespace heliotrope::sim
