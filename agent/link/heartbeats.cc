#include "agent/link/heartbeats.h"

#include "scheduler/base/mark.h"

namespace heliotrope::agent::link {
namespace {

// More than can be under way on a stream that is not given up for dead.
constexpr size_t kMaxUnanswered = 64;

}  // namespace

int64_t Heartbeats::Send(absl::Duration now) {
  sent_[++last_] = now;
  if (sent_.size() > kMaxUnanswered) sent_.erase(sent_.begin());
  return last_;
}

std::optional<absl::Duration> Heartbeats::Granted(int64_t sequence, absl::Duration duration) {
  const auto found = sent_.find(sequence);
  if (found == sent_.end() || duration <= absl::ZeroDuration()) {
    HT_MARK(grant_without_its_heartbeat);
    return std::nullopt;
  }
  const absl::Duration until = found->second + duration;
  // Answers come in order: older ones will not be answered any more.
  sent_.erase(sent_.begin(), std::next(found));
  return until;
}

std::optional<absl::Duration> Heartbeats::oldest_unanswered() const {
  if (sent_.empty()) return std::nullopt;
  return sent_.begin()->second;
}

}  // namespace heliotrope::agent::link
