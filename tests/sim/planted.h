// Which bug of planted_bugs.txt is active. Only the copies that plant.py makes ask.
#pragma once

namespace heliotrope::planted {

// 0: none. Set before a history begins.
extern int active;

// `bug`: its place in planted_bugs.txt, from 1.
inline bool Is(int bug) { return active == bug; }

}  // namespace heliotrope::planted
