// `heliotrope curve backtest`: whole command lines, no scheduler.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "scheduler/base/duration.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using google::protobuf::Struct;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const absl::Time kStart = absl::FromUnixSeconds(1767571200);  // Monday 2026-01-05 00:00 UTC

std::string WriteText(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(testing::TempDir(), "/backtest-", name, ".csv");
  std::ofstream(path) << text;
  return path;
}

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Series {
  int rows = 0;
  absl::Duration step = absl::Hours(1);
  // Rows without a place in the file: [from, to).
  int hole_from = 0;
  int hole_to = 0;
};

// An office's week, each like the one before: by day 40 more, at the weekend half.
std::string WriteOffice(const std::string& name, const Series& series) {
  std::string text = "timestamp_utc,load\n";
  for (int i = 0; i < series.rows; ++i) {
    if (i >= series.hole_from && i < series.hole_to) continue;
    const absl::Time time = kStart + i * series.step;
    const int hour = static_cast<int>(absl::ToInt64Hours(time - kStart) % (7 * 24));
    const int by_day = hour % 24 >= 8 && hour % 24 < 18 ? 60 : 20;
    absl::StrAppend(&text, Rfc3339(time), ",", hour >= 5 * 24 ? by_day / 2 : by_day, "\n");
  }
  return WriteText(name, text);
}

Result Backtest(const std::string& load, const std::vector<std::string>& more = {}) {
  std::vector<std::string> args = {"curve", "backtest",    "--load",
                                   load,    "--time-zone", "Europe/Berlin"};
  args.insert(args.end(), more.begin(), more.end());
  return RunAlone(args);
}

double NumberOf(const Struct& of, const std::string& name) {
  const auto found = of.fields().find(name);
  return found == of.fields().end() ? -1 : found->second.number_value();
}

Struct JsonOf(const Result& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  Struct json;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &json).ok()) << result.out;
  return json;
}

