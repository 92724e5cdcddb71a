// Load: from samples to bins to curves to the board that placements are decided on.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/core/machine.h"
#include "scheduler/curve/outlook.h"

namespace heliotrope::core {

using model::Reason;

namespace {

// A curve's whole state (some 100 KiB) is written once in so many bins; between, the bins alone.
constexpr int kBinsPerCurveState = 72;

Reason ModeOf(const curve::CurveStatus& status) {
  switch (status.health) {
    case curve::Health::kNoHistory:
      return Reason::kNoHistory;
    case curve::Health::kOutOfBand:
      return Reason::kForecastOutOfBand;
    case curve::Health::kFrozen:
      return Reason::kSensorFrozen;
    case curve::Health::kYoung:
    case curve::Health::kHealthy:
      break;
  }
  if (status.stale) return Reason::kForecastStale;
  return status.reactive ? Reason::kForecastYoung : Reason::kForecast;
}

}  // namespace

std::optional<size_t> Machine::SiteOf(const DataCenterId& id) const {
  const auto& all = fleet_.data_centers;
  const auto at =
      std::lower_bound(all.begin(), all.end(), id,
                       [](const model::DataCenter& a, const DataCenterId& b) { return a.id < b; });
  if (at == all.end() || at->id != id) return std::nullopt;
  return static_cast<size_t>(at - all.begin());
}

uint64_t Machine::AllowedSites(const model::Residency& residency) const {
  uint64_t allowed = 0;
  for (size_t i = 0; i < fleet_.data_centers.size(); ++i) {
    if (fleet_.jurisdictions.Allows(residency, fleet_.data_centers[i].jurisdiction)) {
      allowed |= uint64_t{1} << i;
    }
  }
  return allowed;
}

std::vector<curve::SpecialKind> Machine::SpecialDaysOf(const DataCenterId& data_center) const {
  const auto found = fleet_.special_days.find(data_center);
  return found == fleet_.special_days.end() ? std::vector<curve::SpecialKind>{} : found->second;
}

Reply Machine::On(const SetFleet& command) {
  fleet_ = command.config;
  for (model::DataCenter& data_center : fleet_.data_centers) {
    model::FillWeek(data_center.prices, data_center.time_zone);
  }
  HT_CHECK_LE(fleet_.data_centers.size(), 64u);
  for (const model::DataCenter& data_center : fleet_.data_centers) {
    auto known = curves_.find(data_center.id);
    if (known == curves_.end() || known->second.zone() != data_center.time_zone) {
      curves_.insert_or_assign(
          data_center.id, curve::Forecaster(data_center.time_zone, curve::ForecasterOptions{}));
      coverage_[data_center.id] = Coverage();
    }
    curves_.at(data_center.id).SetSpecialDays(SpecialDaysOf(data_center.id));
    accumulators_[data_center.id];
  }
  RebuildBoard();
  RefreshCapacity();
  EnforceResidency();
  RebuildClasses();
  WantPlan();
  return Reply{};
}

// Whether one more account's arrivals may be learned. If all places are taken, the account whose
// newest arrival is the oldest gives its place up, once it has been idle; of several the first by
// id.
bool Machine::HasPlaceForAccount() {
  if (arrivals_.size() < kMaxForecastAccounts) return true;
  const int64_t idle_since = curve::UtcDay(now_) - kForecastAccountIdleDays;
  if (oldest_arrival_day_ > idle_since) return false;
  const auto idle = std::min_element(
      arrivals_.begin(), arrivals_.end(),
      [](const auto& a, const auto& b) { return a.second.day() < b.second.day(); });
  oldest_arrival_day_ = idle->second.day();
  if (oldest_arrival_day_ > idle_since) return false;
  changes_.removed_arrivals.insert(idle->first);
  arrivals_.erase(idle);
  return true;
}

Reply Machine::On(const SetPrices& command) {
  Reply reply;
  for (const auto& [id, prices] : command.usd_per_mwh) {
    if (SiteOf(id)) continue;
    reply.status = NotFound("data center", id.value());
    return reply;
  }
  for (const auto& [id, prices] : command.usd_per_mwh) {
    model::DataCenter& data_center = fleet_.data_centers[*SiteOf(id)];
    data_center.prices.usd_per_mwh = prices;
    data_center.prices.week.clear();
    model::FillWeek(data_center.prices, data_center.time_zone);
  }
  NotePriced();
  board_stale_ = true;
  dispatch_needed_ = true;
  WantPlan();
  return reply;
}

// One price for all or for none: mixed units cannot be compared.
void Machine::NotePriced() {
  priced_ = !fleet_.data_centers.empty() &&
            std::all_of(fleet_.data_centers.begin(), fleet_.data_centers.end(),
                        [](const auto& dc) { return !dc.prices.usd_per_mwh.empty(); });
}

void Machine::LearnArrival(const model::JobSpec& spec) {
  auto known = arrivals_.find(spec.account);
  if (known == arrivals_.end()) {
    if (!HasPlaceForAccount()) return;
    known = arrivals_.emplace(spec.account, curve::Arrivals()).first;
  }
  known->second.Add(now_, spec.request.cores.cores() * absl::ToDoubleHours(spec.expected_duration) *
                              static_cast<double>(spec.count));
  changes_.arrivals.insert(spec.account);
}

Reply Machine::On(const NodeLoad& command) {
  Node* node = LiveNode(command.node, command.session);
  if (node == nullptr || command.samples.empty()) return Reply{};
  const auto site = SiteOf(node->data_center);
  if (!site) return Reply{};
  for (const LoadSample& sample : command.samples) {
    // From the future by more than a bin: another clock's opinion, and no lesson for the curve.
    if (sample.time <= now_ + curve::BinLength()) {
      accumulators_.at(node->data_center)
          .Add({.node = node->id,
                .time = sample.time,
                .foreground = sample.foreground,
                .capacity = node->capacity.cores});
    }
    // A stream is in order: what it says last was measured last, whatever the node's clock says. A
    // clock that was set wrong must neither hide a load nor keep one for ever (Promise 7, 8).
    if (Counts(*node)) {
      plan::Site& measured = board_.sites[*site];
      measured.foreground_now += sample.foreground - node->foreground.cores;
      measured.foreground_memory += sample.foreground_memory - node->foreground.memory;
    }
    node->foreground = {sample.foreground, sample.foreground_memory};
  }
  IndexNode(*node);
  const plan::Site& place = board_.sites[*site];
  const MilliCores used = place.foreground_now + place.batch_now;
  // Promise 7: the plan looks again at once when the measured load leaves less than batch holds.
  if (place.batch_now > MilliCores::Zero() &&
      used > place.capacity.ScaledBy(place.target_utilization) && !overloaded_.contains(*site)) {
    overloaded_.insert(*site);
    WantPlan();
  } else if (used <= place.capacity.ScaledBy(place.target_utilization)) {
    overloaded_.erase(*site);
  }
  return Reply{};
}

Reply Machine::On(const ImportCurve& command) {
  Reply reply;
  auto curve = curves_.find(command.data_center);
  if (curve == curves_.end()) {
    reply.status = NotFound("data center", command.data_center.value());
    return reply;
  }
  curve::Forecaster copy = curve->second;
  Coverage coverage = coverage_.at(command.data_center);
  for (const curve::Bin& bin : command.bins) {
    if (bin.start > now_) {
      reply.status = InvalidField(
          "samples",
          absl::StrCat("a sample of ",
                       absl::FormatTime(absl::RFC3339_sec, bin.start, absl::UTCTimeZone()),
                       " is in the future: history ends now, at ",
                       absl::FormatTime(absl::RFC3339_sec, now_, absl::UTCTimeZone())));
      return reply;
    }
    const curve::Observation seen = Learn(bin, copy, coverage);
    const bool learned = seen == curve::Observation::kTaken || seen == curve::Observation::kLate;
    ++(learned ? reply.bins_learned : reply.bins_skipped);
  }
  if (command.validate_only) return reply;
  curve->second = std::move(copy);
  coverage_.at(command.data_center) = std::move(coverage);
  changes_.curves.insert(command.data_center);
  bins_since_state_[command.data_center] = 0;
  board_stale_ = true;
  dispatch_needed_ = true;
  WantPlan();
  return reply;
}

void Machine::CloseBins() {
  if (now_ < next_bin_) return;
  for (auto& [id, accumulator] : accumulators_) {
    for (const curve::Bin& bin : accumulator.Close(now_)) LearnBin(id, bin);
  }
  next_bin_ = curve::BinStart(curve::BinIndex(now_) + 1);
  RebuildBoard();
  dispatch_needed_ = true;
  WantPlan();
}

curve::Observation Machine::Learn(const curve::Bin& bin, curve::Forecaster& curve,
                                  Coverage& coverage) {
  const curve::Observation seen = curve.Observe(bin);
  if (seen == curve::Observation::kTaken) coverage.Follow(bin, curve);
  return seen;
}

void Machine::LearnBin(const DataCenterId& id, const curve::Bin& bin) {
  auto curve = curves_.find(id);
  if (curve == curves_.end()) return;
  const curve::Observation seen = Learn(bin, curve->second, coverage_.at(id));
  if (seen != curve::Observation::kTaken && seen != curve::Observation::kLate) return;
  if (++bins_since_state_[id] >= kBinsPerCurveState) {
    bins_since_state_[id] = 0;
    changes_.curves.insert(id);
    std::erase_if(changes_.bins, [&](const auto& entry) { return entry.first == id; });
  } else if (!changes_.curves.contains(id)) {
    changes_.bins.emplace_back(id, bin);
  }
}

void Machine::RebuildBoard() {
  board_.now = now_;
  board_.settings = fleet_.planning;
  if (now_ > absl::InfinitePast()) board_.grid = plan::MakeGrid(now_);
  board_.sites.resize(fleet_.data_centers.size());
  if (capacity_stale_) RefreshCapacity();
  board_stale_ = false;
  for (size_t site = 0; site < board_.sites.size(); ++site) RefreshSite(site);
}

// Headroom and price of every block, from the forecast or, without one, from the measured load. A
// sensor that hangs may have stopped at the night's load: then the higher of the two counts.
void Machine::RefreshSite(size_t index) {
  const model::DataCenter& data_center = fleet_.data_centers[index];
  plan::Site& site = board_.sites[index];
  site.id = data_center.id;
  site.target_utilization = data_center.target_utilization;
  const curve::Forecaster& forecaster = curves_.at(data_center.id);
  const curve::CurveStatus status = forecaster.StatusAt(now_);
  std::vector<curve::Block> spans;
  for (const plan::Block& block : board_.grid) spans.push_back({block.start, block.length});
  ToldOutlook told;
  if (options_.outlook) told = options_.outlook(data_center.id, now_, spans);
  site.mode = !options_.outlook  ? ModeOf(status)
              : told.out_of_band ? Reason::kForecastOutOfBand
                                 : Reason::kForecast;
  site.reactive = site.mode != Reason::kForecast;
  const size_t blocks = board_.grid.size();
  site.headroom.assign(blocks, MilliCores::Zero());
  site.likely.assign(blocks, MilliCores::Zero());
  site.price.assign(blocks, MicroCost::Zero());
  site.foreground.assign(blocks, MilliCores::Zero());
  const MilliCores target = site.capacity.ScaledBy(site.target_utilization);
  const double measured = site.capacity > MilliCores::Zero()
                              ? static_cast<double>(site.foreground_now.value()) /
                                    static_cast<double>(site.capacity.value())
                              : 0.0;
  const bool frozen = !options_.outlook && status.health == curve::Health::kFrozen;
  const bool by_forecast = !site.reactive || frozen;
  if (by_forecast && !options_.outlook) told.blocks = curve::Outlook(forecaster, now_, spans);
  for (size_t b = 0; b < blocks; ++b) {
    double median = measured;
    double high = measured;
    if (by_forecast) {
      const double least = frozen ? measured : 0;
      median = std::max(least, told.blocks[b].mean.p50);
      high = std::max(least, curve::QuantileOf(told.blocks[b].peak, fleet_.headroom_quantile));
    }
    site.foreground[b] = site.capacity.ScaledBy(median);
    site.likely[b] = std::max(MilliCores::Zero(), target - site.foreground[b]);
    site.headroom[b] = std::max(MilliCores::Zero(), target - site.capacity.ScaledBy(high));
    site.price[b] = PriceAt(data_center, board_.grid[b].start + board_.grid[b].length / 2, median);
  }
}

// The price signal if every data center has one, since mixed units cannot be compared; else the
// load in per cent.
MicroCost Machine::PriceAt(const model::DataCenter& data_center, absl::Time time,
                           double load) const {
  if (!priced_) return MicroCost::FromUnits(load * 100.0);
  return MicroCost::FromUnits(model::PriceAt(data_center.prices, data_center.time_zone, time));
}

// After anything that changes which nodes count: their sums, and the index of free cores.
// Costs as much as there are nodes, so those only set capacity_stale_.
void Machine::RefreshCapacity() {
  capacity_stale_ = false;
  free_cores_.assign(fleet_.data_centers.size(), {});
  free_cores_of_node_.clear();
  NotePriced();
  for (plan::Site& site : board_.sites) {
    site.capacity = site.batch_now = site.foreground_now = MilliCores::Zero();
    site.pinned_now = MilliCores::Zero();
    site.memory = site.batch_memory = site.foreground_memory = Bytes::Zero();
  }
  const std::vector<model::Resources> largest = LargestTasks(/*connected=*/true);
  for (size_t i = 0; i < largest.size(); ++i) board_.sites[i].largest_task = largest[i];
  for (auto& [id, node] : nodes_) {
    const auto index = SiteOf(node.data_center);
    if (!index || !Counts(node)) continue;
    plan::Site& site = board_.sites[*index];
    site.capacity += node.capacity.cores;
    site.batch_now += node.batch.cores;
    site.pinned_now += node.pinned;
    site.foreground_now += node.foreground.cores;
    site.memory += node.capacity.memory;
    site.batch_memory += node.batch.memory;
    site.foreground_memory += node.foreground.memory;
    IndexNode(node);
  }
  board_stale_ = true;
  dispatch_needed_ = true;
}

std::vector<model::Resources> Machine::LargestTasks(bool connected) const {
  std::vector<model::Resources> largest(fleet_.data_centers.size());
  std::vector<MilliCores> cores(fleet_.data_centers.size());
  for (const auto& [id, node] : nodes_) {
    const auto site = SiteOf(node.data_center);
    if (!site || (connected && (!node.connected || node.lost))) continue;
    largest[*site].cores = std::max(largest[*site].cores, node.capacity.cores);
    largest[*site].memory = std::max(largest[*site].memory, node.capacity.memory);
    cores[*site] += node.capacity.cores;
  }
  for (size_t i = 0; i < largest.size(); ++i) {
    const double target = fleet_.data_centers[i].target_utilization;
    largest[i].cores = std::min(largest[i].cores, cores[i].ScaledBy(target));
  }
  return largest;
}

// Capacity, foreground and batch of a site are of the same nodes, or their differences mean
// nothing.
bool Machine::Counts(const Node& node) { return node.connected && !node.lost && !node.drained; }

void Machine::IndexNode(const Node& node) {
  const auto site = SiteOf(node.data_center);
  if (!site || *site >= free_cores_.size()) return;
  if (const auto old = free_cores_of_node_.find(node.id); old != free_cores_of_node_.end()) {
    free_cores_[*site].erase({old->second, node.id});
    free_cores_of_node_.erase(old);
  }
  if (!Counts(node)) return;
  const int64_t free = (node.capacity.cores - node.batch.cores - node.foreground.cores).value();
  free_cores_[*site].emplace(free, node.id);
  free_cores_of_node_.emplace(node.id, free);
}

}  // namespace heliotrope::core
