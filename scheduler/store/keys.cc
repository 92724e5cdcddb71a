#include "scheduler/store/keys.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "scheduler/base/duration.h"

namespace heliotrope::store {
namespace {

constexpr int kBitsPerByte = 8;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

template <class T>
void AppendBigEndian(T value, std::string& out) {
  for (int shift = kBitsPerByte * (static_cast<int>(sizeof(T)) - 1); shift >= 0;
       shift -= kBitsPerByte) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> shift)));
  }
}

// REQUIRES: bytes.size() >= sizeof(T).
template <class T>
T ReadBigEndian(absl::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((value << kBitsPerByte) | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

absl::Status BadKey(Kind kind, absl::string_view key) {
  return absl::DataLossError(absl::StrCat("a ", KindName(kind), " record has the key 0x",
                                          absl::BytesToHexString(key), ", which is none"));
}

}  // namespace

std::string JobKey(JobUid uid) {
  std::string key;
  AppendBigEndian(uid.value(), key);
  return key;
}

std::string TaskKey(const TaskId& id) {
  std::string key = JobKey(id.job);
  AppendBigEndian(id.index, key);
  return key;
}

std::string CurveBinPrefix(const DataCenterId& data_center) {
  std::string key = data_center.value();
  key.push_back('\0');  // In no id.
  return key;
}

std::string CurveBinKey(const DataCenterId& data_center, absl::Time start) {
  std::string key = CurveBinPrefix(data_center);
  // Turned around, the sign bit puts times before 1970 before the others.
  AppendBigEndian(static_cast<uint64_t>(absl::ToUnixSeconds(start)) ^ kSignBit, key);
  return key;
}

absl::StatusOr<JobUid> ParseJobKey(absl::string_view key) {
  if (key.size() != sizeof(uint64_t)) return BadKey(Kind::kJob, key);
  return JobUid(ReadBigEndian<uint64_t>(key));
}

absl::StatusOr<TaskId> ParseTaskKey(absl::string_view key) {
  if (key.size() != sizeof(uint64_t) + sizeof(uint32_t)) return BadKey(Kind::kTask, key);
  return TaskId{JobUid(ReadBigEndian<uint64_t>(key)),
                ReadBigEndian<uint32_t>(key.substr(sizeof(uint64_t)))};
}

absl::StatusOr<std::pair<DataCenterId, absl::Time>> ParseCurveBinKey(absl::string_view key) {
  const size_t zero = key.find('\0');
  if (zero == absl::string_view::npos || key.size() - zero - 1 != sizeof(uint64_t)) {
    return BadKey(Kind::kCurveBin, key);
  }
  const uint64_t turned = ReadBigEndian<uint64_t>(key.substr(zero + 1)) ^ kSignBit;
  return std::pair(DataCenterId(key.substr(0, zero)),
                   absl::FromUnixSeconds(static_cast<int64_t>(turned)));
}

std::string PrintedKey(Kind kind, absl::string_view key) {
  switch (kind) {
    case Kind::kJob:
      if (const auto uid = ParseJobKey(key); uid.ok()) return ToString(*uid);
      break;
    case Kind::kTask:
      if (const auto id = ParseTaskKey(key); id.ok()) return ToString(*id);
      break;
    case Kind::kCurveBin:
      if (const auto bin = ParseCurveBinKey(key); bin.ok()) {
        return absl::StrCat(bin->first.value(), " ", Rfc3339(bin->second));
      }
      break;
    case Kind::kDurations:
      return std::string(absl::StripTrailingAsciiWhitespace(
          absl::StrReplaceAll(key, {{absl::string_view("\0", 1), " "}})));
    case Kind::kMeta:
    case Kind::kRequest:
    case Kind::kNode:
    case Kind::kCurveState:
    case Kind::kArrivals:
      return std::string(key);
  }
  return absl::StrCat("0x", absl::BytesToHexString(key));
}

}  // namespace heliotrope::store
