// Marks on rare paths. HT_MARK(name) says that this line is worth reaching by a test; the fault
// simulation (tests/sim) counts the histories that reach each and fails when none does. In what is
// shipped it is nothing: only with HT_MARKS defined are there counters.
#pragma once

#include <cstdint>

namespace heliotrope {

struct Mark {
  const char* name;
  uint64_t reached;  // How often.
};

}  // namespace heliotrope

#ifdef HT_MARKS

// The section's marks are found from outside by the linker's __start_ and __stop_ht_marks. Not for
// inline functions and templates, whose statics are in sections of their own.
#define HT_MARK(name)                                                                            \
  do {                                                                                           \
    [[gnu::used, gnu::section("ht_marks")]] static constinit heliotrope::Mark mark_of_this_line{ \
        #name, 0};                                                                               \
    ++mark_of_this_line.reached;                                                                 \
  } while (false)

#else

#define HT_MARK(name) static_cast<void>(0)

#endif
