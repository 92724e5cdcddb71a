#include "scheduler/base/names.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope {
namespace {

constexpr size_t kMaxIdLength = 63;

bool IsIdCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
}

// What people may see of text that may be anything.
absl::string_view Shortened(absl::string_view text) { return text.substr(0, 80); }

// The id in "<collection>/<id>".
absl::StatusOr<absl::string_view> IdIn(absl::string_view collection, absl::string_view name) {
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, collection) || !absl::ConsumePrefix(&rest, "/") ||
      !IsValidId(rest)) {
    return InvalidField("name", absl::StrCat("\"", Shortened(name), "\" is not of the form \"",
                                             collection, "/{id}\""));
  }
  return rest;
}

// Edit distance, given up (any value above `bound`) once it must exceed `bound`.
size_t EditDistance(absl::string_view a, absl::string_view b, size_t bound) {
  const size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > bound) return bound + 1;
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

bool IsValidId(absl::string_view id) {
  if (id.empty() || id.size() > kMaxIdLength) return false;
  return absl::ascii_islower(static_cast<unsigned char>(id.front())) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(), IsIdCharacter);
}

absl::Status CheckId(absl::string_view field, absl::string_view id) {
  if (IsValidId(id)) return absl::OkStatus();
  return InvalidField(
      field, absl::StrCat("\"", Shortened(id),
                          "\" is not an id: 1 to 63 of a-z, 0-9 and -, beginning with a letter, "
                          "not ending with -"));
}

std::string JobName(const JobId& id) { return absl::StrCat("jobs/", id.value()); }
std::string FormatTaskName(const JobId& job, uint32_t index) {
  return absl::StrCat("jobs/", job.value(), "/tasks/", index);
}
std::string AccountName(const AccountId& id) { return absl::StrCat("accounts/", id.value()); }
std::string NodeName(const NodeId& id) { return absl::StrCat("nodes/", id.value()); }
std::string DataCenterName(const DataCenterId& id) {
  return absl::StrCat("dataCenters/", id.value());
}
std::string RegionName(const RegionId& id) { return absl::StrCat("regions/", id.value()); }

absl::StatusOr<JobId> ParseJobName(absl::string_view name) {
  HT_ASSIGN_OR_RETURN(const absl::string_view id, IdIn("jobs", name));
  return JobId(id);
}

absl::StatusOr<TaskName> ParseTaskName(absl::string_view name) {
  const size_t split = name.find("/tasks/");
  if (split != absl::string_view::npos) {
    const absl::StatusOr<JobId> job = ParseJobName(name.substr(0, split));
    const absl::string_view digits = name.substr(split + 7);
    uint32_t index = 0;
    // One spelling per task: no sign, no spaces, no leading zeros.
    if (job.ok() && absl::SimpleAtoi(digits, &index) && absl::StrCat(index) == digits &&
        index < kMaxTasksPerJob) {
      return TaskName{*job, index};
    }
  }
  return InvalidField("name", absl::StrCat("\"", Shortened(name),
                                           "\" is not of the form \"jobs/{id}/tasks/{index}\""));
}

absl::StatusOr<NodeId> ParseNodeName(absl::string_view name) {
  HT_ASSIGN_OR_RETURN(const absl::string_view id, IdIn("nodes", name));
  return NodeId(id);
}

absl::StatusOr<DataCenterId> ParseDataCenterName(absl::string_view name) {
  HT_ASSIGN_OR_RETURN(const absl::string_view id, IdIn("dataCenters", name));
  return DataCenterId(id);
}

absl::StatusOr<RegionId> ParseRegionName(absl::string_view name) {
  HT_ASSIGN_OR_RETURN(const absl::string_view id, IdIn("regions", name));
  return RegionId(id);
}

std::string NearestName(absl::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kMaxEdits = 2;
  constexpr size_t kLongestWord = 128;
  if (word.size() > kLongestWord) return "";
  const std::string lower = absl::AsciiStrToLower(word);
  const std::string* nearest = nullptr;
  size_t best = std::min(kMaxEdits + 1, (word.size() + 1) / 2);
  for (const std::string& candidate : candidates) {
    const size_t edits = EditDistance(lower, absl::AsciiStrToLower(candidate), kMaxEdits);
    if (edits < best) {
      best = edits;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : *nearest;
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(word, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace heliotrope
