// The store in one SQLite database: WAL, synchronous=FULL, one table of records. The default, and
// all that a single scheduler needs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/store/store.h"

namespace heliotrope::store {

// Opens the database, makes it (and its directory) if it is not there, and takes the next term.
//   FAILED_PRECONDITION  another process has it open (a lock on `<path>.lock` says so), it was
//                        written by a newer release, or it is not ours.
//   DATA_LOSS            it is damaged.
//   UNAVAILABLE and the codes of files.h  it cannot be read or written.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path);

// Every record (of one kind) as of one moment, without a lock or a term: also while a scheduler
// writes. NOT_FOUND when there is no database.
absl::Status ReadSqliteStore(const std::string& path, std::optional<Kind> kind,
                             const Store::Each& each);

}  // namespace heliotrope::store
