// Answers of a Prometheus server, and what is refused before one is asked.
#include "scheduler/cli/prometheus.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "httplib.h"

namespace heliotrope::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kSource[] = "http://prom:9090";

// The answer whose only series has these points.
std::string OneSeries(const std::string& points) {
  return absl::StrCat(R"({"status":"success","data":{"resultType":"matrix","result":[)",
                      R"({"metric":{"host":"a"},"values":[)", points, "]}]}}");
}

std::string WhyRefused(const std::string& json) {
  const absl::Status status = ParseRangeAnswer(json, kSource).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(status.message());
}

TEST(RangeAnswerTest, PointsOfOneSeries) {
  const auto samples = ParseRangeAnswer(
      OneSeries(R"([1772409600,"0.5"],[1772409900.5,"1e3"],[1772410200,"0"])"), "");
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_THAT(
      *samples,
      ElementsAre(os::Sample{absl::FromUnixSeconds(1772409600), 0.5},
                  os::Sample{absl::FromUnixSeconds(1772409900) + absl::Milliseconds(500), 1000},
                  os::Sample{absl::FromUnixSeconds(1772410200), 0}));
}

TEST(RangeAnswerTest, NanIsNoSample) {
  const auto samples = ParseRangeAnswer(OneSeries(R"([300,"1"],[600,"NaN"],[900,"2"])"), "");
  ASSERT_TRUE(samples.ok()) << samples.status();
  EXPECT_THAT(*samples, ElementsAre(os::Sample{absl::FromUnixSeconds(300), 1},
                                    os::Sample{absl::FromUnixSeconds(900), 2}));
}

TEST(RangeAnswerTest, NoSeriesIsNoSamples) {
  for (const std::string& json :
       {std::string(R"({"status":"success","data":{"resultType":"matrix","result":[]}})"),
        OneSeries("")}) {
    const auto samples = ParseRangeAnswer(json, kSource);
    ASSERT_TRUE(samples.ok()) << samples.status();
    EXPECT_THAT(*samples, IsEmpty()) << json;
  }
}

TEST(RangeAnswerTest, RefusalsSayWhereAndWhy) {
  struct Case {
    const char* name;
    std::string json;
    const char* want;
  };
  const Case cases[] = {
      {"infinite", OneSeries(R"([1772409600,"+Inf"])"),
       "http://prom:9090: at 2026-03-02T00:00:00Z the load is +Inf: it must be a number from 0 on"},
      {"negative", OneSeries(R"([1772409600,"-0.25"])"),
       "http://prom:9090: at 2026-03-02T00:00:00Z the load is -0.25: it must be a number from 0 "
       "on"},
      {"out of order", OneSeries(R"([600,"1"],[300,"1"])"),
       "http://prom:9090: its points are not in order of time"},
      {"twice", OneSeries(R"([600,"1"],[600,"1"])"),
       "http://prom:9090: its points are not in order of time"},
      {"a number where a text must be", OneSeries("[600,1]"),
       "http://prom:9090: a point that is not [seconds, \"value\"]"},
      {"a text that is no number", OneSeries(R"([600,"much"])"),
       "http://prom:9090: a point that is not [seconds, \"value\"]"},
      {"a point without a value", OneSeries("[600]"),
       "http://prom:9090: a point that is not [seconds, \"value\"]"},
      {"two series",
       R"({"status":"success","data":{"resultType":"matrix","result":[{"values":[]},{"values":[]}]}})",
       "http://prom:9090: the query gives 2 series and a curve is one: put sum(...), avg(...) or "
       "more labels into it"},
      {"an error of Prometheus",
       R"({"status":"error","errorType":"bad_data","error":"parse error: unclosed left parenthesis"})",
       "http://prom:9090: bad_data: parse error: unclosed left parenthesis"},
      {"not JSON", "<html>hello</html>", "http://prom:9090: the answer is not JSON"},
      {"JSON cut off", R"({"status":"succ)", "http://prom:9090: the answer is not JSON"},
      {"nothing", "", "http://prom:9090: the answer is not JSON"},
      {"a vector",
       R"({"status":"success","data":{"resultType":"vector","result":[{"value":[600,"1"]}]}})",
       "http://prom:9090: not the answer to a range query"},
      {"of another server", R"({"message":"not found"})",
       "http://prom:9090: not the answer to a range query"},
      {"no data", R"({"status":"success"})", "http://prom:9090: not the answer to a range query"},
  };
  for (const Case& c : cases) EXPECT_EQ(WhyRefused(c.json), c.want) << c.name;
}

