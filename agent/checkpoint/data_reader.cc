#include "agent/checkpoint/data_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/checkpoint/file_tree.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::checkpoint {
namespace {

constexpr size_t kRawBytes = size_t{128} << 10;
constexpr size_t kPieceBytes = static_cast<size_t>(kStreamPartBytes);

}  // namespace

absl::StatusOr<DataReader> DataReader::Open(const Store& store, Manifest manifest, int64_t offset) {
  if (offset < 0 || offset > manifest.size_bytes) {
    return absl::OutOfRangeError(
        absl::StrCat("offset ", offset, " of a checkpoint of ", manifest.size_bytes, " bytes"));
  }
  DataReader reader(store.DataPath(manifest.key), std::move(manifest));
  while (reader.file_ < reader.manifest_.files.size() &&
         offset >= reader.manifest_.files[reader.file_].size_bytes) {
    offset -= reader.manifest_.files[reader.file_++].size_bytes;
  }
  reader.position_ = offset;
  return reader;
}

absl::StatusOr<std::string> DataReader::ReadRaw(size_t size) {
  while (file_ < manifest_.files.size()) {
    const ManifestFile& file = manifest_.files[file_];
    const int64_t left = file.size_bytes - position_;
    if (left == 0) {
      ++file_;
      position_ = 0;
      fd_.Reset();
      continue;
    }
    if (!fd_.valid()) {
      auto opened = OpenBelow(data_, file.path);
      if (!opened.ok()) return absl::AbortedError(opened.status().message());
      fd_ = *std::move(opened);
    }
    std::string bytes(std::min(size, static_cast<size_t>(left)), '\0');
    const ssize_t got = pread(fd_.get(), bytes.data(), bytes.size(), position_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os::FileError(errno, "read", file.path);
    if (got == 0) {
      return absl::AbortedError(absl::StrCat("file \"", file.path, "\" is shorter than it was"));
    }
    bytes.resize(static_cast<size_t>(got));
    position_ += got;
    return bytes;
  }
  return std::string();
}

absl::StatusOr<std::string> DataReader::Next() {
  while (!ended_ && pending_.size() < kPieceBytes) {
    HT_ASSIGN_OR_RETURN(const std::string raw, ReadRaw(kRawBytes));
    ended_ = raw.empty();
    compressor_.Add(raw, ended_, pending_);
  }
  if (pending_.size() <= kPieceBytes) return std::exchange(pending_, {});
  std::string piece = pending_.substr(0, kPieceBytes);
  pending_.erase(0, kPieceBytes);
  return piece;
}

}  // namespace heliotrope::agent::checkpoint
