// A small fleet and what happens to it, for tests of the shell around the core.
#pragma once

#include <memory>
#include <string>

#include "scheduler/core/machine.h"
#include "scheduler/rpc/core_port.h"

namespace heliotrope::daemon {

inline core::FleetConfig AFleet() {
  core::FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.region = RegionId("emea");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers.push_back(dubai);
  fleet.jurisdictions = model::JurisdictionTable({}, {JurisdictionCode("AE")});
  return fleet;
}

inline core::MachineOptions SomeMachineOptions() {
  return {.lease_real = absl::Seconds(60),
          .lease = absl::Seconds(60),
          .lease_margin = absl::Seconds(6),
          .major_version = 0};
}

inline rpc::CoreFacts SomeFacts() {
  return {.term = Term(7),
          .version = "0.1.0",
          .major_version = 0,
          .lease = absl::Seconds(60),
          .heartbeat_interval = absl::Seconds(10),
          .load_interval = absl::Seconds(5)};
}

inline core::SubmitJob ASubmission(const std::string& id) {
  auto spec = std::make_shared<model::JobSpec>();
  spec->command = {"true"};
  spec->account = AccountId("default");
  spec->expected_duration = absl::Minutes(10);
  spec->residency.words = {"AE"};
  return {.spec = spec, .id = JobId(id), .request = {}};
}

inline core::NodeHello AHello(uint64_t session = 1) {
  core::NodeHello hello;
  hello.node = NodeId("du-a");
  hello.session = session;
  hello.instance = "i";
  hello.version = "0.1.0";
  hello.data_center = DataCenterId("dubai");
  hello.jurisdiction = JurisdictionCode("AE");
  hello.capacity = {MilliCores::FromMilli(8000), Bytes::FromGiB(16)};
  hello.address = "127.0.0.1:7410";
  return hello;
}

}  // namespace heliotrope::daemon
