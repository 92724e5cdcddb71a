// The catalogue of errors: a named function picks code, text, reason and metadata once. A Status
// carries its reason and field paths as payloads in an encoding of our own, so that pure rooms can
// say what went wrong without protobuf; wire/ turns them into google.rpc details.
//
// Texts are lower case without a full stop, and say thing, value, limit and remedy.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace heliotrope {

// One field of a request that is wrong. `field` is its path as the caller knows it, such as
// "job.resources.cores" or "requests[3].job.deadline".
struct FieldViolation {
  std::string field;
  std::string description;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// Every value in an error's text, for programs. Ordered, so that it prints the same everywhere.
using ErrorMetadata = std::map<std::string, std::string>;

// `reason` is UPPER_SNAKE_CASE, at most 63 characters, and part of the API.
struct ErrorInfo {
  std::string reason;
  ErrorMetadata metadata;

  friend bool operator==(const ErrorInfo&, const ErrorInfo&) = default;
};

// INVALID_ARGUMENT, reason INVALID_FIELD: the argument itself is wrong, whatever the state.
absl::Status InvalidField(absl::string_view field, absl::string_view description);
// The same for several at once. REQUIRES: violations is not empty.
absl::Status InvalidFields(const std::vector<FieldViolation>& violations);

// NOT_FOUND, reason <KIND>_NOT_FOUND. `kind` is a word of the design: "job", "data center".
absl::Status NotFound(absl::string_view kind, absl::string_view name);

// ALREADY_EXISTS, reason <KIND>_ALREADY_EXISTS. `remedy` says what to do: "choose another id".
absl::Status AlreadyExists(absl::string_view kind, absl::string_view name,
                           absl::string_view remedy);

// FAILED_PRECONDITION: fix the world first.
absl::Status PreconditionFailed(absl::string_view reason, absl::string_view text,
                                ErrorMetadata metadata = {});
// RESOURCE_EXHAUSTED: a quota or a bound of limits.h.
absl::Status ResourceExhausted(absl::string_view reason, absl::string_view text,
                               ErrorMetadata metadata = {});
// PERMISSION_DENIED: who asks may not have this, e.g. a reader outside a job's residency.
absl::Status PermissionDenied(absl::string_view reason, absl::string_view text,
                              ErrorMetadata metadata = {});
// UNAVAILABLE: retry the call as it is.
absl::Status Unavailable(absl::string_view reason, absl::string_view text,
                         ErrorMetadata metadata = {});
// ABORTED: redo the read-modify-write.
absl::Status Aborted(absl::string_view reason, absl::string_view text, ErrorMetadata metadata = {});

// `code` must not be OK. The catalogue's own way to make a status with a reason.
absl::Status MakeError(absl::StatusCode code, absl::string_view text, const ErrorInfo& info);

// The reason and metadata, or nullopt when the status has none (or ones that do not parse).
std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status);
// The reason alone, or "".
std::string GetReason(const absl::Status& status);
// Empty when the status names no fields.
std::vector<FieldViolation> GetFieldViolations(const absl::Status& status);

// Attach details to a status that came from elsewhere (wire/ on the way in). No-op on OK.
void SetErrorInfo(absl::Status& status, const ErrorInfo& info);
void SetFieldViolations(absl::Status& status, const std::vector<FieldViolation>& violations);

// "context: message", with the code and details unchanged; OK stays OK.
absl::Status WithContext(absl::Status status, absl::string_view context);
inline absl::Status WithContext(absl::Status status) { return status; }

}  // namespace heliotrope
