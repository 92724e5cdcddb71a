// Every bound of the system in one place. A full queue or too large a request gets
// RESOURCE_EXHAUSTED or INVALID_ARGUMENT with the limit in its text; nothing grows without one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "scheduler/base/units.h"

namespace heliotrope {

// --- Requests ---

// One gRPC message in either direction; what is larger is streamed in parts.
inline constexpr int64_t kMaxGrpcMessageBytes = int64_t{4} << 20;
// A part of a streamed file (checkpoints, logs, outputs): well below the message bound.
inline constexpr int64_t kStreamPartBytes = int64_t{256} << 10;
// Items of one list reply; a larger page_size is lowered to it.
inline constexpr int kMaxPageSize = 1000;
// Items of a list reply whose request leaves page_size at 0.
inline constexpr int kDefaultPageSize = 100;
// Jobs of one BatchCreateJobs call: they become one commit.
inline constexpr int kMaxBatchJobs = 1000;
// Characters of a client's request id; a UUID has 36.
inline constexpr size_t kMaxRequestIdBytes = 128;
// Intents of one GetPlan reply: the most urgent ones.
inline constexpr int kMaxPlanIntents = 1000;
// Watch streams open at once.
inline constexpr int kMaxWatchers = 1024;

// --- Jobs ---

// Tasks of one job: its count.
inline constexpr uint32_t kMaxTasksPerJob = 100'000;
// All names and values of a job's environment, as in the process's own block.
inline constexpr size_t kMaxEnvironmentBytes = size_t{128} << 10;
// Variables of a job's environment.
inline constexpr size_t kMaxEnvironmentVariables = 1024;
// All arguments of a job's command together; Linux takes at most 128 KiB for one of them.
inline constexpr size_t kMaxArgumentsBytes = size_t{128} << 10;
// Arguments of a job's command, the program included.
inline constexpr size_t kMaxArguments = 1024;
// Characters of a path in a job: Linux's PATH_MAX.
inline constexpr size_t kMaxPathBytes = 4096;
// Patterns of the output files to keep.
inline constexpr size_t kMaxOutputPatterns = 64;
// Words of a job's residency: codes and groups.
inline constexpr size_t kMaxResidencyWords = 64;
// Labels of a job.
inline constexpr size_t kMaxLabels = 32;
// Characters of a label's key, and of its value.
inline constexpr size_t kMaxLabelBytes = 63;
// Characters of a job's description.
inline constexpr size_t kMaxDescriptionBytes = 1024;
// Cores of one task: more than any node has.
inline constexpr MilliCores kMaxCoresPerTask = MilliCores::FromMilli(1'024'000);
// Memory of one task: more than any node has.
inline constexpr Bytes kMaxMemoryPerTask = Bytes::FromTiB(16);
// Bounds of a job's expected duration, and how far ahead a deadline may be.
inline constexpr absl::Duration kMinExpectedDuration = absl::Seconds(1);
inline constexpr absl::Duration kMaxExpectedDuration = absl::Hours(24 * 365);
// Priorities of jobs; higher goes first.
inline constexpr int kMinPriority = -100;
inline constexpr int kMaxPriority = 100;
// Attempts that may fail before the task does.
inline constexpr int kMaxRetries = 100;
// Steps of a task's journey that are kept; older ones are counted, not kept.
inline constexpr size_t kMaxHistoryPerTask = 64;
// Bytes of one text for people: of an attempt's outcome, of an error.
inline constexpr size_t kMaxMessageBytes = 1024;

// --- Fleet ---

inline constexpr size_t kMaxRegions = 64;
inline constexpr size_t kMaxDataCenters = 1024;
// Classes of waiting tasks that a plan is made of; with more, deadlines that are near each other for
// their distance share one. At the coarsest they still differ by shape, residency and account.
inline constexpr size_t kMaxPlannedClasses = 8192;
// Accounts that the configuration may list: each has its series in the metrics.
inline constexpr int kMaxConfiguredAccounts = 256;
// In metrics, all accounts that it does not list.
inline constexpr char kOtherAccounts[] = "other";
// Accounts whose batch work is forecast; of more the first, until one has been idle.
inline constexpr size_t kMaxForecastAccounts = 1000;
// UTC days since an account's newest batch work after which a new account may have its place: more
// than a month, for what is submitted monthly.
inline constexpr int64_t kForecastAccountIdleDays = 35;
// Accounts, and names of jobs within them, whose durations are learned: each takes some 2 kB of
// memory. Of more those give way that have ended no task for longest.
inline constexpr size_t kMaxDurationKeys = 4096;
// Residencies, each as it is written, whose coming work is foreseen: the first that are seen.
inline constexpr size_t kMaxDemandResidencies = 32;
inline constexpr size_t kMaxNodes = 20'000;
// Attempts on one node, live or waiting for their acknowledgement.
inline constexpr size_t kMaxAttemptsPerNode = 10'000;

// --- Scheduler ---

// Tasks that wait, of all jobs: each takes some hundred bytes of memory.
inline constexpr int64_t kMaxPendingTasks = 2'000'000;
// Commands that wait for the core: beyond it callers are told to come back.
inline constexpr size_t kMaxQueuedCommands = 16'384;
// Messages that wait for one agent; beyond it its stream is closed, and it reconciles anew.
inline constexpr size_t kMaxQueuedMessagesPerAgent = 4096;
// How long the answer to a request id is remembered (Promise 2).
inline constexpr absl::Duration kRequestIdRetention = absl::Hours(24);
// Bounds of the lease of a node.
inline constexpr absl::Duration kMinLease = absl::Seconds(2);
inline constexpr absl::Duration kMaxLease = absl::Hours(1);

// --- Files ---

// A configuration or job file.
inline constexpr int64_t kMaxConfigBytes = int64_t{1} << 20;
// Nesting of a configuration file.
inline constexpr int kMaxConfigDepth = 16;
// Values of a configuration file, each alias counted where it is used: aliases can multiply.
inline constexpr int kMaxConfigValues = 100'000;
// A CSV file of load history.
inline constexpr int64_t kMaxCsvBytes = int64_t{64} << 20;
// Samples of one curve import: nearly four years of five-minute bins.
inline constexpr size_t kMaxCurveImportSamples = 400'000;
// Requests that the HTTP port of a daemon serves at once.
inline constexpr int kMaxHttpThreads = 4;
// Body of an HTTP request: there are none.
inline constexpr size_t kMaxHttpBodyBytes = 4096;

// --- Simulations ---

// Jobs of a world, and the file that they are in.
inline constexpr size_t kMaxWorldJobs = 2'000'000;
inline constexpr int64_t kMaxWorldJobsBytes = int64_t{256} << 20;
// Data centers of a world: the planner's bound.
inline constexpr size_t kMaxWorldDataCenters = 64;
// Nodes of one data center of a world, and cores of one node.
inline constexpr int kMaxWorldNodes = 1000;
inline constexpr int kMaxWorldCores = 4096;
// How long a world is, and how much before its start is learned from.
inline constexpr absl::Duration kMaxWorldLength = absl::Hours(24 * 400);
inline constexpr absl::Duration kMaxWorldWarmup = absl::Hours(24 * 120);
// Problems of a world that are told; the others are counted.
inline constexpr size_t kMaxWorldProblems = 50;

}  // namespace heliotrope
