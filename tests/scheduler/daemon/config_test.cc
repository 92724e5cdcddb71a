#include "scheduler/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/os/files.h"

namespace heliotrope::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kSound[] = R"(
data_centers:
  - {name: frankfurt-1, region: emea, time_zone: Europe/Berlin, jurisdiction: DE}
  - {name: dubai, region: emea, time_zone: Asia/Dubai, jurisdiction: AE, target_utilization: 0.7}
jurisdiction_groups:
  EU: {codes: [DE, FR]}
)";

Config Parsed(const std::string& text) {
  auto config = ParseConfig(text, "/etc/heliotrope/scheduler.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : Config{};
}
std::string ErrorOf(const std::string& text) {
  const auto config = ParseConfig(text, "s.yaml");
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(Config, DefaultsAreThoseThatTheSchemaStates) {
  const Config config = Parsed(kSound);
  EXPECT_EQ(config.listen, "127.0.0.1:7400");
  EXPECT_EQ(config.http_listen, "127.0.0.1:7401");
  EXPECT_EQ(config.database, "/var/lib/heliotrope/scheduler/state.db");
  EXPECT_EQ(config.lease, absl::Seconds(60));
  EXPECT_EQ(config.clock, os::ClockMapping{});
  EXPECT_EQ(config.fleet.headroom_quantile, 0.5);
  EXPECT_EQ(config.fleet.default_expected_duration, absl::Hours(1));
  EXPECT_EQ(config.fleet.planning.move_cooldown, absl::Minutes(10));
  EXPECT_EQ(config.fleet.move_pause, absl::Seconds(40));
  EXPECT_EQ(config.fleet.planning.deadline_worth_core_hours, 40);
  EXPECT_EQ(config.fleet.planning.move_gain_factor, 1.3);
  EXPECT_EQ(config.fleet.ended_job_retention, absl::Hours(24 * 7));
  EXPECT_EQ(config.fleet.request_retention, absl::Hours(24));
  EXPECT_FALSE(config.fleet.default_residency.has_value());  // Promise 6: fails closed.
}

TEST(Config, DataCentersAreSortedAndKnowTheirZone) {
  const Config config = Parsed(kSound);
  ASSERT_EQ(config.fleet.data_centers.size(), 2U);
  const model::DataCenter& dubai = config.fleet.data_centers[0];
  EXPECT_EQ(dubai.id, DataCenterId("dubai"));
  EXPECT_EQ(dubai.target_utilization, 0.7);
  EXPECT_EQ(dubai.time_zone.At(absl::UnixEpoch()).offset, 4 * 3600);
  EXPECT_EQ(config.fleet.data_centers[1].target_utilization, 0.8);
  EXPECT_TRUE(
      config.fleet.jurisdictions.Allows({.any = false, .words = {"EU"}}, JurisdictionCode("DE")));
}

TEST(Config, EverythingThatCanBeSaidIsTaken) {
  const Config config = Parsed(absl::StrCat(kSound, R"(
listen: "[::1]:0"
http_listen: 127.0.0.1:0
store: {sqlite: state/state.db}
lease_duration: 10s
default_residency: [EU, AE]
planning: {headroom_quantile: 0.9, default_expected_duration: 10m, move_cooldown: 2h, move_gain_factor: 2, move_pause: 2m, deadline_worth: 100}
retention: {ended_jobs: 1d, request_ids: 2d}
log: {level: debug}
clock: {anchor: 2026-03-02T00:00:00Z, start: 2025-01-01T00:00:00Z, speed: 1440}
)"));
  EXPECT_EQ(config.listen, "[::1]:0");
  EXPECT_EQ(config.database, "/etc/heliotrope/state/state.db");  // From the file's directory.
  EXPECT_EQ(config.lease, absl::Seconds(10));
  EXPECT_THAT(config.fleet.default_residency->words, ElementsAre("AE", "EU"));
  EXPECT_EQ(config.fleet.headroom_quantile, 0.9);
  EXPECT_EQ(config.fleet.planning.move_cooldown, absl::Hours(2));
  EXPECT_EQ(config.fleet.move_pause, absl::Minutes(2));
  EXPECT_EQ(config.fleet.planning.deadline_worth_core_hours, 100);
  EXPECT_EQ(config.fleet.request_retention, absl::Hours(48));
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.clock.speed, 1440);
}

TEST(Config, WhatIsWrongIsToldWithItsLine) {
  struct Case {
    const char* name;
    const char* added;  // After kSound, whose last line is 6.
    const char* says;
  };
  const Case kCases[] = {
      {"an unknown key", "lease_duratoin: 5s", "s.yaml:7: unknown key \"lease_duratoin\""},
      {"a lease that is too short", "lease_duration: 1s",
       "s.yaml:7: \"lease_duration\": 1s is not within 2s and 1h"},
      {"a quantile that is none", "planning: {headroom_quantile: 0.99}",
       "\"planning.headroom_quantile\": 0.99 is not within 0.5 and 0.97"},
      {"open to the world", "listen: 0.0.0.0:7400", "s.yaml:7: \"listen\":"},
      {"metrics open to the world", "http_listen: 10.0.0.1:7401", "s.yaml:7: \"http_listen\":"},
      {"an address that is none", "listen: nowhere", "s.yaml:7: \"listen\":"},
      {"half a certificate", "tls: {cert: a.pem}", "s.yaml:7: \"tls\":"},
      {"certificates that are not there", "tls: {ca: a.pem, cert: b.pem, key: c.pem}",
       "s.yaml:7: \"tls\":"},
      {"a level that is none", "log: {level: warnin}", "did you mean \"warning\"?"},
      {"a default residency that is unknown", "default_residency: [EUU]", "did you mean \"EU\"?"},
      {"any and more", "default_residency: [any, DE]", "\"any\" stands alone"},
      {"half a clock", "clock: {speed: 10}", "\"clock\": needs anchor, start and speed"},
      {"a clock too fast",
       "clock: {anchor: 2026-01-01T00:00:00Z, start: 2026-01-01T00:00:00Z, speed: 1e6}",
       "\"clock.speed\""},
      {"a request forgotten too soon", "retention: {request_ids: 1s}",
       "\"retention.request_ids\": 1s"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    EXPECT_THAT(ErrorOf(absl::StrCat(kSound, test.added, "\n")), HasSubstr(test.says));
  }
}

TEST(Config, DataCentersThatAreWrongAreToldWithTheirLine) {
  struct Case {
    const char* name;
    const char* text;
    const char* says;
  };
  const Case kCases[] = {
      {"none", "", "\"data_centers\": is empty"},
      {"twice", "  - {name: dubai, region: emea, time_zone: Asia/Dubai, jurisdiction: AE}",
       "s.yaml:3: \"data_centers[1].name\": \"dubai\" is data_centers[0] already"},
      {"an unknown zone",
       "  - {name: oslo, region: emea, time_zone: Europe/Olso, jurisdiction: NO}",
       "did you mean \"Europe/Oslo\"?"},
      {"a name out of pattern", "  - {name: Oslo, region: emea, time_zone: UTC, jurisdiction: NO}",
       "s.yaml:3: \"data_centers[1].name\":"},
      {"no region", "  - {name: oslo, time_zone: UTC, jurisdiction: NO}",
       "s.yaml:3: \"data_centers[1].region\":"},
      {"no jurisdiction", "  - {name: oslo, region: emea, time_zone: UTC}",
       "\"data_centers[1].jurisdiction\": \"\" is no jurisdiction"},
      {"a target beyond all cores",
       "  - {name: oslo, region: emea, time_zone: UTC, jurisdiction: NO, target_utilization: 1.5}",
       "1.5 is not within"},
      {"prices that are not there",
       "  - {name: oslo, region: emea, time_zone: UTC, jurisdiction: NO, price_file: none.csv}",
       "none.csv"},
  };
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.name);
    const std::string text =
        *test.text == '\0'
            ? "log: {level: info}\n"
            : absl::StrCat(
                  "data_centers:\n  - {name: dubai, region: emea, time_zone: Asia/Dubai, "
                  "jurisdiction: AE}\n",
                  test.text, "\n");
    EXPECT_THAT(ErrorOf(text), HasSubstr(test.says));
  }
}

TEST(Config, SpecialDaysGoToTheDataCentersThatTheyName) {
  const Config config = Parsed(absl::StrCat(kSound, R"(
special_days:
  - {name: new-year, dates: [1970-01-02, 2027-01-01]}
  - {name: sale, dates: [2026-11-11], data_centers: [dubai], expected_load: 1.5}
  - {name: closed, dates: [2026-12-24], data_centers: [dubai], expected_load: 0}
)"));
  const auto& special = config.fleet.special_days;
  ASSERT_EQ(special.at(DataCenterId("frankfurt-1")).size(), 1U);
  EXPECT_EQ(special.at(DataCenterId("frankfurt-1"))[0].dates[0], 1);
  ASSERT_EQ(special.at(DataCenterId("dubai")).size(), 3U);
  EXPECT_EQ(special.at(DataCenterId("dubai"))[0].expected_load, std::nullopt);
  EXPECT_EQ(special.at(DataCenterId("dubai"))[1].expected_load, 1.5);
  EXPECT_EQ(special.at(DataCenterId("dubai"))[2].expected_load, 0.0) << "0 is not unset";
}

TEST(Config, SpecialDaysThatAreWrongAreToldWithTheirLine) {
  const auto error_of = [](const std::string& days) {
    return ErrorOf(absl::StrCat(kSound, "special_days:\n  - ", days, "\n"));
  };
  EXPECT_THAT(error_of("{name: sale, dates: [2026-13-01]}"),
              HasSubstr("\"2026-13-01\" is not a day: write it as 2026-11-11"));
  EXPECT_THAT(error_of("{name: sale}"), HasSubstr("special_days[0].dates"));
  EXPECT_THAT(error_of("{name: a sale, dates: [2026-11-11]}"), HasSubstr("special_days[0].name"));
  EXPECT_THAT(error_of("{name: sale, dates: [2026-11-11], data_centers: [mars]}"),
              HasSubstr("\"mars\" is not among the data_centers"));
  EXPECT_THAT(error_of("{name: sale, dates: [2026-11-11], expected_load: 99}"),
              HasSubstr("99 is not within 0 and 10"));
  EXPECT_THAT(error_of("{name: sale, dates: [2026-11-11], expected_load: -0.5}"),
              HasSubstr("-0.5 is not within 0 and 10"));
}

TEST(Config, AccountsHaveWhatIsSaidAndTheOthersTheDefault) {
  const Config config = Parsed(absl::StrCat(kSound, R"(
accounts:
  - {name: research, weight: 2.5, max_cores: 200, max_memory_bytes: 8GiB, max_pending_tasks: 9}
  - {name: billing}
default_account: {max_cores: 0.5}
)"));
  const auto& accounts = config.fleet.accounts;
  ASSERT_EQ(accounts.size(), 2U);
  const model::AccountPolicy& research = accounts.at(AccountId("research"));
  EXPECT_EQ(research.weight_milli, 2500);
  EXPECT_EQ(research.most.cores, MilliCores::FromCores(200));
  EXPECT_EQ(research.most.memory, Bytes::FromGiB(8));
  EXPECT_EQ(research.max_pending_tasks, 9);
  EXPECT_EQ(accounts.at(AccountId("billing")), model::AccountPolicy()) << "no limit, weight 1";
  EXPECT_EQ(config.fleet.default_account.most.cores, MilliCores::FromMilli(500));
  EXPECT_TRUE(config.fleet.HasAccounts());
  EXPECT_FALSE(Parsed(kSound).fleet.HasAccounts());
  EXPECT_TRUE(Parsed(absl::StrCat(kSound, "accounts: [{name: a}]\n")).fleet.HasAccounts())
      << "it shares headroom with the others";
}

TEST(Config, AccountsThatAreWrongAreToldWithTheirLine) {
  const std::string error = ErrorOf(absl::StrCat(kSound, R"(
accounts:
  - {name: Research, weight: -1}
  - {name: billing, max_cores: -5}
  - {name: billing, max_memory_bytes: -1}
  - {name: other, max_pending_tasks: -7}
  - {weight: 1}
default_account: {weight: 2000}
)"));
  EXPECT_THAT(error, HasSubstr("s.yaml:9: \"accounts[0].name\": \"Research\" is not an id"));
  EXPECT_THAT(error, HasSubstr("\"accounts[0].weight\": -1 is not within 0.001 and 1000"));
  EXPECT_THAT(error, HasSubstr("\"accounts[1].max_cores\": -5 is not within 0.001 and 1e+09"));
  EXPECT_THAT(error, HasSubstr("\"accounts[2].name\": \"billing\" is accounts[1] already"));
  EXPECT_THAT(error, HasSubstr("\"accounts[2].max_memory_bytes\": "));
  EXPECT_THAT(error, HasSubstr("\"accounts[3].name\": \"other\" stands for all"));
  EXPECT_THAT(error, HasSubstr("\"accounts[3].max_pending_tasks\": -7 is below zero"));
  EXPECT_THAT(error, HasSubstr("\"accounts[4].name\": \"\" is not an id"));
  EXPECT_THAT(error, HasSubstr("\"default_account.weight\": 2000 is not within"));
  EXPECT_THAT(ErrorOf(absl::StrCat(kSound, "accounts: [{name: a, max_core: 1}]\n")),
              HasSubstr("max_cores"));
  EXPECT_THAT(ErrorOf(absl::StrCat(kSound, "default_account: {name: a}\n")), HasSubstr("name"));
}

TEST(Config, AGroupIsNoPlaceForADataCenter) {
  EXPECT_THAT(ErrorOf("jurisdiction_groups: {EU: {codes: [DE]}}\n"
                      "data_centers: [{name: a, region: b, time_zone: UTC, jurisdiction: EU}]\n"),
              HasSubstr("\"EU\" is a group"));
}

TEST(Config, AllProblemsAreToldAtOnce) {
  const std::string problems =
      ErrorOf(absl::StrCat(kSound, "lease_duration: 1s\nlog: {level: loud}\nlisten: nowhere\n"));
  EXPECT_THAT(problems, HasSubstr("lease_duration"));
  EXPECT_THAT(problems, HasSubstr("log.level"));
  EXPECT_THAT(problems, HasSubstr("listen"));
}

TEST(Config, PricesAreLoadedFromBesideTheFileAndABadRowIsNamed) {
  std::string directory = testing::TempDir() + "/heliotrope-config-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string file = directory + "/s.yaml";
  ASSERT_TRUE(os::WriteFileAtomically(
                  file,
                  "data_centers:\n  - name: oslo\n    region: emea\n    time_zone: Europe/Oslo\n"
                  "    jurisdiction: \"NO\"\n    price_file: oslo.csv\n")
                  .ok());
  ASSERT_TRUE(os::WriteFileAtomically(directory + "/oslo.csv",
                                      "timestamp_utc,usd_per_mwh\n2026-03-02T00:00:00Z,41.5\n"
                                      "2026-03-02T01:00:00Z,-3\n")
                  .ok());
  const auto config = LoadConfig(file);
  ASSERT_TRUE(config.ok()) << config.status();
  const model::PriceSeries& prices = config->fleet.data_centers[0].prices;
  ASSERT_EQ(prices.usd_per_mwh.size(), 2U);
  EXPECT_EQ(prices.usd_per_mwh[1].second, -3);
  EXPECT_EQ(prices.week.size(), 168U);

  ASSERT_TRUE(os::WriteFileAtomically(directory + "/oslo.csv",
                                      "timestamp_utc,usd_per_mwh\nyesterday,41.5\n")
                  .ok());
  const auto refused = LoadConfig(file);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("oslo.csv:2:"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("s.yaml:6:"));
  std::filesystem::remove_all(directory);
}

TEST(Config, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(LoadConfig("/nonexistent/s.yaml").status().code(), absl::StatusCode::kNotFound);
}

TEST(Config, WhatNeedsARestartIsNamed) {
  const Config running = Parsed(kSound);
  EXPECT_THAT(NeedRestart(running, running), IsEmpty());
  Config loaded = running;
  loaded.listen = "127.0.0.1:1";
  loaded.lease = absl::Seconds(5);
  loaded.fleet.data_centers.clear();  // A reload takes this up.
  EXPECT_THAT(NeedRestart(running, loaded), ElementsAre("listen", "lease_duration"));
}

}  // namespace
}  // namespace heliotrope::daemon
