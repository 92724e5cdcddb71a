#include "scheduler/base/check.h"

#include "gtest/gtest.h"
#include "scheduler/base/ids.h"

namespace heliotrope {
namespace {

TEST(CheckTest, PassesWhatHoldsAndEvaluatesOnce) {
  int calls = 0;
  const auto next = [&calls] { return ++calls; };
  HT_CHECK(next() == 1);
  HT_CHECK_EQ(next(), 2);
  HT_CHECK_LT(next(), 4);
  EXPECT_EQ(calls, 3);
}

TEST(CheckDeathTest, PrintsTheConditionAndItsPlace) {
  EXPECT_DEATH(HT_CHECK(1 == 2), "check_test.cc:[0-9]+: check failed: 1 == 2");
}

TEST(CheckDeathTest, PrintsBothValues) {
  const TaskId task{JobUid(12), 7};
  const TaskId other{JobUid(12), 8};
  EXPECT_DEATH(HT_CHECK_EQ(task, other), "check failed: task == other: 12/7 vs 12/8");
}

TEST(CheckDeathTest, TakesValuesThatDoNotPrint) {
  struct Opaque {
    bool operator==(const Opaque&) const { return false; }
  };
  EXPECT_DEATH(HT_CHECK_EQ(Opaque{}, Opaque{}), "\\(unprintable\\) vs \\(unprintable\\)");
}

}  // namespace
}  // namespace heliotrope
