#include "scheduler/os/yaml.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstdio>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/base/limits.h"
#include "scheduler/os/files.h"
#include "tests/scheduler/os/yaml_test.pb.h"

namespace heliotrope::os {
namespace {

using test::Settings;

// The text of the error, or "" when there was none.
std::string ErrorOf(const std::string& yaml) {
  Settings settings;
  const absl::Status status = LoadYamlText(yaml, "s.yaml", &settings);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

Settings Loaded(const std::string& yaml) {
  Settings settings;
  const absl::Status status = LoadYamlText(yaml, "s.yaml", &settings);
  EXPECT_TRUE(status.ok()) << status;
  return settings;
}

TEST(YamlTest, LoadsEveryKindOfField) {
  const Settings got = Loaded(R"(
# A comment.
listen: 127.0.0.1:7400
enabled: true
count: -5
natural: 7
memory_bytes: 4GiB
share: 0.25
ratio: 1e-3
serial: 18446744073709551615
kind: replayed-file
interval: 1h30m
start: "2026-01-31T08:00:00.5Z"
section: {name: a, port: 80, inner: {name: deep}}
words: [one, "two words", '3']
sections:
  - name: x
  - port: 2
by_name:
  EU: {port: 1}
  CN: {port: 2}
by_number: {4: four, -1: minus}
pauses: [5m, 250ms]
file: /dev/null
maybe: 0
)");
  Settings want;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    listen: "127.0.0.1:7400" enabled: true count: -5 natural: 7 memory_bytes: 4294967296
    share: 0.25 ratio: 1e-3 serial: 18446744073709551615 kind: LOAD_KIND_REPLAYED_FILE
    interval { seconds: 5400 } start { seconds: 1769846400 nanos: 500000000 }
    section { name: "a" port: 80 inner { name: "deep" } }
    words: "one" words: "two words" words: "3"
    sections { name: "x" } sections { port: 2 }
    by_name { key: "EU" value { port: 1 } } by_name { key: "CN" value { port: 2 } }
    by_number { key: 4 value: "four" } by_number { key: -1 value: "minus" }
    pauses { seconds: 300 } pauses { nanos: 250000000 }
    file: "/dev/null" maybe: 0)",
                                                            &want));
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(got, want)) << got.DebugString();
}

TEST(YamlTest, AMessageOfOneListMayBeWrittenAsTheList) {
  const Settings got = Loaded("groups:\n  short: [a, b]\n  long: {words: [c]}\n");
  EXPECT_THAT(got.groups().at("short").words(), testing::ElementsAre("a", "b"));
  EXPECT_THAT(got.groups().at("long").words(), testing::ElementsAre("c"));
  // A message of several fields is no list.
  EXPECT_EQ(ErrorOf("section: [a]"), "s.yaml:1: \"section\" is a list, want a map of keys");
}

TEST(YamlTest, NothingIsAnEmptyMessage) {
  for (const char* yaml : {"", "\n", "# only a comment\n", "---\n", "{}", "~"}) {
    EXPECT_EQ(Loaded(yaml).ByteSizeLong(), 0u) << yaml;
  }
  EXPECT_EQ(Loaded("listen: |\n  a\n").listen(), "a\n");
  EXPECT_EQ(Loaded("listen: a\n...\n").listen(), "a");
  EXPECT_TRUE(Loaded("section:\n").has_section());
  EXPECT_EQ(Loaded("words:\nby_name:\n").words_size(), 0);
}

struct Refusal {
  const char* name;
  const char* yaml;
  const char* want;
};

class YamlRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(YamlRefusalTest, SaysWhereAndWhy) { EXPECT_EQ(ErrorOf(GetParam().yaml), GetParam().want); }

