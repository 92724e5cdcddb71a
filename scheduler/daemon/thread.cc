#include "scheduler/daemon/thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace heliotrope::daemon {
namespace {

// struct sched_attr of the kernel, which glibc 2.36 does not declare: sched_setattr(2), version 0.
struct SchedAttributes {
  uint32_t size = sizeof(SchedAttributes);
  uint32_t policy = 0;  // SCHED_OTHER.
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // For SCHED_OTHER: the slice asked for.
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

// Best effort: an older kernel, or one that forbids it, leaves the thread as it was.
void AskForShortSlice() {
  constexpr uint64_t kSliceNs = 100'000;
  SchedAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  if (attributes.policy != 0) return;  // Somebody has chosen another policy for us.
  attributes.size = sizeof(attributes);
  attributes.runtime_ns = kSliceNs;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

std::thread StartThread(const ThreadOptions& options, std::function<void()> body) {
  return std::thread([options, body = std::move(body)] {
    pthread_setname_np(pthread_self(), options.name.c_str());
    if (options.short_slice) AskForShortSlice();
    body();
  });
}

}  // namespace heliotrope::daemon
