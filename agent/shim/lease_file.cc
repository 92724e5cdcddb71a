#include "agent/shim/lease_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bit>

namespace heliotrope::agent::shim {
namespace {

static_assert(std::endian::native == std::endian::little, "the lease file is little endian");

int64_t ClockNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

MappedLease::~MappedLease() {
  if (mapped()) munmap(words_, kLeaseFileBytes);
}

bool MappedLease::Map(const char* path, Access access) {
  const bool write = access == Access::kWrite;
  const int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < kLeaseFileBytes) {
    close(fd);
    errno = EINVAL;
    return false;
  }
  void* mapping =
      mmap(nullptr, kLeaseFileBytes, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  errno = error;
  if (mapping == MAP_FAILED) return false;
  words_ = static_cast<int64_t*>(mapping);
  return true;
}

int64_t MappedLease::deadline_ns() const { return __atomic_load_n(words_, __ATOMIC_ACQUIRE); }

void MappedLease::set_deadline_ns(int64_t deadline_ns) {
  __atomic_store_n(words_, deadline_ns, __ATOMIC_RELEASE);
}

void MappedLease::RaiseDeadlineNs(int64_t deadline_ns) {
  int64_t now = this->deadline_ns();
  while (now < deadline_ns && !__atomic_compare_exchange_n(words_, &now, deadline_ns, false,
                                                           __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) {
  }
}

int64_t BootTimeNs() { return ClockNs(CLOCK_BOOTTIME); }
int64_t WallTimeNs() { return ClockNs(CLOCK_REALTIME); }

}  // namespace heliotrope::agent::shim
