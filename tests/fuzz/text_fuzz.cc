// Short texts of requests, flags, files and folder names, each parsed by its own function: what
// parses prints as something that parses to the same.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/checkpoint/manifest.h"
#include "agent/checkpoint/store.h"
#include "agent/exec/attempt.h"
#include "agent/link/convert.h"
#include "agent/link/glob.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/names.h"
#include "scheduler/base/text.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/output_path.h"
#include "scheduler/rpc/page.h"
#include "scheduler/store/keys.h"
#include "scheduler/wire/address.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

// `parsed` is of some text, `parse` parses again what `print` makes of it.
template <class T, class Print, class Parse>
void CheckRoundTrip(const absl::StatusOr<T>& parsed, Print print, Parse parse) {
  if (!parsed.ok()) {
    CheckRefusal(parsed.status());
    return;
  }
  const absl::StatusOr<T> again = parse(print(*parsed));
  HT_CHECK(again.ok());
  HT_CHECK(*again == *parsed);
}

void CheckValues(absl::string_view text) {
  CheckRoundTrip(
      ParseDuration(text),
      [](absl::Duration duration) {
        // Printed exactly: ShortDuration is for people.
        const bool negative = duration < absl::ZeroDuration();
        absl::Duration rest = negative ? -duration : duration;
        const int64_t seconds = absl::IDivDuration(rest, absl::Seconds(1), &rest);
        const int64_t nanos = absl::IDivDuration(rest, absl::Nanoseconds(1), &rest);
        // Doubles hold whole seconds up to 2^53, and nothing prints a quarter of a nanosecond.
        if (seconds > int64_t{1} << 53 || rest != absl::ZeroDuration()) return std::string();
        return absl::StrCat(negative ? "-" : "", seconds, "s", nanos, "ns");
      },
      [&](const std::string& printed) { return ParseDuration(printed.empty() ? text : printed); });
  if (const auto duration = ParseDuration(text); duration.ok()) {
    HT_CHECK(!ShortDuration(*duration).empty());
  }
  CheckRoundTrip(ParseTime(text), Rfc3339, ParseTime);
  const auto size = ParseSize(text);
  CheckRoundTrip(
      size, [](Bytes bytes) { return absl::StrCat(bytes.value()); }, ParseSize);
  HT_CHECK(!size.ok() || *size >= Bytes::Zero());
  const auto number = rpc::PageTokenNumber(text, 7);
  if (!number.ok()) CheckRefusal(number.status());
  const auto signal = agent::link::ParseSignal(std::string(text));
  HT_CHECK(!signal.ok() || (*signal > 0 && *signal != SIGKILL && *signal != SIGSTOP));
  if (!signal.ok()) CheckRefusal(signal.status());
}

void CheckNames(absl::string_view text) {
  CheckRoundTrip(ParseJobName(text), JobName, ParseJobName);
  CheckRoundTrip(ParseNodeName(text), NodeName, ParseNodeName);
  CheckRoundTrip(ParseDataCenterName(text), DataCenterName, ParseDataCenterName);
  CheckRoundTrip(ParseRegionName(text), RegionName, ParseRegionName);
  if (const auto task = ParseTaskName(text); task.ok()) {
    HT_CHECK_EQ(FormatTaskName(task->job, task->index), std::string(text));
  } else {
    CheckRefusal(task.status());
  }
  if (const auto named = cli::ParseJobOrTask(text); named.has_value()) {
    const auto again = cli::ParseJobOrTask(named->FullName());
    HT_CHECK(again.has_value());
    HT_CHECK_EQ(again->FullName(), named->FullName());
  }
  NearestName(text, {"frankfurt-1", "dubai", "", "ab"});
}

