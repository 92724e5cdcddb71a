#include "agent/checkpoint/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/checkpoint/file_tree.h"
#include "agent/checkpoint/sha256.h"
#include "agent/exec/directory_tree.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"
#include "scheduler/os/kept_file.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::checkpoint {
namespace {

constexpr char kIncoming[] = ".incoming";
constexpr char kTrash[] = ".trash";

// Folders of .incoming and .trash need only differ from each other.
std::string Unique(const CheckpointKey& key) {
  static std::atomic<uint64_t> next{0};
  return absl::StrCat(FolderName(key), ".", getpid(), ".", next.fetch_add(1));
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return os::FileError(errno, "rename to", to);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Names(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(folder.c_str()), &closedir);
  if (stream == nullptr) return os::FileError(errno, "open", folder);
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return os::FileError(errno, "read", folder);
  std::sort(names.begin(), names.end());
  return names;
}

void RemoveWhole(const std::string& path) {
  // Bounded per call; whatever fails now is swept at the next start.
  while (absl::IsResourceExhausted(exec::RemoveTree(path))) {
  }
}

}  // namespace

std::string FolderName(const CheckpointKey& key) {
  return absl::StrCat(key.attempt.task.job.value(), ".", key.attempt.task.index, "-",
                      key.attempt.attempt.value(), ".", key.sequence.value());
}

std::optional<CheckpointKey> ParseFolderName(absl::string_view name) {
  const std::vector<absl::string_view> halves = absl::StrSplit(name, '-');
  if (halves.size() != 2) return std::nullopt;
  const std::vector<absl::string_view> task = absl::StrSplit(halves[0], '.');
  const std::vector<absl::string_view> rest = absl::StrSplit(halves[1], '.');
  uint64_t job = 0;
  uint32_t index = 0;
  uint32_t attempt = 0;
  uint32_t sequence = 0;
  if (task.size() != 2 || rest.size() != 2 || !absl::SimpleAtoi(task[0], &job) ||
      !absl::SimpleAtoi(task[1], &index) || !absl::SimpleAtoi(rest[0], &attempt) ||
      !absl::SimpleAtoi(rest[1], &sequence)) {
    return std::nullopt;
  }
  const CheckpointKey key{
      .attempt = {.task = {.job = JobUid(job), .index = index}, .attempt = AttemptNumber(attempt)},
      .sequence = CheckpointSeq(sequence)};
  if (FolderName(key) != name) return std::nullopt;
  return key;
}

absl::StatusOr<Store> Store::Open(std::string root) {
  Store store(std::move(root));
  HT_RETURN_IF_ERROR(os::EnsureDirectory(absl::StrCat(store.root_, "/", kIncoming)));
  HT_RETURN_IF_ERROR(os::EnsureDirectory(absl::StrCat(store.root_, "/", kTrash)));
  HT_RETURN_IF_ERROR(store.Sweep());
  return store;
}

absl::Status Store::Sweep() const {
  const std::string incoming = absl::StrCat(root_, "/", kIncoming);
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> staging, Names(incoming));
  for (const std::string& name : staging) {
    const std::string staged = absl::StrCat(incoming, "/", name);
    const auto bytes = os::ReadFile(staged + "/manifest", kMaxManifestBytes);
    // It may be whole, and all that its job has saved.
    if (!bytes.ok() && !absl::IsNotFound(bytes.status())) {
      os::LogWarning("not swept", {{"path", staged}, {"error", bytes.status()}});
      continue;
    }
    if (bytes.ok() && Exists(staged + "/data")) {
      const auto manifest = ParseManifest(*bytes);
      if (manifest.ok() && !Exists(PathOf(manifest->key))) {
        HT_RETURN_IF_ERROR(Commit(manifest->key, staged));
        continue;
      }
    }
    RemoveWhole(staged);
  }
  const std::string trash = absl::StrCat(root_, "/", kTrash);
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> deleted, Names(trash));
  for (const std::string& name : deleted) RemoveWhole(absl::StrCat(trash, "/", name));
  return absl::OkStatus();
}

std::string Store::PathOf(const CheckpointKey& key) const {
  return absl::StrCat(root_, "/", FolderName(key));
}

std::string Store::DataPath(const CheckpointKey& key) const {
  return absl::StrCat(PathOf(key), "/data");
}

absl::StatusOr<std::vector<CheckpointInfo>> Store::List(std::vector<std::string>* broken) const {
  std::vector<CheckpointInfo> infos;
  HT_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(root_));
  for (const std::string& name : names) {
    const std::optional<CheckpointKey> key = ParseFolderName(name);
    if (!key.has_value()) continue;
    const auto bytes = ReadManifest(*key);
    if (absl::IsUnavailable(bytes.status())) return bytes.status();
    const auto manifest = bytes.ok() ? ParseManifest(*bytes) : bytes.status();
    if (manifest.ok() && manifest->key == *key) {
      infos.push_back(InfoOf(*manifest, Sha256Of(*bytes)));
    } else if (broken != nullptr) {
      broken->push_back(name);
    }
  }
  std::sort(infos.begin(), infos.end(),
            [](const CheckpointInfo& a, const CheckpointInfo& b) { return a.key < b.key; });
  return infos;
}

absl::StatusOr<std::string> Store::ReadManifest(const CheckpointKey& key) const {
  auto bytes = os::ReadKeptFile(PathOf(key) + "/manifest", kMaxManifestBytes);
  if (absl::IsNotFound(bytes.status())) return NotFound("checkpoint", ToString(key));
  return bytes;
}

absl::StatusOr<Manifest> Store::Find(const CheckpointKey& key) const {
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadManifest(key));
  absl::StatusOr<Manifest> manifest = ParseManifest(bytes);
  if (!manifest.ok()) return absl::DataLossError(manifest.status().message());
  return manifest;
}

