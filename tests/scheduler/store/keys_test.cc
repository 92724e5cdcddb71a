#include "scheduler/store/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "scheduler/base/random.h"

namespace heliotrope::store {
namespace {

TaskId Task(uint64_t job, uint32_t index) { return TaskId{JobUid(job), index}; }

TEST(Keys, TaskKeysSortAsTasksDoAndReadBack) {
  Random random(1);
  TaskId before = Task(0, 0);
  std::string key_before = TaskKey(before);
  for (int i = 0; i < 10'000; ++i) {
    // Few bits at times, so that equal jobs and carries from byte to byte come up.
    const TaskId id = Task(random.Next() >> random.Uniform(64),
                           static_cast<uint32_t>(random.Next() >> (32 + random.Uniform(32))));
    const std::string key = TaskKey(id);
    ASSERT_EQ(key < key_before, id < before) << id << " and " << before;
    ASSERT_EQ(ParseTaskKey(key).value(), id);
    ASSERT_TRUE(key.starts_with(JobKey(id.job)));
    before = id;
    key_before = key;
  }
}

TEST(Keys, BinKeysSortByTimeAlsoBefore1970) {
  const DataCenterId id("dubai");
  std::vector<std::string> keys;
  for (const int64_t seconds : {-300'000'000, -300, 0, 300, 1'800'000'000}) {
    keys.push_back(CurveBinKey(id, absl::FromUnixSeconds(seconds)));
    const auto back = ParseCurveBinKey(keys.back());
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(back->first, id);
    EXPECT_EQ(absl::ToUnixSeconds(back->second), seconds);
  }
  EXPECT_THAT(keys, testing::WhenSorted(testing::ElementsAreArray(keys)));
}

TEST(Keys, BinsOfOneDataCenterAreNotThoseOfOneWithALongerName) {
  const std::string longer = CurveBinKey(DataCenterId("frankfurt-12"), absl::UnixEpoch());
  EXPECT_FALSE(longer.starts_with(CurveBinPrefix(DataCenterId("frankfurt-1"))));
}

TEST(Keys, WhatIsNoKeyIsRefusedAndPrintedAsHex) {
  EXPECT_EQ(ParseJobKey("short").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseTaskKey("12345678").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseCurveBinKey("no zero byte here").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(PrintedKey(Kind::kJob, "\x01\x02"), "0x0102");
}

TEST(Keys, ArePrintedForPeople) {
  EXPECT_EQ(PrintedKey(Kind::kTask, TaskKey(Task(12, 7))), "12/7");
  EXPECT_EQ(PrintedKey(Kind::kJob, JobKey(JobUid(12))), "12");
  EXPECT_EQ(PrintedKey(Kind::kNode, "f1-a"), "f1-a");
  EXPECT_EQ(
      PrintedKey(Kind::kCurveBin, CurveBinKey(DataCenterId("dubai"), absl::FromUnixSeconds(300))),
      "dubai 1970-01-01T00:05:00Z");
}

}  // namespace
}  // namespace heliotrope::store
