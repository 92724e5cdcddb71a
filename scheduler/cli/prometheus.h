// A recorded series out of a Prometheus server: its HTTP API's range queries.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/os/csv.h"

namespace heliotrope::cli {

struct RangeQuery {
  // "https://prometheus.example:9090", with a path in front of /api if it is served under one.
  std::string url;
  // PromQL whose answer is one series.
  std::string query;
  // "Name: value" each, such as an Authorization.
  std::vector<std::string> headers = {};
  // Both included.
  absl::Time from = {};
  absl::Time to = {};
  absl::Duration step = absl::Minutes(5);
};

// The headers in a file, one "Name: value" a line; empty lines and those that begin with # are left
// out. For what others on the machine must not see, as they see a command line. INVALID_ARGUMENT
// names the line and shows nothing of it; NOT_FOUND and others as of os::ReadFile.
absl::StatusOr<std::vector<std::string>> ReadHeaderFile(const std::string& path);

// Asks in parts that every server grants (it gives 11,000 points a series at most) and returns the
// samples in order of time; where the server says NaN or nothing there is none. INVALID_ARGUMENT: the
// URL, the query, an answer of several series, a value that is infinite or negative. NOT_FOUND: no
// series at all. UNAVAILABLE: no answer. Any thread.
absl::StatusOr<std::vector<os::Sample>> QueryRange(const RangeQuery& query);

// One answer. `source` names it in errors. Pure.
absl::StatusOr<std::vector<os::Sample>> ParseRangeAnswer(absl::string_view json,
                                                         absl::string_view source);

}  // namespace heliotrope::cli
