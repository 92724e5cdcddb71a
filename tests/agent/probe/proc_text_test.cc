#include "agent/probe/proc_text.h"

#include "gtest/gtest.h"

namespace heliotrope::agent::probe {
namespace {

TEST(CpuTimesTest, Parses) {
  const struct {
    const char* name;
    const char* text;
    int64_t busy;
    int64_t total;
    int cpus;
  } cases[] = {
      {"two CPUs, guest time not counted twice",
       "cpu  10 20 30 400 50 6 7 8 9 9\ncpu0 1 1\ncpu1 1 1\nintr 5 5\n", 81, 531, 2},
      {"an old kernel", "cpu  10 20 30 400\ncpu0 1\n", 60, 460, 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto times = ParseCpuTimes(c.text);
    ASSERT_TRUE(times.ok()) << times.status();
    EXPECT_EQ(times->busy, c.busy);
    EXPECT_EQ(times->total, c.total);
    EXPECT_EQ(times->cpus, c.cpus);
  }
}

TEST(CpuTimesTest, RefusesRubbish) {
  for (const char* text : {"", "cpu 1 2 3 4\n", "cpu0 1 2 3 4\n", "cpu  1 2 x 4\ncpu0 1\n",
                           "cpu  1 2 -3 4\ncpu0 1\n", "cpu  1 2\ncpu0 1\n"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseCpuTimes(text).status())) << text;
  }
}

TEST(HostMemoryTest, Parses) {
  const auto memory = ParseHostMemory(
      "MemTotal:       16306988 kB\nMemFree:          100 kB\nMemAvailable:    8000000 kB\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->total, Bytes::FromKiB(16'306'988));
  EXPECT_EQ(memory->available, Bytes::FromKiB(8'000'000));
  EXPECT_FALSE(ParseHostMemory("MemTotal: 1 kB\n").ok());
  EXPECT_FALSE(ParseHostMemory("MemTotal: x kB\nMemAvailable: 1 kB\n").ok());
}

TEST(PressureTest, Parses) {
  EXPECT_EQ(ParsePressure("some avg10=1.25 avg60=2.00 avg300=3.00 total=4\n"
                          "full avg10=9.00 avg60=0.00 avg300=0.00 total=0\n"),
            1.25);
  EXPECT_EQ(ParsePressure(""), std::nullopt);
  EXPECT_EQ(ParsePressure("full avg10=9.00\n"), std::nullopt);
  EXPECT_EQ(ParsePressure("some avg10=x avg60=1\n"), std::nullopt);
  EXPECT_EQ(ParsePressure("some avg10=-1 avg60=1\n"), std::nullopt);
  EXPECT_EQ(ParsePressure("some avg10=nan avg60=1\n"), std::nullopt);
}

}  // namespace
}  // namespace heliotrope::agent::probe
