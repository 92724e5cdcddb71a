#include "scheduler/cli/request_id.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace heliotrope::cli {

std::string RequestIdOr(const std::string& given) {
  if (!given.empty()) return given;
  std::random_device device;
  std::string id = "cli-";
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, absl::StrFormat("%08x", device()));
  return id;
}

}  // namespace heliotrope::cli