void CheckFolders(absl::string_view text) {
  if (const auto key = agent::exec::ParseDirectoryName(text); key.ok()) {
    HT_CHECK_EQ(agent::exec::DirectoryName(*key), std::string(text));
  } else {
    CheckRefusal(key.status());
  }
  if (const auto key = agent::checkpoint::ParseFolderName(text); key.has_value()) {
    HT_CHECK_EQ(agent::checkpoint::FolderName(*key), std::string(text));
  }
  if (const auto key = store::ParseJobKey(text); key.ok()) {
    HT_CHECK_EQ(store::JobKey(*key), std::string(text));
  }
  if (const auto key = store::ParseTaskKey(text); key.ok()) {
    HT_CHECK_EQ(store::TaskKey(*key), std::string(text));
  }
  if (const auto key = store::ParseCurveBinKey(text); key.ok()) {
    HT_CHECK_EQ(store::CurveBinKey(key->first, key->second), std::string(text));
  }
  for (const store::Kind kind : store::kAllKinds) store::PrintedKey(kind, text);
}

// A path that is accepted stays below its root, by either end's check.
void CheckPaths(absl::string_view text) {
  const absl::Status relative = agent::checkpoint::CheckRelativePath(text);
  if (!relative.ok()) CheckRefusal(relative);
  const auto target = cli::TargetPath("/out", text);
  if (!target.ok()) CheckRefusal(target.status());
  for (const bool accepted : {relative.ok(), target.ok()}) {
    if (!accepted) continue;
    HT_CHECK(!absl::StartsWith(text, "/"));
    for (const absl::string_view part : absl::StrSplit(text, '/')) {
      HT_CHECK(part != ".." && part != "." && !part.empty());
    }
    HT_CHECK(!absl::StrContains(text, '\0'));
  }
}

void CheckAddress(absl::string_view text) {
  CheckRoundTrip(wire::ParseAddress(text), wire::FormatAddress, wire::ParseAddress);
  for (const bool has_tls : {false, true}) {
    const absl::Status listen = wire::CheckListenAddress(text, has_tls);
    if (!listen.ok()) CheckRefusal(listen);
    const absl::Status dial = wire::CheckDialAddress(text, has_tls);
    if (!dial.ok()) CheckRefusal(dial);
  }
}

// The same by trying everything: slow, so only on short texts.
bool SlowGlob(absl::string_view pattern, absl::string_view path) {
  if (pattern.empty()) return path.empty();
  if (absl::StartsWith(pattern, "**")) {
    for (size_t i = 0; i <= path.size(); ++i) {
      if (SlowGlob(pattern.substr(2), path.substr(i))) return true;
    }
    return false;
  }
  if (pattern[0] == '*') {
    for (size_t i = 0; i <= path.size(); ++i) {
      if (SlowGlob(pattern.substr(1), path.substr(i))) return true;
      if (i < path.size() && path[i] == '/') return false;
    }
    return false;
  }
  if (path.empty() || (pattern[0] == '?' ? path[0] == '/' : pattern[0] != path[0])) return false;
  return SlowGlob(pattern.substr(1), path.substr(1));
}

void CheckGlob(absl::string_view text) {
  const size_t split = text.find('\n');
  if (split == absl::string_view::npos) return;
  const absl::string_view pattern = text.substr(0, split);
  const absl::string_view path = text.substr(split + 1);
  const bool matches = agent::link::GlobMatches(pattern, path);
  // "**/" may match nothing, which the plain reading of "**" and "/" does not.
  constexpr size_t kShort = 12;
  if (pattern.size() > kShort || path.size() > kShort || absl::StrContains(pattern, "**/")) return;
  HT_CHECK_EQ(matches, SlowGlob(pattern, path));
}

void CheckShown(absl::string_view text) {
  const std::string cut = Cut(text, 64);
  HT_CHECK_LE(cut.size(), 64u);
  const std::string clean = agent::link::Clean(std::string(text));
  HT_CHECK_LE(clean.size(), kMaxMessageBytes);
  for (const char c : clean) HT_CHECK(c >= 0x20 && c < 0x7f);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  heliotrope::fuzz::CheckValues(text);
  heliotrope::fuzz::CheckNames(text);
  heliotrope::fuzz::CheckFolders(text);
  heliotrope::fuzz::CheckPaths(text);
  heliotrope::fuzz::CheckAddress(text);
  heliotrope::fuzz::CheckGlob(text);
  heliotrope::fuzz::CheckShown(text);
  return 0;
}
