#include "agent/daemon/config.h"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/csv.h"
#include "scheduler/os/files.h"
#include "scheduler/os/yaml.h"
#include "scheduler/wire/address.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::daemon {
namespace {

namespace proto = config::v1;

constexpr char kDefaultScheduler[] = "127.0.0.1:7400";
constexpr char kDefaultListen[] = "127.0.0.1:7410";
constexpr char kDefaultHttpListen[] = "127.0.0.1:7411";
constexpr char kDefaultState[] = "/var/lib/heliotrope/agent";
constexpr absl::Duration kDefaultLoadInterval = absl::Seconds(5);
constexpr absl::Duration kDefaultKeepEnded = absl::Hours(24 * 7);
constexpr absl::Duration kMaxKeepEnded = absl::Hours(24 * 365);
constexpr Bytes kDefaultKeepBytes = Bytes::FromGiB(10);
constexpr Bytes kDefaultLogSize = Bytes::FromMiB(16);
constexpr Bytes kMinLogSize = Bytes::FromKiB(16);
constexpr Bytes kMaxLogSize = Bytes::FromGiB(16);
constexpr double kMaxCores = 4096;

// The prefix of a status's text that only repeats the field.
std::string Text(const absl::Status& status) {
  const auto violations = GetFieldViolations(status);
  return violations.empty() ? std::string(status.message()) : violations.front().description;
}

double OwnCores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  return 1;
}

Bytes OwnMemory() {
  struct sysinfo info;
  if (sysinfo(&info) != 0) return Bytes::Zero();
  return Bytes::FromBytes(static_cast<int64_t>(info.totalram)) *
         static_cast<int64_t>(info.mem_unit);
}

std::string ShortHostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "";
  return absl::AsciiStrToLower(std::vector<std::string>(absl::StrSplit(name, '.')).front());
}

// Turns the message into values and collects what is wrong, so that all is told at once.
class Checker {
 public:
  Checker(const proto::AgentConfig& config, const std::string& source, const os::YamlLines& lines)
      : config_(config), source_(source), lines_(lines) {}

  Config Check() {
    CheckIdentity();
    CheckAddresses();
    CheckPlaces();
    CheckCapacity();
    CheckLoad();
    CheckYield();
    CheckRetention();
    CheckLog();
    return std::move(result_);
  }

