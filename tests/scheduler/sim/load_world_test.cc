#include "scheduler/sim/load_world.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

using testing::ElementsAre;

constexpr char kHeader[] =
    "submit_s,cpus,mem_mb,duration_s,user,deadline_s,home,residency,checkpoint_mb,priority,"
    "expected_s\n";

// A directory with a world that is right, of which files can be replaced.
class LoadWorldTest : public testing::Test {
 protected:
  void SetUp() override {
    files_["world.yaml"] =
        "start: 2026-03-02T00:00:00Z\n"
        "duration: 2h\n"
        "jobs: jobs.csv\n"
        "jurisdiction_groups: {EU: [DE, FR]}\n"
        "data_centers:\n"
        "  - name: berlin\n"
        "    time_zone: Europe/Berlin\n"
        "    jurisdiction: DE\n"
        "    nodes: 2\n"
        "    cores_per_node: 8\n"
        "    memory_per_node: 16GiB\n"
        "    load: load.csv\n"
        "    price: price.csv\n";
    files_["load.csv"] =
        "timestamp_utc,load\n"
        "2026-03-02T00:00:00Z,0.2\n2026-03-02T01:00:00Z,0.4\n2026-03-02T02:00:00Z,0.4\n";
    files_["price.csv"] = "timestamp_utc,usd_per_mwh\n2026-03-01T12:00:00Z,-4.5\n";
    files_["jobs.csv"] = absl::StrCat(kHeader, "60,2,1024,600,alice,3600,berlin,EU,-1,0,500\n");
  }

  // What is wrong, with DIR for the directory.
  std::vector<std::string> Problems() {
    std::string directory = testing::TempDir() + "/world-XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) return {"no scratch directory"};
    for (const auto& [name, text] : files_) std::ofstream(directory + "/" + name) << text;
    os::FileProblems problems(100);
    world_ = LoadWorld(directory, problems);
    std::vector<std::string> texts;
    for (const std::string& text : problems.texts()) {
      texts.push_back(absl::StrReplaceAll(text, {{directory, "DIR"}}));
    }
    std::filesystem::remove_all(directory);
    return texts;
  }

  void Replace(const std::string& file, const std::string& from, const std::string& to) {
    ASSERT_NE(files_[file].find(from), std::string::npos) << from;
    files_[file] = absl::StrReplaceAll(files_[file], {{from, to}});
  }

  std::map<std::string, std::string> files_;
  World world_;
};

TEST_F(LoadWorldTest, ReadsAWorld) {
  EXPECT_THAT(Problems(), ElementsAre());
  ASSERT_EQ(world_.data_centers.size(), 1u);
  const DataCenter& place = world_.data_centers[0];
  EXPECT_EQ(place.cores(), 16);
  EXPECT_EQ(place.load.size(), 24u);
  EXPECT_NEAR(place.load[6], 0.3, 1e-9);  // Half past midnight, between two hourly rows.
  EXPECT_THAT(place.price, ElementsAre(-4.5, -4.5));
  ASSERT_EQ(world_.jobs.size(), 1u);
  EXPECT_EQ(world_.jobs[0].expected, 500);
  EXPECT_TRUE(world_.Allows(world_.jobs[0], 0));
}

TEST_F(LoadWorldTest, EveryProblemOfEveryFileIsToldAtOnce) {
  Replace("world.yaml", "Europe/Berlin", "Europe/Berlim");
  Replace("world.yaml", "price: price.csv", "price: prize.csv");
  Replace("load.csv", "01:00:00Z,0.4", "01:00:00Z,high");
  files_["jobs.csv"] = absl::StrCat(kHeader, "60,2,1024,600,alice,3600,berlin,XX,-1,0,500\n",
                                    "60,99,1024,600,alice,3600,berlin,EU,-1,0,500\n",
                                    "60,2,1024,600,alice,600,berlin,EU,-1,0,500\n", "60,2,1024\n");
  EXPECT_THAT(
      Problems(),
      ElementsAre(
          testing::StartsWith("DIR/world.yaml:7: data_centers[0].time_zone \"Europe/Berlim\""),
          "DIR/load.csv:3:22: \"high\" is not a number",
          testing::StartsWith("DIR/world.yaml:13: data_centers[0].price cannot open"),
          testing::StartsWith("DIR/jobs.csv:2: residency \"XX\" is neither"),
          "DIR/jobs.csv:3: impossible job: it asks 99 cpus and 1024 mem_mb; where its residency "
          "allows, a node offers at most 8 and 16384",
          "DIR/jobs.csv:4: impossible job: submitted at 60 and 600 s long, it cannot end by its "
          "deadline_s 600: move that to 660 or later",
          testing::StartsWith("DIR/jobs.csv:5: has 3 columns, want 11")));
}

