// Regions, data centers, nodes, curves, the plan, decisions.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/curve/outlook.h"
#include "scheduler/model/reason.h"
#include "scheduler/rpc/view.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

constexpr size_t kP90 = 5;

const plan::Site* SiteOf(const core::Machine& machine, const DataCenterId& id) {
  for (const plan::Site& site : machine.board().sites) {
    if (site.id == id) return &site;
  }
  return nullptr;
}

const char* ModeWord(bool reactive) { return reactive ? "reactive" : "forecast"; }

// Why it is planned reactively, and the values behind it. A curve's own words do not say that its
// samples have stopped.
std::string PlanningReason(const plan::Site* site, const curve::CurveStatus& status) {
  if (site == nullptr || !site->reactive) return status.reason;
  std::string text = absl::StrCat(model::ReasonName(site->mode), ": ");
  if (site->mode == model::Reason::kForecastStale) {
    absl::StrAppend(&text, "no load sample since ",
                    Rfc3339(status.last_sample + curve::BinLength()), "; ");
  }
  return absl::StrCat(text, status.reason);
}

void FillPoint(absl::Time time, const curve::Forecast& forecast, v1::Curve::Point& proto) {
  *proto.mutable_time() = wire::ToProto(time);
  proto.set_p50(forecast.p50);
  proto.set_p10(forecast.p10);
  proto.set_p90(forecast.p90);
  proto.set_p97(forecast.p97);
}

// The moments that a forecast is shown for: the five-minute grid, thinned beyond two days.
std::vector<absl::Time> ForecastTimes(absl::Time now, absl::Duration horizon) {
  const int64_t step = horizon > absl::Hours(48) ? 6 : 1;
  std::vector<absl::Time> times;
  const int64_t first = curve::BinIndex(now) + 1;
  const int64_t last = curve::BinIndex(now + horizon);
  for (int64_t bin = first; bin <= last; bin += step) times.push_back(curve::BinStart(bin));
  return times;
}

v1::Decision::Kind KindToProto(core::DecisionKind kind) {
  switch (kind) {
    case core::DecisionKind::kPlace:
      return v1::Decision::KIND_PLACE;
    case core::DecisionKind::kMove:
      return v1::Decision::KIND_MOVE;
    case core::DecisionKind::kYield:
      return v1::Decision::KIND_YIELD;
    case core::DecisionKind::kNodeLost:
      return v1::Decision::KIND_NODE_LOST;
    case core::DecisionKind::kEnd:
      return v1::Decision::KIND_END;
    case core::DecisionKind::kAgent:
      return v1::Decision::KIND_AGENT;
    case core::DecisionKind::kLate:
      return v1::Decision::KIND_LATE;
    case core::DecisionKind::kInTime:
      return v1::Decision::KIND_IN_TIME;
  }
  return v1::Decision::KIND_UNSPECIFIED;
}

void FillPlanRow(const plan::Input& board, size_t index, const std::vector<MilliCores>* planned,
                 absl::Time end, v1::Plan::Row& row) {
  const plan::Site& site = board.sites[index];
  row.set_data_center(DataCenterName(site.id));
  row.set_capacity_milli_cores(site.capacity.value());
  row.set_target_milli_cores(site.capacity.ScaledBy(site.target_utilization).value());
  row.set_planning_mode(ModeWord(site.reactive));
  for (size_t b = 0; b < board.grid.size() && board.grid[b].start < end; ++b) {
    v1::Plan::Cell& cell = *row.add_cells();
    *cell.mutable_start_time() = wire::ToProto(board.grid[b].start);
    *cell.mutable_length() = wire::ToProto(board.grid[b].length);
    cell.set_foreground_milli_cores(site.foreground[b].value());
    cell.set_headroom_milli_cores(site.headroom[b].value());
    cell.set_price(site.price[b].units());
    if (planned != nullptr) cell.set_planned_milli_cores((*planned)[b].value());
  }
}

// What is intended for the tasks of a class; how many intents had no place any more.
int FillIntents(const core::Machine& machine, const plan::Verdict& verdict, v1::Plan& proto) {
  const auto example = machine.ExampleOf(verdict.class_id);
  if (!example) return 0;
  int left_out = 0;
  const auto add = [&](const plan::Allotment* allotment) {
    if (proto.intents_size() >= kMaxPlanIntents) {
      ++left_out;
      return;
    }
    v1::Plan::Intent& intent = *proto.add_intents();
    intent.set_example_job(JobName(example->first));
    intent.set_pending_tasks(static_cast<int32_t>(example->second));
    intent.set_reason(
        std::string(model::ReasonName(allotment == nullptr ? verdict.reason : allotment->reason)));
    intent.set_detail(allotment == nullptr ? verdict.detail : allotment->detail);
    if (allotment == nullptr) return;
    intent.set_tasks(allotment->count);
    intent.set_data_center(DataCenterName(machine.board().sites[allotment->site].id));
    *intent.mutable_start_time() = wire::ToProto(allotment->start);
  };
  bool any = false;
  for (const plan::Allotment& allotment : verdict.allotments) {
    if (allotment.count <= 0) continue;
    add(&allotment);
    any = true;
  }
  if (!any) add(nullptr);
  return left_out;
}

}  // namespace

