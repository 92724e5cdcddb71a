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

absl::Status DataReader::Damaged(absl::string_view how) const {
  return absl::DataLossError(absl::StrCat("file \"", manifest_.files[file_].path,
                                          "\" of checkpoint ", ToString(manifest_.key), " ", how));
}

absl::StatusOr<std::string> DataReader::ReadAt(int64_t from, size_t size) {
  std::string bytes(size, '\0');
  ssize_t got = 0;
  do {
    got = pread(fd_.get(), bytes.data(), bytes.size(), from);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ReadError(errno, "read", manifest_.files[file_].path);
  if (got == 0) return Damaged("is shorter than it was");
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

absl::Status DataReader::OpenFile() {
  auto opened = OpenSealed(data_, manifest_.files[file_].path);
  // A checkpoint goes as a whole, by one rename.
  if (absl::IsDataLoss(opened.status())) {
    if (access(data_.c_str(), F_OK) == 0) return Damaged("cannot be opened");
    return absl::AbortedError(opened.status().message());
  }
  HT_RETURN_IF_ERROR(opened.status());
  fd_ = *std::move(opened);
  sha_ = Sha256();
  for (int64_t hashed = 0; hashed < position_;) {
    const size_t size = std::min(kRawBytes, static_cast<size_t>(position_ - hashed));
    HT_ASSIGN_OR_RETURN(const std::string bytes, ReadAt(hashed, size));
    sha_.Add(bytes);
    hashed += static_cast<int64_t>(bytes.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DataReader::ReadRaw(size_t size) {
  while (file_ < manifest_.files.size()) {
    const ManifestFile& file = manifest_.files[file_];
    if (!fd_.valid()) HT_RETURN_IF_ERROR(OpenFile());
    const int64_t left = file.size_bytes - position_;
    if (left > 0) {
      HT_ASSIGN_OR_RETURN(std::string bytes,
                          ReadAt(position_, std::min(size, static_cast<size_t>(left))));
      sha_.Add(bytes);
      position_ += static_cast<int64_t>(bytes.size());
      // Before its last bytes are given out, so that a puller never has all of a damaged file.
      if (position_ == file.size_bytes && sha_.Finish() != file.sha256) {
        return Damaged("is not what was sealed");
      }
      return bytes;
    }
    ++file_;
    position_ = 0;
    fd_.Reset();
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
