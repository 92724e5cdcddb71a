#include "scheduler/cli/decision_line.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

Style KindStyle(v1::Decision::Kind kind) {
  if (kind == v1::Decision::KIND_MOVE) return Style::kActive;
  if (kind == v1::Decision::KIND_NODE_LOST || kind == v1::Decision::KIND_LATE) return Style::kBad;
  if (kind == v1::Decision::KIND_PLACE || kind == v1::Decision::KIND_IN_TIME) return Style::kGood;
  if (kind == v1::Decision::KIND_YIELD || kind == v1::Decision::KIND_AGENT) return Style::kWarn;
  return Style::kPlain;
}

// "hangzhou -> frankfurt-1", or the one that there is.
std::string Where(const v1::Decision& decision) {
  const std::string from = ShortName(decision.from_data_center());
  const std::string to = ShortName(decision.to_data_center());
  if (from.empty()) return to.empty() ? ShortName(decision.node()) : to;
  return to.empty() ? from : absl::StrCat(from, " -> ", to);
}

}  // namespace

std::string DecisionLine(const v1::Decision& decision, const Look& look) {
  const std::string kind = absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StripPrefix(v1::Decision::Kind_Name(decision.kind()), "KIND_")),
      {{"_", " "}});
  const std::string task = absl::StrReplaceAll(ShortName(decision.task()), {{"/tasks/", "/"}});
  std::string line =
      absl::StrCat(absl::FormatTime("%m-%d %H:%M", TimeOf(decision.time()), absl::UTCTimeZone()),
                   " ", Paint(PadRight(kind, 9), KindStyle(decision.kind()), look), " ",
                   PadRight(Printable(task), 16), " ", PadRight(Printable(Where(decision)), 24),
                   " ", Printable(decision.reason()));
  if (!decision.detail().empty()) {
    absl::StrAppend(&line, decision.reason().empty() ? "" : ": ", Printable(decision.detail()));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace heliotrope::cli
