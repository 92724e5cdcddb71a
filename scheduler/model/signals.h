// The signals that a job may ask to be told by: those that a process can catch and that have no
// other meaning between us and it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace heliotrope::model {

// "SIGTERM" of 15; "" of a signal that a job may not ask for.
absl::string_view SignalName(int signal);

// 15 of "SIGTERM", "sigterm" or "TERM"; nothing for what a job may not ask for.
std::optional<int> SignalFromName(absl::string_view name);

// Every name, for texts and suggestions.
std::vector<std::string> SignalNames();

}  // namespace heliotrope::model
