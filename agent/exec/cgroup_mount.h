// Where cgroup v2 is, read from the texts of /proc/self. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace heliotrope::agent::exec {

struct CgroupMount {
  std::string mount_point;  // "/sys/fs/cgroup", or ".../unified" beside version 1.
  std::string root;         // The part of the hierarchy that is mounted there; mostly "/".

  friend bool operator==(const CgroupMount&, const CgroupMount&) = default;
};

// The first cgroup2 mount of /proc/self/mountinfo.
std::optional<CgroupMount> FindCgroupMount(absl::string_view mountinfo);

// The directory of the caller's own cgroup under that mount, from /proc/self/cgroup; nullopt when
// it is outside of what is mounted.
std::optional<std::string> OwnCgroupDirectory(absl::string_view proc_self_cgroup,
                                              const CgroupMount& mount);

}  // namespace heliotrope::agent::exec
