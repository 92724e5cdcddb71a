#include "scheduler/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"
#include "scheduler/store/sqlite/connection.h"

namespace heliotrope::store {
namespace {

// In the file's header, so that file(1) and we can tell whose it is: "Heli".
constexpr int64_t kApplicationId = 0x48656c69;
// PRAGMA user_version: the form of the tables and the kinds of records that may be in them. The
// records carry versions of their own. Opening an older database makes it one of this version.
//   1  kinds up to curve_bin
//   2  arrivals
//   3  durations
constexpr int64_t kSchemaVersion = 3;
// To a release that does not know a kind its records are damage; the version tells it beforehand.
static_assert(std::size(kAllKinds) == 9, "a new kind is a new kSchemaVersion");
// The WAL is copied into the database when it has this many pages of 4 KiB. While a reader (a dump)
// holds it back it grows on; once it shrinks, its file is cut to kWalBytesKept.
constexpr int kWalPages = 4000;
constexpr int64_t kWalBytesKept = int64_t{64} << 20;
constexpr int kCacheKiB = 32 * 1024;

constexpr char kSchema[] = R"(
  CREATE TABLE record (
    kind  INTEGER NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
  ) WITHOUT ROWID;
  CREATE TABLE writer (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    term INTEGER NOT NULL
  );
  INSERT INTO writer (id, term) VALUES (1, 0);
)";

// The directory that a path is in.
std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The lock of the one writer. Held as long as the descriptor is open, so it ends with the process.
absl::StatusOr<os::UniqueFd> TakeLock(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  HT_ASSIGN_OR_RETURN(os::UniqueFd lock, os::OpenFile(lock_path, O_RDWR | O_CREAT));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return os::FileError(errno, "lock", lock_path);
  return PreconditionFailed(
      "STORE_IN_USE",
      absl::StrCat("another scheduler has the database \"", path,
                   "\" open: stop it first, or give this one another store.sqlite"),
      {{"path", path}});
}

// Whether the database is ours and of a form that we know.
absl::Status CheckOurs(Connection& connection, const std::string& path) {
  HT_ASSIGN_OR_RETURN(const int64_t application, connection.QueryInt("PRAGMA application_id"));
  HT_ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("PRAGMA user_version"));
  if (application != kApplicationId) {
    return PreconditionFailed("STORE_FOREIGN",
                              absl::StrCat("\"", path, "\" is not a database of the scheduler"),
                              {{"path", path}});
  }
  if (version > kSchemaVersion) {
    return PreconditionFailed("STORE_NEWER",
                              absl::StrCat("the database \"", path, "\" has schema ", version,
                                           ", written by a newer release; this one knows up to ",
                                           kSchemaVersion, ": install the newer release again"),
                              {{"path", path}});
  }
  return absl::OkStatus();
}

// Makes the tables if there is nothing at all.
absl::Status EnsureSchema(Connection& connection, const std::string& path) {
  HT_ASSIGN_OR_RETURN(const int64_t application, connection.QueryInt("PRAGMA application_id"));
  HT_ASSIGN_OR_RETURN(const int64_t objects,
                      connection.QueryInt("SELECT count(*) FROM sqlite_schema"));
  if (application != 0 || objects != 0) return CheckOurs(connection, path);
  return connection.Execute(
      absl::StrCat("BEGIN IMMEDIATE; PRAGMA application_id = ", kApplicationId,
                   "; PRAGMA user_version = ", kSchemaVersion, ";", kSchema, "COMMIT;"));
}

