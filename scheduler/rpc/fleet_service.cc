#include "scheduler/rpc/fleet_service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/curve/resample.h"
#include "scheduler/rpc/page.h"
#include "scheduler/rpc/view.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

constexpr int kMaxSamplesPerCall = 50'000;
constexpr absl::Duration kDefaultCurveSpan = absl::Hours(24);
constexpr absl::Duration kMaxCurveHistory = absl::Hours(24 * 8);
constexpr absl::Duration kMaxHorizon = absl::Hours(24 * 7);
constexpr absl::Duration kDefaultPlanHorizon = absl::Hours(48);

absl::StatusOr<absl::Duration> SpanOf(bool has, const google::protobuf::Duration& proto,
                                      const char* field, absl::Duration standard,
                                      absl::Duration most) {
  if (!has) return standard;
  HT_ASSIGN_OR_RETURN(const absl::Duration span, wire::NonNegativeFromProto(proto, field));
  if (span > most) {
    return InvalidField(field, absl::StrCat(absl::FormatDuration(span), " is too long: at most ",
                                            absl::FormatDuration(most)));
  }
  return span;
}

const model::DataCenter* FindDataCenter(const core::Machine& machine, const DataCenterId& id) {
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    if (data_center.id == id) return &data_center;
  }
  return nullptr;
}

std::set<RegionId> RegionsOf(const core::Machine& machine) {
  std::set<RegionId> regions;
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    regions.insert(data_center.region);
  }
  return regions;
}

// Samples as fractions of the peak, as bins; the field and index of the first that is wrong.
absl::StatusOr<std::vector<curve::Bin>> BinsFromProto(const v1::ImportCurveRequest& request) {
  if (request.samples_size() > kMaxSamplesPerCall) {
    return InvalidField("samples", absl::StrCat(request.samples_size(), " samples: at most ",
                                                kMaxSamplesPerCall, " in one call"));
  }
  const double peak = request.peak() == 0 ? 1.0 : request.peak();
  if (!(peak > 0)) return InvalidField("peak", "must be above zero");
  std::vector<curve::Sample> samples;
  absl::Time last = absl::InfinitePast();
  for (int i = 0; i < request.samples_size(); ++i) {
    const std::string field = absl::StrCat("samples[", i, "]");
    HT_ASSIGN_OR_RETURN(const absl::Time time,
                        wire::FromProto(request.samples(i).time(), field + ".time"));
    const double load = request.samples(i).load();
    if (!(load >= 0) || load / peak > 1e6) {
      return InvalidField(field + ".load", absl::StrCat(load, " is no load: 0 or more is needed"));
    }
    if (time <= last) return InvalidField(field + ".time", "not after the sample before it");
    last = time;
    samples.push_back({time, load / peak});
  }
  return curve::Resample(std::move(samples));
}

void FillArrivals(const AccountId& account, curve::Arrivals arrivals, absl::Time now,
                  v1::Arrivals& out) {
  constexpr int64_t kDaysAhead = 7;
  arrivals.Advance(now);
  out.set_account(account.value());
  out.set_core_hours_today(arrivals.today());
  out.set_days_learned(arrivals.days_learned());
  for (int64_t day = arrivals.day(); day <= arrivals.day() + kDaysAhead; ++day) {
    const curve::ArrivalForecast forecast = arrivals.On(day);
    v1::Arrivals::Day& one = *out.add_days();
    *one.mutable_start_time() = wire::ToProto(absl::UnixEpoch() + absl::Hours(24 * day));
    one.set_p10_core_hours(forecast.p10);
    one.set_p50_core_hours(forecast.p50);
    one.set_p90_core_hours(forecast.p90);
  }
}

}  // namespace

