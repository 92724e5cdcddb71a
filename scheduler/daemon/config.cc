#include "scheduler/daemon/config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "heliotrope/config/v1/scheduler.pb.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/model/price.h"
#include "scheduler/os/csv.h"
#include "scheduler/os/files.h"
#include "scheduler/os/http_server.h"
#include "scheduler/os/yaml.h"
#include "scheduler/wire/address.h"
#include "scheduler/wire/time.h"

namespace heliotrope::daemon {
namespace {

namespace proto = config::v1;

constexpr absl::Duration kDefaultLease = absl::Seconds(60);
// The core keeps a data center's index as one bit of 64.
constexpr int kMaxPlannedDataCenters = 64;
constexpr double kDefaultQuantile = 0.5;
constexpr double kMinQuantile = 0.5;
constexpr double kMaxQuantile = 0.97;
constexpr double kDefaultTargetUtilization = 0.8;
constexpr double kDefaultMoveGain = 1.3;
constexpr double kMaxMoveGain = 100;
constexpr double kDefaultDeadlineWorth = 40;  // core-hours
constexpr double kMinDeadlineWorth = 1;
constexpr double kMaxDeadlineWorth = 1e6;
constexpr double kMaxSpeed = 100'000;
constexpr absl::Duration kMaxRetention = absl::Hours(24 * 365);
constexpr absl::Duration kMaxMoveCooldown = absl::Hours(24 * 7);
constexpr absl::Duration kDefaultMovePause = absl::Seconds(40);
constexpr absl::Duration kMaxMovePause = absl::Hours(6);
constexpr double kLeastWeight = 0.001;
constexpr double kMostWeight = 1000;
constexpr double kLeastCores = 0.001;
constexpr double kMostCores = 1e9;

// The prefix of a status's text that only repeats the field.
std::string Text(const absl::Status& status) {
  const auto violations = GetFieldViolations(status);
  return violations.empty() ? std::string(status.message()) : violations.front().description;
}

// Turns the message into values and collects what is wrong, so that all is told at once.
class Checker {
 public:
  Checker(const proto::SchedulerConfig& config, const std::string& source,
          const os::YamlLines& lines)
      : config_(config), source_(source), lines_(lines) {}

  Config Check() {
    CheckAddresses();
    result_.database =
        config_.store().sqlite().empty() ? kDefaultDatabase : Path(config_.store().sqlite());
    CheckLease();
    CheckClock();
    result_.log_level = config_.log().level();
    const absl::string_view level = result_.log_level;
    if (!level.empty() && level != "debug" && level != "info" && level != "warning" &&
        level != "error") {
      Problem("log.level", absl::StrCat("\"", level, "\" is none of debug, info, warning, error",
                                        DidYouMean(level, {"debug", "info", "warning", "error"})));
    }
    CheckGroups();
    CheckDataCenters();
    CheckSpecialDays();
    CheckResidency();
    CheckAccounts();
    CheckPlanning();
    CheckRetention();
    return std::move(result_);
  }

  absl::Status status() const {
    if (problems_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
  }

 private:
  static constexpr char kDefaultDatabase[] = "/var/lib/heliotrope/scheduler/state.db";

  // `field` is a path as YAML errors name it. Points at the line of the nearest one above that the
  // file has.
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
    return (std::filesystem::path(source_).parent_path() / path).lexically_normal().string();
  }

  struct DurationRange {
    absl::Duration unset;  // What it is when it is not given.
    absl::Duration least;
    absl::Duration most;
  };
  // `value` is nullptr when the file does not have it.
  absl::Duration Duration(const std::string& field, const google::protobuf::Duration* value,
                          const DurationRange& range) {
    if (value == nullptr) return range.unset;
    const auto duration = wire::NonNegativeFromProto(*value, field);
    if (!duration.ok()) {
      Problem(field, Text(duration.status()));
      return range.unset;
    }
    if (*duration < range.least || *duration > range.most) {
      Problem(field, absl::StrCat(ShortDuration(*duration), " is not within ",
                                  ShortDuration(range.least), " and ", ShortDuration(range.most)));
    }
    return *duration;
  }

