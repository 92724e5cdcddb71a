#include "scheduler/cli/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

extern char** environ;

namespace heliotrope::cli {
namespace {

constexpr int64_t kMaxPictureBytes = 64 << 20;

}  // namespace

std::string GnuplotText(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') continue;
    // A command in backquotes would be run.
    if (c == '"' || c == '\\' || c == '`') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

absl::StatusOr<std::string> RunGnuplot(const std::string& script) {
  std::error_code none;
  std::string folder = std::filesystem::temp_directory_path(none) / "heliotrope-XXXXXX";
  if (none) {
    return absl::FailedPreconditionError(
        absl::StrCat("no folder for temporary files (TMPDIR): ", none.message()));
  }
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("making ", folder));
  }
  const absl::Cleanup remove = [&folder] {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  };
  std::string script_path = absl::StrCat(folder, "/script");
  const std::string picture_path = absl::StrCat(folder, "/picture.svg");
  HT_RETURN_IF_ERROR(os::WriteFileAtomically(script_path, script, {.mode = 0600}));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&actions] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, picture_path.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::string program = "gnuplot";
  std::string no_startup_files = "-d";
  char* const arguments[] = {program.data(), no_startup_files.data(), script_path.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "gnuplot", &actions, nullptr, arguments, environ);
  if (error == ENOENT) {
    return absl::FailedPreconditionError(
        "pictures are drawn by gnuplot, which is not installed here: apt install gnuplot-nox");
  }
  if (error != 0) return absl::ErrnoToStatus(error, "starting gnuplot");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) return absl::InternalError("gnuplot has failed; it said why above");
  return os::ReadFile(picture_path, kMaxPictureBytes);
}

}  // namespace heliotrope::cli