void FillDataCenter(const core::Machine& machine, const model::DataCenter& data_center,
                    v1::DataCenter& proto) {
  proto.set_name(DataCenterName(data_center.id));
  proto.set_region(RegionName(data_center.region));
  proto.set_time_zone(data_center.time_zone_name);
  proto.set_jurisdiction(data_center.jurisdiction.value());
  proto.set_latitude(data_center.latitude);
  proto.set_longitude(data_center.longitude);
  proto.set_target_utilization(data_center.target_utilization);
  proto.set_local_time(absl::FormatTime("%Y-%m-%dT%H:%M:%S", machine.now(), data_center.time_zone));
  int nodes = 0;
  int connected = 0;
  int tasks = 0;
  for (const auto& [id, node] : machine.nodes()) {
    if (node.data_center != data_center.id) continue;
    ++nodes;
    if (node.connected) ++connected;
    tasks += static_cast<int>(node.tasks.size());
  }
  proto.set_node_count(nodes);
  proto.set_connected_node_count(connected);
  proto.set_task_count(tasks);
  const plan::Site* site = SiteOf(machine, data_center.id);
  if (site == nullptr) return;
  proto.set_capacity_milli_cores(site->capacity.value());
  proto.set_foreground_milli_cores(site->foreground_now.value());
  proto.set_batch_milli_cores(site->batch_now.value());
  if (!site->headroom.empty()) proto.set_headroom_milli_cores(site->headroom.front().value());
  if (!site->price.empty()) proto.set_price(site->price.front().units());
  proto.set_planning_mode(ModeWord(site->reactive));
  proto.set_planning_reason(std::string(model::ReasonName(site->mode)));
}

void FillNode(const core::Machine&, const core::Node& node, v1::Node& proto) {
  proto.set_name(NodeName(node.id));
  proto.set_data_center(DataCenterName(node.data_center));
  proto.set_state(node.lost        ? v1::Node::STATE_LOST
                  : node.connected ? v1::Node::STATE_READY
                                   : v1::Node::STATE_SILENT);
  proto.set_drained(node.drained);
  proto.set_capacity_milli_cores(node.capacity.cores.value());
  proto.set_capacity_memory_bytes(node.capacity.memory.value());
  proto.set_foreground_milli_cores(node.foreground.cores.value());
  proto.set_batch_milli_cores(node.batch.cores.value());
  proto.set_batch_memory_bytes(node.batch.memory.value());
  proto.set_task_count(static_cast<int32_t>(node.tasks.size()));
  proto.set_version(node.version);
  proto.set_address(node.address);
  if (!node.lost) *proto.mutable_lease_expire_time() = wire::ToProto(node.lease_expires);
  proto.set_checkpoint_count(static_cast<int32_t>(node.checkpoints.size()));
}

void FillRegion(const core::Machine& machine, const RegionId& region, v1::Region& proto) {
  proto.set_name(RegionName(region));
  MilliCores capacity;
  MilliCores foreground;
  MilliCores batch;
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    if (data_center.region != region) continue;
    proto.add_data_centers(DataCenterName(data_center.id));
    if (const plan::Site* site = SiteOf(machine, data_center.id)) {
      capacity += site->capacity;
      foreground += site->foreground_now;
      batch += site->batch_now;
    }
  }
  proto.set_capacity_milli_cores(capacity.value());
  proto.set_foreground_milli_cores(foreground.value());
  proto.set_batch_milli_cores(batch.value());
}

void FillAccount(const core::Machine& machine, const AccountId& account, v1::Account& proto) {
  const model::AccountPolicy& policy = machine.PolicyOf(account);
  proto.set_name(AccountName(account));
  proto.set_listed(machine.fleet().accounts.contains(account));
  proto.set_weight(static_cast<double>(policy.weight_milli) / 1000);
  if (policy.most.cores < MilliCores::Max()) {
    proto.set_max_milli_cores(policy.most.cores.value());
  }
  if (policy.most.memory < Bytes::Max()) proto.set_max_memory_bytes(policy.most.memory.value());
  if (policy.max_pending_tasks < std::numeric_limits<int64_t>::max()) {
    proto.set_max_pending_tasks(policy.max_pending_tasks);
  }
  const auto use = machine.account_use().find(account);
  if (use == machine.account_use().end()) return;
  proto.set_used_milli_cores(use->second.held.cores.value());
  proto.set_used_memory_bytes(use->second.held.memory.value());
  proto.set_running_task_count(use->second.held_tasks);
  proto.set_pending_task_count(use->second.pending_tasks);
}