absl::Status Configure(Connection& connection) {
  // In the order that matters: the page size before the first page, WAL before the tables.
  HT_RETURN_IF_ERROR(connection.Execute(
      absl::StrCat("PRAGMA busy_timeout = 5000; PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
                   "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
                   "PRAGMA wal_autocheckpoint = ",
                   kWalPages, "; PRAGMA journal_size_limit = ", kWalBytesKept,
                   "; PRAGMA cache_size = -", kCacheKiB, ";")));
  // A file system without shared memory would silently stay with another journal.
  HT_ASSIGN_OR_RETURN(Statement mode, connection.Prepare("PRAGMA journal_mode"));
  HT_ASSIGN_OR_RETURN(const bool row, mode.Step());
  if (!row || mode.Blob(0) != "wal") {
    return absl::UnavailableError(
        "SQLite cannot use WAL on this file system: put the database on a local disk");
  }
  return absl::OkStatus();
}

// From here on releases that do not know this schema are refused, before they can read or write.
absl::StatusOr<Term> TakeTerm(Connection& connection) {
  HT_RETURN_IF_ERROR(
      connection.Execute(absl::StrCat("BEGIN IMMEDIATE; PRAGMA user_version = ", kSchemaVersion,
                                      "; UPDATE writer SET term = term + 1; COMMIT;")));
  HT_ASSIGN_OR_RETURN(const int64_t term, connection.QueryInt("SELECT term FROM writer"));
  return Term(static_cast<uint64_t>(term));
}

// The smallest key that is greater than every key with this prefix; empty: there is none.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

absl::Status ReadRows(Statement& statement, const Store::Each& each) {
  while (true) {
    HT_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    const int64_t number = statement.Int(0);
    if (number < static_cast<int64_t>(Kind::kMeta) ||
        number > static_cast<int64_t>(Kind::kDurations)) {
      return absl::DataLossError(absl::StrCat("a record has the unknown kind ", number));
    }
    HT_RETURN_IF_ERROR(each(Record{.kind = static_cast<Kind>(number),
                                   .key = std::string(statement.Blob(1)),
                                   .value = std::string(statement.Blob(2))}));
  }
}

class SqliteStore : public Store {
 public:
  SqliteStore(os::UniqueFd lock, Connection connection, Term term)
      : lock_(std::move(lock)), connection_(std::move(connection)), term_(term) {}

  absl::Status Prepare() {
    HT_ASSIGN_OR_RETURN(begin_, connection_.Prepare("BEGIN IMMEDIATE"));
    HT_ASSIGN_OR_RETURN(commit_, connection_.Prepare("COMMIT"));
    HT_ASSIGN_OR_RETURN(read_term_, connection_.Prepare("SELECT term FROM writer"));
    HT_ASSIGN_OR_RETURN(put_,
                        connection_.Prepare("INSERT OR REPLACE INTO record (kind, key, value) "
                                            "VALUES (?1, ?2, ?3)"));
    HT_ASSIGN_OR_RETURN(delete_,
                        connection_.Prepare("DELETE FROM record WHERE kind = ?1 AND key = ?2"));
    HT_ASSIGN_OR_RETURN(delete_range_,
                        connection_.Prepare("DELETE FROM record WHERE kind = ?1 AND key >= ?2 "
                                            "AND key < ?3"));
    HT_ASSIGN_OR_RETURN(delete_from_,
                        connection_.Prepare("DELETE FROM record WHERE kind = ?1 AND key >= ?2"));
    return absl::OkStatus();
  }

  Term term() const override { return term_; }

  absl::Status Load(const Each& each) override {
    HT_ASSIGN_OR_RETURN(
        Statement rows,
        connection_.Prepare("SELECT kind, key, value FROM record ORDER BY kind, key"));
    return ReadRows(rows, each);
  }

  absl::Status Commit(const Batch& batch) override {
    absl::Status status = CommitOnce(batch);
    if (!status.ok()) connection_.Rollback();
    return status;
  }

