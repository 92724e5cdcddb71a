// FleetService, CurveService, PlanService: thin handlers.
#pragma once

#include "heliotrope/v1/curves.grpc.pb.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "heliotrope/v1/plan.grpc.pb.h"
#include "scheduler/rpc/core_port.h"
#include "scheduler/rpc/unary.h"
#include "scheduler/rpc/watch_hub.h"

namespace heliotrope::rpc {

// Thread-safe.
class FleetServiceImpl final : public v1::FleetService::CallbackService {
 public:
  FleetServiceImpl(CorePort& core, os::MetricsRegistry& metrics);

  grpc::ServerUnaryReactor* ListRegions(grpc::CallbackServerContext* context,
                                        const v1::ListRegionsRequest* request,
                                        v1::ListRegionsResponse* response) override;
  grpc::ServerUnaryReactor* ListDataCenters(grpc::CallbackServerContext* context,
                                            const v1::ListDataCentersRequest* request,
                                            v1::ListDataCentersResponse* response) override;
  grpc::ServerUnaryReactor* GetDataCenter(grpc::CallbackServerContext* context,
                                          const v1::GetDataCenterRequest* request,
                                          v1::DataCenter* response) override;
  grpc::ServerUnaryReactor* ListNodes(grpc::CallbackServerContext* context,
                                      const v1::ListNodesRequest* request,
                                      v1::ListNodesResponse* response) override;
  grpc::ServerUnaryReactor* GetNode(grpc::CallbackServerContext* context,
                                    const v1::GetNodeRequest* request, v1::Node* response) override;
  grpc::ServerUnaryReactor* DrainNode(grpc::CallbackServerContext* context,
                                      const v1::DrainNodeRequest* request,
                                      v1::Node* response) override;
  grpc::ServerUnaryReactor* UndrainNode(grpc::CallbackServerContext* context,
                                        const v1::UndrainNodeRequest* request,
                                        v1::Node* response) override;
  grpc::ServerUnaryReactor* DeclareNodeLost(grpc::CallbackServerContext* context,
                                            const v1::DeclareNodeLostRequest* request,
                                            v1::Node* response) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context,
                                         const v1::ListAccountsRequest* request,
                                         v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* GetScheduler(grpc::CallbackServerContext* context,
                                         const v1::GetSchedulerRequest* request,
                                         v1::Scheduler* response) override;

 private:
  // Applies the command that `make` makes of the node's id and answers with the node.
  grpc::ServerUnaryReactor* ChangeNode(grpc::CallbackServerContext* context, MethodMetrics& metrics,
                                       const std::string& name,
                                       core::Command (*make)(const NodeId&), v1::Node* response);

  CorePort& core_;
  MethodMetrics list_regions_;
  MethodMetrics list_data_centers_;
  MethodMetrics get_data_center_;
  MethodMetrics list_nodes_;
  MethodMetrics get_node_;
  MethodMetrics drain_;
  MethodMetrics declare_lost_;
  MethodMetrics list_accounts_;
  MethodMetrics get_scheduler_;
};

// Thread-safe.
class CurveServiceImpl final : public v1::CurveService::CallbackService {
 public:
  CurveServiceImpl(CorePort& core, os::MetricsRegistry& metrics);

  grpc::ServerUnaryReactor* GetCurve(grpc::CallbackServerContext* context,
                                     const v1::GetCurveRequest* request,
                                     v1::Curve* response) override;
  grpc::ServerUnaryReactor* ImportCurve(grpc::CallbackServerContext* context,
                                        const v1::ImportCurveRequest* request,
                                        v1::ImportCurveResponse* response) override;
  grpc::ServerUnaryReactor* ListArrivals(grpc::CallbackServerContext* context,
                                         const v1::ListArrivalsRequest* request,
                                         v1::ListArrivalsResponse* response) override;

 private:
  CorePort& core_;
  MethodMetrics get_;
  MethodMetrics import_;
  MethodMetrics list_arrivals_;
};

// Thread-safe.
class PlanServiceImpl final : public v1::PlanService::CallbackService {
 public:
  PlanServiceImpl(CorePort& core, os::MetricsRegistry& metrics, DecisionLog& decisions);

  grpc::ServerUnaryReactor* GetPlan(grpc::CallbackServerContext* context,
                                    const v1::GetPlanRequest* request, v1::Plan* response) override;
  grpc::ServerUnaryReactor* ListDecisions(grpc::CallbackServerContext* context,
                                          const v1::ListDecisionsRequest* request,
                                          v1::ListDecisionsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchDecisionsResponse>* WatchDecisions(
      grpc::CallbackServerContext* context, const v1::WatchDecisionsRequest* request) override;

 private:
  CorePort& core_;
  DecisionLog& decisions_;
  MethodMetrics get_;
  MethodMetrics list_;
};

}  // namespace heliotrope::rpc