  // 0, which proto3 cannot tell from unset, is the default.
  double Number(const std::string& field, double value, double unset, double least, double most) {
    if (value == 0) return unset;
    if (!(value >= least && value <= most)) {
      Problem(field, absl::StrCat(value, " is not within ", least, " and ", most));
      return unset;
    }
    return value;
  }

  void CheckAddresses() {
    constexpr char kDefaultListen[] = "127.0.0.1:7400";
    constexpr char kDefaultHttpListen[] = "127.0.0.1:7401";
    result_.listen = config_.listen().empty() ? kDefaultListen : config_.listen();
    result_.http_listen =
        config_.http_listen().empty() ? kDefaultHttpListen : config_.http_listen();
    const proto::Tls& tls = config_.tls();
    if (!tls.ca().empty()) result_.tls.ca = Path(tls.ca());
    if (!tls.cert().empty()) result_.tls.cert = Path(tls.cert());
    if (!tls.key().empty()) result_.tls.key = Path(tls.key());
    Check("tls", wire::MakeCredentials(result_.tls).status());
    const bool has_tls = !result_.tls.empty();
    Check("listen", wire::CheckListenAddress(result_.listen, has_tls));
    Check("http_listen", wire::CheckListenAddress(result_.http_listen, has_tls));
  }

  void CheckLease() {
    result_.lease = Duration("lease_duration",
                             config_.has_lease_duration() ? &config_.lease_duration() : nullptr,
                             {.unset = kDefaultLease, .least = kMinLease, .most = kMaxLease});
  }

  void CheckClock() {
    const proto::Clock& clock = config_.clock();
    if (!config_.has_clock()) return;
    if (!clock.has_anchor() || !clock.has_start() || clock.speed() == 0) {
      Problem("clock",
              "needs anchor, start and speed, or is left out: scheduling time is real time");
      return;
    }
    const auto anchor = wire::FromProto(clock.anchor(), "clock.anchor");
    const auto start = wire::FromProto(clock.start(), "clock.start");
    Check("clock.anchor", anchor.status());
    Check("clock.start", start.status());
    result_.clock = {.anchor = anchor.value_or(absl::UnixEpoch()),
                     .start = start.value_or(absl::UnixEpoch()),
                     .speed = Number("clock.speed", clock.speed(), 1, 1, kMaxSpeed)};
  }

  // A jurisdiction's code is upper case; an id is not one by accident then.
  bool CheckCode(const std::string& field, const std::string& code) {
    constexpr size_t kLongestCode = 16;
    const bool sound = !code.empty() && code.size() <= kLongestCode &&
                       std::all_of(code.begin(), code.end(), [](char c) {
                         return absl::ascii_isupper(static_cast<unsigned char>(c)) ||
                                absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
                       });
    if (!sound) {
      Problem(field, absl::StrCat("\"", code, "\" is no jurisdiction: a code is 1 to ",
                                  kLongestCode, " of A-Z, 0-9 and \"-\", such as DE"));
    }
    return sound;
  }

  void CheckGroups() {
    for (const auto& [name, group] : config_.jurisdiction_groups()) {
      const std::string field = absl::StrCat("jurisdiction_groups.", name);
      CheckCode(field, name);
      if (group.codes().empty()) Problem(field, "has no codes");
      for (int i = 0; i < group.codes_size(); ++i) {
        const std::string& code = group.codes(i);
        if (CheckCode(absl::StrCat(field, ".codes[", i, "]"), code)) {
          groups_[name].emplace_back(code);
        }
      }
    }
  }

