// What the core knows, as the API shows it. Called on the core thread; what they fill is released
// after the commit of all that it could have seen.
#pragma once

#include <optional>
#include <string>

#include "heliotrope/v1/curves.pb.h"
#include "heliotrope/v1/fleet.pb.h"
#include "heliotrope/v1/jobs.pb.h"
#include "heliotrope/v1/plan.pb.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/machine.h"

namespace heliotrope::rpc {

void FillJob(const core::Machine& machine, const core::Job& job, v1::Job& proto);
void FillTask(const core::Machine& machine, const core::Job& job, uint32_t index, v1::Task& proto);
void FillExplanation(const core::Machine& machine, const core::Job& job, uint32_t index,
                     v1::ExplainJobResponse& proto);
// Of a job that is not submitted.
void FillPreview(const core::Machine& machine, const core::Preview& preview,
                 v1::ExplainJobResponse& proto);

void FillDataCenter(const core::Machine& machine, const model::DataCenter& data_center,
                    v1::DataCenter& proto);
void FillNode(const core::Machine& machine, const core::Node& node, v1::Node& proto);
// Of the data centers that the configuration puts into the region.
void FillRegion(const core::Machine& machine, const RegionId& region, v1::Region& proto);
void FillAccount(const core::Machine& machine, const AccountId& account, v1::Account& proto);

// `name` is a data center or region that exists. Times are on the five-minute grid.
void FillCurve(const core::Machine& machine, const DataCenterId& id, absl::Duration history,
               absl::Duration horizon, v1::Curve& proto);
void FillRegionCurve(const core::Machine& machine, const RegionId& id, absl::Duration history,
                     absl::Duration horizon, v1::Curve& proto);

void FillPlan(const core::Machine& machine, absl::Duration horizon, v1::Plan& proto);

void FillDecision(const core::Decision& decision, v1::Decision& proto);

}  // namespace heliotrope::rpc
