#include "scheduler/os/metrics.h"

#include <exception>
#include <utility>

#include "prometheus/text_serializer.h"
#include "scheduler/base/check.h"
#include "scheduler/os/version.h"

namespace heliotrope::os {
namespace {

// Runs what may throw; an exception aborts with the metric's name.
template <class Add>
auto& OrAbort(const std::string& name, Add add) {
  try {
    return add();
  } catch (const std::exception& error) {
    CheckFailed(__FILE__, __LINE__, "metric is well formed", name + ": " + error.what());
  }
}

}  // namespace

MetricsRegistry::MetricsRegistry() : registry_(prometheus::Registry::InsertBehavior::Merge) {}

prometheus::Counter& MetricsRegistry::AddCounter(const std::string& name, const std::string& help,
                                                 const MetricLabels& labels) {
  return OrAbort(name, [&]() -> prometheus::Counter& {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
  });
}

prometheus::Gauge& MetricsRegistry::AddGauge(const std::string& name, const std::string& help,
                                             const MetricLabels& labels) {
  return OrAbort(name, [&]() -> prometheus::Gauge& {
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
    MutexLock lock(mutex_);
    gauges_[name] = &family;
    return family.Add(labels);
  });
}

prometheus::Histogram& MetricsRegistry::AddHistogram(const std::string& name,
                                                     const std::string& help,
                                                     const std::vector<double>& bounds,
                                                     const MetricLabels& labels) {
  return OrAbort(name, [&]() -> prometheus::Histogram& {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
    return family.Add(labels, bounds);
  });
}

void MetricsRegistry::AddBuildInfo(const std::string& program) {
  AddGauge("heliotrope_build_info", "The build that runs, always 1.",
           {{"program", program}, {"version", Version()}, {"revision", SourceRevision()}})
      .Set(1);
}

void MetricsRegistry::RemoveGauge(const std::string& name, prometheus::Gauge& gauge) {
  MutexLock lock(mutex_);
  const auto family = gauges_.find(name);
  HT_CHECK(family != gauges_.end());
  family->second->Remove(&gauge);
}

void MetricsRegistry::BeforeText(std::function<void()> update) {
  MutexLock lock(mutex_);
  updates_.push_back(std::move(update));
}

std::string MetricsRegistry::Text() {
  std::vector<std::function<void()>> updates;
  {
    MutexLock lock(mutex_);
    updates = updates_;
  }
  for (const auto& update : updates) update();
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace heliotrope::os
