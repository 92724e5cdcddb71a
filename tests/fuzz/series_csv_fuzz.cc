// Time series as CSV: load history of imports and backtests, prices, recorded load of an agent.
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/probe/replay_probe.h"
#include "scheduler/base/duration.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/resample.h"
#include "scheduler/os/csv.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

std::string Printed(const std::vector<os::Sample>& samples, const os::SeriesFormat& format) {
  std::string text = absl::StrCat("timestamp_utc,", format.value_column, "\n");
  for (const os::Sample& sample : samples) {
    // Seventeen digits are every double's own.
    char value[40];
    snprintf(value, sizeof(value), "%.17g", sample.value);
    absl::StrAppend(&text, Rfc3339(sample.time), ",", value, "\n");
  }
  return text;
}

// What is made of a history: bins for a curve, which must stay finite whatever it has learned.
void Learn(const std::vector<os::Sample>& samples) {
  std::vector<curve::Sample> loads;
  for (const os::Sample& sample : samples) loads.push_back({sample.time, sample.value});
  const std::vector<curve::Bin> bins = curve::Resample(std::move(loads));
  curve::Forecaster forecaster(absl::UTCTimeZone(), {});
  constexpr size_t kEnough = 200;
  for (size_t i = 0; i < bins.size(); ++i) {
    HT_CHECK(std::isfinite(bins[i].load));
    HT_CHECK(i == 0 || bins[i - 1].start < bins[i].start);
    if (i < kEnough) forecaster.Observe(bins[i]);
  }
  if (bins.empty()) return;
  const absl::Time target = bins.back().start + absl::Hours(1);
  for (const double q : {0.1, 0.5, 0.97}) {
    HT_CHECK(std::isfinite(forecaster.Quantile(target, bins.back().start, q)));
  }
}

void Replay(const std::vector<os::Sample>& samples) {
  auto probe = agent::probe::ReplayProbe::Create({.series = samples,
                                                  .peak = {},
                                                  .low = {},
                                                  .high = {},
                                                  .time_zone = absl::UTCTimeZone(),
                                                  .capacity = MilliCores::FromMilli(4000),
                                                  .memory = Bytes::FromGiB(1)});
  if (!probe.ok()) {
    CheckRefusal(probe.status());
    return;
  }
  for (const absl::Time time : {samples.front().time, samples.back().time, absl::UnixEpoch(),
                                absl::FromUnixSeconds(4'000'000'000)}) {
    const double load = (*probe)->LoadAt(time);
    HT_CHECK(load >= 0 && load <= 1);
  }
}

void Run(absl::string_view text) {
  for (const os::SeriesFormat& format :
       {os::SeriesFormat{},
        os::SeriesFormat{.value_column = "usd_per_mwh", .allow_negative = true}}) {
    const auto samples = os::ParseSeriesCsv(text, "load.csv", format);
    if (!samples.ok()) {
      CheckRefusal(samples.status());
      continue;
    }
    const auto again = os::ParseSeriesCsv(Printed(*samples, format), "again", format);
    HT_CHECK(again.ok());
    HT_CHECK(*again == *samples);
    if (format.allow_negative) continue;
    Learn(*samples);
    Replay(*samples);
  }
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
