// The foreground comes first, also where what measures it hangs.
#include <gtest/gtest.h>

#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

// A fifth of the capacity by night, four fifths from 08:00 to 20:00 UTC, with a little unrest.
double LoadAt(int64_t bin) {
  const int64_t hour = bin / 12 % 24;
  return (hour >= 8 && hour < 20 ? 0.8 : 0.2) + 0.001 * static_cast<double>(bin * 7 % 11);
}

TEST(HungSensorTest, TheForecastCountsWhereItIsHigherThanWhatHangs) {
  FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  Machine machine(MachineOptions{}, fleet);

  constexpr int64_t kDays = 28;
  const int64_t first = 288 * 19723;
  const int64_t noon = first + kDays * 288 + 144;
  ImportCurve history;
  history.data_center = dubai.id;
  for (int64_t bin = first; bin < noon; ++bin) {
    const bool hangs = bin > first + kDays * 288;  // Since midnight.
    history.bins.push_back({curve::BinStart(bin), hangs ? 0.2 : LoadAt(bin)});
  }
  const absl::Time now = curve::BinStart(noon);
  NodeHello hello;
  hello.node = NodeId("a");
  hello.session = 1;
  hello.instance = "i";
  hello.version = "0.1.0";
  hello.data_center = dubai.id;
  hello.jurisdiction = dubai.jurisdiction;
  hello.capacity = {MilliCores::FromCores(16), Bytes::FromMiB(1024)};
  hello.address = "a:1";
  const absl::Status welcome = machine.Apply(hello, now).reply.status;
  ASSERT_TRUE(welcome.ok()) << welcome;
  machine.Apply(NodeLoad{hello.node, 1, {{now, MilliCores::FromCores(3.2), Bytes::Zero()}}}, now);
  const absl::Status taken = machine.Apply(history, now).reply.status;
  ASSERT_TRUE(taken.ok()) << taken;
  machine.Apply(Tick{}, now);
  machine.PrepareToRead();
  ASSERT_EQ(machine.curves().at(dubai.id).StatusAt(now).health, curve::Health::kFrozen);
  const plan::Site& site = machine.board().sites.at(0);
  EXPECT_TRUE(site.reactive);
  EXPECT_EQ(site.mode, model::Reason::kSensorFrozen);
  EXPECT_LT(site.headroom.at(0), MilliCores::FromCores(4)) << "by what is measured it were 9.6";
}

}  // namespace
}  // namespace heliotrope::core
