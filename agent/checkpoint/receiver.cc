#include "agent/checkpoint/receiver.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/file_tree.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::checkpoint {

Receiver::Receiver(const Store& store, RestoreSource expected, std::string jurisdiction)
    : store_(store), expected_(std::move(expected)), jurisdiction_(std::move(jurisdiction)) {}

Receiver::~Receiver() {
  if (!staged_.empty()) store_.Discard(staged_);
}

void Receiver::StartOver() {
  if (!staged_.empty()) store_.Discard(staged_);
  staged_.clear();
  fd_.Reset();
  sha_ = Sha256();
  offset_ = 0;
  file_ = 0;
  file_offset_ = 0;
}

void Receiver::BeginStream() { decompressor_ = Decompressor(); }

absl::Status Receiver::TakeManifest(const std::string& bytes) {
  if (!staged_.empty()) {
    return bytes == manifest_bytes_ ? absl::OkStatus()
                                    : absl::DataLossError("the holder sent another manifest");
  }
  if (Sha256Of(bytes) != expected_.digest) {
    return absl::DataLossError("the manifest has another digest than the order");
  }
  HT_ASSIGN_OR_RETURN(manifest_, ParseManifest(bytes));
  if (manifest_.key != expected_.key || manifest_.size_bytes != expected_.size.value()) {
    return absl::InvalidArgumentError("the manifest is not that of the order");
  }
  if (!IsAllowed(manifest_.jurisdictions, jurisdiction_)) {
    return PermissionDenied("RESIDENCY",
                            absl::StrCat("checkpoint ", ToString(manifest_.key),
                                         " may not be in jurisdiction \"", jurisdiction_, "\""));
  }
  manifest_bytes_ = bytes;
  HT_ASSIGN_OR_RETURN(staged_, store_.Stage(manifest_.key));
  absl::Status begun = CheckRoom(staged_, manifest_.size_bytes);
  if (begun.ok()) begun = os::EnsureDirectory(staged_ + "/data");
  if (begun.ok()) return FinishFiles();
  StartOver();
  return begun;
}

absl::Status Receiver::TakeData(absl::string_view piece) {
  if (staged_.empty()) return absl::InvalidArgumentError("data before the manifest");
  return decompressor_.Add(piece, [this](absl::string_view bytes) { return Write(bytes); });
}

absl::Status Receiver::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (file_ == manifest_.files.size()) {
      StartOver();
      return absl::DataLossError("the holder sent more than the manifest says");
    }
    HT_RETURN_IF_ERROR(OpenNext());
    const int64_t left = manifest_.files[file_].size_bytes - file_offset_;
    const absl::string_view part = bytes.substr(0, static_cast<size_t>(left));
    const absl::Status written = os::WriteAll(fd_.get(), part, manifest_.files[file_].path);
    if (!written.ok()) {
      // Some of it may have been written: where the file ends is not known.
      StartOver();
      return written;
    }
    sha_.Add(part);
    file_offset_ += static_cast<int64_t>(part.size());
    offset_ += static_cast<int64_t>(part.size());
    bytes.remove_prefix(part.size());
    HT_RETURN_IF_ERROR(FinishFiles());
  }
  return absl::OkStatus();
}

absl::Status Receiver::OpenNext() {
  if (fd_.valid()) return absl::OkStatus();
  const ManifestFile& file = manifest_.files[file_];
  HT_ASSIGN_OR_RETURN(fd_, CreateBelow(staged_ + "/data", file.path, {.mode = file.mode}));
  return absl::OkStatus();
}

// Closes the file that is full, and those after it that are empty.
absl::Status Receiver::FinishFiles() {
  while (file_ < manifest_.files.size() && manifest_.files[file_].size_bytes == file_offset_) {
    HT_RETURN_IF_ERROR(OpenNext());
    const ManifestFile& file = manifest_.files[file_];
    if (sha_.Finish() != file.sha256) {
      const std::string path = file.path;
      StartOver();
      return absl::DataLossError(absl::StrCat("file \"", path, "\" arrived damaged"));
    }
    if (fdatasync(fd_.get()) != 0) {
      const absl::Status error = os::FileError(errno, "sync", file.path);
      StartOver();
      return error;
    }
    fd_.Reset();
    ++file_;
    file_offset_ = 0;
  }
  return absl::OkStatus();
}

bool Receiver::complete() const { return !staged_.empty() && file_ == manifest_.files.size(); }

absl::StatusOr<CheckpointInfo> Receiver::Commit() {
  HT_CHECK(complete());
  HT_RETURN_IF_ERROR(SyncFolders(staged_ + "/data"));
  HT_RETURN_IF_ERROR(os::WriteFileAtomically(staged_ + "/manifest", manifest_bytes_));
  HT_RETURN_IF_ERROR(store_.Commit(manifest_.key, staged_));
  staged_.clear();
  return InfoOf(manifest_, expected_.digest);
}

}  // namespace heliotrope::agent::checkpoint
