#include "tests/sim/marks.h"

#include "scheduler/base/check.h"
#include "scheduler/base/mark.h"

// The linker's, if there is a mark at all.
extern heliotrope::Mark __start_ht_marks[]
    __attribute__((weak));  // NOLINT(bugprone-reserved-identifier)
extern heliotrope::Mark __stop_ht_marks[]
    __attribute__((weak));  // NOLINT(bugprone-reserved-identifier)

namespace heliotrope::faultsim {

size_t MarkCount() {
  const auto count = static_cast<size_t>(__stop_ht_marks - __start_ht_marks);
  HT_CHECK_LE(count, kMaxMarks);
  return count;
}

std::string MarkName(size_t index) { return __start_ht_marks[index].name; }

void ClearMarks() {
  for (size_t i = 0; i < MarkCount(); ++i) __start_ht_marks[i].reached = 0;
}

MarkSet ReachedMarks() {
  MarkSet reached;
  for (size_t i = 0; i < MarkCount(); ++i) reached[i] = __start_ht_marks[i].reached > 0;
  return reached;
}

}  // namespace heliotrope::faultsim
