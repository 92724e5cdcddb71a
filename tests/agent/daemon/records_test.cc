#include "agent/daemon/records.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "agent/exec/directory_tree.h"
#include "scheduler/base/limits.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::daemon {
namespace {

class RecordsTest : public ::testing::Test {
 protected:
  RecordsTest() {
    char pattern[] = "/tmp/records_test.XXXXXX";
    root_ = mkdtemp(pattern);
  }
  ~RecordsTest() override { EXPECT_TRUE(exec::RemoveTree(root_).ok()); }
  std::string root_;
};

TEST_F(RecordsTest, OrdersAndOutcomesComeBack) {
  EXPECT_TRUE(absl::IsNotFound(ReadOrder(root_).status()));
  v1::AttemptOrder order;
  order.mutable_key()->set_job_uid(7);
  ASSERT_TRUE(WriteOrder(root_, order).ok());
  EXPECT_EQ(ReadOrder(root_)->key().job_uid(), 7u);
  v1::AttemptStatus status;
  status.set_reason("MOVE");
  ASSERT_TRUE(WriteOutcome(root_, status).ok());
  EXPECT_EQ(ReadOutcome(root_)->reason(), "MOVE");
}

TEST_F(RecordsTest, DamageIsTold) {
  for (const char* bytes : {"", "\xff\xff\xff"}) {
    ASSERT_TRUE(os::WriteFileAtomically(root_ + "/order", bytes).ok());
    EXPECT_TRUE(absl::IsDataLoss(ReadOrder(root_).status()));
  }
  ASSERT_EQ(truncate((root_ + "/order").c_str(), kMaxGrpcMessageBytes + 1), 0);
  EXPECT_TRUE(absl::IsDataLoss(ReadOrder(root_).status())) << "too large";
}

TEST_F(RecordsTest, WhatCannotBeReadNowIsNotDamage) {
  // A link to too long a name: it cannot be opened, also by root.
  for (const char* name : {"/order", "/outcome", "/done"}) {
    ASSERT_EQ(symlink(std::string(300, 'a').c_str(), (root_ + name).c_str()), 0);
  }
  EXPECT_TRUE(absl::IsUnavailable(ReadOrder(root_).status()));
  EXPECT_TRUE(absl::IsUnavailable(ReadOutcome(root_).status()));
  EXPECT_TRUE(absl::IsUnavailable(ReadDone(root_).status()));
}

TEST_F(RecordsTest, WhatIsDoneKeepsItsOrder) {
  EXPECT_TRUE(absl::IsNotFound(ReadDone(root_).status()));
  v1::AttemptOrder order;
  order.mutable_key()->set_job_uid(7);
  ASSERT_TRUE(WriteOrder(root_, order).ok());
  ASSERT_TRUE(MarkDone(root_).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadOrder(root_).status()));
  const auto done = ReadDone(root_);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->order.key().job_uid(), 7u);
  EXPECT_GT(done->time, absl::Now() - absl::Hours(1));
}

TEST_F(RecordsTest, AnInstanceIsMadeOnce) {
  const auto first = InstanceId(root_);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->size(), 32u);
  EXPECT_EQ(*InstanceId(root_), *first);
}

}  // namespace
}  // namespace heliotrope::agent::daemon
