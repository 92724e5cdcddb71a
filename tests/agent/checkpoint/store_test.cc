#include "agent/checkpoint/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/data_reader.h"
#include "agent/checkpoint/sha256.h"
#include "tests/agent/checkpoint/checkpoint_fixture.h"

namespace heliotrope::agent::checkpoint {
namespace {

using ::testing::HasSubstr;
using StoreTest = CheckpointTest;

// As long as it lives only so many descriptors can be opened.
class FewDescriptors {
 public:
  explicit FewDescriptors(int spare) {
    // The lowest that is free, and with it all that are below.
    const os::UniqueFd lowest(open("/dev/null", O_RDONLY | O_CLOEXEC));
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(lowest.get() + spare);
    setrlimit(RLIMIT_NOFILE, &few);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(StoreTest, SealsListsRestoresAndRemoves) {
  const Store store = OpenStore();
  const std::string job = Make("job", Sample());
  const auto info = store.Seal(
      {.key = Key(), .directory = job, .jurisdictions = {"DE"}, .run_time = absl::Seconds(5)});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->size, Bytes::FromBytes(3'700'003));
  EXPECT_EQ(info->digest, Sha256Of(*store.ReadManifest(Key())));
  EXPECT_FALSE(Exists(job)) << "moved, not copied";
  EXPECT_EQ(*store.List(), std::vector<CheckpointInfo>{*info});

  const std::string target = Make("target", {});
  ASSERT_TRUE(store.Restore(Key(), info->digest, {.directory = target}).ok());
  EXPECT_EQ(Read(target, Sample()), Sample());
  struct stat attributes;
  ASSERT_EQ(stat((target + "/state.bin").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0640u);

  EXPECT_TRUE(store.Remove(Key()).ok());
  EXPECT_TRUE(store.Remove(Key()).ok()) << "twice does no harm";
  EXPECT_TRUE(store.List()->empty());
  EXPECT_TRUE(absl::IsNotFound(store.Find(Key()).status()));
}

TEST_F(StoreTest, APeriodicOneLeavesTheJobsFiles) {
  const Store store = OpenStore();
  const std::string job = Make("job", Sample());
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = job, .goes_on = true}).ok());
  EXPECT_EQ(Read(job, Sample()), Sample());
  Make("job", {{"state.bin", "changed"}});
  const std::string target = Make("target", {});
  ASSERT_TRUE(store.Restore(Key(), store.List()->at(0).digest, {.directory = target}).ok());
  EXPECT_EQ(Read(target, Sample()), Sample()) << "what was sealed does not change";
}

TEST_F(StoreTest, TheOwnerIsSetWhereWeMay) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", Sample())}).ok());
  const std::string target = Make("target", {});
  ASSERT_TRUE(store
                  .Restore(Key(), store.List()->at(0).digest,
                           {.directory = target, .owner = std::make_pair(65534u, 65534u)})
                  .ok());
  for (const char* path : {"state.bin", "deep", "deep/er", "deep/er/zeros"}) {
    struct stat attributes;
    ASSERT_EQ(stat((target + "/" + path).c_str(), &attributes), 0);
    EXPECT_EQ(attributes.st_uid, 65534u) << path;
  }
}

TEST_F(StoreTest, NothingSavedIsACheckpointToo) {
  const Store store = OpenStore();
  const auto info = store.Seal({.key = Key(), .directory = Make("job", {})});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->size, Bytes::Zero());
}

TEST_F(StoreTest, WhatCannotBeCarriedIsNamed) {
  const Store store = OpenStore();
  const std::string job = Make("job", Sample());
  ASSERT_EQ(symlink("/etc/shadow", (job + "/deep/link").c_str()), 0);
  const auto refused = store.Seal({.key = Key(), .directory = job});
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("deep/link"));
  EXPECT_EQ(Read(job, Sample()), Sample()) << "untouched";
  EXPECT_TRUE(store.List()->empty());
  unlink((job + "/deep/link").c_str());
  ASSERT_EQ(mkfifo((job + "/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(store.Seal({.key = Key(), .directory = job}).status()));
}

TEST_F(StoreTest, ADirectoryThatIsALinkIsNotFollowed) {
  const Store store = OpenStore();
  Make("elsewhere", Sample());
  ASSERT_EQ(symlink((directory_ + "/elsewhere").c_str(), (directory_ + "/job").c_str()), 0);
  EXPECT_FALSE(store.Seal({.key = Key(), .directory = directory_ + "/job"}).ok());
}

TEST_F(StoreTest, ASequenceIsUsedOnce) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("a", {})}).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(store.Seal({.key = Key(), .directory = Make("b", {})}).status()));
  EXPECT_TRUE(store.Seal({.key = Key(2), .directory = Make("b", {})}).ok());
}

