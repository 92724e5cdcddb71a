#include "scheduler/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace heliotrope {

void CheckFailed(const char* file, int line, const char* condition, const std::string& values) {
  std::fprintf(stderr, "<2>%s:%d: check failed: %s%s%s\n", file, line, condition,
               values.empty() ? "" : ": ", values.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace heliotrope
