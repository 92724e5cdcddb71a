#include "agent/exec/shim_runner.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/exec/attempt_directories.h"
#include "agent/exec/leftovers.h"
#include "agent/exec/process_usage.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::exec {
namespace {

// Serials start at 1: this one is the eventfd's.
constexpr uint64_t kWakeSerial = 0;
constexpr int kEventsAtOnce = 64;
// Between two kills of what a dead shim has left.
constexpr int kCleanEveryMs = 20;

std::string RandomMark() {
  unsigned char bytes[16] = {};
  // Cannot fail for so few bytes once the machine is up; a constant mark would still be only ours.
  [[maybe_unused]] const ssize_t got = getrandom(bytes, sizeof bytes, 0);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof bytes));
}

absl::Status NotRunning(const AttemptKey& key) {
  return NotFound("running attempt", DirectoryName(key));
}

AttemptEnd Lost(uint32_t incarnation, absl::string_view why) {
  AttemptEnd end;
  end.incarnation = incarnation;
  end.kind = AttemptEnd::Kind::kLost;
  end.end_time = absl::Now();
  end.error = std::string(why);
  return end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ShimRunner>> ShimRunner::Create(const Options& options,
                                                               EndCallback on_end) {
  if (access(options.shim.c_str(), X_OK) != 0) {
    return os::FileError(errno, "execute", options.shim);
  }
  HT_RETURN_IF_ERROR(os::EnsureDirectory(options.state_directory + "/attempts", 0711));
  auto runner = std::unique_ptr<ShimRunner>(new ShimRunner(options, std::move(on_end)));
  HT_RETURN_IF_ERROR(runner->Open());
  return runner;
}

absl::Status ShimRunner::Open() {
  HT_ASSIGN_OR_RETURN(null_, os::OpenFile("/dev/null", O_RDWR));
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.valid() || !wake_.valid()) return absl::ErrnoToStatus(errno, "epoll or eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeSerial}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "epoll");
  }
  FinishRemovals(options_.state_directory);
  thread_ = std::jthread([this] { WatchThread(); });
  return absl::OkStatus();
}

ShimRunner::~ShimRunner() {
  stopping_ = true;
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

AttemptPaths ShimRunner::PathsOf(const AttemptKey& key) const {
  return exec::PathsOf(options_.state_directory, key);
}

// --- Entries ---

absl::Status ShimRunner::Reserve(const AttemptKey& key) {
  const MutexLock lock(mutex_);
  if (entries_.try_emplace(key).second) return absl::OkStatus();
  return PreconditionFailed("ATTEMPT_IN_USE",
                            absl::StrCat("attempt ", DirectoryName(key), " runs already"));
}

void ShimRunner::Release(const AttemptKey& key) {
  const MutexLock lock(mutex_);
  entries_.erase(key);
}

absl::Status ShimRunner::Watch(const AttemptKey& key, Entry entry) {
  const MutexLock lock(mutex_);
  entry.serial = ++last_serial_;
  if (entry.state == Entry::State::kWatched) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = entry.serial}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, entry.shim.pidfd.get(), &event) != 0) {
      return absl::ErrnoToStatus(errno, "cannot watch a shim");
    }
    by_serial_[entry.serial] = key;
  } else {
    cleaning_.push_back(key);
    eventfd_write(wake_.get(), 1);
  }
  entries_[key] = std::move(entry);
  return absl::OkStatus();
}

// --- Starting ---

absl::Status ShimRunner::CheckNotRunning(const AttemptKey& key) const {
  const auto lock = LaunchLock::Open(PathsOf(key));
  if (absl::IsNotFound(lock.status())) return absl::OkStatus();
  HT_RETURN_IF_ERROR(lock.status());
  if (lock->Holder() == 0) return absl::OkStatus();
  return PreconditionFailed(
      "ATTEMPT_IN_USE", absl::StrCat("attempt ", DirectoryName(key), " runs already: adopt it"));
}

absl::Status ShimRunner::Prepare(const AttemptLaunch& launch) {
  HT_RETURN_IF_ERROR(Reserve(launch.key));
  const auto release = absl::MakeCleanup([&] { Release(launch.key); });
  HT_RETURN_IF_ERROR(CheckNotRunning(launch.key));
  return MakeAttemptDirectories(PathsOf(launch.key), launch.user);
}

absl::Status ShimRunner::Start(const AttemptLaunch& launch) {
  HT_RETURN_IF_ERROR(Reserve(launch.key));
  auto release = absl::MakeCleanup([&] { Release(launch.key); });
  HT_RETURN_IF_ERROR(CheckNotRunning(launch.key));
  HT_ASSIGN_OR_RETURN(Entry entry, Launch(launch));
  HT_RETURN_IF_ERROR(Watch(launch.key, std::move(entry)));
  std::move(release).Cancel();
  return absl::OkStatus();
}

