// A core that keeps what it is asked and answers when the test says so.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "scheduler/base/mutex.h"
#include "scheduler/rpc/core_port.h"

namespace heliotrope::rpc {

// Thread-safe.
class FakeCore final : public CorePort {
 public:
  void Post(std::vector<core::Command>, Replies) override {}
  void Query(Read, ReadDone) override {}
  void PostFromAgent(core::Command command, OneReply done) override {
    MutexLock lock(mutex_);
    asked_.push_back({std::move(command), std::move(done)});
    changed_.NotifyAll();
  }
  const os::SchedulingClock& clock() const override { return clock_; }
  const CoreFacts& facts() const override { return facts_; }

  // What an agent has said, in order; waits for it. It is answered by calling `done`, if any.
  struct Asked {
    core::Command command;
    OneReply done;
  };
  Asked Next() {
    MutexLock lock(mutex_);
    while (asked_.empty()) changed_.Wait(mutex_);
    Asked next = std::move(asked_.front());
    asked_.pop_front();
    return next;
  }

 private:
  const os::SchedulingClock clock_;
  const CoreFacts facts_{.term = Term(7),
                         .version = "0.1.0",
                         .major_version = 0,
                         .lease = absl::Seconds(60),
                         .heartbeat_interval = absl::Seconds(10),
                         .load_interval = absl::Seconds(5)};
  Mutex mutex_;
  CondVar changed_;
  std::deque<Asked> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::rpc