TEST(RangeAnswerTest, AnErrorIsCutShort) {
  const std::string why = WhyRefused(absl::StrCat(
      R"({"status":"error","errorType":"bad_data","error":")", std::string(100'000, 'x'), "\"}"));
  EXPECT_LT(why.size(), 600U);
}

// Of one point in time, so that a query which is not refused asks once. Nobody listens there.
RangeQuery Query(const std::string& url) { return {.url = url, .query = "sum(cores)"}; }

TEST(RangeQueryTest, AUrlThatIsNone) {
  for (const char* url :
       {"localhost:9090", "http://", "http:///api", "ftp://prom:9090", "", "://", "http://:9090",
        "http://prom:", "http://prom:web", "http://prom:0", "http://prom:+1", "http://prom:65536",
        "http://prom:99999999999", "http://prom:9090?x", "http://me:secret@prom:9090", "prom"}) {
    const absl::Status status = QueryRange(Query(url)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_EQ(status.message(),
              absl::StrCat("\"", url, "\" is not the URL of a Prometheus server: write it as ",
                           "http://127.0.0.1:9090"));
  }
}

TEST(RangeQueryTest, AHeaderThatIsNoneIsNotShown) {
  for (const char* header :
       {"Bearer 8f31ab", ": 8f31ab", "Authorization:", "Authorization: 8f31ab\r\nHost: other"}) {
    RangeQuery query = Query("http://127.0.0.1:1");
    query.headers = {"X-Scope-OrgID: 7", header};
    const absl::Status status = QueryRange(query).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << header;
    EXPECT_THAT(std::string(status.message()),
                testing::AllOf(HasSubstr("\"Name: value\""), Not(HasSubstr("8f31ab"))));
  }
}

// Of this process alone: tests run at once.
std::string OwnPath(const std::string& name) {
  return testing::TempDir() + "/" + name + "." + std::to_string(getpid());
}

TEST(HeaderFileTest, HasOneHeaderALine) {
  const std::string path = OwnPath("header-file");
  std::ofstream(path) << "X-Scope-OrgID: 7\r\n\n  # a comment\n  Authorization: Basic YTpi\n";
  const auto headers = ReadHeaderFile(path);
  ASSERT_TRUE(headers.ok()) << headers.status();
  EXPECT_THAT(*headers, testing::ElementsAre("X-Scope-OrgID: 7", "Authorization: Basic YTpi"));
}

TEST(HeaderFileTest, ALineThatIsNoneIsNamedAndNotShown) {
  const std::string path = OwnPath("header-file");
  for (const char* text : {"A: b\nBearer 8f31ab\n", "A: b\n: 8f31ab", "A: b\nAuthorization:\n",
                           "A: b\nAuthorization: 8f31\rab"}) {
    std::ofstream(path) << text;
    const absl::Status status = ReadHeaderFile(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()),
                testing::AllOf(testing::StartsWith(path + ":2: "), HasSubstr("\"Name: value\""),
                               Not(HasSubstr("8f31"))));
  }
  std::ofstream(path) << "# nothing yet\n";
  EXPECT_THAT(std::string(ReadHeaderFile(path).status().message()), HasSubstr("has no header"));
  EXPECT_EQ(ReadHeaderFile(path + "-none").status().code(), absl::StatusCode::kNotFound);
}

TEST(RangeQueryTest, NobodyAnswers) {
  for (const char* url : {"http://127.0.0.1:1", "http://127.0.0.1:1/", "https://127.0.0.1:1/behind",
                          "http://[::1]:1"}) {
    const absl::Status status = QueryRange(Query(url)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat(url, ": no answer: ")));
  }
}

TEST(RangeQueryTest, ARedirectionIsNotFollowed) {
  httplib::Server server;
  std::atomic<int> asked = 0;
  server.Get("/api/v1/query_range", [&asked](const httplib::Request&, httplib::Response& response) {
    ++asked;
    response.set_redirect("/elsewhere");
  });
  server.Get("/elsewhere", [&asked](const httplib::Request&, httplib::Response&) { ++asked; });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&server] { server.listen_after_bind(); });
  while (!server.is_running()) std::this_thread::yield();
  const std::string url = absl::StrCat("http://127.0.0.1:", port);
  const absl::Status status = QueryRange(Query(url)).status();
  server.stop();
  thread.join();
  EXPECT_EQ(status.message(),
            absl::StrCat(url, ": sends to /elsewhere: give the server's own URL"));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace heliotrope::cli
