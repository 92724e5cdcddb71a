// Where the scheduler's state is durable: a map from (kind, key) to bytes, written in atomic
// batches by one writer at a time. What the bytes mean is codec.h's business.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/ids.h"

namespace heliotrope::store {

// Part of the stored form: a number is never given another meaning. Load returns them in this
// order.
enum class Kind : unsigned char {
  kMeta = 1,
  kJob = 2,
  kTask = 3,
  kRequest = 4,
  kNode = 5,
  kCurveState = 6,
  kCurveBin = 7,
  kArrivals = 8,
  kDurations = 9,
};
inline constexpr Kind kAllKinds[] = {Kind::kMeta,     Kind::kJob,      Kind::kTask,
                                     Kind::kRequest,  Kind::kNode,     Kind::kCurveState,
                                     Kind::kCurveBin, Kind::kArrivals, Kind::kDurations};

// "job", "curve_state", ...
absl::string_view KindName(Kind kind);

struct Record {
  Kind kind = Kind::kMeta;
  std::string key;    // Bytes; ordered by memcmp.
  std::string value;  // A message of heliotrope.store.v1.

  friend bool operator==(const Record&, const Record&) = default;
};

struct RecordKey {
  Kind kind = Kind::kMeta;
  std::string key;

  friend bool operator==(const RecordKey&, const RecordKey&) = default;
};

// Carried out in this order: prefixes, deletes, puts.
struct Batch {
  std::vector<RecordKey> delete_prefixes;  // Every record of the kind whose key starts with it.
  std::vector<RecordKey> deletes;          // One that is not there is no error.
  std::vector<Record> puts;                // Each replaces what was there.

  bool Empty() const { return delete_prefixes.empty() && deletes.empty() && puts.empty(); }
  size_t size() const { return delete_prefixes.size() + deletes.size() + puts.size(); }
};

// One thread at a time.
class Store {
 public:
  using Each = std::function<absl::Status(Record)>;

  virtual ~Store() = default;

  // This writer's term: higher than that of every writer before, durably so since the store was
  // opened.
  virtual Term term() const = 0;

  // Calls `each` with every record, by kind and key. Stops at the first error and returns it.
  // DATA_LOSS: the store is damaged.
  virtual absl::Status Load(const Each& each) = 0;

  // All of the batch or nothing, durable when it returns OK. After an error the batch may or may
  // not be there: commit the same one again, before any other (all of it may be repeated).
  //   UNAVAILABLE          cannot write now (disk full, read-only, I/O error): try again.
  //   FAILED_PRECONDITION  another writer has opened the store since: this one is over.
  //   DATA_LOSS            the store is damaged.
  virtual absl::Status Commit(const Batch& batch) = 0;
};

}  // namespace heliotrope::store
