// Why a data center is planned as it is: whoever looks must see what to repair.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/base/random.h"
#include "scheduler/rpc/view.h"

namespace heliotrope::rpc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kBinsPerDay = 288;
constexpr int64_t kFirst = kBinsPerDay * 19723;
// Noon of the 29th day.
constexpr int64_t kNow = kFirst + 28 * kBinsPerDay + kBinsPerDay / 2;

// A fifth of the capacity by night, four fifths from 08:00 to 20:00 UTC, with a little unrest.
double LoadAt(int64_t bin) {
  const int64_t hour = bin / 12 % 24;
  return (hour >= 8 && hour < 20 ? 0.8 : 0.2) + 0.001 * static_cast<double>(bin * 7 % 11);
}

struct Shown {
  v1::DataCenter data_center;
  v1::Curve curve;
};

// After a history up to `end`, at kNow.
template <class Load>
Shown After(int64_t end, Load load) {
  core::FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  core::Machine machine(core::MachineOptions{}, fleet);
  core::ImportCurve history;
  history.data_center = dubai.id;
  for (int64_t bin = kFirst; bin < end; ++bin) {
    history.bins.push_back({curve::BinStart(bin), load(bin)});
  }
  const absl::Status taken = machine.Apply(history, curve::BinStart(kNow)).reply.status;
  EXPECT_TRUE(taken.ok()) << taken;
  machine.Apply(core::Tick{}, curve::BinStart(kNow));
  machine.PrepareToRead();
  Shown shown;
  FillDataCenter(machine, dubai, shown.data_center);
  FillCurve(machine, dubai.id, absl::Hours(1), absl::Hours(1), shown.curve);
  return shown;
}

TEST(PlanningReasonTest, AForecastThatIsUsedSaysWhatItStandsOn) {
  const Shown shown = After(kNow, LoadAt);
  EXPECT_EQ(shown.data_center.planning_mode(), "forecast");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST");
  EXPECT_EQ(shown.curve.planning_reason(), "28 days of samples, errors within the band");
}

TEST(PlanningReasonTest, ASensorThatHangs) {
  const int64_t midnight = kNow - kBinsPerDay / 2;
  const Shown shown = After(kNow, [&](int64_t bin) { return bin > midnight ? 0.2 : LoadAt(bin); });
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "SENSOR_FROZEN");
  EXPECT_THAT(shown.curve.planning_reason(),
              AllOf(StartsWith("SENSOR_FROZEN: "), HasSubstr("without any change since")));
}

TEST(PlanningReasonTest, SamplesThatDoNotCome) {
  const Shown shown = After(kNow - 24, LoadAt);
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST_STALE");
  EXPECT_THAT(shown.curve.planning_reason(),
              StartsWith("FORECAST_STALE: no load sample since 2024-01-29T10:00:00Z; "));
}

TEST(PlanningReasonTest, ALoadThatTurnsToChaos) {
  Random random(9);
  const Shown shown = After(kNow, [&random](int64_t bin) {
    return bin >= kNow - 4 * kBinsPerDay ? random.Double() : LoadAt(bin);
  });
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST_OUT_OF_BAND");
  EXPECT_THAT(shown.curve.planning_reason(), StartsWith("FORECAST_OUT_OF_BAND: "));
}

}  // namespace
}  // namespace heliotrope::rpc