 private:
  absl::Status CommitOnce(const Batch& batch) {
    HT_RETURN_IF_ERROR(begin_.Run());
    HT_RETURN_IF_ERROR(CheckTerm());
    for (const RecordKey& prefix : batch.delete_prefixes) HT_RETURN_IF_ERROR(DeletePrefix(prefix));
    for (const RecordKey& key : batch.deletes) {
      delete_.BindInt(1, static_cast<int64_t>(key.kind));
      delete_.BindBlob(2, key.key);
      HT_RETURN_IF_ERROR(delete_.Run());
    }
    for (const Record& record : batch.puts) {
      put_.BindInt(1, static_cast<int64_t>(record.kind));
      put_.BindBlob(2, record.key);
      put_.BindBlob(3, record.value);
      HT_RETURN_IF_ERROR(put_.Run());
    }
    return commit_.Run();
  }

  // The lock keeps other writers out; this holds even where the lock does not (a copied lock file,
  // a network disk): Promise 3 rests on there being one.
  absl::Status CheckTerm() {
    HT_ASSIGN_OR_RETURN(const bool row, read_term_.Step());
    const int64_t stored = row ? read_term_.Int(0) : 0;
    read_term_.Reset();
    if (Term(static_cast<uint64_t>(stored)) == term_) return absl::OkStatus();
    return PreconditionFailed("STORE_TERM_OVER",
                              absl::StrCat("another scheduler has taken the database over in term ",
                                           stored, "; this one has term ", term_.value()),
                              {{"term", absl::StrCat(stored)}});
  }

  absl::Status DeletePrefix(const RecordKey& prefix) {
    const std::string end = AfterPrefix(prefix.key);
    Statement& statement = end.empty() ? delete_from_ : delete_range_;
    statement.BindInt(1, static_cast<int64_t>(prefix.kind));
    statement.BindBlob(2, prefix.key);
    if (!end.empty()) statement.BindBlob(3, end);
    return statement.Run();
  }

  os::UniqueFd lock_;  // Released last.
  Connection connection_;
  Term term_;
  Statement begin_;
  Statement commit_;
  Statement read_term_;
  Statement put_;
  Statement delete_;
  Statement delete_range_;
  Statement delete_from_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  const std::string directory = DirectoryOf(path);
  HT_RETURN_IF_ERROR(os::EnsureDirectory(directory));
  HT_ASSIGN_OR_RETURN(os::UniqueFd lock, TakeLock(path));
  // Made here and not by SQLite, which would let others read it.
  HT_RETURN_IF_ERROR(os::OpenFile(path, O_RDWR | O_CREAT).status());
  HT_RETURN_IF_ERROR(os::SyncDirectory(directory));
  HT_ASSIGN_OR_RETURN(Connection connection,
                      Connection::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
  const auto context = [&path] { return absl::StrCat("opening the database \"", path, "\""); };
  HT_RETURN_IF_ERROR(Configure(connection), context());
  HT_RETURN_IF_ERROR(EnsureSchema(connection, path), context());
  HT_ASSIGN_OR_RETURN(const Term term, TakeTerm(connection), context());
  auto store = std::make_unique<SqliteStore>(std::move(lock), std::move(connection), term);
  HT_RETURN_IF_ERROR(store->Prepare(), context());
  return std::unique_ptr<Store>(std::move(store));
}

absl::Status ReadSqliteStore(const std::string& path, std::optional<Kind> kind,
                             const Store::Each& each) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return os::FileError(errno, "read", path);
  HT_ASSIGN_OR_RETURN(Connection connection,
                      Connection::Open(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX));
  const auto context = [&path] { return absl::StrCat("reading the database \"", path, "\""); };
  HT_RETURN_IF_ERROR(connection.Execute("PRAGMA busy_timeout = 5000"), context());
  HT_RETURN_IF_ERROR(CheckOurs(connection, path), context());
  HT_ASSIGN_OR_RETURN(Statement rows,
                      connection.Prepare("SELECT kind, key, value FROM record "
                                         "WHERE ?1 = 0 OR kind = ?1 ORDER BY kind, key"),
                      context());
  rows.BindInt(1, kind ? static_cast<int64_t>(*kind) : 0);
  return WithContext(ReadRows(rows, each), context());
}

}  // namespace heliotrope::store
