#include "scheduler/base/names.h"

#include <string>

#include "gtest/gtest.h"
#include "scheduler/base/errors.h"

namespace heliotrope {
namespace {

TEST(NamesTest, IdsFollowTheirPattern) {
  const std::string longest = "a" + std::string(62, '7');
  for (const std::string& id : {std::string("a"), std::string("nightly-7"), std::string("a--b"),
                                std::string("x0"), longest}) {
    EXPECT_TRUE(IsValidId(id)) << id;
    EXPECT_TRUE(CheckId("id", id).ok()) << id;
  }
  for (const std::string& id :
       {std::string(""), std::string("7a"), std::string("-a"), std::string("a-"), std::string("A"),
        std::string("a_b"), std::string("a.b"), std::string("a/b"), std::string("\xc3\xa4"),
        std::string("a\0b", 3), std::string("a\n"), longest + "x"}) {
    EXPECT_FALSE(IsValidId(id)) << id;
    EXPECT_EQ(GetFieldViolations(CheckId("job_id", id)).at(0).field, "job_id") << id;
  }
}

TEST(NamesTest, NamesGoThereAndBack) {
  EXPECT_EQ(JobName(JobId("a-1")), "jobs/a-1");
  EXPECT_EQ(*ParseJobName("jobs/a-1"), JobId("a-1"));
  EXPECT_EQ(FormatTaskName(JobId("a-1"), 3), "jobs/a-1/tasks/3");
  EXPECT_EQ(*ParseTaskName("jobs/a-1/tasks/3"), (TaskName{JobId("a-1"), 3}));
  EXPECT_EQ(*ParseNodeName(NodeName(NodeId("n"))), NodeId("n"));
  EXPECT_EQ(*ParseDataCenterName(DataCenterName(DataCenterId("dubai"))), DataCenterId("dubai"));
  EXPECT_EQ(DataCenterName(DataCenterId("dubai")), "dataCenters/dubai");
  EXPECT_EQ(*ParseRegionName(RegionName(RegionId("emea"))), RegionId("emea"));
}

TEST(NamesTest, AWrongNameIsRefusedWithItsForm) {
  for (const char* name : {"", "jobs", "jobs/", "a-1", "job/a-1", "jobs/A", "jobs/a/", "jobs/a/b",
                           " jobs/a", "jobs//a"}) {
    const absl::Status status = ParseJobName(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(std::string(status.message()),
              "name: \"" + std::string(name) + "\" is not of the form \"jobs/{id}\"");
  }
  for (const char* name : {"jobs/a/tasks/", "jobs/a/tasks/-1", "jobs/a/tasks/01", "jobs/a/tasks/+1",
                           "jobs/a/tasks/ 1", "jobs/a/tasks/100000", "jobs/a/tasks/4294967296",
                           "jobs//tasks/1", "jobs/a/tasks/1/tasks/2", "jobs/a"}) {
    EXPECT_FALSE(ParseTaskName(name).ok()) << name;
  }
}

TEST(NearestNameTest, FindsWhatWasMeant) {
  const std::vector<std::string> keys = {"target_utilization", "region", "time_zone", "name",
                                         "jurisdiction"};
  struct Case {
    const char* word;
    const char* want;
  };
  const Case cases[] = {
      {"nmae", "name"},                  // two neighbours swapped
      {"regoin", "region"},              // the same, in the middle
      {"timezone", "time_zone"},         // a letter missing
      {"Region", "region"},              // another case
      {"juristiction", "jurisdiction"},  // a letter changed
      {"target_utilisation", "target_utilization"},
      {"latitude", ""},  // nothing like it
      {"x", ""},         // too short to guess
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(NearestName(c.word, keys), c.want) << c.word;
  EXPECT_EQ(DidYouMean("regoin", keys), "; did you mean \"region\"?");
  EXPECT_EQ(DidYouMean("latitude", keys), "");
}

}  // namespace
}  // namespace heliotrope
