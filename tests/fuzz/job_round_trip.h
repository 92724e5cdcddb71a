// What must hold of every job that comes from outside, whichever way it came.
#pragma once

#include "heliotrope/v1/jobs.pb.h"

namespace heliotrope::fuzz {

// The conversion refuses it in bounded words or keeps every field; the checks of its values tell
// what is wrong in bounded words.
void CheckJob(const v1::Job& job);

}  // namespace heliotrope::fuzz
