#include "agent/daemon/load_sampler.h"

#include <gtest/gtest.h>

namespace heliotrope::agent::daemon {
namespace {

TEST(WithinCapacity, WhatTheHostHasBeyondItIsTheForegroundsFirst) {
  const struct {
    const char* name;
    double host_cores;
    double batch_cores;
    double foreground;
    double want;
  } cases[] = {
      {"all of the host", 8, 8, 3, 3},
      {"a part, foreground fits beside it", 8, 2, 3, 0},
      {"a part, foreground reaches into it", 8, 2, 7, 1},
      {"more than the host has, as in trials", 2, 8, 1, 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const probe::Sample sample{.time = absl::UnixEpoch(),
                               .foreground = MilliCores::FromCores(c.foreground),
                               .capacity = MilliCores::FromCores(c.host_cores),
                               .batch = {},
                               .memory_total = Bytes::FromGiB(8),
                               .memory_available = Bytes::FromGiB(2),
                               .foreground_memory = Bytes::FromGiB(5),
                               .psi_cpu_some_avg10 = {},
                               .psi_memory_some_avg10 = {}};
    const NodeSpec node{.cores = MilliCores::FromCores(c.batch_cores), .memory = Bytes::FromGiB(4)};
    EXPECT_EQ(WithinCapacity(sample, node).cores, MilliCores::FromCores(c.want));
    EXPECT_EQ(WithinCapacity(sample, node).memory, Bytes::FromGiB(1));
  }
}

}  // namespace
}  // namespace heliotrope::agent::daemon
