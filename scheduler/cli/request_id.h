// Request ids: what makes a repeated change safe.
#pragma once

#include <string>

namespace heliotrope::cli {

// `given`, or a new one that nobody else has: "cli-" and 128 bits of chance.
std::string RequestIdOr(const std::string& given);

}  // namespace heliotrope::cli