void FillCurve(const core::Machine& machine, const DataCenterId& id, absl::Duration history,
               absl::Duration horizon, v1::Curve& proto) {
  proto.set_name(DataCenterName(id));
  *proto.mutable_now() = wire::ToProto(machine.now());
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    if (data_center.id == id) proto.set_time_zone(data_center.time_zone_name);
  }
  const curve::Forecaster& forecaster = machine.curves().at(id);
  const absl::Time since = machine.now() - history;
  for (const curve::Bin& bin : forecaster.History()) {
    if (bin.start < since) continue;
    v1::Curve::Sample& sample = *proto.add_history();
    *sample.mutable_time() = wire::ToProto(bin.start);
    sample.set_load(bin.load);
  }
  const curve::CurveStatus status = forecaster.StatusAt(machine.now());
  if (status.samples > 0) {
    for (const absl::Time time : ForecastTimes(machine.now(), horizon)) {
      FillPoint(time, forecaster.At(time, machine.now()), *proto.add_forecast());
    }
  }
  const plan::Site* site = SiteOf(machine, id);
  proto.set_planning_mode(ModeWord(site == nullptr || site->reactive));
  proto.set_planning_reason(PlanningReason(site, status));
  proto.set_bins_learned(status.samples);
  proto.set_error_1h_ratio(status.scored_hour > 0 ? status.wape_hour : -1);
  proto.set_error_24h_ratio(status.scored_day > 0 ? status.wape_day : -1);
  const core::Coverage& coverage = machine.coverage().at(id);
  static_assert(curve::kQuantileLevels[kP90] == 0.9);
  proto.set_coverage_p90_ratio(coverage.scored() > 0 ? coverage.share(kP90) : -1);
}

void FillRegionCurve(const core::Machine& machine, const RegionId& id, absl::Duration history,
                     absl::Duration horizon, v1::Curve& proto) {
  proto.set_name(RegionName(id));
  *proto.mutable_now() = wire::ToProto(machine.now());
  std::vector<curve::RegionMember> members;
  std::map<absl::Time, std::pair<double, double>> measured;  // Load x capacity, capacity.
  int64_t learned = 0;
  bool reactive = true;
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    if (data_center.region != id) continue;
    if (proto.time_zone().empty()) proto.set_time_zone(data_center.time_zone_name);
    const curve::Forecaster& forecaster = machine.curves().at(data_center.id);
    const plan::Site* site = SiteOf(machine, data_center.id);
    const MilliCores capacity = site == nullptr ? MilliCores::Zero() : site->capacity;
    members.push_back({&forecaster, capacity});
    reactive = reactive && (site == nullptr || site->reactive);
    learned += forecaster.StatusAt(machine.now()).samples;
    for (const curve::Bin& bin : forecaster.History()) {
      if (bin.start < machine.now() - history) continue;
      measured[bin.start].first += bin.load * capacity.cores();
      measured[bin.start].second += capacity.cores();
    }
  }
  for (const auto& [time, sums] : measured) {
    if (sums.second <= 0) continue;
    v1::Curve::Sample& sample = *proto.add_history();
    *sample.mutable_time() = wire::ToProto(time);
    sample.set_load(sums.first / sums.second);
  }
  if (learned > 0) {
    for (const absl::Time time : ForecastTimes(machine.now(), horizon)) {
      FillPoint(time, curve::RegionForecast(members, time, machine.now()), *proto.add_forecast());
    }
  }
  proto.set_planning_mode(ModeWord(reactive));
  proto.set_planning_reason("sum of its data centers");
  proto.set_bins_learned(learned);
  proto.set_error_1h_ratio(-1);
  proto.set_error_24h_ratio(-1);
  proto.set_coverage_p90_ratio(-1);
}

void FillPlan(const core::Machine& machine, absl::Duration horizon, v1::Plan& proto) {
  const plan::Plan& plan = machine.current_plan();
  const plan::Input& board = machine.board();
  if (plan.made > absl::InfinitePast()) *proto.mutable_plan_time() = wire::ToProto(plan.made);
  const bool same_grid = !plan.grid.empty() && !board.grid.empty() &&
                         plan.grid.front().start == board.grid.front().start;
  for (size_t i = 0; i < board.sites.size(); ++i) {
    v1::Plan::Row& row = *proto.add_rows();
    row.set_time_zone(machine.fleet().data_centers[i].time_zone_name);
    const bool planned = same_grid && i < plan.planned.size();
    FillPlanRow(board, i, planned ? &plan.planned[i] : nullptr, machine.now() + horizon, row);
  }
  int left_out = 0;
  for (const plan::Verdict& verdict : plan.verdicts) {
    left_out += FillIntents(machine, verdict, proto);
  }
  proto.set_intents_left_out(left_out);
  proto.set_price_unit(machine.priced() ? "usd_per_mwh" : "load_percent");
}

void FillDecision(const core::Decision& decision, v1::Decision& proto) {
  *proto.mutable_time() = wire::ToProto(decision.time);
  proto.set_kind(KindToProto(decision.kind));
  if (decision.task) proto.set_task(FormatTaskName(decision.job, decision.task->index));
  if (decision.from) proto.set_from_data_center(DataCenterName(*decision.from));
  if (decision.to) proto.set_to_data_center(DataCenterName(*decision.to));
  if (decision.node) proto.set_node(NodeName(*decision.node));
  proto.set_attempt(static_cast<int32_t>(decision.attempt.value()));
  proto.set_reason(std::string(model::ReasonName(decision.reason)));
  proto.set_detail(decision.detail);
}

}  // namespace heliotrope::rpc
