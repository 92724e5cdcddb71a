// `heliotrope simulate`: whole command lines, no scheduler.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kWorld[] = HT_SOURCE_DIR "/tests/scheduler/sim/small";

Result Simulate(std::vector<std::string> args, const std::string& world = kWorld) {
  args.insert(args.begin(), {"simulate", "--world", world});
  return RunAlone(args);
}

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(SimulateCommandTest, ComparesAllPoliciesWithTheBound) {
  const Result result = Simulate({"--policy", "all"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("heliotrope "), HasSubstr("greedy "), HasSubstr("night-window "),
                    HasSubstr("CAPTURED"), HasSubstr("clairvoyant bound    42.83")));
  EXPECT_EQ(result.err, "");  // No progress without a terminal.
}

TEST(SimulateCommandTest, SplitsTheRegretInJson) {
  const Result result = Simulate({"--bound", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  google::protobuf::Struct json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &json).ok()) << result.out;
  const auto& policies = json.fields().at("policies").list_value();
  ASSERT_EQ(policies.values_size(), 2);
  const auto price = [&](int i) {
    return policies.values(i).struct_value().fields().at("mean_price_usd_per_mwh").number_value();
  };
  const double bound = json.fields().at("bound_usd_per_mwh").number_value();
  const auto& regret = json.fields().at("regret_usd_per_mwh").struct_value().fields();
  EXPECT_NEAR(regret.at("forecast").number_value(), price(0) - price(1), 1e-9);
  EXPECT_NEAR(regret.at("planner").number_value(), price(1) - bound, 1e-9);
}

TEST(SimulateCommandTest, WritesTheJournalAndAPicture) {
  const std::string journal = testing::TempDir() + "/journal.csv";
  const std::string picture = testing::TempDir() + "/simulation.svg";
  const Result result = Simulate({"--policy", "greedy", "--journal", journal, "--svg", picture});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(ReadText(journal),
              StartsWith("job,attempt,data_center,start_s,end_s,cpus,useful_s\n0,1,"));
  EXPECT_THAT(ReadText(picture), AllOf(HasSubstr("<svg"), HasSubstr("greedy, mean 60.4"),
                                       HasSubstr("tokyo"), HasSubstr("% of the target")));
}

TEST(SimulateCommandTest, ListsWhatIsWrongWithAWorld) {
  const std::string directory = testing::TempDir() + "/broken-world";
  std::filesystem::remove_all(directory);
  std::filesystem::copy(kWorld, directory, std::filesystem::copy_options::recursive);
  std::filesystem::remove(directory + "/load/tokyo.csv");
  std::ofstream(directory + "/jobs.csv", std::ios::app) << "1,2,3\n";
  const Result result = Simulate({}, directory);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("2 problems in world"), HasSubstr("/load/tokyo.csv"),
                                HasSubstr("/jobs.csv:42: has 3 columns")));
  EXPECT_EQ(result.out, "");
}

TEST(SimulateCommandTest, MisuseIsSaidBeforeAnythingIsRead) {
  EXPECT_EQ(Simulate({"--policy", "gredy"}, "/nowhere").exit_code, 2);
  EXPECT_THAT(Simulate({"--policy", "gredy"}, "/nowhere").err,
              HasSubstr("did you mean \"greedy\""));
  EXPECT_EQ(Simulate({"--forecast", "no"}, "/nowhere").exit_code, 2);
  EXPECT_EQ(Simulate({"--policy", "all", "--journal", "j.csv"}, "/nowhere").exit_code, 2);
  EXPECT_EQ(Simulate({"--days", "0"}, "/nowhere").exit_code, 2);
}

}  // namespace
}  // namespace heliotrope::cli
