// The job of a CreateJob call: the bytes of its protobuf.
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/job_round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::v1::Job job;
  // gRPC has parsed the message before any of our code runs.
  if (job.ParseFromArray(data, static_cast<int>(size))) heliotrope::fuzz::CheckJob(job);
  return 0;
}
