#include "scheduler/sim/load_world.h"

#include "heliotrope/config/v1/world.pb.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/resample.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/files.h"
#include "scheduler/os/yaml.h"

namespace heliotrope::sim {
namespace {

const Seconds kMaxLength = absl::ToInt64Seconds(kMaxWorldLength);
const Seconds kMaxWarmup = absl::ToInt64Seconds(kMaxWorldWarmup);
// A price holds until the next one's time, but for no longer than this.
constexpr absl::Duration kLongestPrice = absl::Hours(24);

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

class Loader {
 public:
  Loader(std::string directory, os::FileProblems& problems)
      : directory_(std::move(directory)), problems_(problems) {}

  World Load() {
    source_ = absl::StrCat(directory_, "/world.yaml");
    const absl::Status status = os::LoadYamlFile(source_, &config_, &lines_);
    if (!status.ok()) {
      // One line each.
      for (const absl::string_view line : absl::StrSplit(status.message(), '\n'))
        problems_.Add(line);
      return World{};
    }
    world_.path = directory_;
    LoadCalendar();
    LoadFleet();
    LoadJurisdictions();
    LoadJobs();
    return std::move(world_);
  }

 private:
  template <class... Parts>
  void Problem(const std::string& key, const Parts&... parts) {
    const auto line = lines_.find(key);
    problems_.Add(absl::StrCat(source_, ":", line == lines_.end() ? 1 : line->second, ": ", key,
                               " ", parts...));
  }

  // A length of time in whole seconds within [least, most].
  Seconds Length(const std::string& key, const google::protobuf::Duration& value, Seconds least,
                 Seconds most) {
    const Seconds seconds = absl::ToInt64Seconds(DurationOf(value));
    if (seconds >= least && seconds <= most && seconds % curve::kBinSeconds == 0) return seconds;
    Problem(key, ShortDuration(DurationOf(value)), " is not within ",
            ShortDuration(absl::Seconds(least)), " and ", ShortDuration(absl::Seconds(most)),
            " in steps of 5m");
    return least;
  }

  void LoadCalendar() {
    world_.start = absl::FromUnixSeconds(config_.start().seconds());
    if (!config_.has_start() || config_.start().seconds() % kHour != 0) {
      Problem("start", "is no whole hour: write it like 2026-03-02T00:00:00Z");
    }
    world_.duration = Length("duration", config_.duration(), kHour, kMaxLength);
    const Seconds tail = Length("tail", config_.tail(), 0, kMaxLength - world_.duration);
    warmup_ = Length("warmup", config_.warmup(), 0, kMaxWarmup);
    world_.horizon = (world_.duration + tail + kHour - 1) / kHour * kHour;
    world_.target_utilization = 0.8;
    if (!lines_.contains("target_utilization")) return;
    world_.target_utilization = config_.target_utilization();
    if (!(world_.target_utilization > 0 && world_.target_utilization <= 1)) {
      Problem("target_utilization", world_.target_utilization, " is not within 0 and 1");
    }
  }

  void LoadFleet() {
    if (config_.data_centers().empty()) Problem("data_centers", "are none: add at least one");
    if (static_cast<size_t>(config_.data_centers_size()) > kMaxWorldDataCenters) {
      Problem("data_centers", "are ", config_.data_centers_size(), ", the limit is ",
              kMaxWorldDataCenters);
      return;
    }
    std::set<std::string> names;
    for (int i = 0; i < config_.data_centers_size(); ++i) {
      const auto& given = config_.data_centers(i);
      const std::string key = absl::StrCat("data_centers[", i, "]");
      if (!names.insert(given.name()).second) {
        Problem(absl::StrCat(key, ".name"), "\"", given.name(), "\" is there twice");
      }
      world_.data_centers.push_back(LoadDataCenter(key, given));
    }
    std::sort(world_.data_centers.begin(), world_.data_centers.end(),
              [](const DataCenter& a, const DataCenter& b) { return a.id < b.id; });
  }

  int Count(const std::string& key, int value, int most) {
    if (value >= 1 && value <= most) return value;
    Problem(key, value, " is not within 1 and ", most);
    return 1;
  }

  DataCenter LoadDataCenter(const std::string& key, const config::v1::WorldDataCenter& given) {
    DataCenter made;
    made.id = DataCenterId(given.name());
    made.region = RegionId(given.region().empty() ? "world" : given.region());
    if (!IsValidId(given.name())) {
      Problem(absl::StrCat(key, ".name"), "\"", given.name(),
              "\" is no id: lower-case letters, digits and -, beginning with a letter");
    }
    made.jurisdiction = JurisdictionCode(given.jurisdiction());
    if (given.jurisdiction().empty()) {
      Problem(absl::StrCat(key, ".jurisdiction"), "is missing: write a code such as DE");
    }
    made.time_zone_name = given.time_zone();
    const auto zone = os::LoadTimeZone(given.time_zone());
    if (zone.ok()) {
      made.time_zone = *zone;
    } else {
      Problem(absl::StrCat(key, ".time_zone"), zone.status().message());
    }
    made.nodes = Count(absl::StrCat(key, ".nodes"), given.nodes(), kMaxWorldNodes);
    made.cores_per_node =
        Count(absl::StrCat(key, ".cores_per_node"), given.cores_per_node(), kMaxWorldCores);
    const auto memory = ParseSize(given.memory_per_node());
    if (memory.ok() && *memory > Bytes::Zero()) {
      made.memory_per_node = *memory;
    } else {
      Problem(absl::StrCat(key, ".memory_per_node"), "\"", given.memory_per_node(),
              "\" is no size: write it like 256GiB");
    }
    LoadLoad(absl::StrCat(key, ".load"), given.load(), made);
    LoadPrice(absl::StrCat(key, ".price"), given.price(), made);
    return made;
  }

