// Errors as the command shows them. Pure.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace heliotrope::cli {

// The command line itself is wrong (exit code 2), found after it was parsed.
absl::Status Misuse(absl::string_view text);
bool IsMisuse(const absl::Status& status);

// "heliotrope: <message>", and a line for each wrong field; each line ended.
std::string FailureText(const absl::Status& status);

}  // namespace heliotrope::cli