TEST_F(LoadWorldTest, ARowMayBeWrongInManyWays) {
  struct Case {
    const char* row;
    const char* want;
  };
  const Case cases[] = {
      {"x,2,1024,600,alice,3600,berlin,EU,-1,0,500", "submit_s \"x\" is not a whole number"},
      {"7200,2,1024,600,alice,9000,berlin,EU,-1,0,500", "submit_s 7200 is not within 0 and 7199"},
      {"60,0,1024,600,alice,3600,berlin,EU,-1,0,500", "cpus 0 is not within 1 and 1024"},
      {"60,2,1024,600,Al Ice,3600,berlin,EU,-1,0,500", "user \"Al Ice\" is no account"},
      {"60,2,1024,600,alice,3600,berlim,EU,-1,0,500",
       "home \"berlim\" is no data center of world.yaml; did you mean \"berlin\"?"},
      {"60,2,1024,600,alice,3600,berlin,FR,-1,0,500",
       "residency \"FR\" allows none of the data centers"},
      {"60,2,1024,600,alice,3600,berlin,EU,-2,0,500", "checkpoint_mb -2 is not within -1 and"},
      {"60,2,1024,600,alice,3600,berlin,EU,-1,0,0", "expected_s 0 is not within 1 and"},
      {"60,2,99999,600,alice,3600,berlin,EU,-1,0,500", "impossible job: it asks 2 cpus and 99999"},
  };
  for (const Case& one : cases) {
    files_["jobs.csv"] = absl::StrCat(kHeader, one.row, "\n");
    EXPECT_THAT(Problems(),
                ElementsAre(testing::StartsWith(absl::StrCat("DIR/jobs.csv:2: ", one.want))))
        << one.row;
  }
}

TEST_F(LoadWorldTest, AWorldMayBeWrongInManyWays) {
  struct Case {
    const char* from;
    const char* to;
    const char* want;
  };
  const Case cases[] = {
      {"00:00:00Z", "00:30:00Z", "DIR/world.yaml:1: start is no whole hour"},
      {"duration: 2h", "duration: 9999d", "DIR/world.yaml:2: duration "},
      {"duration:", "target_utilization: 1.5\nduration:",
       "DIR/world.yaml:2: target_utilization 1.5 is not within 0 and 1"},
      {"nodes: 2", "nodes: 0", "DIR/world.yaml:9: data_centers[0].nodes 0 is not within 1 and"},
      {"16GiB", "lots", "DIR/world.yaml:11: data_centers[0].memory_per_node \"lots\" is no size"},
      {"duration", "durration", "DIR/world.yaml:2: unknown key \"durration\""},
  };
  const std::string good = files_["world.yaml"];
  for (const Case& one : cases) {
    files_["world.yaml"] = good;
    Replace("world.yaml", one.from, one.to);
    const std::vector<std::string> problems = Problems();
    ASSERT_FALSE(problems.empty()) << one.to;
    EXPECT_THAT(problems.front(), testing::StartsWith(one.want));
  }
}

TEST_F(LoadWorldTest, GapsAreFilledOrTold) {
  Replace("load.csv", "2026-03-02T01:00:00Z,0.4\n", "");
  EXPECT_THAT(Problems(), ElementsAre());
  EXPECT_NEAR(world_.data_centers[0].load[12], 0.3, 1e-9);
  Replace("world.yaml", "duration: 2h", "duration: 8h");
  EXPECT_THAT(Problems(),
              ElementsAre(testing::StartsWith("DIR/load.csv:1: no load from 2026-03-02T02:05:00Z "
                                              "to 2026-03-02T08:00:00Z")));
}

TEST_F(LoadWorldTest, APriceIsNotForEver) {
  Replace("price.csv", "2026-03-01T12", "2026-03-01T00");
  EXPECT_THAT(
      Problems(),
      ElementsAre(testing::StartsWith("DIR/price.csv:2: no price for 2026-03-02T00:00:00Z")));
}

TEST_F(LoadWorldTest, LoadIsAFractionNotAPercentage) {
  Replace("load.csv", "02:00:00Z,0.4", "02:00:00Z,40");
  EXPECT_THAT(Problems(), ElementsAre(testing::StartsWith("DIR/load.csv:4: load 40 is above 4")));
}

TEST_F(LoadWorldTest, NoWorldAtAll) {
  files_.erase("world.yaml");
  EXPECT_THAT(Problems(), ElementsAre(testing::HasSubstr("DIR/world.yaml")));
  files_["world.yaml"] = "start: [\n";
  EXPECT_THAT(Problems(), ElementsAre(testing::StartsWith("DIR/world.yaml:")));
}

}  // namespace
}  // namespace heliotrope::sim
