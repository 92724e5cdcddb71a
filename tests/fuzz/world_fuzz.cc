// A world directory of `heliotrope simulate`: world.yaml, jobs.csv and a series, joined in one text
// by lines of "----".
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/limits.h"
#include "scheduler/os/files.h"
#include "scheduler/sim/load_world.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

void CheckWorld(const sim::World& world) {
  HT_CHECK(world.horizon >= world.duration && world.horizon % sim::kHour == 0);
  for (const sim::DataCenter& one : world.data_centers) {
    HT_CHECK_EQ(one.load.size(), static_cast<size_t>(world.horizon / curve::kBinSeconds));
    HT_CHECK_EQ(one.price.size(), static_cast<size_t>(world.horizon / sim::kHour));
    for (const double load : one.load) HT_CHECK(std::isfinite(load) && load >= 0);
  }
  for (const sim::Job& job : world.jobs) {
    HT_CHECK(job.residency < world.residencies.size() && job.user < world.users.size());
    HT_CHECK(job.home < world.data_centers.size());
    HT_CHECK(world.AllowedOf(job) != 0);
    HT_CHECK(job.submit + job.duration <= job.deadline);
  }
}

void Run(absl::string_view text) {
  static const Scratch scratch;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits("----\n", 3));
  const char* const names[] = {"world.yaml", "jobs.csv", "load.csv", "price.csv"};
  for (size_t i = 0; i < std::size(names); ++i) {
    const absl::Status written =
        os::WriteFileAtomically(absl::StrCat(scratch.path(), "/", names[i]),
                                i < parts.size() ? parts[i] : "", {.sync = false});
    HT_CHECK(written.ok());
  }
  os::FileProblems problems(kMaxWorldProblems);
  const sim::World world = sim::LoadWorld(scratch.path(), problems);
  HT_CHECK_LE(problems.texts().size(), kMaxWorldProblems);
  for (const std::string& problem : problems.texts()) {
    HT_CHECK(!problem.empty());
    HT_CHECK_LE(problem.size(), kMaxMessageBytes);
  }
  if (problems.count() == 0) CheckWorld(world);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
