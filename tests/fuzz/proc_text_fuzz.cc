// The kernel's texts about the host and about processes. A container may serve them from elsewhere.
#include <string>

#include "agent/probe/proc_text.h"
#include "agent/shim/proc_stat.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace probe = heliotrope::agent::probe;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto times = probe::ParseCpuTimes(text); times.ok()) {
    HT_CHECK(times->busy >= 0 && times->busy <= times->total && times->cpus > 0);
  } else {
    heliotrope::fuzz::CheckRefusal(times.status());
  }
  if (const auto memory = probe::ParseHostMemory(text); memory.ok()) {
    HT_CHECK(memory->total >= heliotrope::Bytes::Zero());
    HT_CHECK(memory->available >= heliotrope::Bytes::Zero());
  } else {
    heliotrope::fuzz::CheckRefusal(memory.status());
  }
  if (const auto pressure = probe::ParsePressure(text); pressure.has_value()) {
    HT_CHECK(*pressure >= 0 && *pressure <= 100);
  }
  std::string copy(text);
  heliotrope::agent::shim::ProcStat stat{};
  heliotrope::agent::shim::ParseProcStat(copy.data(), &stat);
  return 0;
}
