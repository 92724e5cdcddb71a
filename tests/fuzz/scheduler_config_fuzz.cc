// scheduler.yaml, all its checks included.
#include "scheduler/base/limits.h"
#include "scheduler/daemon/config.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

void Run(absl::string_view text) {
  const auto config = daemon::ParseConfig(text, "/nonexistent/scheduler.yaml");
  if (!config.ok()) {
    CheckRefusal(config.status());
    return;
  }
  // What the core and the planner rely on.
  const core::FleetConfig& fleet = config->fleet;
  HT_CHECK(!fleet.data_centers.empty() && fleet.data_centers.size() <= 64);
  for (size_t i = 0; i < fleet.data_centers.size(); ++i) {
    const model::DataCenter& one = fleet.data_centers[i];
    HT_CHECK(one.target_utilization > 0 && one.target_utilization <= 1);
    HT_CHECK(i == 0 || fleet.data_centers[i - 1].id < one.id);
  }
  HT_CHECK(config->lease >= kMinLease && config->lease <= kMaxLease);
  HT_CHECK(config->clock.speed >= 1);
  HT_CHECK(daemon::NeedRestart(*config, *config).empty());
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
