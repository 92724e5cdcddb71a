#include "scheduler/store/sqlite/connection.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::store {
namespace {

absl::StatusCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {  // The primary code of an extended one.
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status SqliteError(sqlite3* database, int code) {
  std::string text = absl::StrCat(
      "SQLite: ", database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  const int os_error = database != nullptr ? sqlite3_system_errno(database) : 0;
  const int primary = code & 0xff;
  if (os_error != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ||
                        primary == SQLITE_FULL || primary == SQLITE_READONLY)) {
    absl::StrAppend(&text, " (", std::strerror(os_error), ")");
  }
  return {CodeOf(code), text};
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::BindInt(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }

void Statement::BindBlob(int index, absl::string_view bytes) {
  // A null pointer would bind NULL, and an empty key is a key.
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_), code);
}

absl::Status Statement::Run() {
  int code = sqlite3_step(statement_);
  while (code == SQLITE_ROW) code = sqlite3_step(statement_);
  // The error's text goes away with the reset.
  absl::Status status =
      code == SQLITE_DONE ? absl::OkStatus() : SqliteError(sqlite3_db_handle(statement_), code);
  sqlite3_reset(statement_);
  return status;
}

void Statement::Reset() { sqlite3_reset(statement_); }

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

absl::string_view Statement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

absl::StatusOr<Connection> Connection::Open(const std::string& path, int flags) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  Connection connection(database);
  if (code != SQLITE_OK) return WithContext(SqliteError(database, code), path);
  sqlite3_extended_result_codes(database, 1);
  return connection;
}

Connection::Connection(Connection&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(database_, other.database_);
  return *this;
}

Connection::~Connection() { sqlite3_close_v2(database_); }

absl::Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(database_, code);
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteError(database_, code);
  return Statement(statement);
}

absl::StatusOr<int64_t> Connection::QueryInt(absl::string_view sql) {
  HT_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  HT_ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::DataLossError(absl::StrCat("no row for ", sql));
  return statement.Int(0);
}

void Connection::Rollback() {
  if (sqlite3_get_autocommit(database_) == 0) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

}  // namespace heliotrope::store