// Hashes the files where they are, or copies them on the way, and makes them durable.
absl::StatusOr<Manifest> Store::Describe(const SealOptions& options,
                                         const std::string& staged) const {
  HT_ASSIGN_OR_RETURN(const std::vector<FoundFile> files, FindFiles(options.directory));
  Manifest manifest{
      .key = options.key, .jurisdictions = options.jurisdictions, .run_time = options.run_time};
  const std::string data = staged + "/data";
  // Before anything is copied: a file may be sparse, and far larger than the disk.
  Bytes total;
  for (const FoundFile& file : files) total += Bytes::FromBytes(file.size_bytes);
  HT_RETURN_IF_ERROR(CheckCheckpointSize(total.value()));
  if (options.goes_on) {
    HT_RETURN_IF_ERROR(CheckRoom(staged, total.value()));
    HT_RETURN_IF_ERROR(os::EnsureDirectory(data));
  }
  for (const FoundFile& file : files) {
    HT_ASSIGN_OR_RETURN(const os::UniqueFd source, OpenBelow(options.directory, file.path));
    os::UniqueFd copy;
    if (options.goes_on) {
      HT_ASSIGN_OR_RETURN(copy, CreateBelow(data, file.path, {.mode = file.mode}));
    }
    HT_ASSIGN_OR_RETURN(CopyResult copied, HashAndCopy(source.get(), copy.get(), file.path));
    if (fdatasync(copy.valid() ? copy.get() : source.get()) != 0) {
      return os::FileError(errno, "sync", file.path);
    }
    manifest.size_bytes += copied.size_bytes;
    manifest.files.push_back({.path = file.path,
                              .size_bytes = copied.size_bytes,
                              .mode = file.mode,
                              .sha256 = std::move(copied.sha256)});
  }
  HT_RETURN_IF_ERROR(SyncFolders(options.goes_on ? data : options.directory));
  return manifest;
}

absl::StatusOr<CheckpointInfo> Store::Seal(const SealOptions& options) const {
  if (Exists(PathOf(options.key))) {
    return AlreadyExists("checkpoint", ToString(options.key), "a sequence is used once");
  }
  HT_ASSIGN_OR_RETURN(const std::string staged, Stage(options.key));
  absl::Cleanup discard = [&] { Discard(staged); };
  HT_ASSIGN_OR_RETURN(const Manifest manifest, Describe(options, staged),
                      absl::StrCat("sealing ", ToString(options.key)));
  HT_ASSIGN_OR_RETURN(const std::string bytes, Serialize(manifest));
  Step("described");
  HT_RETURN_IF_ERROR(os::WriteFileAtomically(staged + "/manifest", bytes));
  Step("manifest");
  // From here on the data must not be discarded with the folder.
  if (!options.goes_on) {
    HT_RETURN_IF_ERROR(Rename(options.directory, staged + "/data"));
    std::move(discard).Cancel();
    HT_RETURN_IF_ERROR(os::SyncDirectory(staged));
    Step("moved");
  }
  HT_RETURN_IF_ERROR(Commit(options.key, staged));
  if (options.goes_on) std::move(discard).Cancel();
  return InfoOf(manifest, Sha256Of(bytes));
}

absl::StatusOr<std::string> Store::Stage(const CheckpointKey& key) const {
  const std::string staged = absl::StrCat(root_, "/", kIncoming, "/", Unique(key));
  HT_RETURN_IF_ERROR(os::EnsureDirectory(staged));
  return staged;
}

absl::Status Store::Commit(const CheckpointKey& key, const std::string& staged) const {
  if (Exists(PathOf(key))) {
    Discard(staged);
    return absl::OkStatus();
  }
  HT_RETURN_IF_ERROR(Rename(staged, PathOf(key)));
  Step("committed");
  return os::SyncDirectory(root_);
}

void Store::Discard(const std::string& staged) const { RemoveWhole(staged); }

absl::Status Store::Restore(const CheckpointKey& key, const std::string& digest,
                            const RestoreOptions& options) const {
  HT_ASSIGN_OR_RETURN(const std::string bytes, ReadManifest(key));
  if (Sha256Of(bytes) != digest) {
    return absl::DataLossError(absl::StrCat("manifest of checkpoint ", ToString(key),
                                            " has another digest than the order"));
  }
  HT_ASSIGN_OR_RETURN(const Manifest manifest, ParseManifest(bytes));
  for (const ManifestFile& file : manifest.files) {
    const auto source = OpenSealed(DataPath(key), file.path);
    // A checkpoint goes as a whole, by one rename.
    if (absl::IsDataLoss(source.status()) && !Exists(DataPath(key))) {
      return NotFound("checkpoint", ToString(key));
    }
    HT_RETURN_IF_ERROR(source.status());
    HT_ASSIGN_OR_RETURN(
        const os::UniqueFd target,
        CreateBelow(options.directory, file.path, {.mode = file.mode, .owner = options.owner}));
    HT_ASSIGN_OR_RETURN(const CopyResult copied,
                        HashAndCopy(source->get(), target.get(), file.path));
    if (copied.sha256 != file.sha256 || copied.size_bytes != file.size_bytes) {
      return absl::DataLossError(
          absl::StrCat("file \"", file.path, "\" of checkpoint ", ToString(key), " is damaged"));
    }
  }
  return absl::OkStatus();
}

absl::Status Store::Remove(const CheckpointKey& key) const {
  const std::string trash = absl::StrCat(root_, "/", kTrash, "/", Unique(key));
  if (rename(PathOf(key).c_str(), trash.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus() : os::FileError(errno, "remove", PathOf(key));
  }
  RemoveWhole(trash);
  return absl::OkStatus();
}

}  // namespace heliotrope::agent::checkpoint
