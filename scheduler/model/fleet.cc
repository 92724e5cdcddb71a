#include "scheduler/model/fleet.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/names.h"
#include "scheduler/base/text.h"

namespace heliotrope::model {
namespace {

void SortUnique(std::vector<JurisdictionCode>& codes) {
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
}

// "any" beside other words is refused on input; should one come through, the words count.
bool IsAnywhere(const Residency& residency) { return residency.any && residency.words.empty(); }

}  // namespace

JurisdictionTable::JurisdictionTable(std::map<std::string, std::vector<JurisdictionCode>> groups,
                                     std::vector<JurisdictionCode> codes)
    : groups_(std::move(groups)), codes_(std::move(codes)) {
  for (auto& [name, members] : groups_) {
    SortUnique(members);
    codes_.insert(codes_.end(), members.begin(), members.end());
  }
  SortUnique(codes_);
  // An empty code means "none" and is nobody's jurisdiction.
  std::erase(codes_, JurisdictionCode());
}

bool JurisdictionTable::IsKnownCode(const JurisdictionCode& code) const {
  return std::binary_search(codes_.begin(), codes_.end(), code);
}

std::string JurisdictionTable::UnknownWord(const std::string& word) const {
  std::vector<std::string> known = {"any"};
  for (const auto& [name, members] : groups_) known.push_back(name);
  for (const JurisdictionCode& code : codes_) known.push_back(code.value());
  const std::string text = absl::StrCat("residency \"", Cut(word, 80),
                                        "\" is neither a jurisdiction nor a group of this fleet");
  const std::string nearest = DidYouMean(word, known);
  if (!nearest.empty()) return absl::StrCat(text, nearest);
  constexpr size_t kShown = 12;
  std::string list;
  for (size_t i = 0; i < known.size() && i < kShown; ++i) {
    absl::StrAppend(&list, i == 0 ? "" : ", ", known[i]);
  }
  return absl::StrCat(text, ": use one of ", list, known.size() > kShown ? ", ..." : "");
}

absl::Status JurisdictionTable::CheckKnown(const Residency& residency) const {
  if (residency.any) {
    if (residency.words.empty()) return absl::OkStatus();
    return InvalidField("residency", "\"any\" stands alone: leave out it or the other words");
  }
  if (residency.words.empty()) {
    return InvalidField(
        "residency", "no jurisdiction is given: name those where the job may be, or say \"any\"");
  }
  for (const std::string& word : residency.words) {
    if (groups_.count(word) == 0 && !IsKnownCode(JurisdictionCode(word))) {
      return InvalidField("residency", UnknownWord(word));
    }
  }
  return absl::OkStatus();
}

bool JurisdictionTable::Allows(const Residency& residency,
                               const JurisdictionCode& jurisdiction) const {
  if (!IsKnownCode(jurisdiction)) return false;
  if (IsAnywhere(residency)) return true;
  for (const std::string& word : residency.words) {
    if (jurisdiction.value() == word) return true;
    const auto group = groups_.find(word);
    if (group == groups_.end()) continue;
    if (std::binary_search(group->second.begin(), group->second.end(), jurisdiction)) return true;
  }
  return false;
}

std::vector<std::string> JurisdictionTable::Expand(const Residency& residency) const {
  if (IsAnywhere(residency)) return {"*"};
  std::vector<std::string> expanded;
  for (const JurisdictionCode& code : codes_) {
    if (Allows(residency, code)) expanded.push_back(code.value());
  }
  return expanded;
}

}  // namespace heliotrope::model
