#include "scheduler/cli/names.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heliotrope::cli {
namespace {

std::string WithCollection(absl::string_view collection, absl::string_view name) {
  if (absl::StrContains(name, "/")) return std::string(name);
  return absl::StrCat(collection, "/", name);
}

}  // namespace

std::string FullJobName(absl::string_view name) { return WithCollection("jobs", name); }
std::string FullNodeName(absl::string_view name) { return WithCollection("nodes", name); }
std::string FullDataCenterName(absl::string_view name) {
  return WithCollection("dataCenters", name);
}
std::string FullPlaceName(absl::string_view name) { return FullDataCenterName(name); }

std::string ShortName(absl::string_view name) {
  const size_t slash = name.find('/');
  return std::string(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

std::string JobOrTask::FullName() const {
  return task.has_value() ? absl::StrCat(job, "/tasks/", *task) : job;
}

std::optional<JobOrTask> ParseJobOrTask(absl::string_view name) {
  absl::ConsumePrefix(&name, "jobs/");
  const size_t slash = name.find('/');
  JobOrTask parsed{.job = absl::StrCat("jobs/", name.substr(0, slash))};
  if (slash == absl::string_view::npos) return parsed;
  absl::string_view rest = name.substr(slash + 1);
  absl::ConsumePrefix(&rest, "tasks/");
  int index = 0;
  if (rest.empty() || !absl::SimpleAtoi(rest, &index) || index < 0) return std::nullopt;
  parsed.task = index;
  return parsed;
}

int TaskIndexOf(absl::string_view task_name) {
  const auto parsed = ParseJobOrTask(task_name);
  return parsed.has_value() ? parsed->task.value_or(0) : 0;
}

}  // namespace heliotrope::cli
