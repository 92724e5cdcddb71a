#include "agent/link/workers.h"

#include <utility>

namespace heliotrope::agent::link {

Workers::Workers(size_t threads) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

Workers::~Workers() { Stop(); }

void Workers::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::Post(std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    ready_.push_back(std::move(work));
  }
  wake_.NotifyOne();
}

void Workers::PostTo(const std::string& lane, std::function<void()> work) {
  {
    const MutexLock lock(mutex_);
    Lane& of = lanes_[lane];
    of.waiting.push_back(std::move(work));
    if (of.running) return;
    of.running = true;
    ready_.push_back([this, lane] { RunLane(lane); });
  }
  wake_.NotifyOne();
}

// One item, so that a long lane does not hold a thread for ever.
void Workers::RunLane(const std::string& lane) {
  std::function<void()> work;
  {
    const MutexLock lock(mutex_);
    Lane& of = lanes_[lane];
    work = std::move(of.waiting.front());
    of.waiting.pop_front();
  }
  work();
  {
    const MutexLock lock(mutex_);
    if (lanes_[lane].waiting.empty()) {
      lanes_.erase(lane);
      return;
    }
    ready_.push_back([this, lane] { RunLane(lane); });
  }
  wake_.NotifyOne();
}

void Workers::Run() {
  while (true) {
    std::function<void()> work;
    {
      const MutexLock lock(mutex_);
      while (ready_.empty() && !stopping_) wake_.Wait(mutex_);
      if (stopping_) return;
      work = std::move(ready_.front());
      ready_.pop_front();
    }
    work();
  }
}

}  // namespace heliotrope::agent::link
