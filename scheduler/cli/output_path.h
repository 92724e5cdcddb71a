// Where a fetched file goes. The path comes from another machine, so it is not trusted. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::cli {

// `directory`/`path`. INVALID_ARGUMENT when the path is not relative or would lead out of the
// directory.
absl::StatusOr<std::string> TargetPath(absl::string_view directory, absl::string_view path);

}  // namespace heliotrope::cli
