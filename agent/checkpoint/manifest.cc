#include "agent/checkpoint/manifest.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/checkpoint/sha256.h"
#include "heliotrope/v1/agent.pb.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::checkpoint {
namespace {

constexpr size_t kMaxComponentBytes = 255;
constexpr uint32_t kPermissionBits = 0777;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("manifest: ", why));
}

absl::Status CheckFile(const ManifestFile& file) {
  HT_RETURN_IF_ERROR(CheckRelativePath(file.path), "manifest");
  if (file.size_bytes < 0 || file.size_bytes > kMaxCheckpointBytes.value()) {
    return Malformed(absl::StrCat("a file of ", file.size_bytes, " bytes"));
  }
  if ((file.mode & ~kPermissionBits) != 0) return Malformed("mode has more than permission bits");
  if (file.sha256.size() != kDigestBytes) return Malformed("a SHA-256 that is not 32 bytes");
  return absl::OkStatus();
}

absl::Status CheckBounds(size_t files, size_t bytes, int64_t size_bytes) {
  if (files > kMaxFiles) {
    return ResourceExhausted(
        "CHECKPOINT_TOO_LARGE",
        absl::StrCat("checkpoint has ", files, " files, the limit is ", kMaxFiles, ": save fewer"));
  }
  if (bytes > kMaxManifestBytes) {
    return ResourceExhausted(
        "CHECKPOINT_TOO_LARGE",
        absl::StrCat("checkpoint's list of files has ", bytes, " bytes, the limit is ",
                     kMaxManifestBytes, ": save fewer files, or with shorter names"));
  }
  return CheckCheckpointSize(size_bytes);
}

}  // namespace

absl::Status CheckCheckpointSize(int64_t size_bytes) {
  if (size_bytes <= kMaxCheckpointBytes.value()) return absl::OkStatus();
  return ResourceExhausted("CHECKPOINT_TOO_LARGE",
                           absl::StrCat("checkpoint has ", size_bytes, " bytes, the limit is ",
                                        kMaxCheckpointBytes.value()));
}

absl::Status CheckRelativePath(absl::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes) return absl::InvalidArgumentError("bad path");
  size_t depth = 0;
  for (const absl::string_view component : absl::StrSplit(path, '/')) {
    if (component.empty() || component == "." || component == ".." ||
        component.size() > kMaxComponentBytes || component.find('\0') != absl::string_view::npos ||
        ++depth > kMaxPathDepth) {
      return absl::InvalidArgumentError(absl::StrCat("path \"", path.substr(0, kMaxComponentBytes),
                                                     "\" is not a plain relative path"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Serialize(const Manifest& manifest) {
  v1::CheckpointContents proto;
  v1::AttemptKey& attempt = *proto.mutable_key()->mutable_attempt();
  attempt.set_job_uid(manifest.key.attempt.task.job.value());
  attempt.set_task_index(manifest.key.attempt.task.index);
  attempt.set_attempt(manifest.key.attempt.attempt.value());
  proto.mutable_key()->set_sequence(manifest.key.sequence.value());
  for (const ManifestFile& file : manifest.files) {
    v1::CheckpointContents::File& added = *proto.add_files();
    added.set_path(file.path);
    added.set_size_bytes(file.size_bytes);
    added.set_mode(file.mode);
    added.set_sha256(file.sha256);
  }
  for (const std::string& code : manifest.jurisdictions) proto.add_jurisdictions(code);
  proto.set_size_bytes(manifest.size_bytes);
  *proto.mutable_run_time() = wire::ToProto(manifest.run_time);
  HT_RETURN_IF_ERROR(CheckBounds(manifest.files.size(), proto.ByteSizeLong(), manifest.size_bytes));
  return proto.SerializeAsString();
}

absl::StatusOr<Manifest> ParseManifest(absl::string_view bytes) {
  v1::CheckpointContents proto;
  if (bytes.size() > kMaxManifestBytes ||
      !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Malformed("does not parse");
  }
  if (static_cast<size_t>(proto.files_size()) > kMaxFiles) return Malformed("too many files");
  Manifest manifest;
  const v1::AttemptKey& attempt = proto.key().attempt();
  manifest.key = {
      .attempt = {.task = {.job = JobUid(attempt.job_uid()), .index = attempt.task_index()},
                  .attempt = AttemptNumber(attempt.attempt())},
      .sequence = CheckpointSeq(proto.key().sequence())};
  int64_t sum = 0;
  for (const v1::CheckpointContents::File& proto_file : proto.files()) {
    ManifestFile file{.path = proto_file.path(),
                      .size_bytes = proto_file.size_bytes(),
                      .mode = proto_file.mode(),
                      .sha256 = proto_file.sha256()};
    HT_RETURN_IF_ERROR(CheckFile(file));
    if (!manifest.files.empty() && !(manifest.files.back().path < file.path)) {
      return Malformed("files are not in order");
    }
    sum = units_internal::SaturatingAdd(sum, file.size_bytes);
    manifest.files.push_back(std::move(file));
  }
  if (proto.size_bytes() != sum || sum > kMaxCheckpointBytes.value()) {
    return Malformed("the sizes do not add up");
  }
  manifest.size_bytes = sum;
  manifest.jurisdictions.assign(proto.jurisdictions().begin(), proto.jurisdictions().end());
  HT_ASSIGN_OR_RETURN(manifest.run_time, wire::NonNegativeFromProto(proto.run_time(), "run_time"));
  return manifest;
}

CheckpointInfo InfoOf(const Manifest& manifest, const std::string& digest) {
  return {.key = manifest.key,
          .digest = digest,
          .size = Bytes::FromBytes(manifest.size_bytes),
          .run_time = manifest.run_time};
}

}  // namespace heliotrope::agent::checkpoint
