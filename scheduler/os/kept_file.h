// Files of our own that were written as a whole and stand for something: what is damaged of them is
// given up, and what only cannot be read just now must not be.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace heliotrope::os {

// Whether errno `error_number` of open(2) or read(2) tells that what is there is no sound file: it
// stays so. All others pass, such as descriptors, memory or rights that are missing just now.
bool IsDamage(int error_number);

// The whole file. NOT_FOUND when there is none; DATA_LOSS when it has more than `max_bytes`, is not
// a file, or its disk cannot give it; UNAVAILABLE for all that passes.
absl::StatusOr<std::string> ReadKeptFile(const std::string& path, int64_t max_bytes);

}  // namespace heliotrope::os
