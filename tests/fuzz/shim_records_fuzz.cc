// The files that agent and shim write for each other: launch, status, exit.
#include <cstring>
#include <memory>
#include <string>

#include "agent/shim/launch_format.h"
#include "agent/shim/record_format.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

namespace shim = agent::shim;

void Exit(absl::string_view text) {
  shim::ExitRecord record{};
  if (!shim::ParseExit(text.data(), text.size(), &record)) return;
  HT_CHECK(record.incarnation > 0);
  HT_CHECK(record.kind != shim::ExitKind::kExited || (record.code >= 0 && record.code <= 255));
  HT_CHECK(record.kind != shim::ExitKind::kSignaled || (record.signal > 0 && record.signal <= 64));
  HT_CHECK(record.max_rss_bytes >= 0 && record.log_lost_bytes >= 0);
  HT_CHECK(record.user_us >= 0 && record.system_us >= 0);
  char printed[shim::kRecordBytesMax];
  const size_t length = shim::FormatExit(record, printed);
  HT_CHECK_LT(length, sizeof(printed));
  shim::ExitRecord again{};
  HT_CHECK(shim::ParseExit(printed, length, &again));
  char twice[shim::kRecordBytesMax];
  HT_CHECK_EQ(shim::FormatExit(again, twice), length);
  HT_CHECK(memcmp(printed, twice, length) == 0);
}

void Status(absl::string_view text) {
  shim::StatusRecord record{};
  if (!shim::ParseStatus(text.data(), text.size(), &record)) return;
  HT_CHECK(record.incarnation > 0);
  // A signal to one that is not positive would meet a group, or everybody.
  HT_CHECK(record.shim_pid > 0 && record.job_pid > 0);
  char printed[shim::kRecordBytesMax];
  const size_t length = shim::FormatStatus(record, printed);
  HT_CHECK_LT(length, sizeof(printed));
  shim::StatusRecord again{};
  HT_CHECK(shim::ParseStatus(printed, length, &again));
  HT_CHECK(memcmp(record.boot_id, again.boot_id, sizeof(record.boot_id)) == 0);
  HT_CHECK_EQ(record.job_pid, again.job_pid);
  HT_CHECK_EQ(record.job_start_ticks, again.job_start_ticks);
  HT_CHECK_EQ(record.started_ns, again.started_ns);
}

void Launch(absl::string_view text) {
  std::string data(text);
  auto launch = std::make_unique<shim::Launch>();
  if (const char* why = shim::ParseLaunch(data.data(), data.size(), launch.get()); why != nullptr) {
    CheckRefusal(absl::string_view(why));
    return;
  }
  HT_CHECK(launch->argc > 0 && launch->argc <= shim::kLaunchArgsMax);
  HT_CHECK(launch->argv[launch->argc] == nullptr);
  HT_CHECK(launch->envc <= shim::kLaunchEnvMax && launch->env[launch->envc] == nullptr);
  for (size_t i = 0; i < launch->envc; ++i) HT_CHECK(strchr(launch->env[i], '=') != nullptr);
  HT_CHECK_EQ(launch->working_directory[0], '/');
  HT_CHECK(launch->stop_signal > 0 && launch->stop_signal < 32);
  HT_CHECK(launch->log_bytes > 0 && launch->log_files >= 0);
  HT_CHECK(launch->incarnation > 0);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  heliotrope::fuzz::Exit(text);
  heliotrope::fuzz::Status(text);
  heliotrope::fuzz::Launch(text);
  return 0;
}