TEST_F(StoreTest, DamageIsNoticed) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", Sample())}).ok());
  const std::string digest = store.List()->at(0).digest;
  ASSERT_TRUE(
      os::WriteFileAtomically(store.DataPath(Key()) + "/deep/er/progress.txt", "43\n").ok());
  const std::string target = Make("target", {});
  const absl::Status restored = store.Restore(Key(), digest, {.directory = target});
  EXPECT_TRUE(absl::IsDataLoss(restored));
  EXPECT_THAT(std::string(restored.message()), HasSubstr("deep/er/progress.txt"));
  EXPECT_TRUE(absl::IsDataLoss(
      store.Restore(Key(), std::string(32, 'x'), {.directory = Make("other", {})})));
}

// Of a good copy nothing is damaged when the agent has no descriptor left.
TEST_F(StoreTest, WhatPassesIsNoDamage) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", Sample())}).ok());
  const Manifest manifest = *store.Find(Key());
  const std::string digest = store.List()->at(0).digest;
  const std::string target = Make("target", {});
  std::vector<absl::Status> restored;
  std::vector<absl::Status> read;
  // From none to enough: each open that is in the way fails in its turn.
  for (int spare = 0; restored.empty() || !restored.back().ok(); ++spare) {
    ASSERT_LT(spare, 8);
    const FewDescriptors few(spare);
    restored.push_back(store.Restore(Key(), digest, {.directory = target}));
    read.push_back(DataReader::Open(store, manifest, 0)->Next().status());
    for (const auto& [path, content] : Sample()) unlink((target + "/" + path).c_str());
  }
  EXPECT_GT(restored.size(), 3u);
  EXPECT_TRUE(absl::IsUnavailable(read[0])) << read[0];
  EXPECT_TRUE(absl::IsUnavailable(restored[1])) << restored[1] << ": a file of it";
  for (size_t i = 0; i < restored.size(); ++i) {
    EXPECT_FALSE(absl::IsDataLoss(restored[i])) << restored[i];
    EXPECT_TRUE(read[i].ok() || absl::IsUnavailable(read[i])) << read[i];
  }
}

TEST_F(StoreTest, AFileThatIsNotThereOrNoFileIsDamage) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", Sample())}).ok());
  const std::string digest = store.List()->at(0).digest;
  const std::string last = store.DataPath(Key()) + "/last";
  int target = 0;
  const auto restore = [&] {
    return store.Restore(Key(), digest, {.directory = Make(absl::StrCat("target", ++target), {})});
  };
  ASSERT_EQ(unlink(last.c_str()), 0);
  EXPECT_TRUE(absl::IsDataLoss(restore())) << "gone";
  ASSERT_EQ(symlink("empty", last.c_str()), 0);
  EXPECT_TRUE(absl::IsDataLoss(restore())) << "a link";
  ASSERT_EQ(unlink(last.c_str()), 0);
  ASSERT_EQ(mkfifo(last.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsDataLoss(restore())) << "a pipe";
  ASSERT_TRUE(store.Remove(Key()).ok());
  EXPECT_TRUE(absl::IsNotFound(restore())) << "released meanwhile";
}

TEST_F(StoreTest, ADamagedManifestIsLeftOutAndReported) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", {})}).ok());
  ASSERT_TRUE(os::WriteFileAtomically(directory_ + "/store/12.7-3.1/manifest", "\xff").ok());
  std::vector<std::string> broken;
  EXPECT_TRUE(store.List(&broken)->empty());
  EXPECT_EQ(broken, std::vector<std::string>{"12.7-3.1"});
}

TEST_F(StoreTest, AManifestThatIsNoFileOrTooLargeIsDamage) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", {})}).ok());
  const std::string manifest = directory_ + "/store/12.7-3.1/manifest";
  const auto is_damage = [&] {
    std::vector<std::string> broken;
    EXPECT_TRUE(store.List(&broken)->empty());
    EXPECT_EQ(broken.size(), 1u);
    return absl::IsDataLoss(store.ReadManifest(Key()).status());
  };
  ASSERT_EQ(truncate(manifest.c_str(), kMaxManifestBytes + 1), 0);
  EXPECT_TRUE(is_damage()) << "too large";
  ASSERT_EQ(unlink(manifest.c_str()), 0);
  ASSERT_TRUE(os::EnsureDirectory(manifest).ok());
  EXPECT_TRUE(is_damage()) << "a folder";
  ASSERT_EQ(rmdir(manifest.c_str()), 0);
  ASSERT_EQ(symlink("manifest", manifest.c_str()), 0);
  EXPECT_TRUE(is_damage()) << "a loop of links";
}

