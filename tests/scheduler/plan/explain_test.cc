// What each data center could offer, as a job's owner reads it.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using model::Reason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<SiteBuilder> Fleet5() {
  return {ASite("dubai").Headroom(Always(0)),
          ASite("frankfurt").Headroom(Daily(21, 6, 60, 0)).Price(Daily(21, 6, 30, 64)),
          ASite("hangzhou").Headroom(Always(40)).Price(Always(40)).Foreground(20).Batch(3),
          ASite("singapore").NoNodes(), ASite("virginia").Headroom(Always(40))};
}
constexpr uint64_t kNotVirginia = 15;

std::vector<Option> ExplainAt14(const Class& task_class) {
  const Input input = InputOf({.now = 14, .sites = Fleet5(), .classes = {task_class}});
  return Explain(input, Compute(input), task_class);
}

const Option& Of(const std::vector<Option>& options, size_t site) {
  for (const Option& option : options) {
    if (option.site == site) return option;
  }
  return options.at(site);
}

TEST(Explain, PutsWhatThePlanHasChosenFirst) {
  const std::vector<Option> options =
      ExplainAt14(AClass().Hours(2).Deadline(40).Allowed(kNotVirginia));
  ASSERT_THAT(options, SizeIs(5));
  EXPECT_EQ(options[0].site, 1u);
  EXPECT_EQ(options[0].verdict, Option::Verdict::kLater);
  EXPECT_EQ(options[0].start, At(21));
  EXPECT_EQ(options[0].end, At(23));
  EXPECT_DOUBLE_EQ(options[0].mean_price, 30);
  EXPECT_EQ(
      options[0].detail,
      "headroom for it from 21:00 UTC (60 cores for batch, 0 cores planned for others), price "
      "30; planned for 21:00 UTC")
      << "its own core is none of the others'";
}

TEST(Explain, SaysWhatFitsNowAndByWhichMeasure) {
  const Option fits = Of(ExplainAt14(AClass().Hours(2).Deadline(40).Allowed(kNotVirginia)), 2);
  EXPECT_EQ(fits.verdict, Option::Verdict::kFits);
  EXPECT_EQ(fits.reason, Reason::kFits);
  EXPECT_EQ(fits.start, At(14));
  EXPECT_EQ(fits.detail,
            "fits now (40 cores of headroom, 3 cores of batch, foreground 20 cores of 100 cores), "
            "price 40");
}

struct Case {
  const char* name;
  Class task_class;
  size_t site;
  Option::Verdict verdict;
  Reason reason;
  const char* text;
};

TEST(Explain, SaysWhyNot) {
  const Case cases[] = {
      {"residency", AClass().Allowed(kNotVirginia), 4, Option::Verdict::kNever, Reason::kResidency,
       "excludes this data center's jurisdiction"},
      {"no nodes", AClass(), 3, Option::Verdict::kNever, Reason::kNoNodes, "no node is connected"},
      {"too large", AClass().Cores(200), 2, Option::Verdict::kNever, Reason::kTooLarge,
       "asks 200 cores and 1 GiB; one task may have at most 100 cores and 256 GiB"},
      {"no headroom at all", AClass(), 0, Option::Verdict::kNever, Reason::kWaitingForCapacity,
       "needs 1 core; the most that is left in the next 7d is 0 cores"},
      {"not before the night", AClass(), 1, Option::Verdict::kLater, Reason::kNotBeforeHeadroom,
       "headroom for it from 21:00 UTC (60 cores for batch, 0 cores planned for others), price 30"},
      {"the night is too late", AClass().Deadline(20), 1, Option::Verdict::kLater,
       Reason::kMissesDeadline, "would end at 22:00 UTC, after its deadline at 20:00 UTC"},
      {"the night is too short", AClass().Hours(10).CannotCheckpoint(), 1, Option::Verdict::kNever,
       Reason::kWaitingForSafeWindow,
       "needs 10h of headroom in one piece; the longest in the next 7d is 9h"},
  };
  for (const Case& c : cases) {
    const Option option = Of(ExplainAt14(c.task_class), c.site);
    SCOPED_TRACE(absl::StrCat(c.name, ": ", option.detail));
    EXPECT_EQ(option.verdict, c.verdict);
    EXPECT_EQ(option.reason, c.reason);
    EXPECT_THAT(option.detail, HasSubstr(c.text));
  }
}

TEST(Explain, SaysThatFreeCoresAreEnoughUnderTheSafetyNet) {
  const Option option = Of(ExplainAt14(AClass().Hours(5).Deadline(19.1)), 0);
  EXPECT_EQ(option.verdict, Option::Verdict::kFits);
  EXPECT_THAT(option.detail, HasSubstr("fits now (free cores"));
}

TEST(Explain, AnswersFromAnOlderPlanAndForAClassThatItDoesNotKnow) {
  Input input = InputOf({.now = 14, .sites = Fleet5()});
  const Plan plan = Compute(input);
  const Input later = InputOf({.now = 14.2, .sites = Fleet5()});
  EXPECT_THAT(Explain(later, plan, AClass().Id(9)), SizeIs(5));
  EXPECT_THAT(Explain(later, Plan(), AClass().Id(9)), SizeIs(5));
  input.grid.clear();
  for (Site& site : input.sites) {
    site.headroom.clear();
    site.price.clear();
  }
  EXPECT_THAT(Explain(input, plan, AClass()), IsEmpty()) << "nothing is known yet";
}

}  // namespace
}  // namespace heliotrope::plan
