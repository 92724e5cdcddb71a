#include "agent/probe/host_probe.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heliotrope::agent::probe {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

// A host of two CPUs, whose files a test writes.
class HostProbeTest : public testing::Test {
 protected:
  HostProbeTest() {
    std::string pattern = testing::TempDir() + "proc.XXXXXX";
    proc_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(proc_ + "/pressure");
    Memory(1000, 600);
  }
  ~HostProbeTest() override { std::filesystem::remove_all(proc_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(proc_ + "/" + name) << text;
  }
  // Seconds of CPU since boot, of both CPUs together.
  void Cpu(double busy, double idle) {
    const auto ticks = [](double s) {
      return static_cast<int64_t>(s * static_cast<double>(sysconf(_SC_CLK_TCK)));
    };
    Write("stat", absl::StrCat("cpu  ", ticks(busy), " 0 0 ", ticks(idle), " 0 0 0 0 0 0\n",
                               "cpu0 1 1 1 1\ncpu1 1 1 1 1\n"));
  }
  void Memory(int64_t total_mib, int64_t available_mib) {
    Write("meminfo", absl::StrCat("MemTotal: ", total_mib * 1024,
                                  " kB\nMemAvailable: ", available_mib * 1024, " kB\n"));
  }
  void Start(const OwnUsage& own) {
    auto probe = HostProbe::Create({.proc = proc_}, own);
    ASSERT_TRUE(probe.ok()) << probe.status();
    probe_ = *std::move(probe);
  }

  std::string proc_;
  std::unique_ptr<HostProbe> probe_;
};

TEST_F(HostProbeTest, ForegroundIsWhatOthersUsed) {
  Cpu(100, 1000);
  Start({.cpu = absl::Seconds(40), .memory = Bytes::Zero()});
  // Ten seconds of two CPUs: 12 busy, of which 5 were ours.
  Cpu(112, 1008);
  const auto sample =
      probe_->Measure(kNow, {.cpu = absl::Seconds(45), .memory = Bytes::FromMiB(150)});
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(sample->time, kNow);
  EXPECT_EQ(sample->foreground, MilliCores::FromMilli(700));
  EXPECT_EQ(sample->batch, MilliCores::FromMilli(500));
  EXPECT_EQ(sample->capacity, MilliCores::FromMilli(2000));
  EXPECT_EQ(sample->memory_total, Bytes::FromMiB(1000));
  EXPECT_EQ(sample->memory_available, Bytes::FromMiB(600));
  EXPECT_EQ(sample->foreground_memory, Bytes::FromMiB(250));
  EXPECT_EQ(sample->psi_cpu_some_avg10, std::nullopt);
  EXPECT_EQ(probe_->capacity(), MilliCores::FromMilli(2000));
  EXPECT_EQ(probe_->memory(), Bytes::FromMiB(1000));
}

TEST_F(HostProbeTest, MeasuresFromOneCallToTheNext) {
  Cpu(0, 0);
  Start({});
  Cpu(20, 0);
  EXPECT_EQ(probe_->Measure(kNow, {})->foreground, MilliCores::FromMilli(2000));
  Cpu(20, 20);
  EXPECT_EQ(probe_->Measure(kNow, {})->foreground, MilliCores::Zero());
}

// Two counters, two clocks: what we used can look like a little more than all that was used.
TEST_F(HostProbeTest, NeverBelowZero) {
  Cpu(0, 0);
  Start({});
  Cpu(5, 15);
  const auto sample =
      probe_->Measure(kNow, {.cpu = absl::Seconds(6), .memory = Bytes::FromMiB(900)});
  EXPECT_EQ(sample->foreground, MilliCores::Zero());
  EXPECT_EQ(sample->foreground_memory, Bytes::Zero());
}

TEST_F(HostProbeTest, TooSoonLosesNothing) {
  Cpu(0, 0);
  Start({});
  Cpu(0.05, 0.05);
  EXPECT_TRUE(absl::IsUnavailable(probe_->Measure(kNow, {}).status()));
  Cpu(10, 10);
  EXPECT_EQ(probe_->Measure(kNow, {})->foreground, MilliCores::FromMilli(1000));
}

TEST_F(HostProbeTest, GoesOnAfterTheCountersWentBack) {
  Cpu(100, 100);
  Start({});
  Cpu(50, 50);
  EXPECT_TRUE(absl::IsUnavailable(probe_->Measure(kNow, {}).status()));
  Cpu(55, 65);
  EXPECT_EQ(probe_->Measure(kNow, {})->foreground, MilliCores::FromMilli(500));
}

TEST_F(HostProbeTest, ReadsPressureWhereThereIsSome) {
  Cpu(0, 0);
  Start({});
  Write("pressure/cpu", "some avg10=12.50 avg60=0.00 avg300=0.00 total=0\n");
  Cpu(10, 10);
  const auto sample = probe_->Measure(kNow, {});
  EXPECT_EQ(sample->psi_cpu_some_avg10, 12.5);
  EXPECT_EQ(sample->psi_memory_some_avg10, std::nullopt);
}

TEST_F(HostProbeTest, SaysWhatIsMissing) {
  EXPECT_TRUE(absl::IsNotFound(HostProbe::Create({.proc = proc_}, {}).status()));
}

TEST(RealHostProbeTest, ReadsThisHost) {
  const auto probe = HostProbe::Create({}, {});
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ((*probe)->capacity(), MilliCores::FromMilli(1000) * sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_GT((*probe)->memory(), Bytes::FromMiB(16));
}

}  // namespace
}  // namespace heliotrope::agent::probe
