// Trees that jobs have made: removed and measured without ever leaving them through a symbolic
// link, however deep or wide they are.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent::exec {

struct TreeBounds {
  // Entries that one call looks at.
  int64_t entries = 1'000'000;
};

// Removes `path` with all below it. OK when it is not there. RESOURCE_EXHAUSTED when the bound was
// met: that many entries are gone, call again. REQUIRES: nobody else changes the tree, its
// processes being dead.
absl::Status RemoveTree(const std::string& path, const TreeBounds& bounds = {});

// Space used on the disk, links not followed; beyond the bound, what was counted by then. What
// disappears meanwhile is not counted.
absl::StatusOr<Bytes> MeasureTree(const std::string& path, const TreeBounds& bounds = {});

}  // namespace heliotrope::agent::exec