FleetServiceImpl::FleetServiceImpl(CorePort& core, os::MetricsRegistry& metrics)
    : core_(core),
      list_regions_(metrics, "ListRegions"),
      list_data_centers_(metrics, "ListDataCenters"),
      get_data_center_(metrics, "GetDataCenter"),
      list_nodes_(metrics, "ListNodes"),
      get_node_(metrics, "GetNode"),
      drain_(metrics, "DrainNode"),
      declare_lost_(metrics, "DeclareNodeLost"),
      list_accounts_(metrics, "ListAccounts"),
      get_scheduler_(metrics, "GetScheduler") {}

grpc::ServerUnaryReactor* FleetServiceImpl::ListRegions(grpc::CallbackServerContext* context,
                                                        const v1::ListRegionsRequest* request,
                                                        v1::ListRegionsResponse* response) {
  return Answer(context, core_, list_regions_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    for (const RegionId& region : RegionsOf(machine)) {
      if (region.value() <= request->page_token()) continue;
      if (response->regions_size() == size) {
        response->set_next_page_token(ParseRegionName(response->regions(size - 1).name())->value());
        break;
      }
      FillRegion(machine, region, *response->add_regions());
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::ListDataCenters(
    grpc::CallbackServerContext* context, const v1::ListDataCentersRequest* request,
    v1::ListDataCentersResponse* response) {
  return Answer(context, core_, list_data_centers_,
                [request, response](const core::Machine& machine) {
                  HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
                  std::string last;
                  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
                    if (data_center.id.value() <= request->page_token()) continue;
                    if (response->data_centers_size() == size) {
                      response->set_next_page_token(last);
                      break;
                    }
                    last = data_center.id.value();
                    FillDataCenter(machine, data_center, *response->add_data_centers());
                  }
                  return absl::OkStatus();
                });
}

grpc::ServerUnaryReactor* FleetServiceImpl::GetDataCenter(grpc::CallbackServerContext* context,
                                                          const v1::GetDataCenterRequest* request,
                                                          v1::DataCenter* response) {
  return Answer(context, core_, get_data_center_,
                [request, response](const core::Machine& machine) {
                  HT_ASSIGN_OR_RETURN(const DataCenterId id, ParseDataCenterName(request->name()));
                  const model::DataCenter* data_center = FindDataCenter(machine, id);
                  if (data_center == nullptr) return NotFound("data center", request->name());
                  FillDataCenter(machine, *data_center, *response);
                  return absl::OkStatus();
                });
}

grpc::ServerUnaryReactor* FleetServiceImpl::ListNodes(grpc::CallbackServerContext* context,
                                                      const v1::ListNodesRequest* request,
                                                      v1::ListNodesResponse* response) {
  return Answer(context, core_, list_nodes_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    DataCenterId only;
    if (!request->data_center().empty()) {
      HT_ASSIGN_OR_RETURN(only, ParseDataCenterName(request->data_center()));
    }
    std::string last;
    for (auto it = machine.nodes().upper_bound(NodeId(request->page_token()));
         it != machine.nodes().end(); ++it) {
      if (!only.empty() && it->second.data_center != only) continue;
      if (response->nodes_size() == size) {
        response->set_next_page_token(last);
        break;
      }
      last = it->first.value();
      FillNode(machine, it->second, *response->add_nodes());
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::GetNode(grpc::CallbackServerContext* context,
                                                    const v1::GetNodeRequest* request,
                                                    v1::Node* response) {
  return Answer(context, core_, get_node_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const NodeId id, ParseNodeName(request->name()));
    const auto node = machine.nodes().find(id);
    if (node == machine.nodes().end()) return NotFound("node", request->name());
    FillNode(machine, node->second, *response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::ChangeNode(grpc::CallbackServerContext* context,
                                                       MethodMetrics& metrics,
                                                       const std::string& name,
                                                       core::Command (*make)(const NodeId&),
                                                       v1::Node* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto id = ParseNodeName(name);
  if (!id.ok()) {
    Finish(reactor, metrics, id.status());
    return reactor;
  }
  std::vector<core::Command> commands{make(*id)};
  core_.Post(std::move(commands), [this, reactor, response, &metrics,
                                   id = *id](const std::vector<core::Reply>& replies) {
    if (!replies.front().status.ok()) {
      Finish(reactor, metrics, replies.front().status);
      return;
    }
    core_.Query(
        [response, id](const core::Machine& machine) {
          FillNode(machine, machine.nodes().at(id), *response);
        },
        [reactor, &metrics](const absl::Status& status) { Finish(reactor, metrics, status); });
  });
  return reactor;
}

grpc::ServerUnaryReactor* FleetServiceImpl::DrainNode(grpc::CallbackServerContext* context,
                                                      const v1::DrainNodeRequest* request,
                                                      v1::Node* response) {
  return ChangeNode(
      context, drain_, request->name(),
      [](const NodeId& id) -> core::Command {
        return core::DrainNode{id, true};
      },
      response);
}

grpc::ServerUnaryReactor* FleetServiceImpl::UndrainNode(grpc::CallbackServerContext* context,
                                                        const v1::UndrainNodeRequest* request,
                                                        v1::Node* response) {
  return ChangeNode(
      context, drain_, request->name(),
      [](const NodeId& id) -> core::Command {
        return core::DrainNode{id, false};
      },
      response);
}

grpc::ServerUnaryReactor* FleetServiceImpl::DeclareNodeLost(
    grpc::CallbackServerContext* context, const v1::DeclareNodeLostRequest* request,
    v1::Node* response) {
  return ChangeNode(
      context, declare_lost_, request->name(),
      [](const NodeId& id) -> core::Command { return core::DeclareNodeLost{id}; }, response);
}

grpc::ServerUnaryReactor* FleetServiceImpl::ListAccounts(grpc::CallbackServerContext* context,
                                                         const v1::ListAccountsRequest* request,
                                                         v1::ListAccountsResponse* response) {
  return Answer(context, core_, list_accounts_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    std::set<AccountId> after;
    const auto take = [&](const auto& accounts) {
      auto it = accounts.upper_bound(AccountId(request->page_token()));
      for (int i = 0; i <= size && it != accounts.end(); ++i, ++it) after.insert(it->first);
    };
    take(machine.fleet().accounts);
    take(machine.account_use());
    AccountId last;
    for (const AccountId& account : after) {
      if (response->accounts_size() == size) {
        response->set_next_page_token(last.value());
        break;
      }
      FillAccount(machine, account, *response->add_accounts());
      last = account;
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* FleetServiceImpl::GetScheduler(grpc::CallbackServerContext* context,
                                                         const v1::GetSchedulerRequest*,
                                                         v1::Scheduler* response) {
  const CoreFacts& facts = core_.facts();
  response->set_version(facts.version);
  *response->mutable_now() = wire::ToProto(core_.clock().Now());
  response->set_clock_speed(core_.clock().mapping().speed);
  *response->mutable_lease_duration() = wire::ToProto(facts.lease);
  response->set_term(static_cast<int64_t>(facts.term.value()));
  return Answer(context, core_, get_scheduler_, [response](const core::Machine& machine) {
    response->set_active_job_count(machine.active_jobs());
    response->set_pending_task_count(machine.pending_tasks());
    response->set_running_task_count(machine.held_tasks());
    return absl::OkStatus();
  });
}

CurveServiceImpl::CurveServiceImpl(CorePort& core, os::MetricsRegistry& metrics)
    : core_(core),
      get_(metrics, "GetCurve"),
      import_(metrics, "ImportCurve"),
      list_arrivals_(metrics, "ListArrivals") {}

grpc::ServerUnaryReactor* CurveServiceImpl::GetCurve(grpc::CallbackServerContext* context,
                                                     const v1::GetCurveRequest* request,
                                                     v1::Curve* response) {
  return Answer(context, core_, get_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const absl::Duration history,
                        SpanOf(request->has_history(), request->history(), "history",
                               kDefaultCurveSpan, kMaxCurveHistory));
    HT_ASSIGN_OR_RETURN(const absl::Duration horizon,
                        SpanOf(request->has_horizon(), request->horizon(), "horizon",
                               kDefaultCurveSpan, kMaxHorizon));
    if (const auto region = ParseRegionName(request->name()); region.ok()) {
      if (!RegionsOf(machine).contains(*region)) return NotFound("region", request->name());
      FillRegionCurve(machine, *region, history, horizon, *response);
      return absl::OkStatus();
    }
    HT_ASSIGN_OR_RETURN(const DataCenterId id, ParseDataCenterName(request->name()));
    if (FindDataCenter(machine, id) == nullptr) return NotFound("data center", request->name());
    FillCurve(machine, id, history, horizon, *response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CurveServiceImpl::ImportCurve(grpc::CallbackServerContext* context,
                                                        const v1::ImportCurveRequest* request,
                                                        v1::ImportCurveResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto id = ParseDataCenterName(request->name());
  auto bins = BinsFromProto(*request);
  if (!id.ok() || !bins.ok()) {
    Finish(reactor, import_, id.ok() ? bins.status() : id.status());
    return reactor;
  }
  std::vector<core::Command> commands;
  commands.emplace_back(core::ImportCurve{*id, *std::move(bins), request->validate_only()});
  core_.Post(std::move(commands),
             [this, reactor, response](const std::vector<core::Reply>& replies) {
               response->set_bins_learned(replies.front().bins_learned);
               response->set_bins_skipped(replies.front().bins_skipped);
               Finish(reactor, import_, replies.front().status);
             });
  return reactor;
}

grpc::ServerUnaryReactor* CurveServiceImpl::ListArrivals(grpc::CallbackServerContext* context,
                                                         const v1::ListArrivalsRequest* request,
                                                         v1::ListArrivalsResponse* response) {
  return Answer(context, core_, list_arrivals_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    for (const auto& [account, arrivals] : machine.arrivals()) {
      if (account.value() <= request->page_token() && !request->page_token().empty()) continue;
      if (!request->account().empty() && account.value() != request->account()) continue;
      if (response->arrivals_size() == size) {
        response->set_next_page_token(response->arrivals(size - 1).account());
        break;
      }
      FillArrivals(account, arrivals, machine.now(), *response->add_arrivals());
    }
    return absl::OkStatus();
  });
}

PlanServiceImpl::PlanServiceImpl(CorePort& core, os::MetricsRegistry& metrics,
                                 DecisionLog& decisions)
    : core_(core),
      decisions_(decisions),
      get_(metrics, "GetPlan"),
      list_(metrics, "ListDecisions") {}

grpc::ServerUnaryReactor* PlanServiceImpl::GetPlan(grpc::CallbackServerContext* context,
                                                   const v1::GetPlanRequest* request,
                                                   v1::Plan* response) {
  return Answer(context, core_, get_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const absl::Duration horizon,
                        SpanOf(request->has_horizon(), request->horizon(), "horizon",
                               kDefaultPlanHorizon, kMaxHorizon));
    FillPlan(machine, horizon, *response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PlanServiceImpl::ListDecisions(grpc::CallbackServerContext* context,
                                                         const v1::ListDecisionsRequest* request,
                                                         v1::ListDecisionsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto size = PageSize(request->page_size());
  const auto after = PageTokenNumber(request->page_token(), 0);
  if (!size.ok() || !after.ok()) {
    Finish(reactor, list_, size.ok() ? after.status() : size.status());
    return reactor;
  }
  for (v1::Decision& decision :
       decisions_.After(static_cast<int64_t>(*after), static_cast<size_t>(*size))) {
    *response->add_decisions() = std::move(decision);
  }
  if (response->decisions_size() == *size) {
    response->set_next_page_token(
        absl::StrCat(response->decisions(response->decisions_size() - 1).sequence()));
  }
  Finish(reactor, list_, absl::OkStatus());
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchDecisionsResponse>* PlanServiceImpl::WatchDecisions(
    grpc::CallbackServerContext*, const v1::WatchDecisionsRequest*) {
  return decisions_.Watch();
}

}  // namespace heliotrope::rpc
