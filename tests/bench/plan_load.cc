#include "tests/bench/plan_load.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heliotrope::bench {
namespace {

struct Place {
  const char* id;
  const char* region;
  const char* jurisdiction;
  int hours_east;
  double price;
};
constexpr std::array<Place, kSites> kPlaces = {{{"dubai", "emea", "AE", 4, 80},
                                                {"frankfurt-1", "emea", "DE", 1, 95},
                                                {"frankfurt-2", "emea", "DE", 1, 95},
                                                {"hangzhou", "asia", "CN", 8, 70},
                                                {"silicon-valley", "americas", "US", -8, 60},
                                                {"singapore", "asia", "SG", 8, 110},
                                                {"virginia", "americas", "US", -5, 50}}};

// A normal variate, from twelve uniform ones: the same on every machine.
double Normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.Double();
  return sum;
}

double LogNormal(Random& random, double median, double sigma) {
  return median * std::exp(sigma * Normal(random));
}

absl::TimeZone ZoneOf(size_t site) { return absl::FixedTimeZone(kPlaces[site].hours_east * 3600); }

// 0 to 1 around the local clock, 1 at `hour`.
double Wave(size_t site, absl::Time time, double hour, double times_a_day) {
  const double since = absl::ToDoubleHours(time - absl::UnixEpoch()) + kPlaces[site].hours_east;
  return 0.5 + 0.5 * std::cos(2 * std::numbers::pi * times_a_day * (since - hour) / 24);
}

}  // namespace

absl::Time LoadStart() { return absl::FromCivil(absl::CivilDay(2026, 3, 2), absl::UTCTimeZone()); }

// The queue is some 1.64 million core-hours; over a week 0.29 of a core is headroom.
int NodesPerSite(int percent) { return 75 * 100 / percent; }

core::FleetConfig FleetOf() {
  core::FleetConfig fleet;
  std::vector<JurisdictionCode> codes;
  for (size_t site = 0; site < kPlaces.size(); ++site) {
    const Place& place = kPlaces[site];
    model::DataCenter made;
    made.id = DataCenterId(place.id);
    made.region = RegionId(place.region);
    made.time_zone = ZoneOf(site);
    made.time_zone_name = made.time_zone.name();
    made.jurisdiction = JurisdictionCode(place.jurisdiction);
    made.target_utilization = kTargetUtilization;
    codes.push_back(made.jurisdiction);
    fleet.data_centers.push_back(std::move(made));
  }
  fleet.jurisdictions = model::JurisdictionTable({}, codes);
  return fleet;
}

double ForegroundAt(size_t site, absl::Time time) {
  const absl::Weekday day = absl::GetWeekday(absl::ToCivilDay(time, ZoneOf(site)));
  const bool weekend = day == absl::Weekday::saturday || day == absl::Weekday::sunday;
  return 0.25 + (weekend ? 0.3 : 0.45) * Wave(site, time, 15, 1);
}

double PriceAt(size_t site, absl::Time time) {
  return kPlaces[site].price * (0.5 + 0.4 * Wave(site, time, 19, 1) + 0.3 * Wave(site, time, 8, 2));
}

const std::vector<model::Residency>& Residencies() {
  static const std::vector<model::Residency> kAll = [] {
    std::vector<model::Residency> made(1);
    made.front().any = true;
    const std::vector<std::vector<std::string>> words = {{"DE"},
                                                         {"US"},
                                                         {"CN"},
                                                         {"SG"},
                                                         {"AE"},
                                                         {"DE", "US"},
                                                         {"AE", "DE"},
                                                         {"CN", "SG"},
                                                         {"AE", "DE", "SG"},
                                                         {"AE", "DE", "SG", "US"},
                                                         {"SG", "US"}};
    for (const auto& one : words) made.push_back({.any = false, .words = one});
    return made;
  }();
  return kAll;
}

Kind AKind(Random& random) {
  constexpr std::array<int, 10> kCores = {1, 1, 1, 1, 1, 2, 2, 2, 4, 8};
  constexpr double kMeanCount = double{kQueuedTasks} / kQueuedClasses;
  Kind kind;
  const int cores = kCores[random.Uniform(kCores.size())];
  kind.request = {MilliCores::FromCores(cores), Bytes::FromGiB(2) * cores};
  const double minutes = std::clamp(LogNormal(random, 25, 1.0), 2.0, 24.0 * 60);
  kind.expected = absl::Seconds(std::llround(60 * minutes));
  const absl::Duration least = std::max(absl::Hours(2), 2 * kind.expected);
  kind.patience = random.Chance(0.1) ? absl::InfiniteDuration()
                                     : least + (absl::Hours(24 * 7) - least) * random.Double();
  kind.priority = static_cast<int>(random.Uniform(3));
  if (random.Chance(0.7)) {
    kind.checkpoint = Bytes::FromMiB(std::llround(LogNormal(random, 512, 1.0)));
  }
  kind.residency = random.Uniform(Residencies().size());
  kind.home = random.Uniform(kSites);
  // As many small as large ones, so that the mean is the one wanted: exp(s^2 / 2) over the median.
  constexpr double kSigma = 1.0;
  const double count = LogNormal(random, kMeanCount / std::exp(kSigma * kSigma / 2), kSigma);
  kind.count = std::max(1, static_cast<int>(std::lround(count)));
  return kind;
}

}  // namespace heliotrope::bench