INSTANTIATE_TEST_SUITE_P(
    All, YamlRefusalTest,
    testing::Values(
        Refusal{"UnknownKeyAtTheTop", "enabled: true\nintervall: 5m\n",
                "s.yaml:2: unknown key \"intervall\" in the top level; did you mean \"interval\"?"},
        Refusal{"UnknownKeyInAList", "sections:\n  - name: a\n    prot: 80\n",
                "s.yaml:3: unknown key \"prot\" in \"sections[0]\"; did you mean \"port\"?"},
        Refusal{"UnknownKeyUnlikeAll", "section: {frobnicate: 1}\n",
                "s.yaml:1: unknown key \"frobnicate\" in \"section\""},
        Refusal{"CamelCase", "memoryBytes: 1\n",
                "s.yaml:1: unknown key \"memoryBytes\" in the top level; did you mean "
                "\"memory_bytes\"?"},
        Refusal{"SameKeyTwice", "count: 1\nlisten: x\ncount: 2\n",
                "s.yaml:3: key \"count\" twice in the top level"},
        Refusal{"SameMapKeyTwice", "by_name:\n  EU: {}\n  EU: {}\n",
                "s.yaml:3: key \"EU\" twice in \"by_name\""},
        Refusal{"SeveralAtOnce", "cuont: 1\nshare: much\n",
                "s.yaml:1: unknown key \"cuont\" in the top level; did you mean \"count\"?\n"
                "s.yaml:2: \"share\": \"much\" is not a number"},
        Refusal{"TooLargeANumber", "count: 2147483648\n",
                "s.yaml:1: \"count\": \"2147483648\" is not a whole number from -2147483648 to "
                "2147483647"},
        Refusal{"NegativeNatural", "natural: -1\n",
                "s.yaml:1: \"natural\": \"-1\" is not a whole number from 0 to 4294967295"},
        Refusal{"FractionForAnInteger", "count: 1.5\n",
                "s.yaml:1: \"count\": \"1.5\" is not a whole number from -2147483648 to "
                "2147483647"},
        Refusal{"NotANumber", "share: .nan\n", "s.yaml:1: \"share\": \".nan\" is not a number"},
        Refusal{"Infinity", "share: inf\n", "s.yaml:1: \"share\": \"inf\" is not a number"},
        Refusal{"YesIsNoBoolean", "enabled: yes\n",
                "s.yaml:1: \"enabled\": \"yes\" is not true or false"},
        Refusal{"UnknownEnumValue", "kind: hots\n",
                "s.yaml:1: \"kind\": \"hots\" is not one of host, replayed_file; did you mean "
                "\"host\"?"},
        Refusal{"UnspecifiedEnumValue", "kind: unspecified\n",
                "s.yaml:1: \"kind\": \"unspecified\" is not one of host, replayed_file"},
        Refusal{"DurationWithoutUnit", "interval: 5\n",
                "s.yaml:1: \"interval\": \"5\" is not a duration: write it like 90s, 5m, 1h30m or "
                "2d"},
        Refusal{"SizeWithoutMeaning", "memory_bytes: lots\n",
                "s.yaml:1: \"memory_bytes\": \"lots\" is not a size: write it like 512M, 4GiB or "
                "1.5G"},
        Refusal{"TimeWithoutZone", "start: 2026-01-31\n",
                "s.yaml:1: \"start\": \"2026-01-31\" is not a time: write it like "
                "2026-01-31T08:00:00Z or 2026-01-31T08:00:00+08:00"},
        Refusal{"ListForAValue", "listen: [a]\n",
                "s.yaml:1: \"listen\" is a list, want a single value"},
        Refusal{"ValueForAList", "words: a\n",
                "s.yaml:1: \"words\" is a single value, want a list"},
        Refusal{"ValueForASection", "section: 80\n",
                "s.yaml:1: \"section\" is a single value, want a map of keys"},
        Refusal{"NothingForAValue", "listen:\n",
                "s.yaml:1: \"listen\" is nothing, want a single value"},
        Refusal{"ListAtTheTop", "- a\n", "s.yaml:1: the top level is a list, want a map of keys"},
        Refusal{"KeyThatIsAList", "[a, b]: 1\n", "s.yaml:1: a key in the top level is not a word"},
        Refusal{"WrongMapKey", "by_number: {four: 4}\n",
                "s.yaml:1: key in \"by_number\": \"four\" is not a whole number from -2147483648 "
                "to 2147483647"},
        Refusal{"TwoOfOneChoice", "file: a\npeer: {port: 1}\n",
                "s.yaml:2: key \"peer\" in the top level excludes another one given before: choose "
                "one of file, peer"},
        Refusal{"TwoDocuments", "count: 1\n---\ncount: 2\n",
                "s.yaml:2: a second document: want one"},
        // yaml-cpp makes documents without end of it.
        Refusal{"WhatBelongsToNoDocument", ", 2]a: 1\n", "s.yaml:1: a second document: want one"}),
    [](const testing::TestParamInfo<Refusal>& param) { return param.param.name; });

