#include "scheduler/curve/special_days.h"

#include <algorithm>

namespace heliotrope::curve {
namespace {

constexpr size_t kHours = 24;
constexpr double kOccurrences = 2;       // after which one counts for 1/e
constexpr double kLeastOrdinary = 1e-3;  // of capacity: less says nothing of a ratio
constexpr double kMostRatio = 10;
constexpr int kSunday = 6 * kSlotsPerDay;

// FNV-1a, without its sign and never 0: a name as a number that a state can keep.
int64_t HashOf(const std::string& name) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  // The states' integers are checked to be below 2^40.
  return static_cast<int64_t>(hash % ((uint64_t{1} << 40) - 1)) + 1;
}

size_t RatioAt(size_t place, int hour) { return place * kHours + static_cast<size_t>(hour); }
size_t CountAt(size_t place, int hour) { return kMaxSpecialKinds * kHours + RatioAt(place, hour); }

}  // namespace

void SpecialDays::SetKinds(const std::vector<SpecialKind>& kinds) {
  kinds_.clear();
  dates_.clear();
  std::vector<int64_t> wanted;
  const size_t count = std::min(kinds.size(), kMaxSpecialKinds);
  for (size_t i = 0; i < count; ++i) wanted.push_back(HashOf(kinds[i].name));
  for (size_t i = 0; i < count; ++i) {
    kinds_.push_back({PlaceFor(wanted[i], wanted), kinds[i].expected_load});
    for (const int64_t date : kinds[i].dates) dates_.emplace_back(date, i);
  }
  std::sort(dates_.begin(), dates_.end());
}

// Its own place, else a free one, else that of a kind which is not wanted any more.
size_t SpecialDays::PlaceFor(int64_t name, const std::vector<int64_t>& wanted) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<size_t>(found - names_.begin());
  found = std::find(names_.begin(), names_.end(), 0);
  if (found == names_.end()) {
    found = std::find_if(names_.begin(), names_.end(), [&wanted](int64_t other) {
      return std::find(wanted.begin(), wanted.end(), other) == wanted.end();
    });
  }
  const size_t place = static_cast<size_t>(found - names_.begin());
  *found = name;
  for (int hour = 0; hour < static_cast<int>(kHours); ++hour) {
    numbers_[RatioAt(place, hour)] = 0;
    numbers_[CountAt(place, hour)] = 0;
  }
  return place;
}

std::optional<size_t> SpecialDays::KindOn(int64_t date) const {
  const auto found = std::lower_bound(dates_.begin(), dates_.end(), std::pair{date, size_t{0}});
  if (found == dates_.end() || found->first != date) return std::nullopt;
  return found->second;
}

double SpecialDays::At(size_t kind, const CivilSlot& slot, const Profile& profile) const {
  const double ordinary = profile.At(slot);
  double expected = 0;
  if (kinds_[kind].expected_load.has_value()) {
    expected = ordinary * *kinds_[kind].expected_load;
  } else {
    CivilSlot sunday = slot;
    sunday.week = kSunday + slot.day;
    sunday.weekend = true;
    expected = profile.At(sunday);
  }
  const double seen = numbers_[CountAt(kinds_[kind].place, slot.hour)] / kBinsPerHour;
  const double trust = seen / (seen + 1);
  return trust * ordinary * numbers_[RatioAt(kinds_[kind].place, slot.hour)] +
         (1 - trust) * expected;
}

bool SpecialDays::IsKnown(size_t kind, int hour) const {
  return kinds_[kind].expected_load.has_value() || numbers_[CountAt(kinds_[kind].place, hour)] > 0;
}

void SpecialDays::Learn(size_t kind, const CivilSlot& slot, double load, double ordinary) {
  if (ordinary < kLeastOrdinary) return;
  double& ratio = numbers_[RatioAt(kinds_[kind].place, slot.hour)];
  double& count = numbers_[CountAt(kinds_[kind].place, slot.hour)];
  const double share = std::max(1.0 / (count + 1), 1.0 / (kOccurrences * kBinsPerHour));
  ratio += share * (std::min(load / ordinary, kMostRatio) - ratio);
  count += 1;
}

void SpecialDays::Set(const double* numbers, const int64_t* names) {
  std::copy_n(numbers, kNumbers, numbers_.begin());
  std::copy_n(names, kMaxSpecialKinds, names_.begin());
}

}  // namespace heliotrope::curve
