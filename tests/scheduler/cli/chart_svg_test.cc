// Pictures: the scripts that are made, and what gnuplot makes of them.
#include "scheduler/cli/chart_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "scheduler/cli/gnuplot.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

// From `start`, 12 hours every half hour, the first half measured.
Chart HalfADay(const absl::CivilHour& start) {
  Chart chart;
  chart.zone = Berlin();
  chart.start = absl::FromCivil(start, chart.zone);
  chart.now = chart.start + absl::Hours(6);
  chart.end = chart.start + absl::Hours(12);
  for (int i = 0; i < 12; ++i) {
    const absl::Duration after = i * absl::Minutes(30);
    chart.measured.push_back({chart.start + after, 0.5, 0.5, 0.5});
    chart.forecast.push_back({chart.now + after, 0.4, 0.5, 0.6, 0.7});
  }
  return chart;
}

// The lines between "$name << END" and "END".
std::string BlockOf(const std::string& script, const std::string& name) {
  const std::string head = absl::StrCat("\n$", name, " << END\n");
  const size_t at = script.find(head);
  const size_t end = script.find("\nEND\n", at);
  if (at == std::string::npos || end == std::string::npos) return "none";
  return script.substr(at + head.size(), end + 1 - at - head.size());
}

// Sets a variable of the environment until the end of the scope.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    const char* before = getenv(name);
    if (before != nullptr) before_ = before;
    had_ = before != nullptr;
    EXPECT_EQ(setenv(name, value.c_str(), 1), 0);
  }
  ~ScopedVariable() { had_ ? setenv(name_, before_.c_str(), 1) : unsetenv(name_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::string before_;
  bool had_ = false;
};

TEST(GnuplotTextTest, NothingEndsTheString) {
  EXPECT_EQ(GnuplotText("plain, Zürich"), "\"plain, Zürich\"");
  EXPECT_EQ(GnuplotText(R"(a "b" c)"), R"("a \"b\" c")");
  EXPECT_EQ(GnuplotText(R"(a\nb\)"), R"("a\\nb\\")");
  EXPECT_EQ(GnuplotText("a`id`b"), R"("a\`id\`b")");
  EXPECT_EQ(GnuplotText("a\nb\tc\x1b[0m"), "\"abc[0m\"");
  EXPECT_EQ(GnuplotText(absl::string_view("a\0b", 3)), "\"ab\"");
  EXPECT_EQ(GnuplotText(""), "\"\"");
}

TEST(ChartScriptTest, ABlockForEachSeries) {
  const Chart chart = HalfADay(absl::CivilHour(2026, 3, 2, 6));
  const std::string script = ChartScript(chart, "dubai");
  EXPECT_THAT(script, HasSubstr("set title \"dubai\" noenhanced\n"));
  EXPECT_THAT(BlockOf(script, "measured"), StartsWith("1772427600 50 50 50 0\n1772429400 50 "));
  EXPECT_THAT(BlockOf(script, "forecast"), StartsWith("1772449200 40 50 60 70\n"));
  EXPECT_THAT(script, HasSubstr("set xrange [1772427600:1772470800]\n"));
  // Room above the highest p97.
  EXPECT_THAT(script, HasSubstr("set yrange [0:73.5]\n"));
}

TEST(ChartScriptTest, AGapBreaksTheLine) {
  Chart chart = HalfADay(absl::CivilHour(2026, 3, 2, 6));
  EXPECT_THAT(BlockOf(ChartScript(chart, ""), "measured"), Not(HasSubstr("\n\n")));
  const auto gap = [&chart](absl::Duration length) {
    chart.measured = {{.time = chart.start}, {.time = chart.start + length}};
    return BlockOf(ChartScript(chart, ""), "measured");
  };
  EXPECT_EQ(gap(absl::Minutes(95)), "1772427600 0 0 0 0\n1772433300 0 0 0 0\n");
  EXPECT_EQ(gap(absl::Minutes(96)), "1772427600 0 0 0 0\n\n1772433360 0 0 0 0\n");
}

TEST(ChartScriptTest, AnHourThatTheClockSkipsHasNoMark) {
  // The night to 2026-03-29 has no 02:00 in Berlin.
  const std::string script = ChartScript(HalfADay(absl::CivilHour(2026, 3, 28, 23)), "");
  EXPECT_THAT(script, HasSubstr("set xtics (\"23:00\" 1774735200, \"Sun 29 Mar\" 1774738800, "
                                "\"01:00\" 1774742400, \"03:00\" 1774746000, \"04:00\" "));
  EXPECT_THAT(script, Not(HasSubstr("\"02:00\"")));
}

TEST(ChartScriptTest, MarksAreAsManyAsHaveRoom) {
  Chart chart = HalfADay(absl::CivilHour(2026, 3, 2, 6));
  chart.end = chart.start + absl::Hours(48);
  EXPECT_THAT(ChartScript(chart, ""), HasSubstr("(\"06:00\" 1772427600, \"12:00\" 1772449200, "));
  chart.end = chart.start + absl::Hours(24 * 8);
  EXPECT_THAT(ChartScript(chart, ""),
              HasSubstr("(\"Tue 03 Mar\" 1772492400, \"Wed 04 Mar\" 1772578800, "));
}

TEST(RunGnuplotTest, DrawsAnSvg) {
  const auto picture =
      RunGnuplot(ChartScript(HalfADay(absl::CivilHour(2026, 3, 28, 23)), R"(a "b" \ c)"));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_THAT(*picture, StartsWith("<?xml "));
  EXPECT_THAT(*picture, testing::AllOf(HasSubstr("<svg"), HasSubstr("Sun 29 Mar"),
                                       HasSubstr("p10 to p90"), HasSubstr("</svg>")));
  EXPECT_THAT(*picture,
              testing::AnyOf(HasSubstr(R"(a "b" \ c)"), HasSubstr("a &quot;b&quot; \\ c")));
}

TEST(RunGnuplotTest, DrawsAxesWhenNothingIsKnown) {
  Chart chart = HalfADay(absl::CivilHour(2026, 3, 2, 6));
  chart.measured.clear();
  chart.forecast.clear();
  testing::internal::CaptureStderr();
  const auto picture = RunGnuplot(ChartScript(chart, ""));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_THAT(*picture, HasSubstr("12:00"));
}

TEST(RunGnuplotTest, ATitleIsNoCommand) {
  const auto picture = RunGnuplot(
      ChartScript(HalfADay(absl::CivilHour(2026, 3, 2, 6)), "`echo one` $(echo) @x {/Bold y}"));
  ASSERT_TRUE(picture.ok()) << picture.status();
  EXPECT_THAT(*picture, HasSubstr("`echo one` $(echo) @x {/Bold y}"));
}

TEST(RunGnuplotTest, ABrokenScriptIsAnError) {
  const absl::Status status = RunGnuplot("set no such thing\n").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("gnuplot has failed"));
}

TEST(RunGnuplotTest, NoPlaceForTemporaryFiles) {
  const ScopedVariable folder("TMPDIR", testing::TempDir() + "/nowhere");
  const absl::Status status = RunGnuplot("").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("TMPDIR"));
}

TEST(RunGnuplotTest, SaysWhatToInstall) {
  std::string empty = testing::TempDir() + "/empty-XXXXXX";
  ASSERT_NE(mkdtemp(empty.data()), nullptr);
  const ScopedVariable path("PATH", empty);
  const absl::Status status = RunGnuplot("").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("apt install gnuplot-nox"));
}

}  // namespace
}  // namespace heliotrope::cli
