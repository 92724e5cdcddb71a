#include "agent/daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;

const std::string kShim = absl::StrCat("shim: ", HT_BIN_DIR, "/heliotrope-shim\n");
const std::string kLeast = "node: a\ndata_center: frankfurt-1\njurisdiction: DE\n" + kShim;

TEST(Config, DefaultsAreThoseOfTheSchema) {
  const auto config = ParseConfig(kLeast, "/etc/heliotrope/agent.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->scheduler, "127.0.0.1:7400");
  EXPECT_EQ(config->listen, "127.0.0.1:7410");
  EXPECT_EQ(config->http_listen, "127.0.0.1:7411");
  EXPECT_EQ(config->state_directory, "/var/lib/heliotrope/agent");
  EXPECT_EQ(config->spec.yield.freeze_above, 0.95);
  EXPECT_EQ(config->spec.yield.freeze_above_pressure_percent, 60);
  EXPECT_EQ(config->keep_ended, absl::Hours(24 * 7));
  EXPECT_GT(config->spec.cores, MilliCores::Zero());
  EXPECT_GT(config->spec.memory, Bytes::FromMiB(64));
  EXPECT_EQ(config->task_user.has_value(), geteuid() == 0);
}

TEST(Config, TakesWhatIsSet) {
  const auto config = ParseConfig(
      kLeast +
          "capacity: {cores: 2.5, memory_bytes: 4GiB}\nstate_directory: state\n"
          "yield: {freeze_above: 0.5, leave_after: 1m, freeze_above_cpu_pressure_percent: 0}\n",
      "/srv/agent.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->spec.cores, MilliCores::FromMilli(2500));
  EXPECT_EQ(config->spec.memory, Bytes::FromGiB(4));
  EXPECT_EQ(config->state_directory, "/srv/state");
  EXPECT_EQ(config->spec.yield.freeze_above, 0.5);
  EXPECT_EQ(config->spec.yield.thaw_below, 0.5) << "never above the other";
  EXPECT_EQ(config->spec.yield.freeze_above_pressure_percent, 0) << "0 turns it off";
}

TEST(Config, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* name;
    std::string yaml;
    const char* want;
  } cases[] = {
      {"unknown key", kLeast + "schedulr: x\n", ":5: unknown key \"schedulr\""},
      {"no data center", "node: a\njurisdiction: DE\n" + kShim, "\"data_center\": is missing"},
      {"no jurisdiction", "node: a\ndata_center: b\n" + kShim, "\"jurisdiction\": \"\" is no"},
      {"a group's way of writing", "node: a\ndata_center: b\njurisdiction: de\n" + kShim,
       ":3: \"jurisdiction\": \"de\" is no jurisdiction"},
      {"node out of pattern", "node: A b\ndata_center: b\njurisdiction: DE\n" + kShim,
       ":1: \"node\""},
      {"an address that is none", kLeast + "scheduler: nowhere\n",
       ":5: \"scheduler\": \"nowhere\" is not an address"},
      {"dialling out without certificates", kLeast + "scheduler: 10.0.0.1:7400\n",
       "without certificates"},
      {"open to all without certificates", kLeast + "listen: 0.0.0.0:7410\n",
       "without certificates"},
      {"half of the certificates", kLeast + "tls: {ca: x}\n", "tls"},
      {"shares upside down", kLeast + "yield: {freeze_above: 0.5, thaw_below: 0.6}\n",
       "above freeze_above"},
      {"no such shim", "node: a\ndata_center: b\njurisdiction: DE\nshim: /none\n", "\"shim\""},
      {"no such user", kLeast + "task_user: nobody-at-all\n", "\"task_user\""},
      {"no such load file", kLeast + "load: {replay: {file: none.csv}}\n", "load.replay.file"},
      {"absurd capacity", kLeast + "capacity: {cores: -1}\n", "capacity.cores"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto config = ParseConfig(c.yaml, "agent.yaml");
    ASSERT_FALSE(config.ok());
    EXPECT_THAT(std::string(config.status().message()), HasSubstr(c.want));
  }
}

TEST(Config, TellsAllThatIsWrongAtOnce) {
  const auto config = ParseConfig("node: A\n" + kShim + "log: {level: loud}\n", "agent.yaml");
  const std::string text(config.status().message());
  EXPECT_THAT(text, HasSubstr("\"node\""));
  EXPECT_THAT(text, HasSubstr("\"data_center\""));
  EXPECT_THAT(text, HasSubstr("\"log.level\""));
}

TEST(Config, TasksAreNeverRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "only a root agent could";
  const auto config = ParseConfig(kLeast + "task_user: root\n", "agent.yaml");
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("is root"));
}

}  // namespace
}  // namespace heliotrope::agent::daemon