absl::StatusOr<ShimRunner::Entry> ShimRunner::Launch(const AttemptLaunch& launch) const {
  const AttemptPaths paths = PathsOf(launch.key);
  const auto previous = ReadLaunchFacts(paths);
  const uint32_t next = previous.ok() ? previous->incarnation + 1 : 1;
  Entry entry;
  entry.state = Entry::State::kWatched;
  entry.mark = RandomMark();
  entry.incarnation = launch.incarnation == 0 ? next : launch.incarnation;
  const std::string name = DirectoryName(launch.key);
  if (options_.cgroups != nullptr) entry.cgroup = options_.cgroups->PathOf(name);
  HT_ASSIGN_OR_RETURN(const std::string text,
                      LaunchText(launch, paths,
                                 {.cgroup = entry.cgroup,
                                  .lease = launch.outlives_lease ? "" : options_.lease,
                                  .mark = entry.mark,
                                  .incarnation = entry.incarnation,
                                  .kill_margin = options_.kill_margin,
                                  .nice = options_.nice,
                                  .idle_scheduling = options_.idle_scheduling,
                                  .oom_score_adj = options_.oom_score_adj,
                                  .durable_exit = options_.durable_exit}));
  HT_RETURN_IF_ERROR(WriteLaunch(paths, text, entry.incarnation));
  if (!entry.cgroup.empty()) {
    HT_RETURN_IF_ERROR(
        options_.cgroups->Create(name, {.cores = launch.cores, .memory = launch.memory}).status());
  }
  auto shim = SpawnShim(options_.shim, paths.root, null_.get());
  if (!shim.ok()) {
    if (!entry.cgroup.empty()) RemoveCgroup(entry.cgroup).IgnoreError();
    return shim.status();
  }
  entry.shim = *std::move(shim);
  return entry;
}

// --- Wishes ---

absl::Status ShimRunner::Tell(const AttemptKey& key, shim::Wish wish) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.state == Entry::State::kReserved) {
    return NotRunning(key);
  }
  // Cleaning kills already, and a shim that is just gone has ended: either way the end is coming.
  if (found->second.state == Entry::State::kCleaning) return absl::OkStatus();
  if (!shim::SendWish(found->second.shim.pidfd.get(), wish) && errno != ESRCH) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot signal the shim of attempt ", DirectoryName(key)));
  }
  return absl::OkStatus();
}

absl::Status ShimRunner::Leave(const AttemptKey& key) { return Tell(key, shim::Wish::kLeave); }
absl::Status ShimRunner::Stop(const AttemptKey& key) { return Tell(key, shim::Wish::kStop); }
absl::Status ShimRunner::Kill(const AttemptKey& key) { return Tell(key, shim::Wish::kKill); }
absl::Status ShimRunner::Freeze(const AttemptKey& key) { return Tell(key, shim::Wish::kFreeze); }
absl::Status ShimRunner::Thaw(const AttemptKey& key) { return Tell(key, shim::Wish::kRun); }

// --- Adoption ---

absl::StatusOr<Adoption> ShimRunner::Adopt(const AttemptKey& key) {
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.state != Entry::State::kReserved) {
      return Adoption{
          .state = Adoption::State::kLive, .incarnation = found->second.incarnation, .end = {}};
    }
  }
  HT_RETURN_IF_ERROR(Reserve(key));
  auto release = absl::MakeCleanup([&] { Release(key); });
  Entry entry;
  HT_ASSIGN_OR_RETURN(Adoption adoption, Discover(key, &entry));
  if (adoption.state == Adoption::State::kLive) {
    HT_RETURN_IF_ERROR(Watch(key, std::move(entry)));
    std::move(release).Cancel();
  }
  return adoption;
}

