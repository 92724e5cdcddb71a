// Folds what the nodes of one data center report into its five-minute bins.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/curve/bin.h"

namespace heliotrope::curve {

// What one node measured at one moment: cores used by what is not ours, of the cores it has.
struct NodeSample {
  NodeId node;
  absl::Time time;
  MilliCores foreground;
  MilliCores capacity;
};

// One per data center. A bin's load is the sum over its nodes of their mean foreground, over the
// sum of their mean capacity. A node that did not report in a bin is left out of both sums, so a
// silent node changes the load only as far as it differs from the others. Samples may come in any
// order; the result does not depend on it. A bin in which no node reported is a gap. Core thread
// only.
class BinAccumulator {
 public:
  struct Options {
    // How long after its end a bin still waits for samples on their way.
    absl::Duration allowance = absl::Seconds(15);
    // Samples further ahead of the last Close than this are a wrong clock and are refused.
    absl::Duration max_ahead = absl::Minutes(10);
  };

  enum class Outcome {
    kTaken,
    kLate,     // its bin is closed
    kAhead,    // its clock is ahead, or more bins than a day's are open for want of a Close
    kRefused,  // negative foreground, no capacity, no node, or an infinite time
  };

  BinAccumulator() : BinAccumulator(Options{}) {}
  explicit BinAccumulator(const Options& options) : options_(options) {}

  Outcome Add(const NodeSample& sample);

  // The bins finished at `now` (end + allowance <= now), in order of time, each once. `now` going
  // back is taken as standing still.
  std::vector<Bin> Close(absl::Time now);

  int64_t dropped() const { return dropped_; }  // samples not taken

 private:
  struct Sums {
    MilliCores foreground;
    MilliCores capacity;
    int64_t samples = 0;
  };
  using Nodes = absl::btree_map<NodeId, Sums>;

  Outcome Judge(const NodeSample& sample, int64_t bin) const;

  Options options_;
  absl::btree_map<int64_t, Nodes> open_;  // by bin; every key is > closed_through_
  int64_t closed_through_ = INT64_MIN;    // the newest bin that is finished
  absl::Time last_close_ = absl::InfinitePast();
  int64_t dropped_ = 0;
};

}  // namespace heliotrope::curve