  void CheckDataCenters() {
    if (config_.data_centers().empty()) {
      Problem("data_centers", "is empty: name at least one, there is nothing to schedule on");
    }
    if (config_.data_centers_size() > kMaxPlannedDataCenters) {
      Problem("data_centers", absl::StrCat("has ", config_.data_centers_size(), ", at most ",
                                           kMaxPlannedDataCenters, " can be planned for"));
      return;
    }
    std::map<std::string, int> first;
    for (int i = 0; i < config_.data_centers_size(); ++i) {
      const proto::DataCenter& one = config_.data_centers(i);
      const auto [known, is_new] = first.emplace(one.name(), i);
      if (!is_new) {
        Problem(absl::StrCat("data_centers[", i, "].name"),
                absl::StrCat("\"", one.name(), "\" is data_centers[", known->second, "] already"));
      }
      CheckDataCenter(absl::StrCat("data_centers[", i, "]"), one);
    }
    auto& all = result_.fleet.data_centers;
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::vector<JurisdictionCode> codes;
    for (const model::DataCenter& one : all) codes.push_back(one.jurisdiction);
    result_.fleet.jurisdictions = model::JurisdictionTable(groups_, codes);
  }

  void CheckDataCenter(const std::string& field, const proto::DataCenter& one) {
    model::DataCenter made;
    Check(absl::StrCat(field, ".name"), CheckId("name", one.name()));
    Check(absl::StrCat(field, ".region"), CheckId("region", one.region()));
    made.id = DataCenterId(one.name());
    made.region = RegionId(one.region());
    made.time_zone_name = one.time_zone();
    const auto zone = os::LoadTimeZone(one.time_zone());
    Check(absl::StrCat(field, ".time_zone"), zone.status());
    if (zone.ok()) made.time_zone = *zone;
    CheckCode(absl::StrCat(field, ".jurisdiction"), one.jurisdiction());
    made.jurisdiction = JurisdictionCode(one.jurisdiction());
    if (groups_.contains(one.jurisdiction())) {
      Problem(absl::StrCat(field, ".jurisdiction"),
              absl::StrCat("\"", one.jurisdiction(), "\" is a group: name the one code in it"));
    }
    constexpr double kMostNorth = 90;
    constexpr double kMostEast = 180;
    made.latitude =
        Number(absl::StrCat(field, ".latitude"), one.latitude(), 0, -kMostNorth, kMostNorth);
    made.longitude =
        Number(absl::StrCat(field, ".longitude"), one.longitude(), 0, -kMostEast, kMostEast);
    constexpr double kLeastTarget = 0.01;
    made.target_utilization =
        Number(absl::StrCat(field, ".target_utilization"), one.target_utilization(),
               kDefaultTargetUtilization, kLeastTarget, 1);
    if (!one.price_file().empty()) {
      LoadPrices(absl::StrCat(field, ".price_file"), Path(one.price_file()), made);
    }
    result_.fleet.data_centers.push_back(std::move(made));
  }

  void LoadPrices(const std::string& field, const std::string& path, model::DataCenter& made) {
    const auto samples =
        os::ReadSeriesCsv(path, {.value_column = "usd_per_mwh", .allow_negative = true});
    if (!samples.ok()) {
      Problem(field, samples.status().message());
      return;
    }
    for (const os::Sample& sample : *samples) {
      made.prices.usd_per_mwh.emplace_back(sample.time, sample.value);
    }
    model::FillWeek(made.prices, made.time_zone);
  }

  void CheckSpecialDays() {
    constexpr double kMostLoad = 10;
    std::set<std::string> names;
    for (int i = 0; i < config_.special_days_size(); ++i) {
      const proto::SpecialDays& days = config_.special_days(i);
      const std::string field = absl::StrCat("special_days[", i, "]");
      Check(absl::StrCat(field, ".name"), CheckId("name", days.name()));
      if (!names.insert(days.name()).second) {
        Problem(absl::StrCat(field, ".name"), absl::StrCat("\"", days.name(), "\" is there twice"));
      }
      curve::SpecialKind kind{.name = days.name(), .dates = DatesOf(field, days)};
      // 0 is a value here: a data center that is closed that day.
      if (days.has_expected_load()) {
        kind.expected_load =
            Number(absl::StrCat(field, ".expected_load"), days.expected_load(), 0, 0, kMostLoad);
      }
      AddSpecialKind(field, days, kind);
    }
  }

