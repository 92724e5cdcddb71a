// The thinnest cover of SQLite's C interface: owned handles, and errors as statuses.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::store {

// A prepared statement. It must not outlive its connection.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  void BindInt(int index, int64_t value);
  // The bytes must stay until the next Reset.
  void BindBlob(int index, absl::string_view bytes);

  // True: a row is there to be read; false: done.
  absl::StatusOr<bool> Step();
  // Runs to the end and resets, also after an error.
  absl::Status Run();
  void Reset();

  int64_t Int(int column) const;
  // Until the next Step or Reset.
  absl::string_view Blob(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// One connection. One thread at a time.
class Connection {
 public:
  // `flags` are sqlite3_open_v2's. The error names the path.
  static absl::StatusOr<Connection> Open(const std::string& path, int flags);
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  absl::Status Execute(const std::string& sql);
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // The one number that the query yields.
  absl::StatusOr<int64_t> QueryInt(absl::string_view sql);
  // Undoes the transaction that is open, if one is.
  void Rollback();

 private:
  explicit Connection(sqlite3* database) : database_(database) {}

  sqlite3* database_ = nullptr;
};

// The status of the connection's last error:
//   full disk, I/O error, read-only, locked, no memory  UNAVAILABLE
//   damaged, or no database at all                      DATA_LOSS
//   anything else is a mistake of ours                  INTERNAL
absl::Status SqliteError(sqlite3* database, int code);

}  // namespace heliotrope::store
