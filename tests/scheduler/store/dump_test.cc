#include "scheduler/store/dump.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_split.h"
#include "heliotrope/store/v1/curve.pb.h"
#include "heliotrope/store/v1/job.pb.h"
#include "heliotrope/store/v1/node.pb.h"
#include "scheduler/store/keys.h"
#include "scheduler/store/sqlite/sqlite_store.h"
#include "temporary_directory.h"

namespace heliotrope::store {
namespace {

using testing::HasSubstr;

Record NodeRecord() {
  v1::Node node;
  node.set_version(1);
  node.set_data_center("dubai");
  return {Kind::kNode, "du-a", node.SerializeAsString()};
}

TEST(Dump, PrintsKindKeyAndValue) {
  EXPECT_EQ(RecordToJson(NodeRecord()).value(),
            R"({"kind":"node","key":"du-a","value":{"version":1,"dataCenter":"dubai"}})");
}

TEST(Dump, PrintsArrivalsByAccount) {
  v1::Arrivals arrivals;
  arrivals.set_version(1);
  arrivals.set_forecaster_version(1);
  arrivals.add_integers(20514);
  arrivals.add_numbers(2.5);
  EXPECT_EQ(RecordToJson({Kind::kArrivals, "globex", arrivals.SerializeAsString()}).value(),
            R"({"kind":"arrivals","key":"globex","value":{"version":1,"forecasterVersion":1,)"
            R"("integers":["20514"],"numbers":[2.5]}})");
  EXPECT_EQ(ParseKind("arrivals").value(), Kind::kArrivals);
  const auto damaged = RecordToJson({Kind::kArrivals, "globex", "\xff"});
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(damaged.status().message()), HasSubstr("arrivals record \"globex\""));
}

TEST(Dump, PrintsDurationsByAccountAndName) {
  v1::Durations durations;
  durations.set_version(1);
  durations.set_learner_version(1);
  durations.add_integers(20514);
  durations.add_numbers(2.5);
  durations.add_weights(0.5);
  const auto printed = [&](const std::string& key) {
    return RecordToJson({Kind::kDurations, key, durations.SerializeAsString()}).value();
  };
  EXPECT_EQ(printed(std::string("globex\0nightly", 14)),
            R"({"kind":"durations","key":"globex nightly","value":{"version":1,"learnerVersion":1,)"
            R"("integers":["20514"],"numbers":[2.5],"weights":[0.5]}})");
  EXPECT_THAT(printed(std::string("globex\0", 7)), HasSubstr("\"key\":\"globex\""));
  EXPECT_THAT(printed(""), HasSubstr("\"key\":\"\""));
  EXPECT_EQ(ParseKind("durations").value(), Kind::kDurations);
}

TEST(Dump, WhateverAClientCallsItsRequestEachLineIsJson) {
  for (const char* id : {"\"quoted\"", "back\\slash", "line\nbreak", "\xc3\xbc\xff"}) {
    const auto line = RecordToJson({Kind::kRequest, id, v1::Request().SerializeAsString()});
    ASSERT_TRUE(line.ok());
    google::protobuf::Struct parsed;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(*line, &parsed).ok()) << *line;
    EXPECT_EQ(line->find('\n'), std::string::npos);
  }
}

TEST(Dump, ADamagedRecordIsNamed) {
  const auto line = RecordToJson({Kind::kJob, JobKey(JobUid(12)), "\xff"});
  EXPECT_EQ(line.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(line.status().message()), HasSubstr("job record \"12\""));
}

TEST(Dump, AnUnknownKindGetsTheNearest) {
  EXPECT_EQ(ParseKind("curve_bin").value(), Kind::kCurveBin);
  EXPECT_THAT(std::string(ParseKind("jobb").status().message()),
              HasSubstr("did you mean \"job\"?"));
}

TEST(Dump, WorksBesideARunningSchedulerAndByKind) {
  TemporaryDirectory directory;
  const std::string path = directory.File("state.db");
  const auto store = OpenSqliteStore(path);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)
                  ->Commit({.delete_prefixes = {},
                            .deletes = {},
                            .puts = {NodeRecord(), {Kind::kRequest, "r", ""}}})
                  .ok());
  std::ostringstream all;
  ASSERT_TRUE(DumpSqlite(path, std::nullopt, all).ok());
  EXPECT_THAT(all.str(), HasSubstr("\"kind\":\"request\""));
  std::ostringstream nodes;
  ASSERT_TRUE(DumpSqlite(path, Kind::kNode, nodes).ok());
  EXPECT_EQ(nodes.str(), RecordToJson(NodeRecord()).value() + "\n");
}

}  // namespace
}  // namespace heliotrope::store
