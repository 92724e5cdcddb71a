// The agent's own files of an attempt: the order as it was kept, the outcome, a log and where it
// begins. Another version may have written them, or a disk may have lost a part.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/daemon/records.h"
#include "agent/exec/log_reader.h"
#include "agent/link/convert.h"
#include "scheduler/base/limits.h"
#include "scheduler/os/files.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

void Put(const std::string& path, absl::string_view bytes) {
  HT_CHECK(os::WriteFileAtomically(path, bytes, {.sync = false}).ok());
}

void Order(const std::string& root, absl::string_view bytes) {
  Put(root + "/order", bytes);
  const auto order = agent::daemon::ReadOrder(root);
  if (!order.ok()) return CheckRefusal(order.status());
  const auto launch = agent::link::LaunchOf(*order, {.data_center = "dubai"});
  if (!launch.ok()) return CheckRefusal(launch.status());
  HT_CHECK(!launch->command.empty());
  HT_CHECK(launch->grace >= absl::ZeroDuration() && launch->grace <= kMaxLease);
}

void Outcome(const std::string& root, absl::string_view bytes) {
  Put(root + "/outcome", bytes);
  const auto outcome = agent::daemon::ReadOutcome(root);
  if (!outcome.ok()) return CheckRefusal(outcome.status());
  const auto status = agent::link::FromProto(*outcome);
  if (!status.ok()) return CheckRefusal(status.status());
  const auto again = agent::link::FromProto(agent::link::ToProto(*status));
  HT_CHECK(again.ok());
  HT_CHECK(agent::link::ToProto(*again).SerializeAsString() ==
           agent::link::ToProto(*status).SerializeAsString());
}

void Log(Input& input, const std::string& root) {
  Put(root + "/stdout.log.base", input.Text().substr(0, 64));
  Put(root + "/stdout.log", input.Text());
  if (input.Coin()) {
    Put(root + "/stdout.log.1", input.Text());
  } else {
    std::filesystem::remove(root + "/stdout.log.1");
  }
  const int64_t wanted = input.Byte();
  const auto part = agent::exec::ReadLog({.root = root, .work = "", .checkpoint = "", .output = ""},
                                         agent::exec::LogName::kStdout, input.Number(), wanted);
  if (!part.ok()) return CheckRefusal(part.status());
  HT_CHECK_LE(static_cast<int64_t>(part->data.size()), wanted);
  HT_CHECK(part->offset >= 0 && part->offset <= part->end);
  HT_CHECK_LE(part->offset, part->end - static_cast<int64_t>(part->data.size()));
}

void Run(Input input) {
  static const Scratch scratch;
  switch (input.Below(4)) {
    case 0:
      return Order(scratch.path(), input.Rest());
    case 1:
      return Outcome(scratch.path(), input.Rest());
    case 2: {
      Put(scratch.path() + "/instance", input.Rest());
      const auto id = agent::daemon::InstanceId(scratch.path());
      if (!id.ok()) return CheckRefusal(id.status());
      HT_CHECK(!id->empty() && id->size() <= 64);
      return;
    }
    default:
      return Log(input, scratch.path());
  }
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({data, size});
  return 0;
}