  absl::Status status() const {
    if (problems_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
  }

 private:
  // Points at the line of the nearest one above `field` that the file has.
  void Problem(const std::string& field, absl::string_view what) {
    if (problems_.size() == os::kMaxFileProblems) return;
    std::string at = field;
    auto line = lines_.find(at);
    while (line == lines_.end() && !at.empty()) {
      const size_t cut = at.find_last_of(".[");
      at = cut == std::string::npos ? "" : at.substr(0, cut);
      line = lines_.find(at);
    }
    const std::string place = line == lines_.end() ? "" : absl::StrCat(":", line->second);
    problems_.push_back(absl::StrCat(
        source_, place, ": ", Cut(absl::StrCat("\"", field, "\": ", what), kMaxMessageBytes)));
  }

  void Check(const std::string& field, const absl::Status& status) {
    if (!status.ok()) Problem(field, Text(status));
  }

  // Relative paths start from the file's own directory.
  std::string Path(const std::string& path) const {
    const auto absolute = std::filesystem::absolute(source_).parent_path() / path;
    return absolute.lexically_normal().string();
  }

  absl::Duration Duration(const std::string& field, bool set,
                          const google::protobuf::Duration& value, absl::Duration unset,
                          absl::Duration least, absl::Duration most) {
    if (!set) return unset;
    const auto duration = wire::NonNegativeFromProto(value, field);
    if (!duration.ok()) {
      Problem(field, Text(duration.status()));
      return unset;
    }
    if (*duration < least || *duration > most) {
      Problem(field, absl::StrCat(ShortDuration(*duration), " is not within ", ShortDuration(least),
                                  " and ", ShortDuration(most)));
    }
    return *duration;
  }

  double Number(const std::string& field, double value, double unset, double least, double most) {
    if (value == 0) return unset;
    if (!(value >= least && value <= most)) {
      Problem(field, absl::StrCat(value, " is not within ", least, " and ", most));
      return unset;
    }
    return value;
  }

  Bytes Size(const std::string& field, int64_t value, Bytes unset, Bytes least, Bytes most) {
    if (value == 0) return unset;
    const Bytes size = Bytes::FromBytes(value);
    if (size < least || size > most) {
      Problem(field, absl::StrCat(ToString(size), " is not within ", ToString(least), " and ",
                                  ToString(most)));
      return unset;
    }
    return size;
  }

  void CheckIdentity() {
    result_.node = config_.node();
    if (result_.node.empty()) {
      result_.node = ShortHostName();
      if (!IsValidId(result_.node)) {
        Problem("node", absl::StrCat("is left out, and the host name \"", result_.node,
                                     "\" is no id: set it, such as frankfurt-1-a"));
      }
    } else {
      Check("node", CheckId("node", result_.node));
    }
    result_.data_center = config_.data_center();
    if (result_.data_center.empty()) {
      Problem("data_center", "is missing: name the data center as the scheduler has it");
    } else {
      Check("data_center", CheckId("data_center", result_.data_center));
    }
    result_.spec.jurisdiction = config_.jurisdiction();
    const std::string& code = config_.jurisdiction();
    const bool sound = !code.empty() && std::all_of(code.begin(), code.end(), [](char c) {
      return absl::ascii_isupper(static_cast<unsigned char>(c)) ||
             absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
    });
    if (!sound) {
      Problem("jurisdiction", absl::StrCat("\"", code,
                                           "\" is no jurisdiction: a code is of A-Z, "
                                           "0-9 and \"-\", such as DE"));
    }
  }

  void CheckAddresses() {
    const proto::Tls& tls = config_.tls();
    if (!tls.ca().empty()) result_.tls.ca = Path(tls.ca());
    if (!tls.cert().empty()) result_.tls.cert = Path(tls.cert());
    if (!tls.key().empty()) result_.tls.key = Path(tls.key());
    Check("tls", wire::MakeCredentials(result_.tls).status());
    const bool has_tls = !result_.tls.empty();
    result_.scheduler = config_.scheduler().empty() ? kDefaultScheduler : config_.scheduler();
    result_.listen = config_.listen().empty() ? kDefaultListen : config_.listen();
    result_.http_listen =
        config_.http_listen().empty() ? kDefaultHttpListen : config_.http_listen();
    result_.advertise = config_.advertise();
    Check("scheduler", wire::CheckDialAddress(result_.scheduler, has_tls));
    Check("listen", wire::CheckListenAddress(result_.listen, has_tls));
    Check("http_listen", wire::ParseAddress(result_.http_listen).status());
    if (!result_.advertise.empty()) {
      Check("advertise", wire::CheckDialAddress(result_.advertise, has_tls));
      return;
    }
    const auto listen = wire::ParseAddress(result_.listen);
    if (listen.ok() && (listen->host == "0.0.0.0" || listen->host == "::")) {
      Problem("advertise", absl::StrCat("is missing: nobody can dial ", result_.listen,
                                        ", say how others reach this agent"));
    }
  }

  void CheckPlaces() {
    result_.state_directory =
        config_.state_directory().empty() ? kDefaultState : Path(config_.state_directory());
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    result_.shim = config_.shim().empty() ? (self.parent_path() / "heliotrope-shim").string()
                                          : Path(config_.shim());
    if (access(result_.shim.c_str(), X_OK) != 0) {
      Problem("shim", absl::StrCat("\"", result_.shim,
                                   "\" is not a program: it is installed "
                                   "beside heliotrope-agent"));
    }
    const bool root = geteuid() == 0;
    std::string user = config_.task_user();
    if (user.empty() && root) user = "nobody";
    if (user.empty()) return;
    auto found = exec::FindJobUser(user);
    Check("task_user", found.status());
    if (!found.ok() || (!root && found->uid == geteuid())) return;
    if (!root) {
      Problem("task_user", "needs an agent that is root; leave it out, or name the agent's own");
    } else if (found->uid == 0) {
      Problem("task_user", "is root: tasks must not be, name an unprivileged user");
    }
    result_.task_user = *std::move(found);
  }

  void CheckCapacity() {
    constexpr double kMinCores = 0.001;
    result_.spec.cores = MilliCores::FromCores(
        Number("capacity.cores", config_.capacity().cores(), OwnCores(), kMinCores, kMaxCores));
    result_.spec.memory = Size("capacity.memory_bytes", config_.capacity().memory_bytes(),
                               OwnMemory(), Bytes::FromMiB(1), kMaxMemoryPerTask);
  }

  void CheckLoad() {
    const proto::AgentConfig::Load& load = config_.load();
    result_.load_interval =
        Duration("load.interval", load.has_interval(), load.interval(), kDefaultLoadInterval,
                 absl::Milliseconds(100), absl::Minutes(5));
    if (!load.has_replay()) return;
    proto::AgentConfig::Replay replay = load.replay();
    if (replay.file().empty()) {
      Problem("load.replay.file", "is missing");
      return;
    }
    replay.set_file(Path(replay.file()));
    Check("load.replay.file", os::ReadSeriesCsv(replay.file()).status());
    if (!replay.time_zone().empty()) {
      Check("load.replay.time_zone", os::LoadTimeZone(replay.time_zone()).status());
    }
    const auto is_share = [](double value) { return value >= 0 && value <= 1; };
    if (!is_share(replay.low())) Problem("load.replay.low", "is not within 0 and 1");
    if (!is_share(replay.high())) Problem("load.replay.high", "is not within 0 and 1");
    if (replay.low() > replay.high()) Problem("load.replay.low", "is above high");
    if (!(replay.peak() >= 0)) Problem("load.replay.peak", "is below zero");
    result_.replay = std::move(replay);
  }

  void CheckYield() {
    const proto::AgentConfig::Yield& yield = config_.yield();
    YieldRules& rules = result_.spec.yield;
    constexpr double kLeastShare = 0.01;
    rules.freeze_above =
        Number("yield.freeze_above", yield.freeze_above(), rules.freeze_above, kLeastShare, 1);
    rules.thaw_below = Number("yield.thaw_below", yield.thaw_below(),
                              std::min(rules.thaw_below, rules.freeze_above), kLeastShare, 1);
    if (rules.thaw_below > rules.freeze_above) {
      Problem("yield.thaw_below",
              absl::StrCat(rules.thaw_below, " is above freeze_above, ", rules.freeze_above));
    }
    rules.leave_after = Duration("yield.leave_after", yield.has_leave_after(), yield.leave_after(),
                                 rules.leave_after, absl::ZeroDuration(), absl::Hours(24 * 7));
    if (yield.has_freeze_above_cpu_pressure_percent()) {
      const double percent = yield.freeze_above_cpu_pressure_percent();
      if (!(percent >= 0 && percent <= 100)) {
        Problem("yield.freeze_above_cpu_pressure_percent", "is not within 0 and 100");
      }
      rules.freeze_above_pressure_percent = percent;
    }
  }

  void CheckRetention() {
    const proto::AgentConfig::Retention& retention = config_.retention();
    result_.keep_ended = Duration("retention.ended_attempts", retention.has_ended_attempts(),
                                  retention.ended_attempts(), kDefaultKeepEnded,
                                  absl::ZeroDuration(), kMaxKeepEnded);
    result_.keep_bytes = Size("retention.total_bytes", retention.total_bytes(), kDefaultKeepBytes,
                              Bytes::FromMiB(1), Bytes::FromTiB(1024));
    result_.log_size =
        Size("log_bytes", config_.log_bytes(), kDefaultLogSize, kMinLogSize, kMaxLogSize);
  }

  void CheckLog() {
    result_.log_level = config_.log().level();
    const std::string& level = result_.log_level;
    if (!level.empty() && level != "debug" && level != "info" && level != "warning" &&
        level != "error") {
      Problem("log.level", absl::StrCat("\"", level, "\" is none of debug, info, warning, error",
                                        DidYouMean(level, {"debug", "info", "warning", "error"})));
    }
  }

  const proto::AgentConfig& config_;
  const std::string& source_;
  const os::YamlLines& lines_;
  std::vector<std::string> problems_;
  Config result_;
};

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& source) {
  proto::AgentConfig message;
  os::YamlLines lines;
  HT_RETURN_IF_ERROR(os::LoadYamlText(text, source, &message, &lines));
  Checker checker(message, source, lines);
  Config config = checker.Check();
  HT_RETURN_IF_ERROR(checker.status());
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, kMaxConfigBytes));
  return ParseConfig(text, path);
}

}  // namespace heliotrope::agent::daemon
