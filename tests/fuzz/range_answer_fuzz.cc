// The JSON that a Prometheus server answers a range query with: `curve import --prometheus`.
#include <cmath>

#include "scheduler/cli/prometheus.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

void Run(absl::string_view text) {
  const auto samples = cli::ParseRangeAnswer(text, "http://127.0.0.1:9090");
  if (!samples.ok()) {
    CheckRefusal(samples.status());
    return;
  }
  absl::Time before = absl::InfinitePast();
  for (const os::Sample& sample : *samples) {
    HT_CHECK(std::isfinite(sample.value) && sample.value >= 0);
    HT_CHECK(before < sample.time && sample.time < absl::InfiniteFuture());
    before = sample.time;
  }
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
