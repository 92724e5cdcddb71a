// Threads with names, and the short scheduling slice of those that a commit waits for.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace heliotrope::daemon {

struct ThreadOptions {
  std::string name;  // At most 15 characters, as Linux shows them.
  // Ask for a 0.1 ms slice: beside busy neighbours a thread that wakes up for a moment does not
  // wait for a whole tick then. Needs Linux 6.12; elsewhere nothing happens.
  bool short_slice = false;
};

std::thread StartThread(const ThreadOptions& options, std::function<void()> body);

}  // namespace heliotrope::daemon
