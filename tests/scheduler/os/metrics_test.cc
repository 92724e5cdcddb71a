#include "scheduler/os/metrics.h"

#include <string>

#include "gtest/gtest.h"

namespace heliotrope::os {
namespace {

bool Has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsTest, SeriesAreThereAtZeroAndCount) {
  MetricsRegistry registry;
  auto& ok = registry.AddCounter("heliotrope_calls_total", "Calls.", {{"code", "ok"}});
  registry.AddCounter("heliotrope_calls_total", "Calls.", {{"code", "error"}});
  registry.AddGauge("heliotrope_nodes", "Nodes.").Set(3);
  registry.AddHistogram("heliotrope_commit_seconds", "Commits.", {0.001, 0.1}).Observe(0.01);
  ok.Increment();
  ok.Increment();
  const std::string text = registry.Text();
  EXPECT_TRUE(Has(text, "# TYPE heliotrope_calls_total counter")) << text;
  EXPECT_TRUE(Has(text, "heliotrope_calls_total{code=\"ok\"} 2")) << text;
  EXPECT_TRUE(Has(text, "heliotrope_calls_total{code=\"error\"} 0")) << text;
  EXPECT_TRUE(Has(text, "heliotrope_nodes 3")) << text;
  EXPECT_TRUE(Has(text, "heliotrope_commit_seconds_bucket{le=\"0.1\"} 1")) << text;
  EXPECT_TRUE(Has(text, "heliotrope_commit_seconds_bucket{le=\"0.001\"} 0")) << text;
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameSeries) {
  MetricsRegistry registry;
  auto& one = registry.AddGauge("heliotrope_nodes", "Nodes.", {{"datacenter", "dubai"}});
  auto& same = registry.AddGauge("heliotrope_nodes", "Nodes.", {{"datacenter", "dubai"}});
  EXPECT_EQ(&one, &same);
  registry.RemoveGauge("heliotrope_nodes", one);
  EXPECT_EQ(registry.Text().find("dubai"), std::string::npos);
}

TEST(MetricsTest, GaugesAreBroughtUpToDateBeforeTheText) {
  MetricsRegistry registry;
  auto& gauge = registry.AddGauge("heliotrope_queue_commands", "Waiting commands.");
  double waiting = 0;
  registry.BeforeText([&] { gauge.Set(++waiting); });
  EXPECT_TRUE(Has(registry.Text(), "heliotrope_queue_commands 1"));
  EXPECT_TRUE(Has(registry.Text(), "heliotrope_queue_commands 2"));
}

TEST(MetricsTest, BuildInfoNamesTheProgram) {
  MetricsRegistry registry;
  registry.AddBuildInfo("heliotrope-scheduler");
  EXPECT_NE(registry.Text().find("program=\"heliotrope-scheduler\""), std::string::npos);
}

TEST(MetricsDeathTest, AMisnamedMetricIsOurMistake) {
  MetricsRegistry registry;
  EXPECT_DEATH(registry.AddCounter("no good", "x"), "no good");
  registry.AddCounter("heliotrope_twice_total", "x");
  EXPECT_DEATH(registry.AddGauge("heliotrope_twice_total", "x"), "heliotrope_twice_total");
}

}  // namespace
}  // namespace heliotrope::os
