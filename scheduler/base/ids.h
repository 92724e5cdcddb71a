// Strong types for everything that has an identity: explicit to make, ordered, hashable, printable,
// with no implicit way back to the string or number inside.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "scheduler/base/check.h"

namespace heliotrope {

// An id that is text. Empty means "none"; whether other text is a well-formed id is for names.h.
template <class Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string value) : value_(std::move(value)) {}
  explicit StringId(absl::string_view value) : value_(value) {}
  explicit StringId(const char* value) : value_(value) {}

  const std::string& value() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend auto operator<=>(const StringId&, const StringId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const StringId& id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, const StringId& id) {
    return out << id.value_;
  }

 private:
  std::string value_;
};

// An id that is a number. 0 means "none": what is handed out starts at 1.
template <class Tag, class Rep>
class NumberId {
 public:
  constexpr NumberId() = default;
  constexpr explicit NumberId(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }

  // The id after this one. Aborts rather than wrap around: a fencing token never repeats.
  NumberId next() const {
    HT_CHECK_LT(value_, std::numeric_limits<Rep>::max());
    return NumberId(static_cast<Rep>(value_ + 1));
  }

  friend constexpr auto operator<=>(const NumberId&, const NumberId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const NumberId& id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, const NumberId& id) {
    return out << id.value_;
  }

 private:
  Rep value_ = 0;
};

// The core's own id of a job; never reused, unlike the user's id, which is free again after purge.
using JobUid = NumberId<struct JobUidTag, uint64_t>;
// Grows only, per task: the fencing token of Promise 3.
using AttemptNumber = NumberId<struct AttemptNumberTag, uint32_t>;
// The writer's term; messages of a lower term are refused.
using Term = NumberId<struct TermTag, uint64_t>;
// Grows with each checkpoint within one attempt.
using CheckpointSeq = NumberId<struct CheckpointSeqTag, uint32_t>;

// The user's id of a job: "nightly-7" of "jobs/nightly-7".
using JobId = StringId<struct JobIdTag>;
using NodeId = StringId<struct NodeIdTag>;
using DataCenterId = StringId<struct DataCenterIdTag>;
using RegionId = StringId<struct RegionIdTag>;
// Such as "DE" or "CN"; a group such as "EU" is not one, it expands to several.
using JurisdictionCode = StringId<struct JurisdictionCodeTag>;
using AccountId = StringId<struct AccountIdTag>;
// The client's id of one mutation; the same id gives the same answer (Promise 2).
using RequestId = StringId<struct RequestIdTag>;

// One element of a job. Ordered by job, then index; prints as "12/7".
struct TaskId {
  JobUid job;
  uint32_t index = 0;

  friend constexpr auto operator<=>(const TaskId&, const TaskId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const TaskId& id) {
    return H::combine(std::move(h), id.job, id.index);
  }
  friend std::ostream& operator<<(std::ostream& out, const TaskId& id) {
    return out << id.job << '/' << id.index;
  }
};

// "12/7".
inline std::string ToString(const TaskId& id) {
  return std::to_string(id.job.value()) + "/" + std::to_string(id.index);
}
template <class Tag>
std::string ToString(const StringId<Tag>& id) {
  return id.value();
}
template <class Tag, class Rep>
std::string ToString(const NumberId<Tag, Rep>& id) {
  return std::to_string(id.value());
}

}  // namespace heliotrope
