#include "scheduler/model/validate.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/model/signals.h"

namespace heliotrope::model {
namespace {

// Collects what is wrong.
class Violations {
 public:
  template <class... Parts>
  void Add(absl::string_view field, const Parts&... parts) {
    // A job with this many mistakes is no job.
    constexpr size_t kMostViolations = 50;
    if (found_.size() < kMostViolations) {
      found_.push_back({std::string(field), absl::StrCat(parts...)});
    }
  }
  // Adds what a check of base/ or of the table found, under this field.
  void AddStatus(absl::string_view field, const absl::Status& status) {
    for (const FieldViolation& violation : GetFieldViolations(status)) {
      Add(field, violation.description);
    }
  }
  std::vector<FieldViolation> Take() { return std::move(found_); }

 private:
  std::vector<FieldViolation> found_;
};

bool HasNul(absl::string_view text) { return absl::StrContains(text, '\0'); }

std::string Indexed(absl::string_view field, size_t index) {
  return absl::StrCat(field, "[", index, "]");
}

// A user's text in a message: short, and without what would garble a terminal.
std::string Quoted(absl::string_view text) {
  constexpr size_t kShown = 60;
  std::string shown;
  for (const char c : text.substr(0, kShown))
    shown += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?';
  return absl::StrCat("\"", shown, text.size() > kShown ? "..." : "", "\"");
}

bool IsVariableName(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
}

void CheckCommand(const std::vector<std::string>& command, Violations& violations) {
  constexpr absl::string_view kField = "job.task.command";
  if (command.empty()) {
    violations.Add(kField, "is empty: give the program and its arguments");
    return;
  }
  if (command[0].empty()) violations.Add(Indexed(kField, 0), "the program's name is empty");
  if (command.size() > kMaxArguments) {
    violations.Add(kField, "has ", command.size(), " arguments, the limit is ", kMaxArguments,
                   ": pass a file instead");
  }
  size_t bytes = 0;
  for (size_t i = 0; i < command.size(); ++i) {
    bytes += command[i].size() + 1;
    if (HasNul(command[i])) {
      violations.Add(Indexed(kField, i), "has a NUL byte, which no argument can carry");
    }
  }
  if (bytes > kMaxArgumentsBytes) {
    violations.Add(kField, "has ", bytes, " bytes with the ends of its arguments, the limit is ",
                   kMaxArgumentsBytes, ": pass a file instead");
  }
}

void CheckVariable(const std::string& name, const std::string& value, Violations& violations) {
  const std::string field = absl::StrCat("job.task.environment[", Quoted(name), "]");
  if (!IsVariableName(name)) {
    violations.Add(field, Quoted(name),
                   " is not a variable's name: letters, digits and _, not beginning with a digit");
  } else if (absl::StartsWith(name, "HELIOTROPE_")) {
    violations.Add(field, "names that begin with HELIOTROPE_ are set by the agent: choose another");
  }
  if (HasNul(value)) {
    violations.Add(field, "the value has a NUL byte, which no variable can carry");
  }
}

void CheckEnvironment(const std::map<std::string, std::string>& environment,
                      Violations& violations) {
  constexpr absl::string_view kField = "job.task.environment";
  size_t bytes = 0;
  for (const auto& [name, value] : environment) {
    CheckVariable(name, value, violations);
    bytes += name.size() + value.size() + 2;  // "=" and the end.
  }
  if (environment.size() > kMaxEnvironmentVariables) {
    violations.Add(kField, "has ", environment.size(), " variables, the limit is ",
                   kMaxEnvironmentVariables, ": pass a file instead");
  }
  if (bytes > kMaxEnvironmentBytes) {
    violations.Add(kField, "has ", bytes, " bytes, the limit is ", kMaxEnvironmentBytes,
                   ": pass a file instead");
  }
}

void CheckWorkingDirectory(const std::string& path, Violations& violations) {
  constexpr absl::string_view kField = "job.task.working_directory";
  if (path.empty()) return;
  if (path[0] != '/') {
    violations.Add(kField, Quoted(path),
                   " is not absolute: begin it with /, or leave it out for a scratch directory");
  }
  if (HasNul(path)) violations.Add(kField, "has a NUL byte, which no path can carry");
  if (path.size() > kMaxPathBytes) {
    violations.Add(kField, "has ", path.size(), " bytes, the limit is ", kMaxPathBytes);
  }
}

void CheckRequest(const Resources& request, Violations& violations) {
  constexpr absl::string_view kCores = "job.task.milli_cores";
  constexpr absl::string_view kMemory = "job.task.memory_bytes";
  if (request.cores <= MilliCores::Zero()) {
    violations.Add(kCores, request.cores.value(),
                   " is not positive: ask at least 1, a thousandth of a core");
  } else if (request.cores > kMaxCoresPerTask) {
    violations.Add(kCores, request.cores.value(), " is ", ToString(request.cores),
                   ", the limit is ", ToString(kMaxCoresPerTask),
                   ": the field is in thousandths of a core");
  }
  // Less than any process needs: most likely not meant in bytes.
  constexpr Bytes kLeastMemory = Bytes::FromMiB(1);
  if (request.memory < kLeastMemory) {
    violations.Add(kMemory, request.memory.value(), " is less than ", ToString(kLeastMemory),
                   ": the field is in bytes");
  } else if (request.memory > kMaxMemoryPerTask) {
    violations.Add(kMemory, ToString(request.memory), " is more than ", ToString(kMaxMemoryPerTask),
                   ", which no node has");
  }
}

// Zero is allowed and means "not given".
void CheckSpan(absl::string_view field, absl::Duration span, Violations& violations) {
  if (span < absl::ZeroDuration()) {
    violations.Add(field, ShortDuration(span), " is negative");
  } else if (span > absl::ZeroDuration() && span < kMinExpectedDuration) {
    violations.Add(field, ShortDuration(span), " is shorter than ",
                   ShortDuration(kMinExpectedDuration), ": give at least that, or leave it out");
  } else if (span > kMaxExpectedDuration) {
    violations.Add(field, ShortDuration(span), " is longer than ",
                   ShortDuration(kMaxExpectedDuration), ", the longest that is planned");
  }
}

void CheckGrace(absl::Duration grace, absl::Duration lease, Violations& violations) {
  constexpr absl::string_view kField = "job.task.checkpoint.grace";
  if (grace <= absl::ZeroDuration()) {
    violations.Add(kField, "grace ", ShortDuration(grace),
                   " leaves no time to save: give at least 1s, or leave it out for 20s");
  } else if (grace > lease / 2) {
    // Promise 3: a task must be gone before its lease is.
    violations.Add(kField, "grace ", ShortDuration(grace), " is longer than half the lease (",
                   ShortDuration(lease / 2),
                   "): shorten it, or raise lease_duration in the scheduler's configuration");
  }
}

void CheckCheckpoint(const CheckpointPolicy& policy, const ValidationLimits& limits,
                     Violations& violations) {
  if (SignalName(policy.signal).empty()) {
    violations.Add("job.task.checkpoint.signal", "signal ", policy.signal,
                   " cannot ask a job to save: use one of ", absl::StrJoin(SignalNames(), ", "));
  }
  CheckGrace(policy.grace, limits.lease, violations);
  if (policy.exit_code == 0) {
    violations.Add("job.task.checkpoint.exit_code",
                   "0 means finished, so it cannot mean saved: choose 1 to 255 (default 85)");
  } else if (policy.exit_code < 1 || policy.exit_code > 255) {
    violations.Add("job.task.checkpoint.exit_code", policy.exit_code,
                   " is no exit code: choose 1 to 255 (default 85)");
  }
  CheckSpan("job.task.checkpoint.interval", policy.interval, violations);
  if (policy.expected_bytes < Bytes::Zero() || policy.expected_bytes > kMaxMemoryPerTask) {
    violations.Add("job.task.checkpoint.expected_bytes", policy.expected_bytes.value(),
                   " is not between 0 and ", ToString(kMaxMemoryPerTask));
  }
}

void CheckRetry(const RetryPolicy& retry, Violations& violations) {
  if (retry.max_retries < 0 || retry.max_retries > kMaxRetries) {
    violations.Add("job.task.retry.max_retries", retry.max_retries, " is not between 0 and ",
                   kMaxRetries);
  }
  CheckSpan("job.task.retry.initial_backoff", retry.initial_backoff, violations);
  CheckSpan("job.task.retry.max_backoff", retry.max_backoff, violations);
  if (retry.max_backoff < retry.initial_backoff) {
    violations.Add("job.task.retry.max_backoff", ShortDuration(retry.max_backoff),
                   " is shorter than the initial backoff (", ShortDuration(retry.initial_backoff),
                   "): raise the one or lower the other");
  }
}

void CheckOutputs(const std::vector<std::string>& outputs, Violations& violations) {
  constexpr absl::string_view kField = "job.task.outputs";
  if (outputs.size() > kMaxOutputPatterns) {
    violations.Add(kField, "has ", outputs.size(), " patterns, the limit is ", kMaxOutputPatterns,
                   ": join some with * or **");
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string& pattern = outputs[i];
    const std::vector<std::string> parts = absl::StrSplit(pattern, '/');
    if (pattern.empty()) {
      violations.Add(Indexed(kField, i), "is empty: leave it out, or say ** for everything");
    } else if (pattern[0] == '/') {
      violations.Add(Indexed(kField, i), Quoted(pattern),
                     " is absolute: patterns are relative to $HELIOTROPE_OUTPUT_DIR");
    } else if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
      violations.Add(Indexed(kField, i), Quoted(pattern),
                     " has \"..\": patterns stay below $HELIOTROPE_OUTPUT_DIR");
    } else if (HasNul(pattern)) {
      violations.Add(Indexed(kField, i), "has a NUL byte, which no path can carry");
    } else if (pattern.size() > kMaxPathBytes) {
      violations.Add(Indexed(kField, i), "has ", pattern.size(), " bytes, the limit is ",
                     kMaxPathBytes);
    }
  }
}

void CheckResidency(const Residency& residency, const JurisdictionTable& table,
                    Violations& violations) {
  constexpr absl::string_view kField = "job.residency";
  if (residency.words.size() > kMaxResidencyWords) {
    violations.Add(kField, "has ", residency.words.size(), " words, the limit is ",
                   kMaxResidencyWords, ": use a group");
    return;
  }
  violations.AddStatus(kField, table.CheckKnown(residency));
}

void CheckJob(const JobSpec& spec, Violations& violations) {
  if (spec.count < 1 || spec.count > kMaxTasksPerJob) {
    violations.Add("job.count", spec.count, " is not between 1 and ", kMaxTasksPerJob,
                   ": split it over several jobs");
  }
  if (spec.priority < kMinPriority || spec.priority > kMaxPriority) {
    violations.Add("job.priority", spec.priority, " is not between ", kMinPriority, " and ",
                   kMaxPriority);
  }
  violations.AddStatus("job.account", CheckId("job.account", spec.account.value()));
  if (spec.home.has_value()) {
    violations.AddStatus("job.home", CheckId("job.home", spec.home->value()));
  }
}

}  // namespace

std::vector<FieldViolation> ValidateJobSpec(const JobSpec& spec, const JurisdictionTable& table,
                                            const ValidationLimits& limits) {
  Violations violations;
  CheckCommand(spec.command, violations);
  CheckEnvironment(spec.environment, violations);
  CheckWorkingDirectory(spec.working_directory, violations);
  CheckRequest(spec.request, violations);
  CheckSpan("job.task.expected_duration", spec.expected_duration, violations);
  if (spec.checkpoint.has_value()) CheckCheckpoint(*spec.checkpoint, limits, violations);
  CheckRetry(spec.retry, violations);
  CheckOutputs(spec.outputs, violations);
  CheckJob(spec, violations);
  CheckResidency(spec.residency, table, violations);
  return violations.Take();
}

}  // namespace heliotrope::model
