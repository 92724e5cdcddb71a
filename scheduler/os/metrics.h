// A thin helper over prometheus-cpp's registry. Names, help texts and labels are ours, so a refusal
// by the library (which throws) is a mistake in our code and aborts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "scheduler/base/mutex.h"

namespace heliotrope::os {

using MetricLabels = std::map<std::string, std::string>;

// Thread-safe. The metrics live as long as the registry; the same name and labels give the same
// one.
class MetricsRegistry {
 public:
  MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // `name` ends in "_total". Label sets are few and bounded, and never hold a job or task; make
  // each at the start, so that it is there at 0.
  prometheus::Counter& AddCounter(const std::string& name, const std::string& help,
                                  const MetricLabels& labels = {});
  prometheus::Gauge& AddGauge(const std::string& name, const std::string& help,
                              const MetricLabels& labels = {});
  // `bounds` are upper limits of the buckets, ascending, in the metric's own base unit.
  prometheus::Histogram& AddHistogram(const std::string& name, const std::string& help,
                                      const std::vector<double>& bounds,
                                      const MetricLabels& labels = {});
  // `heliotrope_build_info{program="...",version="...",revision="..."} 1`.
  void AddBuildInfo(const std::string& program);

  // Takes back one series: of a data center that a reload removed, say.
  void RemoveGauge(const std::string& name, prometheus::Gauge& gauge);

  // Called before each Text(), to set gauges from a snapshot. Must not call the registry's Text().
  void BeforeText(std::function<void()> update);

  // The exposition text of all metrics.
  std::string Text();

 private:
  prometheus::Registry registry_;
  Mutex mutex_;
  std::vector<std::function<void()>> updates_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, prometheus::Family<prometheus::Gauge>*> gauges_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::os
