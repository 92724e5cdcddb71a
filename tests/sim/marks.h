// The marks (scheduler/base/mark.h) of the program that this is linked into.
#pragma once

#include <bitset>
#include <cstddef>
#include <string>

namespace heliotrope::faultsim {

inline constexpr size_t kMaxMarks = 256;
// By the mark's place in the program.
using MarkSet = std::bitset<kMaxMarks>;

// 0 in a program whose sources are compiled without HT_MARKS.
size_t MarkCount();
std::string MarkName(size_t index);

void ClearMarks();
MarkSet ReachedMarks();

}  // namespace heliotrope::faultsim
