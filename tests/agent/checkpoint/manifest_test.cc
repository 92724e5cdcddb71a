#include "agent/checkpoint/manifest.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "agent/checkpoint/sha256.h"
#include "heliotrope/v1/agent.pb.h"
#include "scheduler/base/random.h"

namespace heliotrope::agent::checkpoint {
namespace {

Manifest Sample() {
  Manifest manifest{
      .key = {.attempt = {.task = {.job = JobUid(1), .index = 2}, .attempt = AttemptNumber(3)},
              .sequence = CheckpointSeq(4)},
      .jurisdictions = {"DE", "FR"},
      .size_bytes = 30,
      .run_time = absl::Seconds(90)};
  manifest.files = {{.path = "a", .size_bytes = 10, .mode = 0644, .sha256 = Sha256Of("a")},
                    {.path = "b/c", .size_bytes = 20, .mode = 0600, .sha256 = Sha256Of("c")}};
  return manifest;
}

TEST(Manifest, GoesThereAndBack) {
  const auto bytes = Serialize(Sample());
  ASSERT_TRUE(bytes.ok());
  const auto back = ParseManifest(*bytes);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, Sample());
  EXPECT_EQ(*Serialize(*back), *bytes) << "the digest does not depend on who serializes";
}

TEST(Manifest, FileNamesNeedNotBeText) {
  Manifest manifest = Sample();
  manifest.files[0].path = "\xff\xfe";
  std::swap(manifest.files[0], manifest.files[1]);
  const auto back = ParseManifest(*Serialize(manifest));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, manifest);
}

TEST(Manifest, PathsStayBelowTheirRoot) {
  for (const char* path : {"a", "a/b", "..a", "a..", "a/...", ".hidden"}) {
    EXPECT_TRUE(CheckRelativePath(path).ok()) << path;
  }
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string(".."), std::string("../a"),
        std::string("a/../../b"), std::string("a//b"), std::string("a/"), std::string("."),
        std::string("a/./b"), std::string("a\0b", 3), std::string(256, 'x'),
        std::string(5000, 'x')}) {
    EXPECT_FALSE(CheckRelativePath(path).ok()) << path;
  }
}

TEST(Manifest, BytesOfStrangersAreChecked) {
  const struct {
    const char* name;
    std::function<void(v1::CheckpointContents&)> change;
  } cases[] = {
      {"traversal", [](auto& p) { p.mutable_files(0)->set_path("../x"); }},
      {"absolute", [](auto& p) { p.mutable_files(0)->set_path("/x"); }},
      {"not in order", [](auto& p) { p.mutable_files(0)->set_path("z"); }},
      {"twice", [](auto& p) { p.mutable_files(0)->set_path("b/c"); }},
      {"negative size", [](auto& p) { p.mutable_files(0)->set_size_bytes(-1); }},
      {"absurd size",
       [](auto& p) { p.mutable_files(0)->set_size_bytes(std::numeric_limits<int64_t>::max()); }},
      {"sizes that do not add up", [](auto& p) { p.set_size_bytes(31); }},
      {"setuid", [](auto& p) { p.mutable_files(0)->set_mode(04755); }},
      {"short hash", [](auto& p) { p.mutable_files(0)->set_sha256("x"); }},
      {"bad run time", [](auto& p) { p.mutable_run_time()->set_seconds(-1); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    v1::CheckpointContents proto;
    ASSERT_TRUE(proto.ParseFromString(*Serialize(Sample())));
    c.change(proto);
    EXPECT_EQ(ParseManifest(proto.SerializeAsString()).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(Manifest, RandomBytesNeverHurt) {
  const std::string bytes = *Serialize(Sample());
  google::protobuf::SetLogHandler(nullptr);
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string changed = bytes;
    for (uint64_t n = random.Uniform(4) + 1; n > 0; --n) {
      changed[random.Uniform(changed.size())] = static_cast<char>(random.Next());
    }
    changed.resize(random.Chance(0.2) ? random.Uniform(changed.size()) : changed.size());
    const auto parsed = ParseManifest(changed);
    if (!parsed.ok()) continue;
    for (const ManifestFile& file : parsed->files) EXPECT_TRUE(CheckRelativePath(file.path).ok());
  }
}

}  // namespace
}  // namespace heliotrope::agent::checkpoint
