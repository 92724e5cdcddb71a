// Folders that a job has written as it liked: links, pipes, holes, deep and odd names. They are
// sealed as checkpoints, restored, listed, served and pruned; nothing outside is ever read or
// deleted.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/checkpoint/store.h"
#include "agent/exec/directory_tree.h"
#include "agent/link/outputs.h"
#include "scheduler/os/files.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

namespace checkpoint = agent::checkpoint;
namespace fs = std::filesystem;

constexpr char kSecret[] = "what no job may see";

std::string NameFrom(Input& input) {
  static constexpr const char* kNames[] = {"a",         "b",   "c.txt",     "manifest",
                                           "data",      "-rf", ".incoming", "n\xffon",
                                           "new\nline", " ",   "..hidden",  "long"};
  std::string name = kNames[input.Below(std::size(kNames))];
  if (name == "long") name.resize(255, 'x');
  return name;
}

// A job that writes below `root`.
class Job {
 public:
  Job(Input& input, std::string root, std::string outside)
      : input_(input), root_(std::move(root)), outside_(std::move(outside)) {
    fs::create_directory(root_);
  }

  void Act() {
    for (int i = 0; i < 40 && !input_.empty(); ++i) {
      const std::string path = absl::StrCat(root_, folder_, "/", NameFrom(input_));
      switch (input_.Below(10)) {
        case 0:
          if (mkdir(path.c_str(), 0755) == 0) folder_ = path.substr(root_.size());
          break;
        case 1:
          folder_.clear();
          break;
        case 2:
          plain_ = symlink(Target().c_str(), path.c_str()) != 0 && plain_;
          break;
        case 3:
          plain_ = mkfifo(path.c_str(), 0644) != 0 && plain_;
          break;
        case 4:
          static_cast<void>(link((root_ + "/a").c_str(), path.c_str()) == 0);
          break;
        case 5:
          Deep();
          break;
        case 6: {
          // Larger than the disk, and empty.
          const os::UniqueFd fd(
              open(path.c_str(), O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0644));
          if (fd.valid()) HT_CHECK_EQ(ftruncate(fd.get(), int64_t{1} << 16), 0);
          break;
        }
        default: {
          const os::UniqueFd fd(
              open(path.c_str(), O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, input_.Byte() * 2));
          if (fd.valid()) {
            const std::string bytes(input_.Text());
            static_cast<void>(write(fd.get(), bytes.data(), bytes.size()) == 0);
          }
        }
      }
    }
  }

  // Nothing but files and folders was made.
  bool plain() const { return plain_; }

 private:
  std::string Target() {
    switch (input_.Below(5)) {
      case 0:
        return outside_;
      case 1:
        return outside_ + "/secret";
      case 2:
        return "..";
      case 3:
        return "a";
      default:
        return "/proc/self/environ";
    }
  }

  void Deep() {
    for (size_t i = input_.Below(80); i > 0; --i) {
      if (root_.size() + folder_.size() > 3000) return;
      folder_ += "/d";
      if (mkdir((root_ + folder_).c_str(), 0755) != 0) return;
    }
  }

  Input& input_;
  const std::string root_;
  const std::string outside_;
  std::string folder_;
  bool plain_ = true;
};

// Path to content of every plain file below; links are not followed.
std::map<std::string, std::string> FilesBelow(const std::string& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!fs::is_regular_file(entry.symlink_status())) continue;
    const auto bytes = os::ReadFile(entry.path().string(), int64_t{1} << 20);
    files[fs::path(entry.path()).lexically_relative(root).string()] = bytes.value_or("unreadable");
  }
  return files;
}

void Serve(Input& input, const std::string& root) {
  const std::vector<std::string> patterns = {std::string(input.Text().substr(0, 40)), "*.txt",
                                             "d/**"};
  const auto list = agent::link::ListOutputs(root, patterns);
  HT_CHECK(list.ok());
  for (const agent::link::OutputFile& file : list->files) {
    HT_CHECK(!absl::StrContains(file.path, '\n'));
  }
  for (const char* path :
       {"a/secret", "b/secret", "../outside/secret", "c.txt", "a", "data/secret"}) {
    const auto opened = agent::link::OpenOutput(root, path, {});
    if (!opened.ok()) {
      CheckRefusal(opened.status());
      continue;
    }
    char start[sizeof(kSecret)] = {};
    HT_CHECK(pread(opened->get(), start, sizeof(kSecret) - 1, 0) >= 0);
    HT_CHECK(absl::string_view(start) != kSecret);
  }
  const absl::Status pruned = agent::link::PruneOutputs(root, patterns);
  if (!pruned.ok()) CheckRefusal(pruned);
}

void Seal(const std::string& root, const Job& job, bool goes_on, const std::string& top) {
  const auto store = checkpoint::Store::Open(top + "/store");
  HT_CHECK(store.ok());
  const checkpoint::SealOptions options{
      .key = {.attempt = {.task = {.job = JobUid(1), .index = 0}, .attempt = AttemptNumber(1)},
              .sequence = agent::CheckpointKey{}.sequence},
      .directory = root,
      .jurisdictions = {"DE"},
      .goes_on = goes_on};
  const std::map<std::string, std::string> before = FilesBelow(root);
  const auto info = store->Seal(options);
  if (!info.ok()) {
    CheckRefusal(info.status());
    HT_CHECK(store->List()->empty());
    return;
  }
  HT_CHECK(job.plain());
  HT_CHECK(fs::exists(root) == goes_on);
  const std::string restored = top + "/restored";
  fs::create_directory(restored);
  HT_CHECK(store->Restore(options.key, info->digest, {.directory = restored}).ok());
  HT_CHECK(FilesBelow(restored) == before);
}

void Run(Input input) {
  static const Scratch scratch;
  scratch.Clear();
  const std::string outside = scratch.path() + "/outside";
  fs::create_directory(outside);
  HT_CHECK(os::WriteFileAtomically(outside + "/secret", kSecret, {.sync = false}).ok());
  const std::string root = scratch.path() + "/job";
  const bool goes_on = input.Coin();
  const bool serve = input.Coin();
  Job job(input, root, outside);
  job.Act();
  if (serve) {
    Serve(input, root);
  } else {
    Seal(root, job, goes_on, scratch.path());
  }
  const auto secret = os::ReadFile(outside + "/secret", 100);
  HT_CHECK(secret.ok());
  HT_CHECK_EQ(*secret, std::string(kSecret));
  // However it looks, the agent gets rid of it.
  if (fs::exists(root)) {
    while (absl::IsResourceExhausted(agent::exec::RemoveTree(root))) {
    }
    HT_CHECK(!fs::exists(root));
  }
  HT_CHECK(fs::exists(outside + "/secret"));
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({data, size});
  return 0;
}