TEST(YamlTest, BrokenSyntaxNamesItsLine) {
  for (const char* yaml :
       {"count: 1\nlisten: \"open\n", "listen: 'open\ncount: 1\n", "listen: \"open", "a: b: c\n",
        "count: [1\n", "\t- x: 1\n", "count: *nobody\n", "section: {\n", "%YAML 9.9\n---\n"}) {
    const std::string error = ErrorOf(yaml);
    EXPECT_EQ(error.rfind("s.yaml:", 0), 0u) << yaml << " gives " << error;
  }
}

TEST(YamlTest, ARefusedFileChangesNothing) {
  Settings settings;
  settings.set_count(7);
  EXPECT_FALSE(LoadYamlText("count: 8\nnope: 1\n", "s.yaml", &settings).ok());
  EXPECT_EQ(settings.count(), 7);
  // And an accepted one replaces all.
  EXPECT_TRUE(LoadYamlText("listen: a\n", "s.yaml", &settings).ok());
  EXPECT_EQ(settings.count(), 0);
}

TEST(YamlTest, DepthIsBounded) {
  std::string yaml = "section: ";
  for (int i = 0; i < kMaxConfigDepth + 4; ++i) yaml += "{inner: ";
  yaml += "{}";
  for (int i = 0; i < kMaxConfigDepth + 4; ++i) yaml += "}";
  EXPECT_EQ(ErrorOf(yaml), "s.yaml:1: nested deeper than 16 levels");
  EXPECT_NE(ErrorOf(std::string(100'000, '[')), "");
  EXPECT_NE(ErrorOf(std::string(100'000, '{')), "");
}

TEST(YamlTest, SizeIsBounded) {
  EXPECT_EQ(ErrorOf(std::string(static_cast<size_t>(kMaxConfigBytes) + 1, ' ')),
            "s.yaml:1: more than 1048576 bytes");
}

// "Billion laughs": each line is the one before ten times.
TEST(YamlTest, AliasesCannotMultiplyBeyondTheBound) {
  const std::string yaml = R"(
sections: &a [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}]
words: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
)";
  EXPECT_NE(ErrorOf(yaml), "");
  std::string wide = "by_name:\n  k0: &s {name: x, port: 1}\n";
  for (int i = 1; i < 40'000; ++i) wide += "  k" + std::to_string(i) + ": *s\n";
  EXPECT_NE(ErrorOf(wide).find("more than 100000 values"), std::string::npos);
}

TEST(YamlTest, TellsTheLineOfEachValueByItsPath) {
  Settings settings;
  YamlLines lines;
  ASSERT_TRUE(LoadYamlText("count: 3\nsections:\n  - name: x\n    port: 1\n  - port: 2\n"
                           "by_name:\n  EU: {port: 1}\n",
                           "s.yaml", &settings, &lines)
                  .ok());
  EXPECT_EQ(lines.at("count"), 1);
  EXPECT_EQ(lines.at("sections[0].port"), 4);
  EXPECT_EQ(lines.at("sections[1]"), 5);
  EXPECT_EQ(lines.at("by_name.EU.port"), 7);
}

TEST(YamlTest, FilesNameThemselves) {
  const std::string path = testing::TempDir() + "/ht_yaml_test.yaml";
  Settings settings;
  EXPECT_EQ(LoadYamlFile(path + ".none", &settings).code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(path, "count: 3\nx: 1\n").ok());
  EXPECT_EQ(std::string(LoadYamlFile(path, &settings).message()),
            path + ":2: unknown key \"x\" in the top level");
  ASSERT_TRUE(WriteFileAtomically(path, "count: 3\n").ok());
  EXPECT_TRUE(LoadYamlFile(path, &settings).ok());
  EXPECT_EQ(settings.count(), 3);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace heliotrope::os
