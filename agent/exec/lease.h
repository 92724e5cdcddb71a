// The agent's end of the node's lease file (agent/shim/lease_file.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/shim/lease_file.h"

namespace heliotrope::agent::exec {

// Times are since the machine started (CLOCK_BOOTTIME, os::Boottime()). Thread-safe.
class LeaseFile {
 public:
  // Opens or makes `<state_directory>/lease`. A deadline of before the machine's last start means
  // nothing on the clock of this one and is dropped: `<state_directory>/lease.boot` tells.
  static absl::StatusOr<std::unique_ptr<LeaseFile>> Open(const std::string& state_directory);

  // The node's attempts may run until then. Never shortens: grants may come late or twice. Costs a
  // store to memory; there is nothing that could fail.
  void Extend(absl::Duration deadline);

  // The machine was started anew since the file was opened last, or nobody knows.
  bool after_boot() const { return after_boot_; }

  // nullopt: none was granted since the machine started.
  std::optional<absl::Duration> deadline() const;

  const std::string& path() const { return path_; }

 private:
  explicit LeaseFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
  bool after_boot_ = false;
  shim::MappedLease mapped_;
};

}  // namespace heliotrope::agent::exec
