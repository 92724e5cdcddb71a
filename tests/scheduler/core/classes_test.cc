// The number of classes that a plan is made of is bounded, and no task is planned for later than its
// deadline because of that.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "tests/scheduler/core/one_site.h"

namespace heliotrope::core {
namespace {

constexpr int kJobs = static_cast<int>(kMaxPlannedClasses) * 9 / 8;

// Jobs whose deadlines are a minute apart from each other, from half a day ahead on. Nobody has a
// node for them.
class ClassesTest : public OneSiteTest {
 protected:
  ClassesTest() { Apply(DrainNode{NodeId("dubai-a"), true}); }

  void SubmitUnlike(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      Submit(absl::StrCat("job-", i), {.deadline = now_ + absl::Hours(12) + absl::Minutes(i)});
    }
    Take(Tick{});
  }
  absl::Time ClassDeadlineOf(int job) const {
    const Job& one = JobOf(absl::StrCat("job-", job));
    return machine_->ClassOf(one, one.tasks[0]).deadline;
  }
};

TEST_F(ClassesTest, FewDeadlinesAreToldApartToTheMinute) {
  SubmitUnlike(100);
  EXPECT_EQ(machine_->PlanInput().classes.size(), 100U);
  EXPECT_EQ(machine_->deadline_shift(), Machine::kExactDeadlines);
  EXPECT_EQ(ClassDeadlineOf(7), now_ + absl::Hours(12) + absl::Minutes(7));
}

TEST_F(ClassesTest, ManyDeadlinesAreGroupedAndNeverMovedBack) {
  SubmitUnlike(kJobs);
  EXPECT_LE(machine_->PlanInput().classes.size(), kMaxPlannedClasses);
  const int shift = machine_->deadline_shift();
  ASSERT_LT(shift, Machine::kExactDeadlines);
  for (int job = 0; job < kJobs; ++job) {
    const absl::Time deadline = now_ + absl::Hours(12) + absl::Minutes(job);
    const absl::Duration early = deadline - ClassDeadlineOf(job);
    ASSERT_GE(early, absl::ZeroDuration()) << "job " << job;
    ASSERT_LE(early, std::max((deadline - now_) / (1 << shift), absl::Minutes(1)));
    ASSERT_LE(early, (deadline - now_ - absl::Hours(1)) / 2) << "what can be met stays so";
  }
}

TEST_F(ClassesTest, WhenTheyAreFewAgainTheyAreToldApartAgain) {
  SubmitUnlike(kJobs);
  ASSERT_LT(machine_->deadline_shift(), Machine::kExactDeadlines);
  for (int job = 100; job < kJobs; ++job) Take(CancelJob{JobId(absl::StrCat("job-", job))});
  for (int plan = 0; plan <= Machine::kExactDeadlines; ++plan) Replan();
  EXPECT_EQ(machine_->deadline_shift(), Machine::kExactDeadlines);
  EXPECT_EQ(machine_->PlanInput().classes.size(), 100U);
}

}  // namespace
}  // namespace heliotrope::core
