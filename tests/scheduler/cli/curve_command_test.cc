// The verbs of `heliotrope curve` that ask a scheduler, against a fake one.
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "httplib.h"
#include "scheduler/wire/time.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Ten days learned, the last one measured, no forecast.
v1::Curve ADay() {
  v1::Curve curve;
  const absl::Time now = absl::FromUnixSeconds(1772409600);
  *curve.mutable_now() = wire::ToProto(now);
  curve.set_time_zone("Europe/Berlin");
  curve.set_planning_mode("forecast");
  curve.set_bins_learned(2880);
  curve.set_error_1h_ratio(0.041);
  curve.set_error_24h_ratio(-1);
  curve.set_coverage_p90_ratio(0.91);
  for (int i = 0; i < 288; ++i) {
    v1::Curve::Sample* sample = curve.add_history();
    *sample->mutable_time() = wire::ToProto(now - absl::Minutes(5 * (288 - i)));
    sample->set_load(0.5);
  }
  return curve;
}

TEST(CurveTest, ShowDrawsAndSaysHowGoodItIs) {
  Fakes fakes;
  fakes.world().curve = ADay();
  const Result result = fakes.Run({"curve", "show", "frankfurt-1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Europe/Berlin, now Mon 01:00"));
  EXPECT_THAT(result.out, HasSubstr("****************"));
  EXPECT_THAT(result.out, HasSubstr("10.0 days"));
  EXPECT_THAT(result.out, HasSubstr("4.1% an hour ahead, 91% of outcomes under p90"));
}

// A file of `rows` samples, five minutes apart.
std::string CsvOf(int rows) {
  const std::string path = absl::StrCat(testing::TempDir(), "/curve", rows, ".", getpid(), ".csv");
  std::ofstream out(path);
  out << "timestamp_utc,load\n";
  for (int i = 0; i < rows; ++i) {
    out << absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                            absl::FromUnixSeconds(1700000100) + absl::Minutes(5 * i),
                            absl::UTCTimeZone())
        << ",0.5\n";
  }
  return path;
}

