#include "scheduler/daemon/committer.h"

#include <algorithm>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/daemon/thread.h"
#include "scheduler/os/clock.h"

namespace heliotrope::daemon {

Committer::~Committer() {
  if (thread_.joinable()) Finish().IgnoreError();
}

void Committer::Start() {
  thread_ = StartThread({.name = "commit", .short_slice = true}, [this] { Run(); });
}

bool Committer::Ready() const {
  MutexLock lock(mutex_);
  return units_.size() < kMaxUnits;
}

bool Committer::Idle() const {
  MutexLock lock(mutex_);
  return units_.empty();
}

void Committer::Add(CommitUnit unit) {
  {
    MutexLock lock(mutex_);
    HT_CHECK_LT(units_.size(), kMaxUnits);
    units_.push_back(std::move(unit));
  }
  changed_.NotifyOne();
}

void Committer::StopRetrying() {
  {
    MutexLock lock(mutex_);
    retrying_ = false;
  }
  changed_.NotifyOne();
}

absl::Status Committer::Finish() {
  {
    MutexLock lock(mutex_);
    finishing_ = true;
  }
  changed_.NotifyOne();
  thread_.join();
  return given_up_;
}

void Committer::Run() {
  while (true) {
    CommitUnit unit;
    {
      MutexLock lock(mutex_);
      while (units_.empty() && !finishing_) changed_.Wait(mutex_);
      if (units_.empty()) return;
      unit = std::move(units_.front());
    }
    // What comes after something that was given up must not be written: it builds on it.
    if (given_up_.ok() && !unit.records.Empty()) given_up_ = WriteWithRetries(unit.records);
    for (const auto& release : unit.releases) release(given_up_);
    if (given_up_.ok() && !unit.effects.empty()) hooks_.effects(std::move(unit.effects));
    {
      MutexLock lock(mutex_);
      units_.pop_front();
    }
    hooks_.ready();
  }
}

absl::Status Committer::Write(const store::Batch& batch) {
  const absl::Duration start = os::Boottime();
  absl::Status status = store_.Commit(batch);
  hooks_.attempted(os::Boottime() - start, status);
  return status;
}

absl::Status Committer::WriteWithRetries(const store::Batch& batch) {
  absl::Duration backoff = kFirstRetry;
  while (true) {
    absl::Status status = Write(batch);
    SetHealth(status);
    if (status.ok()) return status;
    if (!absl::IsUnavailable(status)) {
      hooks_.fatal(status);
      return status;
    }
    if (!WaitToRetry(backoff)) return status;
    backoff = std::min(backoff * 2, kLongestRetry);
  }
}

bool Committer::WaitToRetry(absl::Duration backoff) {
  const absl::Duration end = os::Boottime() + backoff;
  MutexLock lock(mutex_);
  while (retrying_) {
    const absl::Duration left = end - os::Boottime();
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(mutex_, left);
  }
  return false;
}

void Committer::SetHealth(const absl::Status& status) {
  if (status.ok() == health_.ok()) return;
  health_ = status;
  hooks_.health(status);
}

}  // namespace heliotrope::daemon
