#include "scheduler/curve/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace heliotrope::curve {
namespace {

constexpr absl::Duration kLongestLine = absl::Hours(2);

void Clean(std::vector<Sample>& samples) {
  std::erase_if(samples, [](const Sample& s) {
    return !std::isfinite(s.load) || s.load < 0 || s.time == absl::InfinitePast() ||
           s.time == absl::InfiniteFuture();
  });
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.time < b.time; });
  const auto same_time = [](const Sample& a, const Sample& b) { return a.time == b.time; };
  samples.erase(std::unique(samples.begin(), samples.end(), same_time), samples.end());
}

double Line(const Sample& from, const Sample& to, absl::Time time) {
  const double share = absl::FDivDuration(time - from.time, to.time - from.time);
  return from.load + share * (to.load - from.load);
}

}  // namespace

std::vector<Bin> Resample(std::vector<Sample> samples) {
  Clean(samples);
  std::vector<Bin> bins;
  size_t at = 0;
  while (at < samples.size()) {
    const int64_t index = BinIndex(samples[at].time);
    const absl::Time start = BinStart(index);
    size_t end = at;
    double sum = 0;
    for (; end < samples.size() && BinIndex(samples[end].time) == index; ++end) {
      sum += samples[end].load;
    }
    const bool line =
        end - at == 1 && at > 0 && samples[at].time - samples[at - 1].time <= kLongestLine;
    const double mean = sum / static_cast<double>(end - at);
    bins.push_back({start, line ? Line(samples[at - 1], samples[at], start) : mean});

    if (end < samples.size() && samples[end].time - samples[end - 1].time <= kLongestLine) {
      for (int64_t i = index + 1; i < BinIndex(samples[end].time); ++i) {
        bins.push_back({BinStart(i), Line(samples[end - 1], samples[end], BinStart(i))});
      }
    }
    at = end;
  }
  return bins;
}

}  // namespace heliotrope::curve
