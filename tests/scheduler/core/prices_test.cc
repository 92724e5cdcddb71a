// Prices and forecasts that are told as time goes on.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1772409600);  // 2026-03-02T00:00:00Z

FleetConfig TwoDataCenters() {
  FleetConfig fleet;
  for (const char* name : {"dubai", "virginia"}) {
    model::DataCenter one;
    one.id = DataCenterId(name);
    one.time_zone = absl::UTCTimeZone();
    one.jurisdiction = JurisdictionCode("XX");
    fleet.data_centers.push_back(one);
  }
  fleet.jurisdictions = model::JurisdictionTable({}, {JurisdictionCode("XX")});
  return fleet;
}

TEST(PricesTest, AreTheCostOnceEveryDataCenterHasOne) {
  Machine machine(MachineOptions{}, TwoDataCenters());
  machine.Apply(Tick{}, kNow);
  EXPECT_FALSE(machine.priced());
  EXPECT_TRUE(
      machine.Apply(SetPrices{{{DataCenterId("dubai"), {{kNow, 30}}}}}, kNow).reply.status.ok());
  EXPECT_FALSE(machine.priced());
  const Outcome outcome =
      machine.Apply(SetPrices{{{DataCenterId("virginia"), {{kNow, -7.5}}}}}, kNow);
  EXPECT_TRUE(machine.priced());
  machine.Apply(Tick{}, kNow);
  // Beyond what is known a tenth less than the usual price, here the only one.
  EXPECT_EQ(machine.board().sites[0].price.front(), MicroCost::FromUnits(30));
  EXPECT_EQ(machine.board().sites[1].price.front(), MicroCost::FromUnits(-7.5));
  EXPECT_EQ(machine.board().sites[1].price.back(), MicroCost::FromUnits(-8.25));
}

TEST(PricesTest, OfAnUnknownDataCenterAreRefusedWhole) {
  Machine machine(MachineOptions{}, TwoDataCenters());
  const SetPrices command{
      {{DataCenterId("dubai"), {{kNow, 30}}}, {DataCenterId("mars"), {{kNow, 1}}}}};
  EXPECT_EQ(machine.Apply(command, kNow).reply.status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(machine.fleet().data_centers[0].prices.usd_per_mwh.empty());
}

TEST(PricesTest, AnOutlookFromElsewhereIsBelievedUnlessItIsOutOfBand) {
  MachineOptions options;
  bool out_of_band = false;
  options.outlook = [&](const DataCenterId&, absl::Time, std::span<const curve::Block> blocks) {
    return ToldOutlook{std::vector<curve::BlockOutlook>(blocks.size()), out_of_band};
  };
  Machine machine(options, TwoDataCenters());
  machine.Apply(Tick{}, kNow);
  EXPECT_FALSE(machine.board().sites[0].reactive);
  out_of_band = true;
  machine.Apply(Tick{}, kNow + absl::Minutes(5));
  EXPECT_TRUE(machine.board().sites[0].reactive);
  EXPECT_EQ(machine.board().sites[0].mode, model::Reason::kForecastOutOfBand);
}

}  // namespace
}  // namespace heliotrope::core