absl::StatusOr<Adoption> ShimRunner::Discover(const AttemptKey& key, Entry* entry) const {
  const AttemptPaths paths = PathsOf(key);
  const auto facts = ReadLaunchFacts(paths);
  if (absl::IsNotFound(facts.status())) return Adoption{};
  if (!facts.ok()) {
    return EndDamaged(
        paths, options_.cgroups == nullptr ? "" : options_.cgroups->PathOf(DirectoryName(key)),
        facts.status());
  }
  entry->cgroup = facts->cgroup;
  entry->mark = facts->mark;
  entry->incarnation = facts->incarnation;
  const auto lock = LaunchLock::Open(paths);
  // Voided by an agent before us.
  if (absl::IsNotFound(lock.status())) return DiscoverDead(paths, entry);
  HT_RETURN_IF_ERROR(lock.status());
  auto shim = FindShim(paths, *lock, facts->incarnation);
  if (shim.ok()) {
    entry->state = Entry::State::kWatched;
    entry->shim = *std::move(shim);
    return Adoption{.state = Adoption::State::kLive, .incarnation = entry->incarnation, .end = {}};
  }
  if (!absl::IsNotFound(shim.status())) return shim.status();
  // With the lock ours no shim can start this launch. One that has beaten us to it will be found.
  if (!lock->Take()) return Unavailable("SHIM_STARTING", "a shim has only just started: try again");
  if (!ReadExitRecord(paths, entry->incarnation).ok()) HT_RETURN_IF_ERROR(lock->Void(paths));
  return DiscoverDead(paths, entry);
}

absl::StatusOr<Adoption> ShimRunner::DiscoverDead(const AttemptPaths& paths, Entry* entry) const {
  auto end = ReadExitRecord(paths, entry->incarnation);
  const auto status = ReadStatusRecord(paths, entry->incarnation);
  // Also by a shim whose record is damaged.
  const bool was_started = options_.after_boot || !absl::IsNotFound(status.status());
  const bool clean = CleanOnce(entry->cgroup, entry->mark);
  if (absl::IsNotFound(end.status()) && !was_started && clean) {
    return Adoption{
        .state = Adoption::State::kNone, .incarnation = entry->incarnation - 1, .end = {}};
  }
  if (!end.ok()) {
    end = Lost(entry->incarnation, absl::IsNotFound(end.status())
                                       ? "its shim is gone and has left no exit record"
                                       : end.status().message());
  }
  Adoption adoption{
      .state = Adoption::State::kEnded, .incarnation = entry->incarnation, .end = *end};
  adoption.before_boot = options_.after_boot || !status.ok() || !IsOfThisBoot(*status);
  if (clean) return adoption;
  entry->state = Entry::State::kCleaning;
  entry->end = *std::move(end);
  adoption.state = Adoption::State::kLive;
  adoption.end.reset();
  return adoption;
}

// --- Looking ---

absl::StatusOr<std::vector<AttemptKey>> ShimRunner::List() const {
  return ListAttempts(options_.state_directory);
}

std::vector<AttemptKey> ShimRunner::Live() const {
  const MutexLock lock(mutex_);
  std::vector<AttemptKey> keys;
  for (const auto& [key, entry] : entries_) {
    if (entry.state != Entry::State::kReserved) keys.push_back(key);
  }
  return keys;
}

absl::StatusOr<absl::Time> ShimRunner::StartTime(const AttemptKey& key) const {
  uint32_t incarnation = 0;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return NotRunning(key);
    incarnation = found->second.incarnation;
  }
  HT_ASSIGN_OR_RETURN(const shim::StatusRecord status, ReadStatusRecord(PathsOf(key), incarnation));
  return absl::FromUnixNanos(status.started_ns);
}

absl::StatusOr<Usage> ShimRunner::UsageOf(const AttemptKey& key) const {
  std::string cgroup;
  pid_t shim = 0;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.state != Entry::State::kWatched) {
      return NotRunning(key);
    }
    cgroup = found->second.cgroup;
    shim = found->second.shim.pid;
  }
  if (cgroup.empty()) return UsageOfTrees({shim})[0];
  HT_ASSIGN_OR_RETURN(const absl::Duration cpu, CgroupCpuUsed(cgroup));
  return Usage{.cpu = cpu, .memory = MemoryOfCgroup(cgroup)};
}

Usage ShimRunner::TotalUsage() const {
  std::vector<pid_t> trees;
  std::vector<std::string> cgroups;
  Usage total;
  {
    const MutexLock lock(mutex_);
    for (const auto& [key, entry] : entries_) {
      if (entry.state != Entry::State::kWatched) continue;
      if (entry.cgroup.empty()) trees.push_back(entry.shim.pid);
      if (!entry.cgroup.empty()) cgroups.push_back(entry.cgroup);
    }
    total.cpu = ended_cpu_;
  }
  for (const Usage& tree : UsageOfTrees(trees)) {
    total.cpu += tree.cpu;
    total.memory += tree.memory;
  }
  if (options_.cgroups != nullptr) {
    total.cpu += options_.cgroups->CpuUsed().value_or(absl::ZeroDuration());
  }
  if (options_.cgroups != nullptr && options_.cgroups->has_memory()) {
    total.memory += options_.cgroups->MemoryUsed().value_or(Bytes());
  } else {
    for (const std::string& cgroup : cgroups) total.memory += MemoryOfCgroup(cgroup);
  }
  const MutexLock lock(mutex_);
  last_cpu_ = std::max(last_cpu_, total.cpu);
  total.cpu = last_cpu_;
  return total;
}

