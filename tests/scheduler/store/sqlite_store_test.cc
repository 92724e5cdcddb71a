#include "scheduler/store/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/store/sqlite/connection.h"
#include "temporary_directory.h"

namespace heliotrope::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Record Put(Kind kind, std::string key, std::string value) {
  return Record{.kind = kind, .key = std::move(key), .value = std::move(value)};
}

std::vector<Record> All(Store& store) {
  std::vector<Record> records;
  EXPECT_TRUE(store
                  .Load([&records](Record record) {
                    records.push_back(std::move(record));
                    return absl::OkStatus();
                  })
                  .ok());
  return records;
}

class SqliteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> Open() {
    auto store = OpenSqliteStore(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  void ExecuteBehindItsBack(const std::string& sql) {
    auto connection = Connection::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(connection.ok());
    const absl::Status status = connection->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("state.db");
};

TEST_F(SqliteStoreTest, GivesBackWhatWasCommittedInOrderOfKindAndKey) {
  auto store = Open();
  const std::string zero("\0", 1);
  Batch batch;
  batch.puts = {Put(Kind::kNode, "b", "2"), Put(Kind::kMeta, "", "m"),
                Put(Kind::kNode, zero + "a", zero), Put(Kind::kNode, "a", "")};
  ASSERT_TRUE(store->Commit(batch).ok());
  store.reset();
  store = Open();
  EXPECT_THAT(All(*store),
              ElementsAre(Put(Kind::kMeta, "", "m"), Put(Kind::kNode, zero + "a", zero),
                          Put(Kind::kNode, "a", ""), Put(Kind::kNode, "b", "2")));
}

TEST_F(SqliteStoreTest, DeletesPrefixesThenKeysThenPuts) {
  auto store = Open();
  const std::string ff("\xff", 1);
  ASSERT_TRUE(store
                  ->Commit({.delete_prefixes = {},
                            .deletes = {},
                            .puts = {Put(Kind::kTask, "1a", "x"), Put(Kind::kTask, "1" + ff, "x"),
                                     Put(Kind::kTask, "2", "x"), Put(Kind::kTask, "3", "x"),
                                     Put(Kind::kTask, ff + ff, "x"), Put(Kind::kJob, "1a", "x")}})
                  .ok());
  ASSERT_TRUE(store
                  ->Commit({.delete_prefixes = {{Kind::kTask, "1"}, {Kind::kTask, ff}},
                            .deletes = {{Kind::kTask, "3"}, {Kind::kTask, "not there"}},
                            .puts = {Put(Kind::kTask, "1b", "new"), Put(Kind::kTask, "3", "new")}})
                  .ok());
  EXPECT_THAT(All(*store), ElementsAre(Put(Kind::kJob, "1a", "x"), Put(Kind::kTask, "1b", "new"),
                                       Put(Kind::kTask, "2", "x"), Put(Kind::kTask, "3", "new")));
}

TEST_F(SqliteStoreTest, EachOpeningTakesAHigherTerm) {
  EXPECT_EQ(Open()->term(), Term(1));
  EXPECT_EQ(Open()->term(), Term(2));
  EXPECT_EQ(Open()->term(), Term(3));
}

TEST_F(SqliteStoreTest, ASecondSchedulerOnTheSameDatabaseIsRefusedAndTheFirstGoesOn) {
  auto first = Open();
  const auto second = OpenSqliteStore(path_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(path_));
  EXPECT_TRUE(
      first->Commit({.delete_prefixes = {}, .deletes = {}, .puts = {Put(Kind::kMeta, "", "m")}})
          .ok());
}

TEST_F(SqliteStoreTest, ACommitUnderAnOldTermIsRefusedAndChangesNothing) {
  auto store = Open();
  // As if another had got past the lock.
  ExecuteBehindItsBack("UPDATE writer SET term = term + 1");
  Batch batch;
  batch.puts = {Put(Kind::kMeta, "", "m")};
  EXPECT_EQ(store->Commit(batch).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(All(*store), IsEmpty());
}

TEST_F(SqliteStoreTest, ANewerReleasesDatabaseIsRefused) {
  Open();
  ExecuteBehindItsBack("PRAGMA user_version = 4");
  const auto opened = OpenSqliteStore(path_);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr("newer release"));
}

// What the release before arrivals wrote, with a record of each of its kinds.
constexpr char kSchema1[] = R"(
  PRAGMA journal_mode = WAL;
  BEGIN IMMEDIATE;
  PRAGMA application_id = 1214606441;
  PRAGMA user_version = 1;
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
  INSERT INTO writer (id, term) VALUES (1, 41);
  INSERT INTO record (kind, key, value) VALUES
    (1, x'', x'31'), (2, x'61', x'32'), (3, x'61', x'33'), (4, x'61', x'34'), (5, x'61', x'35'),
    (6, x'61', x'36'), (7, x'61', x'37');
  COMMIT;
)";

TEST_F(SqliteStoreTest, ADatabaseOfTheSchemaBeforeIsUpgradedByTheSchedulerThatOpensIt) {
  ExecuteBehindItsBack(kSchema1);
  const auto version = [this] {
    auto connection = Connection::Open(path_, SQLITE_OPEN_READONLY);
    EXPECT_TRUE(connection.ok()) << connection.status();
    const auto number = connection->QueryInt("PRAGMA user_version");
    EXPECT_TRUE(number.ok()) << number.status();
    return number.value_or(-1);
  };
  int read = 0;
  ASSERT_TRUE(ReadSqliteStore(path_, std::nullopt, [&read](const Record&) {
                ++read;
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(read, 7);
  EXPECT_EQ(version(), 1) << "a dump changes nothing";
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(version(), 3) << "an older release would take arrivals for damage";
  EXPECT_EQ(store->term(), Term(42));
  Batch batch;
  batch.puts = {Put(Kind::kArrivals, "globex", "8"), Put(Kind::kDurations, "globex", "9")};
  ASSERT_TRUE(store->Commit(batch).ok());
  store.reset();
  store = Open();
  EXPECT_THAT(
      All(*store),
      ElementsAre(Put(Kind::kMeta, "", "1"), Put(Kind::kJob, "a", "2"), Put(Kind::kTask, "a", "3"),
                  Put(Kind::kRequest, "a", "4"), Put(Kind::kNode, "a", "5"),
                  Put(Kind::kCurveState, "a", "6"), Put(Kind::kCurveBin, "a", "7"),
                  Put(Kind::kArrivals, "globex", "8"), Put(Kind::kDurations, "globex", "9")));
}

// The release before durations: the same tables, arrivals too.
TEST_F(SqliteStoreTest, ADatabaseWithoutDurationsIsUpgraded) {
  ExecuteBehindItsBack(absl::StrCat(
      kSchema1, "PRAGMA user_version = 2; INSERT INTO record VALUES (8, x'61', x'38');"));
  auto store = Open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(All(*store).size(), 8u);
  store.reset();
  auto connection = Connection::Open(path_, SQLITE_OPEN_READONLY);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(connection->QueryInt("PRAGMA user_version").value(), 3);
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsNotTouched) {
  ExecuteBehindItsBack("CREATE TABLE cats (name TEXT)");
  EXPECT_EQ(OpenSqliteStore(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsDataLoss) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto opened = OpenSqliteStore(path_);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(path_));
}

TEST_F(SqliteStoreTest, ARecordOfAnUnknownKindIsDataLoss) {
  auto store = Open();
  ExecuteBehindItsBack("INSERT INTO record VALUES (99, x'00', x'00')");
  const absl::Status status = store->Load([](const Record&) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("99"));
}

TEST_F(SqliteStoreTest, NobodyElseMayReadTheDatabase) {
  auto store = Open();
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(SqliteStoreTest, TheWalStaysBounded) {
  auto store = Open();
  Batch batch;
  for (int i = 0; i < 20; ++i) {
    batch.puts.push_back(Put(Kind::kNode, std::to_string(i), std::string(16 << 10, 'v')));
  }
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(store->Commit(batch).ok());  // 64 MiB.
  struct stat info {};
  ASSERT_EQ(stat((path_ + "-wal").c_str(), &info), 0);
  EXPECT_LT(info.st_size, off_t{24} << 20);
}

TEST_F(SqliteStoreTest, AReaderSeesOneMomentWhileTheWriterGoesOn) {
  auto store = Open();
  Batch batch;
  batch.puts = {Put(Kind::kNode, "a", "1"), Put(Kind::kNode, "b", "1"), Put(Kind::kMeta, "", "m")};
  ASSERT_TRUE(store->Commit(batch).ok());
  std::vector<Record> seen;
  const absl::Status status = ReadSqliteStore(path_, Kind::kNode, [&store, &seen](Record record) {
    seen.push_back(std::move(record));
    return store->Commit({.delete_prefixes = {},
                          .deletes = {},
                          .puts = {Put(Kind::kNode, "a", "2"), Put(Kind::kNode, "b", "2")}});
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre(Put(Kind::kNode, "a", "1"), Put(Kind::kNode, "b", "1")));
}

TEST_F(SqliteStoreTest, ReadingTakesNoTermAndWorksWithoutAScheduler) {
  Open();
  EXPECT_TRUE(
      ReadSqliteStore(path_, std::nullopt, [](const Record&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(Open()->term(), Term(2));
  EXPECT_EQ(ReadSqliteStore(directory_.File("none.db"), std::nullopt,
                            [](const Record&) { return absl::OkStatus(); })
                .code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace heliotrope::store
