#include "agent/link/attempt_index.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::link {

absl::Status CheckReader(const std::vector<std::string>& jurisdictions, const Reader& reader) {
  // "" is in no list, so only "*" allows it.
  if (IsAllowed(jurisdictions, "")) return absl::OkStatus();
  if (reader.jurisdiction.empty()) {
    return PermissionDenied("RESIDENCY",
                            "the job may be read only in certain jurisdictions: state yours "
                            "(--jurisdiction or HELIOTROPE_JURISDICTION)");
  }
  if (reader.certificate_country.has_value() &&
      *reader.certificate_country != reader.jurisdiction) {
    return PermissionDenied("RESIDENCY", absl::StrCat("stated jurisdiction \"", reader.jurisdiction,
                                                      "\", but the certificate says \"",
                                                      *reader.certificate_country, "\""));
  }
  if (!IsAllowed(jurisdictions, reader.jurisdiction)) {
    return PermissionDenied("RESIDENCY", absl::StrCat("jurisdiction \"", reader.jurisdiction,
                                                      "\" is not in the job's residency"));
  }
  return absl::OkStatus();
}

void AttemptIndex::Put(IndexedAttempt attempt) {
  const MutexLock lock(mutex_);
  by_task_[attempt.task][attempt.key] = attempt.key.attempt;
  const AttemptKey key = attempt.key;
  attempts_[key] = std::move(attempt);
}

void AttemptIndex::SetEnded(const AttemptKey& key) {
  const MutexLock lock(mutex_);
  const auto found = attempts_.find(key);
  if (found != attempts_.end()) found->second.ended = true;
}

void AttemptIndex::Erase(const AttemptKey& key) {
  const MutexLock lock(mutex_);
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  const auto of_task = by_task_.find(found->second.task);
  of_task->second.erase(key);
  if (of_task->second.empty()) by_task_.erase(of_task);
  attempts_.erase(found);
}

bool AttemptIndex::HasEnded(const AttemptKey& key) const {
  const MutexLock lock(mutex_);
  const auto found = attempts_.find(key);
  return found == attempts_.end() || found->second.ended;
}

absl::StatusOr<IndexedAttempt> AttemptIndex::Find(
    const v1::AttemptSelector& selector,
    const std::optional<std::string>& certificate_country) const {
  HT_RETURN_IF_ERROR(ParseTaskName(selector.task()).status());
  IndexedAttempt attempt;
  {
    const MutexLock lock(mutex_);
    const auto of_task = by_task_.find(selector.task());
    if (of_task == by_task_.end()) return NotFound("task on this node", selector.task());
    const AttemptKey* chosen = nullptr;
    for (const auto& [key, number] : of_task->second) {
      if (selector.attempt() == 0 || number.value() == static_cast<uint32_t>(selector.attempt())) {
        chosen = &key;
      }
    }
    if (chosen == nullptr) {
      return NotFound("attempt on this node",
                      absl::StrCat(selector.task(), " attempt ", selector.attempt()));
    }
    attempt = attempts_.at(*chosen);
  }
  HT_RETURN_IF_ERROR(
      CheckReader(attempt.jurisdictions, {.jurisdiction = selector.reader_jurisdiction(),
                                          .certificate_country = certificate_country}));
  return attempt;
}

}  // namespace heliotrope::agent::link
