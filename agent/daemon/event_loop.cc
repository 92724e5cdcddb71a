#include "agent/daemon/event_loop.h"

#include <pthread.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "scheduler/os/clock.h"

namespace heliotrope::agent::daemon {

namespace {

// From one batch to the next. What comes in close order is done together, and wakes the workers
// and the stream once.
constexpr absl::Duration kBatchGap = absl::Milliseconds(1);

}  // namespace

void EventLoop::Start(Hooks hooks) {
  hooks_ = std::move(hooks);
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "agent-core");
}

void EventLoop::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::Post(std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    waiting_.push_back(std::move(work));
    // It wakes for the first; the rest it finds.
    if (waiting_.size() > 1) return;
  }
  wake_.NotifyOne();
}

void EventLoop::PostAfter(absl::Duration delay, std::function<void()> work) {
  timers_.emplace(os::Boottime() + delay, std::move(work));
}

bool EventLoop::Call(absl::Duration timeout, std::function<void()> work) {
  enum class State { kWaiting, kRunning, kDone, kGivenUp };
  struct Shared {
    Mutex mutex;
    CondVar changed;
    State state ABSL_GUARDED_BY(mutex) = State::kWaiting;
  };
  auto shared = std::make_shared<Shared>();
  Post([shared, work = std::move(work)] {
    {
      const MutexLock lock(shared->mutex);
      if (shared->state == State::kGivenUp) return;
      shared->state = State::kRunning;
    }
    work();
    const MutexLock lock(shared->mutex);
    shared->state = State::kDone;
    shared->changed.NotifyAll();
  });
  const MutexLock lock(shared->mutex);
  const absl::Duration end = os::Boottime() + timeout;
  while (shared->state == State::kWaiting && os::Boottime() < end) {
    shared->changed.WaitFor(shared->mutex, end - os::Boottime());
  }
  if (shared->state == State::kWaiting) {
    shared->state = State::kGivenUp;
    return false;
  }
  while (shared->state == State::kRunning) shared->changed.Wait(shared->mutex);
  return true;
}

absl::Duration EventLoop::NextDeadline() const {
  const absl::Duration wanted = hooks_.deadline();
  return timers_.empty() ? wanted : std::min(wanted, timers_.begin()->first);
}

void EventLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first <= os::Boottime()) {
    const auto work = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    work();
  }
}

void EventLoop::Run() {
  std::vector<std::function<void()>> batch;
  absl::Duration next_batch = absl::ZeroDuration();
  while (true) {
    const absl::Duration deadline = NextDeadline();
    bool last = false;
    {
      const MutexLock lock(mutex_);
      while (!stopping_) {
        const absl::Duration due = waiting_.empty() ? deadline : next_batch;
        const absl::Duration left = due - os::Boottime();
        if (left <= absl::ZeroDuration()) break;
        wake_.WaitFor(mutex_, left);
      }
      next_batch = os::Boottime() + kBatchGap;
      batch.swap(waiting_);
      last = stopping_;
    }
    for (const auto& work : batch) work();
    batch.clear();
    if (last) return;
    RunTimers();
    hooks_.after_batch();
  }
}

}  // namespace heliotrope::agent::daemon
