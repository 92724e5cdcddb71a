// Checks of what must hold inside our own code. They stay on in release builds: going on with a
// broken invariant could break a promise to a user, and a restart recovers what was committed.
// Never for input from outside; that gets an absl::Status.
#pragma once

#include <ostream>
#include <sstream>
#include <string>

namespace heliotrope {

// Prints one line with the place, the condition and the values to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const std::string& values);

namespace check_internal {

template <class T>
std::string Printed(const T& value) {
  if constexpr (requires(std::ostream & out) { out << value; }) {
    std::ostringstream out;
    out << value;
    return out.str();
  } else {
    return "(unprintable)";
  }
}

template <class A, class B>
std::string Both(const A& a, const B& b) {
  return Printed(a) + " vs " + Printed(b);
}

}  // namespace check_internal
}  // namespace heliotrope

#define HT_CHECK(condition)                                          \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::heliotrope::CheckFailed(__FILE__, __LINE__, #condition, {}); \
  } while (false)

#define HT_CHECK_OP_(op, a, b)                                                               \
  do {                                                                                       \
    const auto& ht_check_a = (a);                                                            \
    const auto& ht_check_b = (b);                                                            \
    if (!(ht_check_a op ht_check_b)) [[unlikely]]                                            \
      ::heliotrope::CheckFailed(__FILE__, __LINE__, #a " " #op " " #b,                       \
                                ::heliotrope::check_internal::Both(ht_check_a, ht_check_b)); \
  } while (false)

// As HT_CHECK, and the text has both values.
#define HT_CHECK_EQ(a, b) HT_CHECK_OP_(==, a, b)
#define HT_CHECK_NE(a, b) HT_CHECK_OP_(!=, a, b)
#define HT_CHECK_LT(a, b) HT_CHECK_OP_(<, a, b)
#define HT_CHECK_LE(a, b) HT_CHECK_OP_(<=, a, b)
#define HT_CHECK_GT(a, b) HT_CHECK_OP_(>, a, b)
#define HT_CHECK_GE(a, b) HT_CHECK_OP_(>=, a, b)
