#include "scheduler/os/csv.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"

namespace heliotrope::os {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1769846400);  // 2026-01-31T08:00:00Z

TEST(CsvTest, ReadsRowsInOrder) {
  const std::vector<Sample> want = {{kStart, 20.5}, {kStart + absl::Minutes(5), 0}};
  for (const char* text :
       {"timestamp_utc,load\n2026-01-31T08:00:00Z,20.5\n2026-01-31T08:05:00Z,0\n",
        "timestamp_utc,load\n2026-01-31T08:00:00Z,20.5\n2026-01-31T08:05:00Z,0",
        "timestamp_utc,load\r\n2026-01-31T08:00:00Z,20.5\r\n2026-01-31T16:05:00+08:00,0e0\r\n",
        "\xef\xbb\xbftimestamp_utc,load\n2026-01-31T08:00:00Z,2.05e1\n2026-01-31T08:05:00Z,0\n"}) {
    const auto got = ParseLoadCsv(text, "f.csv");
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, want) << text;
  }
}

TEST(CsvTest, PricesMayBeNegative) {
  const auto got = ParseSeriesCsv("timestamp_utc,usd_per_mwh\n2026-01-31T08:00:00Z,-3.5\n", "p.csv",
                                  {.value_column = "usd_per_mwh", .allow_negative = true});
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->front().value, -3.5);
}

TEST(CsvTest, TellsEveryProblemAndKeepsTheGoodRows) {
  FileProblems problems(2);
  const std::vector<Sample> got = ParseSeriesCsv(
      "timestamp_utc,load\n2026-01-31T08:00:00Z,1\nx,1\n2026-01-31T08:00:00Z,y\n"
      "2026-01-31T08:00:00Z,2\n2026-01-31T08:05:00Z,3\n",
      "f.csv", {}, problems);
  EXPECT_EQ(got, (std::vector<Sample>{{kStart, 1}, {kStart + absl::Minutes(5), 3}}));
  EXPECT_EQ(problems.count(), 3u);
  ASSERT_EQ(problems.texts().size(), 2u);
  EXPECT_EQ(problems.texts()[1], "f.csv:4:22: \"y\" is not a number");
}

TEST(CsvTest, RefusalsSayFileLineColumnAndWhy) {
  struct Case {
    const char* name;
    const char* rows;
    const char* want;
  };
  const Case cases[] = {
      {"one column", "2026-01-31T08:00:00Z\n",
       "f.csv:2:1: \"2026-01-31T08:00:00Z\" has 1 column, want 2"},
      {"three columns", "2026-01-31T08:00:00Z,1,2\n", "f.csv:2:23: more than 2 columns"},
      {"bad time", "yesterday,1\n",
       "f.csv:2:1: \"yesterday\" is not a time: write it like 2026-01-31T08:00:00Z or "
       "2026-01-31T08:00:00+08:00"},
      {"no number", "2026-01-31T08:00:00Z,busy\n", "f.csv:2:22: \"busy\" is not a number"},
      {"no value", "2026-01-31T08:00:00Z,\n", "f.csv:2:22: \"\" is not a number"},
      {"nan", "2026-01-31T08:00:00Z,nan\n", "f.csv:2:22: \"nan\" is not a finite number"},
      {"infinite", "2026-01-31T08:00:00Z,1e999\n", "f.csv:2:22: \"1e999\" is not a finite number"},
      {"negative", "2026-01-31T08:00:00Z,-1\n", "f.csv:2:22: load is negative: -1"},
      {"unsorted", "2026-01-31T08:05:00Z,1\n2026-01-31T08:00:00Z,1\n",
       "f.csv:3:1: time 2026-01-31T08:00:00Z after 2026-01-31T08:05:00Z: sort the rows by time"},
      {"twice", "2026-01-31T08:00:00Z,1\n2026-01-31T08:00:00Z,2\n",
       "f.csv:3:1: time 2026-01-31T08:00:00Z twice"},
      {"blank line inside", "2026-01-31T08:00:00Z,1\n\n2026-01-31T08:05:00Z,1\n",
       "f.csv:3:1: \"\" has 1 column, want 2"},
      {"nothing", "", "f.csv:1:1: no rows after the header"},
  };
  for (const Case& c : cases) {
    const absl::Status status =
        ParseLoadCsv(absl::StrCat("timestamp_utc,load\n", c.rows), "f.csv").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.name;
    EXPECT_EQ(std::string(status.message()), c.want) << c.name;
  }
}

TEST(CsvTest, TheHeaderIsRequired) {
  for (const char* text : {"", "2026-01-31T08:00:00Z,1\n", "timestamp_utc,price\n",
                           "timestamp_utc,load,more\n", "time,load\n"}) {
    const absl::Status status = ParseLoadCsv(text, "f.csv").status();
    EXPECT_NE(std::string(status.message()).find("f.csv:1:1: header is"), std::string::npos)
        << status;
  }
}

TEST(CsvTest, GarbageIsRefusedShortly) {
  std::string garbage = "timestamp_utc,load\n";
  for (int i = 0; i < 5000; ++i) garbage += static_cast<char>(i * 37 % 251);
  const absl::Status status = ParseLoadCsv(garbage, "f.csv").status();
  EXPECT_FALSE(status.ok());
  EXPECT_LT(status.message().size(), 300u);
}

TEST(CsvTest, RowsAreBounded) {
  std::string text = "timestamp_utc,load\n";
  for (size_t i = 0; i <= kMaxCurveImportSamples; ++i) {
    absl::StrAppend(&text, Rfc3339(kStart + static_cast<int64_t>(i) * absl::Minutes(5)), ",1\n");
  }
  const absl::Status status = ParseLoadCsv(text, "f.csv").status();
  EXPECT_EQ(std::string(status.message()), "f.csv:400002:1: more than 400000 rows");
}

}  // namespace
}  // namespace heliotrope::os