TEST(CurveTest, ImportSendsPartsThatMeet) {
  Fakes fakes;
  const Result result =
      fakes.Run({"curve", "import", "dubai", CsvOf(100'001), "--peak", "2", "--timeout", "60s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "100001 bins learned, 0 skipped\n");
  const auto& imports = fakes.world().imports;
  ASSERT_EQ(imports.size(), 3U);
  EXPECT_EQ(imports[0].name(), "dataCenters/dubai");
  EXPECT_EQ(imports[0].peak(), 2);
  EXPECT_EQ(imports[0].samples_size(), 50'000);
  EXPECT_EQ(imports[1].samples(0).time().seconds(), imports[0].samples(49'999).time().seconds());
  EXPECT_EQ(imports[2].samples_size(), 3);
}

TEST(CurveTest, AMistakeInTheFileIsNamedWithItsPlace) {
  const std::string path = testing::TempDir() + "/bad.csv";
  std::ofstream(path) << "timestamp_utc,load\n2026-01-01T00:00:00Z,abc\n";
  Fakes fakes;
  const Result result = fakes.Run({"curve", "import", "dubai", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(path + ":2:22"));
  EXPECT_TRUE(fakes.world().imports.empty());
}

TEST(CurveTest, ShowWritesAPicture) {
  Fakes fakes;
  fakes.world().curve = ADay();
  fakes.world().curve.set_name("dataCenters/frankfurt-1");
  for (int i = 0; i < 96; ++i) {
    v1::Curve::Point* point = fakes.world().curve.add_forecast();
    *point->mutable_time() =
        wire::ToProto(absl::FromUnixSeconds(1772409600) + i * absl::Minutes(15));
    point->set_p10(0.4);
    point->set_p50(0.5);
    point->set_p90(0.6);
    point->set_p97(0.7);
  }
  const std::string path = testing::TempDir() + "/frankfurt.svg";
  std::filesystem::remove(path);
  const Result result = fakes.Run({"curve", "show", "frankfurt-1", "--svg", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("10.0 days"));
  std::stringstream picture;
  picture << std::ifstream(path).rdbuf();
  EXPECT_THAT(picture.str(), testing::StartsWith("<?xml "));
  EXPECT_THAT(picture.str(),
              AllOf(HasSubstr("<svg"), HasSubstr("frankfurt-1: foreground load, Europe/Berlin"),
                    HasSubstr("Mon 02 Mar")));
}

TEST(CurveTest, APictureThatCannotBeWrittenIsAnError) {
  Fakes fakes;
  fakes.world().curve = ADay();
  const Result result = fakes.Run(
      {"curve", "show", "frankfurt-1", "--svg", testing::TempDir() + "/nowhere/frankfurt.svg"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(HasSubstr("nowhere/frankfurt.svg"), HasSubstr("No such file")));
}

TEST(CurveTest, HeadersThatNobodySeesComeFromAFile) {
  httplib::Server server;
  std::string authorization;
  std::string tenant;
  server.Get(
      "/api/v1/query_range", [&](const httplib::Request& request, httplib::Response& response) {
        authorization = request.get_header_value("Authorization");
        tenant = request.get_header_value("X-Scope-OrgID");
        response.set_content(R"({"status":"success","data":{"resultType":"matrix","result":[)"
                             R"({"metric":{},"values":[[1700000100,"0.5"],[1700000400,"0.6"]]}]}})",
                             "application/json");
      });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  const std::string path = testing::TempDir() + "/headers";
  std::ofstream(path) << "# of the monitoring team\n\nAuthorization: Bearer 8f31ab:c\r\n";
  Fakes fakes;
  const Result result = fakes.Run(
      {"curve", "import", "dubai", "--prometheus", absl::StrCat("http://127.0.0.1:", port),
       "--query", "load", "--since", "1d", "--header", "X-Scope-OrgID: 7", "--header-file", path});
  server.stop();
  thread.join();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(authorization, "Bearer 8f31ab:c");
  EXPECT_EQ(tenant, "7");
  ASSERT_EQ(fakes.world().imports.size(), 1U);
  EXPECT_EQ(fakes.world().imports[0].samples_size(), 2);
}

TEST(CurveTest, ImportTakesOneSource) {
  const std::string one_source = "give either a FILE or --prometheus with --query";
  const std::string step = "--step must be 5m to 1h, in steps of 5m";
  const std::string only =
      "--query, --header, --header-file, --since and --step go with --prometheus";
  const std::string url = "http://127.0.0.1:1";
  struct Case {
    std::vector<std::string> args;
    std::string want;
  };
  const Case cases[] = {
      {{}, one_source},
      {{"file.csv", "--prometheus", url, "--query", "load"}, one_source},
      {{"--prometheus", url}, "--prometheus needs --query, a PromQL expression"},
      {{"--query", "load"}, one_source},
      {{"file.csv", "--query", "load"}, only},
      {{"file.csv", "--header", "A: b"}, only},
      {{"file.csv", "--header-file", "headers"}, only},
      {{"file.csv", "--since", "1d"}, only},
      {{"file.csv", "--step", "5m"}, only},
      {{"--prometheus", url, "--query", "load", "--step", "7m"}, step},
      {{"--prometheus", url, "--query", "load", "--step", "1m"}, step},
      {{"--prometheus", url, "--query", "load", "--step", "2h"}, step},
      {{"file.csv", "--peak", "0"}, "--peak must be a number above 0"},
      {{"file.csv", "--peak", "nan"}, "--peak must be a number above 0"},
  };
  Fakes fakes;
  for (const Case& c : cases) {
    std::vector<std::string> args = {"curve", "import", "dubai"};
    args.insert(args.end(), c.args.begin(), c.args.end());
    const Result result = fakes.Run(args);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(c.args);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err, absl::StrCat("heliotrope: ", c.want, "\n"))
        << testing::PrintToString(c.args);
  }
  EXPECT_TRUE(fakes.world().imports.empty());
}

}  // namespace
}  // namespace heliotrope::cli
