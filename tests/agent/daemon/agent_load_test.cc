// The foreground comes first.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/time.h"
#include "tests/agent/daemon/agent_fixture.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;
using v1::AttemptStatus;

class Load : public AgentTest {
 protected:
  // A week and an hour of one value each hour: 99 % from the second hour of the scheduler's start
  // on, 10 % before.
  std::string Replay() {
    std::string csv = "timestamp_utc,load\n";
    for (int hour = -24 * 7; hour <= 24 * 7; ++hour) {
      absl::StrAppend(&csv,
                      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", scheduler_.start + absl::Hours(hour),
                                       absl::UTCTimeZone()),
                      ",", hour >= 2 ? "99" : "10", "\n");
    }
    const std::string path = directory_ + "/load.csv";
    EXPECT_TRUE(os::WriteFileAtomically(path, csv, {.mode = 0644}).ok());
    return absl::StrCat("load: {replay: {file: ", path,
                        ", peak: 100}}\nyield: {leave_after: 1h}\n");
  }
};

TEST_F(Load, ARecordedLoadIsReportedInSchedulingTime) {
  scheduler_.speed = 60;
  StartAgent("node-a", {.extra = Replay()});
  ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.samples().size() >= 3; }));
  const v1::LoadReport::Sample sample = scheduler_.samples().back();
  EXPECT_NEAR(static_cast<double>(sample.foreground_milli_cores()), 100'000, 5'000);
  const absl::Time time = *wire::FromProto(sample.time(), "time");
  EXPECT_GE(time, scheduler_.start);
  EXPECT_LE(time, scheduler_.start + absl::Hours(1));
}

TEST_F(Load, PressureFreezesAndWhatCanLeavesWithItsWork) {
  scheduler_.speed = 3600;  // An hour a second.
  StartAgent("node-a", {.extra = Replay()});
  v1::AttemptOrder moves = Counting(1, 1, 1'000'000);
  moves.mutable_start()->mutable_task()->set_milli_cores(100'000);
  v1::AttemptOrder stays = Start(2, 1, "sleep 1000");
  stays.mutable_start()->mutable_task()->set_milli_cores(100'000);
  ASSERT_TRUE(scheduler_.Send("node-a", moves));
  ASSERT_TRUE(scheduler_.Send("node-a", stays));
  ASSERT_TRUE(Reaches(stays, AttemptStatus::PHASE_FROZEN));
  ASSERT_TRUE(Reaches(moves, AttemptStatus::PHASE_LEFT));
  EXPECT_EQ(Status(moves).reason(), "FOREGROUND_PRESSURE");
  EXPECT_EQ(Status(moves).checkpoint().key().sequence(), 1u);
  EXPECT_EQ(Status(stays).phase(), AttemptStatus::PHASE_FROZEN) << "it is never killed";
  const std::string metrics = Metrics("node-a");
  EXPECT_THAT(metrics, HasSubstr("heliotrope_agent_freezes_total 2"));
  EXPECT_THAT(metrics,
              HasSubstr("heliotrope_agent_leaves_total{reason=\"foreground_pressure\"} 1"));
}

TEST_F(Load, TheHostsOwnLoadIsReported) {
  StartAgent("node-a", {.extra = "load: {interval: 200ms}\n"});
  ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.samples().size() >= 2; }));
  EXPECT_GE(scheduler_.samples().back().foreground_milli_cores(), 0);
}

}  // namespace
}  // namespace heliotrope::agent::daemon
