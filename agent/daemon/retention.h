// Which ended attempts' logs and outputs have been kept long enough. Pure.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "agent/core/types.h"

namespace heliotrope::agent::daemon {

// Loop thread only.
class Retention {
 public:
  struct Limits {
    absl::Duration age;  // Real time.
    Bytes bytes;
    size_t attempts = 20'000;
  };

  explicit Retention(const Limits& limits) : limits_(limits) {}

  void Add(const AttemptKey& key, absl::Time ended, Bytes size);
  void Remove(const AttemptKey& key);
  // Takes out what has to go at that moment, oldest first.
  std::vector<AttemptKey> TakeExpired(absl::Time now);
  // When the next one will be too old; infinite when none.
  absl::Time NextExpiry() const;

  Bytes bytes() const { return bytes_; }
  size_t attempts() const { return by_age_.size(); }

 private:
  const Limits limits_;
  std::map<std::pair<absl::Time, AttemptKey>, Bytes> by_age_;
  Bytes bytes_;
};

}  // namespace heliotrope::agent::daemon
