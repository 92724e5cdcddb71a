#include "agent/core/types.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace heliotrope::agent {

std::string ToString(const AttemptKey& key) {
  return absl::StrCat(heliotrope::ToString(key.task), "#", key.attempt.value());
}

std::ostream& operator<<(std::ostream& out, const AttemptKey& key) { return out << ToString(key); }

std::string ToString(const CheckpointKey& key) {
  return absl::StrCat(ToString(key.attempt), ".", key.sequence.value());
}

std::ostream& operator<<(std::ostream& out, const CheckpointKey& key) {
  return out << ToString(key);
}

const char* ToString(Phase phase) {
  switch (phase) {
    case Phase::kFetching:
      return "fetching";
    case Phase::kVerified:
      return "verified";
    case Phase::kRunning:
      return "running";
    case Phase::kFrozen:
      return "frozen";
    case Phase::kCheckpointing:
      return "checkpointing";
    case Phase::kLeft:
      return "left";
    case Phase::kSucceeded:
      return "succeeded";
    case Phase::kFailed:
      return "failed";
    case Phase::kStopped:
      return "stopped";
    case Phase::kRefused:
      return "refused";
    case Phase::kFetchFailed:
      return "fetch_failed";
    case Phase::kUnsaved:
      return "unsaved";
  }
  HT_CHECK(false);
}

bool IsTerminal(Phase phase) {
  switch (phase) {
    case Phase::kFetching:
    case Phase::kVerified:
    case Phase::kRunning:
    case Phase::kFrozen:
    case Phase::kCheckpointing:
      return false;
    case Phase::kLeft:
    case Phase::kSucceeded:
    case Phase::kFailed:
    case Phase::kStopped:
    case Phase::kRefused:
    case Phase::kFetchFailed:
    case Phase::kUnsaved:
      return true;
  }
  HT_CHECK(false);
}

bool IsAllowed(const std::vector<std::string>& jurisdictions, const std::string& jurisdiction) {
  return std::any_of(jurisdictions.begin(), jurisdictions.end(), [&](const std::string& allowed) {
    return allowed == kAnyJurisdiction || (!jurisdiction.empty() && allowed == jurisdiction);
  });
}

}  // namespace heliotrope::agent