  std::vector<int64_t> DatesOf(const std::string& field, const proto::SpecialDays& days) {
    constexpr int kMaxDates = 1000;
    std::vector<int64_t> dates;
    if (days.dates().empty()) Problem(absl::StrCat(field, ".dates"), "is empty: name at least one");
    if (days.dates_size() > kMaxDates) {
      Problem(absl::StrCat(field, ".dates"),
              absl::StrCat("has ", days.dates_size(), ", at most ", kMaxDates));
    }
    for (int i = 0; i < days.dates_size(); ++i) {
      absl::CivilDay day;
      if (absl::ParseCivilTime(days.dates(i), &day)) {
        dates.push_back(day - absl::CivilDay(1970, 1, 1));
      } else {
        Problem(absl::StrCat(field, ".dates[", i, "]"),
                absl::StrCat("\"", days.dates(i), "\" is not a day: write it as 2026-11-11"));
      }
    }
    return dates;
  }

  // To the data centers that it names, or to all.
  void AddSpecialKind(const std::string& field, const proto::SpecialDays& days,
                      const curve::SpecialKind& kind) {
    std::set<std::string> wanted(days.data_centers().begin(), days.data_centers().end());
    for (const model::DataCenter& data_center : result_.fleet.data_centers) {
      const bool named = wanted.erase(data_center.id.value()) > 0;
      if (!named && !days.data_centers().empty()) continue;
      std::vector<curve::SpecialKind>& kinds = result_.fleet.special_days[data_center.id];
      kinds.push_back(kind);
      if (kinds.size() == curve::kMaxSpecialKinds + 1) {
        Problem(field, absl::StrCat("is one kind too many for ", data_center.id.value(),
                                    ", at most ", curve::kMaxSpecialKinds));
      }
    }
    for (const std::string& unknown : wanted) {
      Problem(absl::StrCat(field, ".data_centers"),
              absl::StrCat("\"", unknown, "\" is not among the data_centers"));
    }
  }

  void CheckResidency() {
    if (config_.default_residency().empty()) return;
    model::Residency residency;
    std::set<std::string> words(config_.default_residency().begin(),
                                config_.default_residency().end());
    residency.any = words.erase("any") > 0;
    residency.words.assign(words.begin(), words.end());
    Check("default_residency", result_.fleet.jurisdictions.CheckKnown(residency));
    result_.fleet.default_residency = std::move(residency);
  }

  void CheckAccounts() {
    auto& accounts = result_.fleet.accounts;
    if (config_.accounts_size() > kMaxConfiguredAccounts) {
      Problem("accounts",
              absl::StrCat("has ", config_.accounts_size(), ", at most ", kMaxConfiguredAccounts,
                           ": leave those to default_account that are alike"));
    }
    std::map<std::string, int> first;
    for (int i = 0; i < config_.accounts_size(); ++i) {
      const proto::Account& one = config_.accounts(i);
      const std::string field = absl::StrCat("accounts[", i, "]");
      Check(absl::StrCat(field, ".name"), CheckId("name", one.name()));
      if (one.name() == kOtherAccounts) {
        Problem(absl::StrCat(field, ".name"),
                absl::StrCat("\"", kOtherAccounts,
                             "\" stands for all that are not listed: choose another name"));
      }
      const auto [known, is_new] = first.emplace(one.name(), i);
      if (!is_new) {
        Problem(absl::StrCat(field, ".name"),
                absl::StrCat("\"", one.name(), "\" is accounts[", known->second, "] already"));
      }
      accounts[AccountId(one.name())] = PolicyFrom(field, one);
    }
    if (config_.has_default_account()) {
      result_.fleet.default_account = PolicyFrom("default_account", config_.default_account());
    }
  }

