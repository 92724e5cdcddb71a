#include "scheduler/cli/output_path.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace heliotrope::cli {

absl::StatusOr<std::string> TargetPath(absl::string_view directory, absl::string_view path) {
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", path, "\" is no path of an output file"));
    }
  }
  return absl::StrCat(directory, "/", path);
}

}  // namespace heliotrope::cli
