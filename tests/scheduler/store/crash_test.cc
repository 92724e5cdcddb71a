// Promise 1 of the store: what was acknowledged is there after a crash, and no batch is half there,
// whenever the writer is killed, the disk fills up or the end of the log is torn.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/random.h"
#include "scheduler/store/sqlite/sqlite_store.h"
#include "temporary_directory.h"

namespace heliotrope::store {
namespace {

constexpr int kRounds = 40;
constexpr Kind kKinds[] = {Kind::kJob, Kind::kTask, Kind::kNode};

// Batch `number`: the same number under three kinds, of a size that takes from one page to many,
// and the removal of a batch that is long past, so that pages are reused.
Batch BatchOf(int64_t number) {
  constexpr int64_t kKept = 50;
  Random random(static_cast<uint64_t>(number));
  Batch batch;
  for (const Kind kind : kKinds) {
    batch.puts.push_back({kind, absl::StrCat("key-", number),
                          absl::StrCat(number, ":", std::string(random.Uniform(30'000), 'p'))});
    if (number > kKept) batch.deletes.push_back({kind, absl::StrCat("key-", number - kKept)});
  }
  batch.puts.push_back({Kind::kMeta, "", absl::StrCat(number)});
  return batch;
}

// The number of the newest batch, after checking that the store is as if all batches up to it had
// been committed and nothing else.
int64_t CheckedNewest(const std::string& path) {
  auto store = OpenSqliteStore(path);
  EXPECT_TRUE(store.ok()) << store.status();
  std::map<std::pair<Kind, std::string>, std::string> found;
  int64_t newest = 0;
  EXPECT_TRUE((*store)
                  ->Load([&](Record record) {
                    if (record.kind == Kind::kMeta) {
                      EXPECT_TRUE(absl::SimpleAtoi(record.value, &newest));
                    } else {
                      found[{record.kind, record.key}] = std::move(record.value);
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  std::map<std::pair<Kind, std::string>, std::string> wanted;
  for (int64_t number = 1; number <= newest; ++number) {
    const Batch batch = BatchOf(number);
    for (const RecordKey& key : batch.deletes) wanted.erase({key.kind, key.key});
    for (const Record& record : batch.puts) {
      if (record.kind != Kind::kMeta) wanted[{record.kind, record.key}] = record.value;
    }
  }
  EXPECT_TRUE(found == wanted) << "the store is not the sum of batches 1 to " << newest;
  return newest;
}

// Commits batches from `first` on and writes the number of each to `acks` once it is durable.
[[noreturn]] void CommitForever(const std::string& path, int64_t first, int acks) {
  auto store = OpenSqliteStore(path);
  if (!store.ok()) _exit(2);
  for (int64_t number = first;; ++number) {
    if (!(*store)->Commit(BatchOf(number)).ok()) _exit(3);
    if (write(acks, &number, sizeof(number)) != sizeof(number)) _exit(4);
  }
}

// Starts a writer, kills it at a random moment, returns the newest number that it acknowledged.
int64_t CommitUntilKilled(const std::string& path, int64_t first, Random& random) {
  int fds[2];
  EXPECT_EQ(pipe(fds), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(fds[0]);
    CommitForever(path, first, fds[1]);
  }
  close(fds[1]);
  const uint64_t acks = random.Uniform(20);
  int64_t acked = first - 1;
  for (uint64_t i = 0; i < acks; ++i) {
    if (read(fds[0], &acked, sizeof(acked)) != sizeof(acked)) break;
  }
  usleep(static_cast<useconds_t>(random.Uniform(3000)));
  kill(child, SIGKILL);
  int64_t number = 0;
  while (read(fds[0], &number, sizeof(number)) == sizeof(number)) acked = number;
  close(fds[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
  return acked;
}

TEST(StoreCrash, WhatWasAcknowledgedOutlivesKillNineAndNoBatchIsHalfThere) {
  TemporaryDirectory directory;
  const std::string path = directory.File("state.db");
  Random random(20260302);
  int64_t newest = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    const int64_t acked = CommitUntilKilled(path, newest + 1, random);
    const int64_t found = CheckedNewest(path);
    ASSERT_GE(found, acked) << "an acknowledged batch is lost";
    ASSERT_LE(found, acked + 1);
    newest = found;
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(newest, kRounds);
}

// A power cut may leave any part of the log's end, or garbage there. What is left must be a whole
// number of batches. (That acknowledged ones are not in the part that may be lost is the business
// of fsync, which no test without a power switch can show.)
TEST(StoreCrash, ATornLogEndsAtAWholeBatch) {
  TemporaryDirectory directory;
  const std::string path = directory.File("state.db");
  Random random(7);
  const int64_t acked = CommitUntilKilled(path, 1, random);
  const std::string wal = path + "-wal";
  const auto size = std::filesystem::file_size(wal);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    const std::string torn = directory.File(absl::StrCat("torn-", round, ".db"));
    std::filesystem::copy_file(path, torn);
    std::filesystem::copy_file(wal, torn + "-wal");
    const uint64_t cut = random.Uniform(size + 1);
    if (random.Chance(0.5)) {
      std::filesystem::resize_file(torn + "-wal", cut);
    } else {
      std::fstream file(torn + "-wal", std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(cut));
      file << random.Base32(std::min<uint64_t>(size - cut, 5000));
    }
    EXPECT_LE(CheckedNewest(torn), acked + 1);
    if (testing::Test::HasFailure()) break;
  }
}

// Runs `body` in a process of its own; its failures show as a status that is not 0.
template <class Body>
int StatusOfChild(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Commits until the disk is full, frees it, commits the same batch again, and checks it all.
template <class Fill, class Free>
void FillUpAndGoOn(const std::string& path, Fill fill, Free free) {
  auto store = OpenSqliteStore(path);
  ASSERT_TRUE(store.ok()) << store.status();
  int64_t number = 1;
  for (; number <= 10; ++number) ASSERT_TRUE((*store)->Commit(BatchOf(number)).ok());
  fill();
  absl::Status status;
  while (number < 10'000) {
    status = (*store)->Commit(BatchOf(number));
    if (!status.ok()) break;
    ++number;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ((*store)->Commit(BatchOf(number)).code(), absl::StatusCode::kUnavailable);
  free();
  for (const int64_t last = number + 20; number <= last; ++number) {
    status = (*store)->Commit(BatchOf(number));
    ASSERT_TRUE(status.ok()) << status;
  }
  store->reset();
  EXPECT_EQ(CheckedNewest(path), number - 1);
}

TEST(StoreCrash, AFileThatMayNotGrowIsUnavailableUntilItMay) {
  TemporaryDirectory directory;
  EXPECT_EQ(StatusOfChild([&directory] {
              std::signal(SIGXFSZ, SIG_IGN);
              rlimit before{};
              getrlimit(RLIMIT_FSIZE, &before);
              const auto limit_to = [&before](rlim_t bytes) {
                const rlimit limit{.rlim_cur = bytes, .rlim_max = before.rlim_max};
                setrlimit(RLIMIT_FSIZE, &limit);
              };
              FillUpAndGoOn(
                  directory.File("state.db"), [&] { limit_to(2 << 20); },
                  [&] { limit_to(before.rlim_cur); });
            }),
            0);
}

TEST(StoreCrash, AFullDiskIsUnavailableUntilThereIsRoom) {
  TemporaryDirectory directory;
  constexpr int kSkipped = 77;
  const int status = StatusOfChild([&directory] {
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=16m") != 0) {
      _exit(kSkipped);
    }
    const std::string filler = directory.File("filler");
    FillUpAndGoOn(
        directory.File("state.db"),
        [&filler] { std::ofstream(filler) << std::string(13 << 20, 'f'); },
        [&filler] { std::filesystem::remove(filler); });
  });
  if (status == kSkipped) GTEST_SKIP() << "needs root, for a file system of its own";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace heliotrope::store