  // Of an Account or AccountLimits.
  template <class Message>
  model::AccountPolicy PolicyFrom(const std::string& field, const Message& message) {
    model::AccountPolicy policy;
    const double weight =
        Number(absl::StrCat(field, ".weight"), message.weight(), 1, kLeastWeight, kMostWeight);
    policy.weight_milli = std::llround(weight * 1000);
    const double cores =
        Number(absl::StrCat(field, ".max_cores"), message.max_cores(), 0, kLeastCores, kMostCores);
    if (cores > 0) policy.most.cores = MilliCores::FromCores(cores);
    const auto at_least_one = [&](const char* key, int64_t value) {
      if (value < 0) {
        Problem(absl::StrCat(field, ".", key),
                absl::StrCat(value, " is below zero: give a limit, or leave it out for none"));
      }
      return value > 0;
    };
    if (at_least_one("max_memory_bytes", message.max_memory_bytes())) {
      policy.most.memory = Bytes::FromBytes(message.max_memory_bytes());
    }
    if (at_least_one("max_pending_tasks", message.max_pending_tasks())) {
      policy.max_pending_tasks = message.max_pending_tasks();
    }
    return policy;
  }

  void CheckPlanning() {
    const proto::Planning& planning = config_.planning();
    core::FleetConfig& fleet = result_.fleet;
    fleet.headroom_quantile = Number("planning.headroom_quantile", planning.headroom_quantile(),
                                     kDefaultQuantile, kMinQuantile, kMaxQuantile);
    fleet.default_expected_duration = Duration(
        "planning.default_expected_duration",
        planning.has_default_expected_duration() ? &planning.default_expected_duration() : nullptr,
        {.unset = absl::Hours(1), .least = kMinExpectedDuration, .most = kMaxExpectedDuration});
    fleet.planning.move_cooldown = Duration(
        "planning.move_cooldown",
        planning.has_move_cooldown() ? &planning.move_cooldown() : nullptr,
        {.unset = absl::Minutes(10), .least = absl::ZeroDuration(), .most = kMaxMoveCooldown});
    fleet.planning.move_gain_factor =
        Number("planning.move_gain_factor", planning.move_gain_factor(), kDefaultMoveGain, 1,
               kMaxMoveGain);
    fleet.planning.deadline_worth_core_hours =
        Number("planning.deadline_worth", planning.deadline_worth(), kDefaultDeadlineWorth,
               kMinDeadlineWorth, kMaxDeadlineWorth);
    fleet.move_pause = Duration(
        "planning.move_pause", planning.has_move_pause() ? &planning.move_pause() : nullptr,
        {.unset = kDefaultMovePause, .least = absl::ZeroDuration(), .most = kMaxMovePause});
  }

  void CheckRetention() {
    const proto::Retention& retention = config_.retention();
    result_.fleet.ended_job_retention = Duration(
        "retention.ended_jobs", retention.has_ended_jobs() ? &retention.ended_jobs() : nullptr,
        {.unset = absl::Hours(24 * 7), .least = absl::Minutes(1), .most = kMaxRetention});
    result_.fleet.request_retention = Duration(
        "retention.request_ids", retention.has_request_ids() ? &retention.request_ids() : nullptr,
        {.unset = kRequestIdRetention, .least = absl::Minutes(1), .most = kMaxRetention});
  }

  const proto::SchedulerConfig& config_;
  const std::string& source_;
  const os::YamlLines& lines_;
  std::map<std::string, std::vector<JurisdictionCode>> groups_;
  std::vector<std::string> problems_;
  Config result_;
};

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& source) {
  proto::SchedulerConfig message;
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

std::vector<std::string> NeedRestart(const Config& running, const Config& loaded) {
  std::vector<std::string> keys;
  if (running.listen != loaded.listen) keys.emplace_back("listen");
  if (running.http_listen != loaded.http_listen) keys.emplace_back("http_listen");
  if (running.tls.ca != loaded.tls.ca || running.tls.cert != loaded.tls.cert ||
      running.tls.key != loaded.tls.key) {
    keys.emplace_back("tls");
  }
  if (running.database != loaded.database) keys.emplace_back("store");
  if (running.lease != loaded.lease) keys.emplace_back("lease_duration");
  if (!(running.clock == loaded.clock)) keys.emplace_back("clock");
  return keys;
}

}  // namespace heliotrope::daemon
