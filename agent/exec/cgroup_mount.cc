#include "agent/exec/cgroup_mount.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace heliotrope::agent::exec {
namespace {

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string Unescaped(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size();
    const absl::string_view digits = escape ? text.substr(i + 1, 3) : "";
    if (!escape ||
        !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '7'; })) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
    i += 3;
  }
  return plain;
}

}  // namespace

// A line: "36 35 98:0 /root /mount options [optional]... - type source options" (proc(5)).
std::optional<CgroupMount> FindCgroupMount(absl::string_view mountinfo) {
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const std::vector<absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    if (halves.size() != 2 || !absl::StartsWith(halves[1], "cgroup2 ")) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(halves[0], ' ');
    if (words.size() < 5) continue;
    return CgroupMount{.mount_point = Unescaped(words[4]), .root = Unescaped(words[3])};
  }
  return std::nullopt;
}

std::optional<std::string> OwnCgroupDirectory(absl::string_view proc_self_cgroup,
                                              const CgroupMount& mount) {
  for (absl::string_view line : absl::StrSplit(proc_self_cgroup, '\n')) {
    if (!absl::ConsumePrefix(&line, "0::")) continue;
    if (mount.root != "/" && !absl::ConsumePrefix(&line, mount.root)) return std::nullopt;
    if (absl::StrContains(line, "/..")) return std::nullopt;  // Above a namespace's root.
    line = absl::StripSuffix(line, "/");
    if (!line.empty() && line[0] != '/') return std::nullopt;
    return absl::StrCat(mount.mount_point, line);
  }
  return std::nullopt;
}

}  // namespace heliotrope::agent::exec
