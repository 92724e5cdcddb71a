// The node's lease file: 16 bytes, a deadline as int64 in nanoseconds of CLOCK_BOOTTIME, little
// endian, then 8 bytes reserved. The agent writes it; every shim maps it and stops its job in time,
// whatever has become of the agent (Promise 3).
#pragma once

#include <cstdint>

namespace heliotrope::agent::shim {

inline constexpr int64_t kLeaseFileBytes = 16;
// In the file: no lease was granted yet.
inline constexpr int64_t kNoLease = 0;

// A mapping of the file.
class MappedLease {
 public:
  enum class Access { kRead, kWrite };

  MappedLease() = default;
  ~MappedLease();
  MappedLease(const MappedLease&) = delete;
  MappedLease& operator=(const MappedLease&) = delete;

  // False with errno set; EINVAL when the file is too short.
  bool Map(const char* path, Access access);
  bool mapped() const { return words_ != nullptr; }

  // One aligned 64-bit access each, so that no reader sees half a deadline.
  // REQUIRES: mapped.
  int64_t deadline_ns() const;
  void set_deadline_ns(int64_t deadline_ns);
  // Unless it is later already.
  void RaiseDeadlineNs(int64_t deadline_ns);

 private:
  int64_t* words_ = nullptr;
};

// CLOCK_BOOTTIME, which counts also while the machine sleeps.
int64_t BootTimeNs();
// CLOCK_REALTIME.
int64_t WallTimeNs();

}  // namespace heliotrope::agent::shim
