// What readers may ask for: the attempts of this node with their logs and outputs, also ended ones
// as long as they are kept. And whether a reader may have them, by residency (Promise 6).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/core/types.h"
#include "agent/exec/attempt.h"
#include "heliotrope/v1/agent.pb.h"
#include "scheduler/base/mutex.h"

namespace heliotrope::agent::link {

struct IndexedAttempt {
  AttemptKey key;
  std::string task;  // `jobs/ID/tasks/INDEX`.
  exec::AttemptPaths paths;
  std::vector<std::string> jurisdictions;
  std::vector<std::string> output_patterns;  // Empty: everything.
  // No process of it will write any more.
  bool ended = false;
};

// Who asks.
struct Reader {
  std::string jurisdiction = {};                        // As stated in the request.
  std::optional<std::string> certificate_country = {};  // As its certificate has it.
};

// Thread-safe.
class AttemptIndex {
 public:
  void Put(IndexedAttempt attempt);
  void SetEnded(const AttemptKey& key);
  void Erase(const AttemptKey& key);

  // The attempt that is asked for, if the reader may have it. NOT_FOUND, PERMISSION_DENIED, or
  // INVALID_ARGUMENT for a name that is none.
  absl::StatusOr<IndexedAttempt> Find(const v1::AttemptSelector& selector,
                                      const std::optional<std::string>& certificate_country) const;
  // Whether it has ended, or is not here any more.
  bool HasEnded(const AttemptKey& key) const;

 private:
  mutable Mutex mutex_;
  std::map<AttemptKey, IndexedAttempt> attempts_ ABSL_GUARDED_BY(mutex_);
  // By task name, so that names need not be known by uid; the newest job of a name counts.
  std::map<std::string, std::map<AttemptKey, AttemptNumber>> by_task_ ABSL_GUARDED_BY(mutex_);
};

// PERMISSION_DENIED unless the job may be anywhere, or the reader states a jurisdiction where it
// may be and its certificate, if it names a country, says the same.
absl::Status CheckReader(const std::vector<std::string>& jurisdictions, const Reader& reader);

}  // namespace heliotrope::agent::link
