#include "tests/scheduler/sim/worlds.h"

#include "absl/strings/str_join.h"
#include "scheduler/base/check.h"
#include "scheduler/sim/load_world.h"

namespace heliotrope::sim {
namespace {

DataCenter Place(const char* id, const char* jurisdiction, double load, double price,
                 const World& world) {
  DataCenter place;
  place.id = DataCenterId(id);
  place.region = RegionId("world");
  place.time_zone_name = "UTC";
  place.time_zone = absl::UTCTimeZone();
  place.jurisdiction = JurisdictionCode(jurisdiction);
  place.nodes = 2;
  place.cores_per_node = 8;
  place.memory_per_node = Bytes::FromGiB(16);
  for (Seconds at = -kDay; at < 0; at += curve::kBinSeconds) {
    place.history.push_back({world.At(at), load});
  }
  place.load.assign(static_cast<size_t>(world.horizon / curve::kBinSeconds), load);
  place.price.assign(static_cast<size_t>(world.horizon / kHour), price);
  for (Seconds hour = -kDay; hour < world.horizon; hour += kHour) {
    place.signal.emplace_back(world.At(hour), price);
  }
  return place;
}

}  // namespace

World TwoPlaces() {
  World world;
  world.start = absl::FromCivil(absl::CivilDay(2026, 3, 2), absl::UTCTimeZone());
  world.duration = kDay;
  world.horizon = 2 * kDay;
  world.data_centers = {Place("a", "DE", 0.2, 50, world), Place("b", "JP", 0.3, 20, world)};
  world.codes = {JurisdictionCode("DE"), JurisdictionCode("JP")};
  world.jurisdictions = model::JurisdictionTable({}, world.codes);
  model::Residency anywhere;
  anywhere.any = true;
  world.residencies = {{anywhere, 3}, {{.any = false, .words = {"DE"}}, 1}};
  world.users = {AccountId("alice")};
  return world;
}

Job AnHour() {
  Job job;
  job.duration = job.expected = kHour;
  job.deadline = kDay;
  job.cpus = 1;
  job.memory_mb = 1024;
  return job;
}

World SmallWorld() {
  os::FileProblems problems(10);
  World world = LoadWorld(HT_SOURCE_DIR "/tests/scheduler/sim/small", problems);
  HT_CHECK_EQ(absl::StrJoin(problems.texts(), "\n"), "");
  return world;
}

}  // namespace heliotrope::sim