  std::vector<os::Sample> Series(const std::string& key, const std::string& file,
                                 const os::SeriesFormat& format) {
    if (file.empty()) {
      Problem(key, "is missing: name a CSV file beside world.yaml");
      return {};
    }
    const std::string path = absl::StrCat(directory_, "/", file);
    const auto text = os::ReadFile(path, kMaxCsvBytes);
    if (!text.ok()) {
      Problem(key, text.status().message());
      return {};
    }
    return os::ParseSeriesCsv(*text, path, format, problems_);
  }

  // Any step of up to two hours: bins between two samples lie on the line between them. A longer
  // gap is no matter before the start and a problem after it.
  void LoadLoad(const std::string& key, const std::string& file, DataCenter& to) {
    std::vector<curve::Sample> samples;
    for (const os::Sample& row : Series(key, file, {})) {
      samples.push_back({row.time, row.value});
      if (row.value <= curve::kMaxLoad) continue;
      problems_.Add(absl::StrCat(directory_, "/", file, ":", samples.size() + 1, ": load ",
                                 row.value, " is above ", curve::kMaxLoad,
                                 ": give it as a fraction of the cores, 1 for all of them"));
    }
    if (samples.empty()) return;
    const size_t bins = static_cast<size_t>(world_.horizon / curve::kBinSeconds);
    to.load.assign(bins, std::nan(""));
    for (const curve::Bin& bin : curve::Resample(std::move(samples))) {
      const Seconds at = absl::ToInt64Seconds(bin.start - world_.start);
      if (at >= -warmup_ && at < 0) to.history.push_back(bin);
      if (at < 0 || at >= world_.horizon) continue;
      to.load[static_cast<size_t>(at / curve::kBinSeconds)] = bin.load;
    }
    // The last sample stands for what is left of its step.
    for (size_t b = bins; b-- > 0 && std::isnan(to.load[b]);) {
      if (bins - b > 24) break;
      if (b > 0 && !std::isnan(to.load[b - 1])) {
        std::fill(to.load.begin() + static_cast<int64_t>(b), to.load.end(), to.load[b - 1]);
      }
    }
    for (size_t b = 0; b < bins; ++b) {
      if (!std::isnan(to.load[b])) continue;
      size_t end = b;
      while (end < bins && std::isnan(to.load[end])) ++end;
      problems_.Add(
          absl::StrCat(directory_, "/", file, ":1: no load from ",
                       Rfc3339(world_.At(static_cast<Seconds>(b) * curve::kBinSeconds)), " to ",
                       Rfc3339(world_.At(static_cast<Seconds>(end) * curve::kBinSeconds)),
                       ": gaps of up to 2h are filled; shorten the world or mend the file"));
      b = end;
    }
  }

  void LoadPrice(const std::string& key, const std::string& file, DataCenter& to) {
    const std::vector<os::Sample> rows =
        Series(key, file, {.value_column = "usd_per_mwh", .allow_negative = true});
    if (rows.empty()) return;
    for (const os::Sample& row : rows) {
      if (row.time >= world_.start - absl::Seconds(warmup_))
        to.signal.emplace_back(row.time, row.value);
    }
    size_t next = 0;
    for (Seconds hour = 0; hour < world_.horizon; hour += kHour) {
      const absl::Time time = world_.At(hour);
      while (next < rows.size() && rows[next].time <= time) ++next;
      if (next == 0 || time - rows[next - 1].time >= kLongestPrice) {
        problems_.Add(absl::StrCat(directory_, "/", file, ":", next + 1, ": no price for ",
                                   Rfc3339(time), ": each holds until the next row, at most ",
                                   ShortDuration(kLongestPrice)));
        return;
      }
      to.price.push_back(rows[next - 1].value);
    }
  }

  void LoadJurisdictions() {
    std::set<JurisdictionCode> codes;
    for (const DataCenter& one : world_.data_centers) codes.insert(one.jurisdiction);
    std::map<std::string, std::vector<JurisdictionCode>> groups;
    for (const auto& [name, group] : config_.jurisdiction_groups()) {
      for (const std::string& code : group.codes()) groups[name].emplace_back(code);
      if (group.codes().empty()) {
        Problem(absl::StrCat("jurisdiction_groups.", name), "has no codes");
      }
      if (codes.contains(JurisdictionCode(name))) {
        Problem(absl::StrCat("jurisdiction_groups.", name), "is a data center's jurisdiction, too");
      }
    }
    world_.codes.assign(codes.begin(), codes.end());
    world_.jurisdictions = model::JurisdictionTable(std::move(groups), world_.codes);
  }

  void LoadJobs() {
    if (config_.jobs().empty()) {
      Problem("jobs", "is missing: name a CSV file beside world.yaml");
      return;
    }
    const std::string path = absl::StrCat(directory_, "/", config_.jobs());
    const auto text = os::ReadFile(path, kMaxWorldJobsBytes);
    if (!text.ok()) {
      Problem("jobs", text.status().message());
      return;
    }
    ParseJobs(*text, path, world_, problems_);
  }

  std::string directory_;
  os::FileProblems& problems_;
  std::string source_;
  config::v1::World config_;
  os::YamlLines lines_;
  World world_;
  Seconds warmup_ = 0;
};

}  // namespace

World LoadWorld(const std::string& directory, os::FileProblems& problems) {
  return Loader(directory, problems).Load();
}

}  // namespace heliotrope::sim