TEST(BacktestTest, TextForPeople) {
  const Result result = Backtest(WriteOffice("text", {.rows = 30 * 24}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(
      result.out,
      AllOf(HasSubstr("series     720 samples every 1h, 0 missing; 16d to learn from\n"),
            HasSubstr("forecasts  53 origins, 1272 points\n"), HasSubstr("\ncoverage   p03 "),
            HasSubstr("\npinball    p50 "), HasSubstr("\nMETHOD "), HasSubstr("\nheliotrope ")));
  EXPECT_THAT(result.out, Not(HasSubstr("same time a day before")));
}

TEST(BacktestTest, JsonForPrograms) {
  const std::string load = WriteOffice("json", {.rows = 30 * 24});
  const Struct json = JsonOf(Backtest(load, {"--json"}));
  EXPECT_EQ(json.fields().at("load").string_value(), load);
  EXPECT_EQ(json.fields().at("time_zone").string_value(), "Europe/Berlin");
  EXPECT_EQ(NumberOf(json, "samples"), 720);
  EXPECT_EQ(NumberOf(json, "missing_samples"), 0);
  EXPECT_EQ(NumberOf(json, "step_seconds"), 3600);
  EXPECT_EQ(NumberOf(json, "training_seconds"), 16 * 86400);
  EXPECT_EQ(NumberOf(json, "origins"), 53);
  EXPECT_EQ(NumberOf(json, "points"), 53 * 24);
  // Weeks that repeat exactly are no hard task.
  EXPECT_GE(NumberOf(json, "wape_percent"), 0);
  EXPECT_LT(NumberOf(json, "wape_percent"), 20);
  const Struct& coverage = json.fields().at("coverage_percent").struct_value();
  double last = 0;
  for (const char* name : {"p03", "p10", "p50", "p90", "p95", "p97"}) {
    EXPECT_GE(NumberOf(coverage, name), last) << name;
    last = NumberOf(coverage, name);
  }
  EXPECT_LE(last, 100);
  EXPECT_EQ(json.fields().at("pinball_percent").struct_value().fields_size(), 3);
  EXPECT_FALSE(json.fields().contains("compare"));
}

TEST(BacktestTest, HolesAreCountedAndNotScored) {
  const std::string load =
      WriteOffice("holes", {.rows = 30 * 24, .hole_from = 600, .hole_to = 610});
  const Struct json = JsonOf(
      Backtest(load, {"--json", "--test", "7d", "--origin-step", "24h", "--horizon", "24h"}));
  EXPECT_EQ(NumberOf(json, "samples"), 710);
  EXPECT_EQ(NumberOf(json, "missing_samples"), 10);
  EXPECT_EQ(NumberOf(json, "origins"), 7);
  EXPECT_EQ(NumberOf(json, "points"), 7 * 24 - 10);
}

TEST(BacktestTest, CompareScoresSimpleMethodsToo) {
  const std::string load = WriteOffice("compare", {.rows = 30 * 24});
  const Struct json = JsonOf(Backtest(load, {"--compare", "--json"}));
  const Struct& compare = json.fields().at("compare").struct_value();
  EXPECT_EQ(compare.fields_size(), 3);
  const auto score = [&compare](const char* method, const char* name) {
    return NumberOf(compare.fields().at(method).struct_value(), name);
  };
  for (const char* method : {"naive_day", "naive_week", "profile_level"}) {
    EXPECT_EQ(score(method, "points"), 53 * 24) << method;
  }
  // Each week is like the one before, each day is not.
  EXPECT_EQ(score("naive_week", "wape_percent"), 0);
  EXPECT_EQ(score("profile_level", "wape_percent"), 0);
  EXPECT_GT(score("naive_day", "wape_percent"), 5);
  const Result text = Backtest(load, {"--compare"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("\nsame time a day before "),
                              HasSubstr("\nsame time a week before    0.00%  0.00\n"),
                              HasSubstr("\n4-week profile and level   0.00%  0.00\n")));
}

TEST(BacktestTest, OutHoldsEveryForecast) {
  const std::string load = WriteOffice("out", {.rows = 30 * 24, .step = absl::Minutes(30)});
  const std::string out = testing::TempDir() + "/backtest-forecasts.csv";
  const Struct json = JsonOf(Backtest(
      load, {"--json", "--out", out, "--test", "5d", "--horizon", "12h", "--origin-step", "8h"}));
  EXPECT_EQ(NumberOf(json, "origins"), 14);
  std::vector<std::string> lines = absl::StrSplit(ReadText(out), '\n');
  EXPECT_EQ(lines.front(), "origin_utc,target_utc,p03,p10,p50,p90,p95,p97");
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  lines.erase(lines.begin());
  EXPECT_EQ(lines.size(), 14U * 24U);
  for (const std::string& line : lines) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    ASSERT_EQ(cells.size(), 8U) << line;
    const auto origin = ParseTime(cells[0]);
    const auto target = ParseTime(cells[1]);
    ASSERT_TRUE(origin.ok() && target.ok()) << line;
    EXPECT_TRUE(*target >= *origin && *target < *origin + absl::Hours(12)) << line;
    double last = 0;
    for (size_t i = 2; i < cells.size(); ++i) {
      double value = -1;
      ASSERT_TRUE(absl::SimpleAtod(cells[i], &value)) << line;
      EXPECT_GE(value, last) << line;
      last = value;
    }
  }
}

TEST(BacktestTest, OutThatCannotBeWrittenIsAnError) {
  const Result result = Backtest(WriteOffice("unwritable", {.rows = 30 * 24}),
                                 {"--out", testing::TempDir() + "/nowhere/forecasts.csv"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(HasSubstr("nowhere/forecasts.csv"), HasSubstr("No such file")));
}

TEST(BacktestTest, AnUnknownZoneGetsTheNearest) {
  const std::string load = WriteOffice("zone", {.rows = 30 * 24});
  for (const auto& [zone, nearest] :
       {std::pair("Europe/Berln", "Europe/Berlin"), std::pair("asia/tokio", "Asia/Tokyo"),
        std::pair("America/NewYork", "America/New_York")}) {
    const Result result = RunAlone({"curve", "backtest", "--load", load, "--time-zone", zone});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err,
                AllOf(HasSubstr(absl::StrCat("\"", zone, "\" is not a time zone of this host")),
                      HasSubstr(absl::StrCat("did you mean \"", nearest, "\"?"))));
  }
}

TEST(BacktestTest, AMistakeInTheFileIsNamedWithItsPlace) {
  struct Case {
    const char* name;
    const char* rows;
    const char* want;
  };
  const Case cases[] = {
      {"word", "2026-01-05T00:00:00Z,1\n2026-01-05T01:00:00Z,busy\n",
       ":3:22: \"busy\" is not a number"},
      {"time", "soon,1\n", ":2:1: \"soon\" is not a time"},
      {"nan", "2026-01-05T00:00:00Z,NaN\n", ":2:22: \"NaN\" is not a finite number"},
      {"infinite", "2026-01-05T00:00:00Z,inf\n", ":2:22: \"inf\" is not a finite number"},
      {"negative", "2026-01-05T00:00:00Z,-1\n", ":2:22: load is negative: -1"},
      {"unsorted", "2026-01-05T01:00:00Z,1\n2026-01-05T00:00:00Z,1\n",
       ":3:1: time 2026-01-05T00:00:00Z after 2026-01-05T01:00:00Z: sort the rows by time"},
      {"twice", "2026-01-05T00:00:00Z,1\n2026-01-05T00:00:00Z,1\n",
       ":3:1: time 2026-01-05T00:00:00Z twice"},
      {"empty", "", ":1:1: no rows after the header"},
  };
  for (const Case& c : cases) {
    const std::string path = WriteText(c.name, absl::StrCat("timestamp_utc,load\n", c.rows));
    const Result result = Backtest(path);
    EXPECT_EQ(result.exit_code, 1) << c.name;
    EXPECT_EQ(result.out, "") << c.name;
    EXPECT_THAT(result.err, HasSubstr(path + c.want)) << c.name;
  }
  const Result other = Backtest(WriteOffice("column", {.rows = 30 * 24}), {"--column", "rps"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.err, HasSubstr("want \"timestamp_utc,rps\""));
  const Result none = Backtest(testing::TempDir() + "/no-such-file.csv");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("no-such-file.csv\": No such file"));
}

TEST(BacktestTest, ASeriesThatCannotBeForecast) {
  const Result few = Backtest(WriteOffice("short", {.rows = 100}));
  EXPECT_EQ(few.exit_code, 1);
  EXPECT_THAT(few.err, HasSubstr("the series has 4d4h, needed are at least 15d: a day to learn "
                                 "from and the test part of 14d"));
  const Result one = Backtest(WriteOffice("one", {.rows = 1}));
  EXPECT_EQ(one.exit_code, 1);
  EXPECT_THAT(one.err, HasSubstr("the series has 1 sample, needed are at least 15d"));
  // One forecast at the beginning of the test part, and nothing there.
  const Result hole =
      Backtest(WriteOffice("hole", {.rows = 30 * 24, .hole_from = 300, .hole_to = 700}),
               {"--origin-step", "14d"});
  EXPECT_EQ(hole.exit_code, 1);
  EXPECT_THAT(hole.err, HasSubstr("there is nothing to score"));
  const Result slow = Backtest(WriteOffice("slow", {.rows = 30 * 12, .step = absl::Hours(2)}));
  EXPECT_EQ(slow.exit_code, 1);
  EXPECT_THAT(slow.err, HasSubstr("the series' step is 2h, must be 5m to 1h"));
}

TEST(BacktestTest, WhatCannotBeToldIsADash) {
  // Idle in the test part: errors in % of its load are none.
  std::string text = "timestamp_utc,load\n";
  for (int i = 0; i < 30 * 24; ++i) {
    absl::StrAppend(&text, Rfc3339(kStart + absl::Hours(i)), ",", i < 10 * 24 ? 7 : 0, "\n");
  }
  const Result result = Backtest(WriteText("idle", text));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("\npinball    p50 -  p90 -  p95 -  of the mean load\n"),
                                Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(BacktestTest, OptionsOutOfRange) {
  const std::string load = WriteOffice("options", {.rows = 30 * 24});
  struct Case {
    std::vector<std::string> flags;
    int exit_code;
    const char* want;
  };
  const Case cases[] = {
      {{"--test", "0s"}, 2, "--test: \"0s\" is not above zero"},
      {{"--test", "soon"}, 2, "--test: \"soon\" is not a duration"},
      {{"--origin-step", "-6h"}, 2, "--origin-step: \"-6h\" is not above zero"},
      {{"--horizon", "0"}, 2, "--horizon: \"0\" is not above zero"},
      {{"--test", "4000d"}, 1, "the test part is 4000d, must be above 0 and at most 3660d"},
      {{"--test", "30d"}, 1, "the series has 30d, needed are at least 31d"},
      {{"--origin-step", "15d"}, 1, "the step between origins is 15d, must be "},
      {{"--origin-step", "1m"}, 1, "the step between origins is 1m, must be at least 5m"},
      {{"--test", "12h"}, 1, "the test part of 12h cannot hold a horizon of 1d: make it longer"},
      {{"--horizon", "8d"}, 1, "the horizon is 8d, must be above 0 and at most 7d"},
  };
  for (const Case& c : cases) {
    const Result result = Backtest(load, c.flags);
    EXPECT_EQ(result.exit_code, c.exit_code) << c.want;
    EXPECT_EQ(result.out, "") << c.want;
    EXPECT_THAT(result.err, HasSubstr(c.want));
  }
}

TEST(BacktestTest, WhatItNeeds) {
  for (const auto& [args, want] :
       {std::pair(std::vector<std::string>{"curve", "backtest", "--time-zone", "UTC"},
                  "--load is required"),
        std::pair(std::vector<std::string>{"curve", "backtest", "--load", "x.csv"},
                  "--time-zone is required")}) {
    const Result result = RunAlone(args);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(want));
  }
}

}  // namespace
}  // namespace heliotrope::cli
