// A scratch directory with a store, and job directories to seal.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "agent/checkpoint/store.h"
#include "agent/exec/directory_tree.h"
#include "scheduler/base/random.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::checkpoint {

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    char pattern[] = "/tmp/checkpoint_test.XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~CheckpointTest() override { EXPECT_TRUE(exec::RemoveTree(directory_).ok()); }

  static CheckpointKey Key(uint32_t sequence = 1) {
    return {.attempt = {.task = {.job = JobUid(12), .index = 7}, .attempt = AttemptNumber(3)},
            .sequence = CheckpointSeq(sequence)};
  }

  Store OpenStore(const std::string& name = "store") {
    auto store = Store::Open(directory_ + "/" + name);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  // Paths and contents.
  using Tree = std::map<std::string, std::string>;

  std::string Make(const std::string& name, const Tree& tree) {
    const std::string root = directory_ + "/" + name;
    EXPECT_TRUE(os::EnsureDirectory(root).ok());
    for (const auto& [path, content] : tree) {
      const std::string full = root + "/" + path;
      EXPECT_TRUE(os::EnsureDirectory(full.substr(0, full.rfind('/'))).ok());
      EXPECT_TRUE(os::WriteFileAtomically(full, content, {.mode = 0640}).ok());
    }
    return root;
  }

  static Tree Read(const std::string& root, const Tree& like) {
    Tree tree;
    for (const auto& [path, content] : like) {
      auto bytes = os::ReadFile(root + "/" + path, int64_t{1} << 30);
      tree[path] = bytes.ok() ? *bytes : bytes.status().ToString();
    }
    return tree;
  }

  static bool Exists(const std::string& path) {
    struct stat info;
    return lstat(path.c_str(), &info) == 0;
  }

  // Does not compress, so that it travels in several pieces.
  static std::string Noise(size_t size) {
    Random random(size);
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random.Next());
    return bytes;
  }

  static Tree Sample() {
    return {{"state.bin", Noise(700'000)},
            {"empty", ""},
            {"deep/er/progress.txt", "42\n"},
            {"deep/er/zeros", std::string(3'000'000, '\0')},
            {"last", ""}};
  }

  std::string directory_;
};

}  // namespace heliotrope::agent::checkpoint
