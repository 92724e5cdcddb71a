#include "scheduler/sim/greedy_ledger.h"

#include <algorithm>
#include <cmath>

#include "scheduler/curve/outlook.h"
#include "scheduler/model/price.h"
#include "scheduler/sim/known.h"

namespace heliotrope::sim {
namespace {

constexpr size_t kHoursAhead = 7 * 24;
constexpr double kSure = 0.9;
constexpr double kLikely = 0.9;
// Another place must be cheaper by this for a move.
constexpr double kMoveGain = 0.1;

}  // namespace

GreedyLedger::GreedyLedger(const World& world) : world_(world) {
  for (const DataCenter& place : world.data_centers) {
    curves_.emplace_back(place.time_zone, curve::ForecasterOptions{});
    for (const curve::Bin& bin : place.history) curves_.back().Observe(bin);
  }
  hours_.assign(world.data_centers.size(), std::vector<Hour>(kHoursAhead));
}

void GreedyLedger::Learn(Seconds now) {
  if (now < curve::kBinSeconds) return;
  const Seconds bin = now - curve::kBinSeconds;
  for (size_t place = 0; place < curves_.size(); ++place) {
    curves_[place].Observe({world_.At(bin), world_.LoadAt(place, bin)});
  }
}

void GreedyLedger::Begin(Seconds now) {
  first_hour_ = now / kHour;
  std::vector<curve::Block> blocks;
  for (size_t h = 0; h < kHoursAhead; ++h) {
    blocks.push_back({world_.At((first_hour_ + static_cast<Seconds>(h)) * kHour), absl::Hours(1)});
  }
  for (size_t place = 0; place < hours_.size(); ++place) {
    const DataCenter& one = world_.data_centers[place];
    const auto cores = static_cast<double>(one.cores());
    model::PriceSeries prices{KnownPrices(world_, place, now), {}};
    model::FillWeek(prices, one.time_zone);
    const std::vector<curve::BlockOutlook> outlook =
        curve::Outlook(curves_[place], world_.At(now), blocks);
    for (size_t h = 0; h < kHoursAhead; ++h) {
      const double target = world_.target_utilization;
      hours_[place][h].price = model::PriceAt(prices, one.time_zone, blocks[h].start);
      hours_[place][h].sure =
          std::max(0.0, target - curve::QuantileOf(outlook[h].peak, kSure)) * cores;
      hours_[place][h].likely =
          std::max(0.0, target - curve::QuantileOf(outlook[h].mean, kLikely)) * cores;
    }
  }
}

void GreedyLedger::Take(const Cell& cell, double cpus) {
  Hour& hour = hours_[cell.place][static_cast<size_t>(cell.hour - first_hour_)];
  hour.sure -= cpus;
  hour.likely -= cpus;
}

void GreedyLedger::TakeRunning(size_t place, double cpus, Seconds now, Seconds until) {
  const size_t end = std::min(kHoursAhead, IndexOf(std::max(now, until - 1)) + 1);
  for (size_t h = IndexOf(now); h < end; ++h) {
    Take({first_hour_ + static_cast<int64_t>(h), place}, cpus);
  }
}

std::optional<Cell> GreedyLedger::TakeStretch(const Ask& ask, Seconds now) {
  std::optional<std::pair<double, Cell>> best;
  const size_t first = IndexOf(now);
  for (size_t place = 0; place < hours_.size(); ++place) {
    if ((ask.allowed >> place & 1) == 0) continue;
    const std::vector<Hour>& hours = hours_[place];
    for (size_t start = first; start < kHoursAhead; ++start) {
      Seconds at = start == first ? now : (first_hour_ + static_cast<Seconds>(start)) * kHour;
      const Seconds end = at + ask.need;
      if (end > ask.before || IndexOf(end) >= kHoursAhead) break;
      double cost = 0;
      size_t h = start;
      for (; at < end && hours[h].sure >= ask.cpus; ++h) {
        const Seconds next = std::min(end, (first_hour_ + static_cast<Seconds>(h) + 1) * kHour);
        cost += hours[h].price * static_cast<double>(next - at);
        at = next;
        if (best && hours[h].price > 0 && cost >= best->first) break;
      }
      // No stretch that holds this hour fits.
      if (at < end && hours[h].sure < ask.cpus) start = h;
      if (at >= end && (!best || cost < best->first)) {
        best = {cost, {first_hour_ + static_cast<int64_t>(start), place}};
      }
    }
  }
  if (!best) return std::nullopt;
  const Seconds start = std::max(now, best->second.hour * kHour);
  TakeRunning(best->second.place, ask.cpus, start, start + ask.need);
  return best->second;
}

std::vector<Cell> GreedyLedger::TakeHours(const Ask& ask, std::optional<size_t> at, Seconds now) {
  const size_t first = IndexOf(now);
  const size_t end =
      std::min<size_t>(kHoursAhead, ask.before > now ? IndexOf(ask.before - 1) + 1 : first + 1);
  std::vector<std::pair<double, Cell>> cheapest;
  std::optional<size_t> stay = at;
  for (size_t h = first; h < end; ++h) {
    std::optional<size_t> place;
    for (size_t i = 0; i < hours_.size(); ++i) {
      if ((ask.allowed >> i & 1) == 0 || hours_[i][h].likely < ask.cpus) continue;
      if (!place || hours_[i][h].price < hours_[*place][h].price) place = i;
    }
    if (!place) continue;
    if (stay && hours_[*stay][h].likely >= ask.cpus &&
        hours_[*stay][h].price <= hours_[*place][h].price * (1 + kMoveGain)) {
      place = stay;
    }
    stay = place;
    cheapest.emplace_back(hours_[*place][h].price,
                          Cell{first_hour_ + static_cast<int64_t>(h), *place});
  }
  std::stable_sort(cheapest.begin(), cheapest.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Cell> taken;
  Seconds given = 0;
  for (const auto& [price, cell] : cheapest) {
    if (given >= ask.need) break;
    given += std::min((cell.hour + 1) * kHour, ask.before) - std::max(now, cell.hour * kHour);
    taken.push_back(cell);
  }
  if (given < ask.need) return {};
  for (const Cell& cell : taken) Take(cell, ask.cpus);
  std::sort(taken.begin(), taken.end(),
            [](const Cell& a, const Cell& b) { return a.hour < b.hour; });
  return taken;
}

}  // namespace heliotrope::sim