// --- Removal ---

absl::Status ShimRunner::SyncEnd(const AttemptKey& key) const {
  return SyncExitRecord(PathsOf(key));
}

absl::Status ShimRunner::Remove(const AttemptKey& key) {
  HT_RETURN_IF_ERROR(Reserve(key));
  const auto release = absl::MakeCleanup([&] { Release(key); });
  HT_RETURN_IF_ERROR(CheckNotRunning(key));
  return RemoveAttempt(options_.state_directory, key);
}

// --- The thread ---

void ShimRunner::WatchThread() {
  pthread_setname_np(pthread_self(), "attempts");
  bool cleaning = false;
  while (!stopping_) {
    epoll_event events[kEventsAtOnce];
    const int count =
        epoll_wait(epoll_.get(), events, kEventsAtOnce, cleaning ? kCleanEveryMs : -1);
    for (int i = 0; i < count && !stopping_; ++i) {
      if (events[i].data.u64 != kWakeSerial) {
        HandleEnd(events[i].data.u64);
        continue;
      }
      eventfd_t ignored = 0;
      eventfd_read(wake_.get(), &ignored);
    }
    cleaning = !CleanAll();
  }
}

void ShimRunner::HandleEnd(uint64_t serial) {
  AttemptKey key;
  ShimProcess shim;
  uint32_t incarnation = 0;
  {
    const MutexLock lock(mutex_);
    const auto found = by_serial_.find(serial);
    if (found == by_serial_.end()) return;
    key = found->second;
    by_serial_.erase(found);
    // From here on the entry is this thread's: cleaning, without an end yet.
    Entry& entry = entries_[key];
    entry.state = Entry::State::kCleaning;
    shim = std::move(entry.shim);
    incarnation = entry.incarnation;
  }
  // By name, not by closing: a process that is just being spawned by another thread has a copy of
  // the descriptor until it executes, and so long epoll would report it again and again.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shim.pidfd.get(), nullptr);
  const std::string how = ReapShim(shim.pidfd.get());
  const AttemptPaths paths = PathsOf(key);
  auto end = ReadExitRecord(paths, incarnation);
  Entry successor;
  if (!end.ok()) {
    // Ours may have come second to a shim that an agent of before had just started (Promise 3):
    // then that one is the attempt.
    const auto adoption = Discover(key, &successor);
    if (adoption.ok() && adoption->state == Adoption::State::kLive &&
        successor.state == Entry::State::kWatched && Watch(key, std::move(successor)).ok()) {
      return;
    }
    if (adoption.ok() && adoption->end.has_value()) end = *adoption->end;
    if (!end.ok() || end->kind == AttemptEnd::Kind::kLost) {
      end = Lost(incarnation, absl::StrCat("its shim ", how, " and left no exit record"));
    }
  }
  {
    const MutexLock lock(mutex_);
    Entry& entry = entries_[key];
    // A record says that the tree is empty: nothing has to be looked for in all the host's
    // processes.
    if (end->kind != AttemptEnd::Kind::kLost) entry.mark.clear();
    entry.end = *std::move(end);
    cleaning_.push_back(key);
  }
}

bool ShimRunner::CleanAll() {
  std::vector<AttemptKey> keys;
  {
    const MutexLock lock(mutex_);
    keys.swap(cleaning_);
  }
  std::vector<AttemptKey> left;
  for (const AttemptKey& key : keys) {
    std::string cgroup;
    std::string mark;
    {
      const MutexLock lock(mutex_);
      const Entry& entry = entries_[key];
      cgroup = entry.cgroup;
      mark = entry.mark;
    }
    if (CleanOnce(cgroup, mark)) {
      Finish(key);
    } else {
      left.push_back(key);
    }
  }
  const MutexLock lock(mutex_);
  cleaning_.insert(cleaning_.end(), left.begin(), left.end());
  return cleaning_.empty();
}

void ShimRunner::Finish(const AttemptKey& key) {
  AttemptEnd end;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    end = *std::move(found->second.end);
    if (found->second.cgroup.empty()) ended_cpu_ += end.user_cpu + end.system_cpu;
    entries_.erase(found);
  }
  on_end_(key, end);
}

}  // namespace heliotrope::agent::exec
