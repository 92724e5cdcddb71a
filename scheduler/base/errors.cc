#include "scheduler/base/errors.h"

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/check.h"

namespace heliotrope {
namespace {

constexpr absl::string_view kErrorInfoUrl = "heliotrope/error-info";
constexpr absl::string_view kFieldsUrl = "heliotrope/field-violations";

// A list of strings: each is its length as four bytes, lowest first, then its bytes.
void AppendText(std::string& out, absl::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>((size >> shift) & 0xff));
  }
  absl::StrAppend(&out, text);
}

std::optional<std::vector<std::string>> SplitTexts(absl::string_view bytes) {
  std::vector<std::string> texts;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return std::nullopt;
    uint32_t size = 0;
    for (size_t i = 0; i < 4; ++i) {
      size |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    bytes.remove_prefix(4);
    if (bytes.size() < size) return std::nullopt;
    texts.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return texts;
}

std::optional<std::vector<std::string>> TextsOf(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  if (!payload.has_value()) return std::nullopt;
  return SplitTexts(std::string(*payload));
}

// "data center" -> "DATA_CENTER".
std::string ReasonWord(absl::string_view kind) {
  std::string word = absl::AsciiStrToUpper(kind);
  for (char& c : word) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return word;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view text, const ErrorInfo& info) {
  HT_CHECK(code != absl::StatusCode::kOk);
  absl::Status status(code, text);
  SetErrorInfo(status, info);
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  return InvalidFields({{std::string(field), std::string(description)}});
}

absl::Status InvalidFields(const std::vector<FieldViolation>& violations) {
  HT_CHECK(!violations.empty());
  const std::string text =
      absl::StrJoin(violations, "; ", [](std::string* out, const FieldViolation& violation) {
        absl::StrAppend(out, violation.field, ": ", violation.description);
      });
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, text,
                                  {"INVALID_FIELD", {{"field", violations.front().field}}});
  SetFieldViolations(status, violations);
  return status;
}

absl::Status NotFound(absl::string_view kind, absl::string_view name) {
  return MakeError(absl::StatusCode::kNotFound, absl::StrCat(kind, " \"", name, "\" not found"),
                   {absl::StrCat(ReasonWord(kind), "_NOT_FOUND"), {{"name", std::string(name)}}});
}

absl::Status AlreadyExists(absl::string_view kind, absl::string_view name,
                           absl::string_view remedy) {
  return MakeError(
      absl::StatusCode::kAlreadyExists,
      absl::StrCat(kind, " \"", name, "\" already exists", remedy.empty() ? "" : ": ", remedy),
      {absl::StrCat(ReasonWord(kind), "_ALREADY_EXISTS"), {{"name", std::string(name)}}});
}

absl::Status PreconditionFailed(absl::string_view reason, absl::string_view text,
                                ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kFailedPrecondition, text,
                   {std::string(reason), std::move(metadata)});
}

absl::Status ResourceExhausted(absl::string_view reason, absl::string_view text,
                               ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kResourceExhausted, text,
                   {std::string(reason), std::move(metadata)});
}

absl::Status PermissionDenied(absl::string_view reason, absl::string_view text,
                              ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kPermissionDenied, text,
                   {std::string(reason), std::move(metadata)});
}

absl::Status Unavailable(absl::string_view reason, absl::string_view text, ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kUnavailable, text,
                   {std::string(reason), std::move(metadata)});
}

absl::Status Aborted(absl::string_view reason, absl::string_view text, ErrorMetadata metadata) {
  return MakeError(absl::StatusCode::kAborted, text, {std::string(reason), std::move(metadata)});
}

std::optional<ErrorInfo> GetErrorInfo(const absl::Status& status) {
  const auto texts = TextsOf(status, kErrorInfoUrl);
  // The reason, then keys and values in turn: an odd count.
  if (!texts.has_value() || texts->size() % 2 != 1) return std::nullopt;
  ErrorInfo info;
  info.reason = texts->front();
  for (size_t i = 1; i < texts->size(); i += 2) info.metadata[(*texts)[i]] = (*texts)[i + 1];
  return info;
}

std::string GetReason(const absl::Status& status) {
  const auto info = GetErrorInfo(status);
  return info.has_value() ? info->reason : "";
}

std::vector<FieldViolation> GetFieldViolations(const absl::Status& status) {
  const auto texts = TextsOf(status, kFieldsUrl);
  if (!texts.has_value() || texts->size() % 2 != 0) return {};
  std::vector<FieldViolation> violations;
  for (size_t i = 0; i < texts->size(); i += 2) {
    violations.push_back({(*texts)[i], (*texts)[i + 1]});
  }
  return violations;
}

void SetErrorInfo(absl::Status& status, const ErrorInfo& info) {
  std::string bytes;
  AppendText(bytes, info.reason);
  for (const auto& [key, value] : info.metadata) {
    AppendText(bytes, key);
    AppendText(bytes, value);
  }
  status.SetPayload(kErrorInfoUrl, absl::Cord(bytes));
}

void SetFieldViolations(absl::Status& status, const std::vector<FieldViolation>& violations) {
  std::string bytes;
  for (const FieldViolation& violation : violations) {
    AppendText(bytes, violation.field);
    AppendText(bytes, violation.description);
  }
  status.SetPayload(kFieldsUrl, absl::Cord(bytes));
}

absl::Status WithContext(absl::Status status, absl::string_view context) {
  if (status.ok() || context.empty()) return status;
  absl::Status longer(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload([&longer](absl::string_view url, const absl::Cord& payload) {
    longer.SetPayload(url, payload);
  });
  return longer;
}

}  // namespace heliotrope
