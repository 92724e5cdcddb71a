// The output files of an attempt: which are kept and served, and reading them. The directory was
// written by a job: links in it are neither followed nor served.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::link {

struct OutputFile {
  std::string path;
  int64_t size_bytes = 0;
  absl::Time modify_time;
};

struct OutputList {
  std::vector<OutputFile> files;  // By path.
  bool truncated = false;
};

inline constexpr size_t kMaxListedOutputs = 10'000;

// The plain files of `directory` that match one of `patterns` (none: all). File names that are not
// printable ASCII are not listed. Bounded: a directory with more entries than ten times the limit
// is not read to its end, nor is one whose paths by the patterns would take minutes to match.
absl::StatusOr<OutputList> ListOutputs(const std::string& directory,
                                       const std::vector<std::string>& patterns);

// Opens one of them. NOT_FOUND also for one that is there but does not match; INVALID_ARGUMENT for
// a path that leads out of the directory.
absl::StatusOr<os::UniqueFd> OpenOutput(const std::string& directory, const std::string& path,
                                        const std::vector<std::string>& patterns);

// Deletes the plain files that match no pattern. Without patterns all are kept; so
// is what lies beyond the bounds of ListOutputs.
absl::Status PruneOutputs(const std::string& directory, const std::vector<std::string>& patterns);

}  // namespace heliotrope::agent::link
