// agent.yaml, all its checks included.
#include "agent/daemon/config.h"
#include "scheduler/base/names.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

void Run(absl::string_view text) {
  const auto config = agent::daemon::ParseConfig(text, "/nonexistent/agent.yaml");
  if (!config.ok()) {
    CheckRefusal(config.status());
    return;
  }
  HT_CHECK(IsValidId(config->node));
  HT_CHECK(!config->spec.jurisdiction.empty());
  HT_CHECK(config->spec.cores > MilliCores::Zero());
  HT_CHECK(config->spec.memory > Bytes::Zero());
  HT_CHECK(config->spec.yield.thaw_below <= config->spec.yield.freeze_above);
  HT_CHECK(config->load_interval > absl::ZeroDuration());
  HT_CHECK(config->log_size > Bytes::Zero());
  HT_CHECK_EQ(config->state_directory[0], '/');
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
