#include "agent/exec/lease.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/strip.h"
#include "agent/shim/proc_stat.h"
#include "agent/shim/record_format.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {
namespace {

std::string BootId() {
  char boot_id[shim::kBootIdBytes];
  shim::ReadBootId(boot_id);
  return boot_id;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LeaseFile>> LeaseFile::Open(const std::string& state_directory) {
  auto lease = std::unique_ptr<LeaseFile>(new LeaseFile(state_directory + "/lease"));
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd,
                      os::OpenFile(lease->path_, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
  // Whole from the start, so that writing through the mapping never needs space on the disk.
  const int error = posix_fallocate(fd.get(), 0, shim::kLeaseFileBytes);
  if (error != 0) return os::FileError(error, "allocate", lease->path_);
  if (!lease->mapped_.Map(lease->path_.c_str(), shim::MappedLease::Access::kWrite)) {
    return os::FileError(errno, "map", lease->path_);
  }
  const std::string boot_path = lease->path_ + ".boot";
  const auto known = os::ReadFile(boot_path, 64);
  // Living shims have it mapped: it is lifted only when they cannot be there.
  if (!known.ok() && !absl::IsNotFound(known.status())) return known.status();
  const std::string boot_id = BootId();
  if (boot_id.empty() || !known.ok() || absl::StripAsciiWhitespace(*known) != boot_id) {
    // In this order: a crash in between leaves no old deadline under the new boot id.
    lease->mapped_.set_deadline_ns(shim::kNoLease);
    lease->after_boot_ = true;
    HT_RETURN_IF_ERROR(os::WriteFileAtomically(boot_path, boot_id + "\n", {.mode = 0644}));
  }
  return lease;
}

void LeaseFile::Extend(absl::Duration deadline) {
  mapped_.RaiseDeadlineNs(absl::ToInt64Nanoseconds(deadline));
}

std::optional<absl::Duration> LeaseFile::deadline() const {
  const int64_t ns = mapped_.deadline_ns();
  if (ns == shim::kNoLease) return std::nullopt;
  return absl::Nanoseconds(ns);
}

}  // namespace heliotrope::agent::exec
