#include "agent/daemon/retention.h"

namespace heliotrope::agent::daemon {

void Retention::Add(const AttemptKey& key, absl::Time ended, Bytes size) {
  if (by_age_.emplace(std::make_pair(ended, key), size).second) bytes_ += size;
}

void Retention::Remove(const AttemptKey& key) {
  for (auto it = by_age_.begin(); it != by_age_.end(); ++it) {
    if (it->first.second != key) continue;
    bytes_ -= it->second;
    by_age_.erase(it);
    return;
  }
}

std::vector<AttemptKey> Retention::TakeExpired(absl::Time now) {
  std::vector<AttemptKey> expired;
  while (!by_age_.empty()) {
    const auto oldest = by_age_.begin();
    const bool keep = bytes_ <= limits_.bytes && by_age_.size() <= limits_.attempts &&
                      oldest->first.first + limits_.age > now;
    if (keep) break;
    expired.push_back(oldest->first.second);
    bytes_ -= oldest->second;
    by_age_.erase(oldest);
  }
  return expired;
}

absl::Time Retention::NextExpiry() const {
  return by_age_.empty() ? absl::InfiniteFuture() : by_age_.begin()->first.first + limits_.age;
}

}  // namespace heliotrope::agent::daemon
