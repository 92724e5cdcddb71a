// A job file of the CLI: YAML into v1::Job, and on to what the scheduler makes of it.
#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/os/yaml.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/job_round_trip.h"

namespace heliotrope::fuzz {
namespace {

void Run(absl::string_view text) {
  v1::Job job;
  job.set_name("untouched");
  os::YamlLines lines;
  const absl::Status status = os::LoadYamlText(text, "job.yaml", &job, &lines);
  if (!status.ok()) {
    CheckRefusal(status);
    HT_CHECK_EQ(job.name(), "untouched");
    return;
  }
  CheckJob(job);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
