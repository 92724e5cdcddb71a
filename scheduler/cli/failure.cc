#include "scheduler/cli/failure.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/errors.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {
namespace {

constexpr char kMisuseUrl[] = "heliotrope/cli-misuse";

// A text of several lines (a file with several mistakes) stays so, the later ones indented.
std::string SafeLines(absl::string_view text) {
  return absl::StrJoin(
      absl::StrSplit(absl::StripTrailingAsciiWhitespace(text), '\n'), "\n  ",
      [](std::string* out, absl::string_view line) { absl::StrAppend(out, Printable(line)); });
}

}  // namespace

absl::Status Misuse(absl::string_view text) {
  absl::Status status = absl::InvalidArgumentError(text);
  status.SetPayload(kMisuseUrl, absl::Cord("1"));
  return status;
}

bool IsMisuse(const absl::Status& status) { return status.GetPayload(kMisuseUrl).has_value(); }

std::string FailureText(const absl::Status& status) {
  std::string message = SafeLines(status.message());
  if (message.empty()) message = absl::StatusCodeToString(status.code());
  const auto violations = GetFieldViolations(status);
  // Our own texts list the fields already: one of them needs no second line, and several read
  // better as lines than as one sentence.
  const bool listed = !violations.empty() && absl::StrContains(message, violations[0].description);
  if (listed && violations.size() == 1) return absl::StrCat("heliotrope: ", message, "\n");
  if (listed) message = absl::StrCat(violations.size(), " fields are wrong");
  std::string text = absl::StrCat("heliotrope: ", message, "\n");
  for (const FieldViolation& violation : violations) {
    absl::StrAppend(&text, "  ", Printable(violation.field), ": ", Printable(violation.description),
                    "\n");
  }
  return text;
}

}  // namespace heliotrope::cli