// What it does not name is taken for lost.
TEST_F(StoreTest, AManifestThatCannotBeReadNowFailsTheList) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", {})}).ok());
  const std::string manifest = directory_ + "/store/12.7-3.1/manifest";
  std::vector<std::string> broken;
  // A link to too long a name: one that cannot be opened, also by root.
  ASSERT_EQ(rename(manifest.c_str(), (manifest + ".away").c_str()), 0);
  ASSERT_EQ(symlink(std::string(300, 'a').c_str(), manifest.c_str()), 0);
  EXPECT_TRUE(absl::IsUnavailable(store.List(&broken).status()));
  EXPECT_TRUE(broken.empty());
  EXPECT_TRUE(absl::IsUnavailable(store.Find(Key()).status()));
  ASSERT_EQ(unlink(manifest.c_str()), 0);
  EXPECT_TRUE(store.List(&broken)->empty());
  EXPECT_EQ(broken.size(), 1u) << "not there at all";
  ASSERT_EQ(rename((manifest + ".away").c_str(), manifest.c_str()), 0);
  EXPECT_EQ(store.List()->size(), 1u);
  {
    const FewDescriptors few(0);
    EXPECT_FALSE(store.List(&broken).ok()) << "the folder itself";
  }
  EXPECT_EQ(broken.size(), 1u);
}

// It may be whole, and all that its job has saved.
TEST_F(StoreTest, WhatIsStagedStaysUntilItsManifestIsRead) {
  const Store store = OpenStore();
  ASSERT_TRUE(store.Seal({.key = Key(), .directory = Make("job", {})}).ok());
  const std::string staged = directory_ + "/store/.incoming/12.7-3.1.9.9";
  ASSERT_EQ(rename((directory_ + "/store/12.7-3.1").c_str(), staged.c_str()), 0);
  ASSERT_EQ(rename((staged + "/manifest").c_str(), (staged + "/away").c_str()), 0);
  ASSERT_TRUE(os::EnsureDirectory(staged + "/manifest").ok());
  EXPECT_TRUE(OpenStore().List()->empty());
  ASSERT_EQ(rmdir((staged + "/manifest").c_str()), 0);
  ASSERT_EQ(rename((staged + "/away").c_str(), (staged + "/manifest").c_str()), 0);
  EXPECT_EQ(OpenStore().List()->size(), 1u);
}

// The process dies after the named step; what the next one finds is the whole checkpoint or the
// job's directory as it was, never neither.
TEST_F(StoreTest, CrashesBetweenAnyTwoSteps) {
  int sealed = 0;
  for (const bool goes_on : {false, true}) {
    for (const std::string at : {"described", "manifest", "moved", "committed"}) {
      SCOPED_TRACE(at + (goes_on ? " (copy)" : " (move)"));
      const std::string name = at + (goes_on ? "-copy" : "-move");
      const std::string job = Make(name + "-job", Sample());
      const pid_t child = fork();
      if (child == 0) {
        auto store = Store::Open(directory_ + "/" + name);
        store->set_step_for_test([&](const char* step) {
          if (step == at) _exit(7);
        });
        (void)store->Seal({.key = Key(), .directory = job, .goes_on = goes_on});
        _exit(0);
      }
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      const Store store = OpenStore(name);
      const auto found = *store.List();
      ASSERT_LE(found.size(), 1u);
      if (found.empty() || goes_on) {
        EXPECT_EQ(Read(job, Sample()), Sample());
      }
      if (!found.empty()) {
        ++sealed;
        const std::string target = Make(name + "-target", {});
        EXPECT_TRUE(store.Restore(Key(), found[0].digest, {.directory = target}).ok());
        EXPECT_EQ(Read(target, Sample()), Sample());
      }
      EXPECT_TRUE(store.Stage(Key()).ok()) << "the store goes on working";
    }
  }
  // Moved and committed of the move, manifest, (moved, not passed) and committed of the copy.
  EXPECT_EQ(sealed, 5);
}

TEST(FolderName, GoesThereAndBack) {
  const CheckpointKey key{
      .attempt = {.task = {.job = JobUid(12), .index = 7}, .attempt = AttemptNumber(3)},
      .sequence = CheckpointSeq(2)};
  EXPECT_EQ(FolderName(key), "12.7-3.2");
  EXPECT_EQ(ParseFolderName("12.7-3.2"), key);
  for (const char* name : {"", ".incoming", "12.7-3", "12.7-3.2.1", "012.7-3.2", "a.7-3.2",
                           "12.7-3.-2", "12.7-3.99999999999"}) {
    EXPECT_EQ(ParseFolderName(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace heliotrope::agent::checkpoint
