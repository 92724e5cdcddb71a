// Days that are not like their weekday, holidays and sales: which they are, from the configuration,
// and what was learned of each kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/curve/bin.h"
#include "scheduler/curve/profile.h"

namespace heliotrope::curve {

// Days that are alike, such as every Singles' Day.
struct SpecialKind {
  std::string name;            // What is learned of one day is kept under it and serves the next.
  std::vector<int64_t> dates;  // Local days, counted from 1970-01-01.
  // The load in times of the ordinary one, until a day of this kind was seen. Without it the day is
  // taken for a Sunday.
  std::optional<double> expected_load = std::nullopt;
};

constexpr size_t kMaxSpecialKinds = 16;  // of one data center; more are left out

// By kind and hour of the local day the ratio of the load to the ordinary profile, an exponential
// mean over about two occurrences; a ratio is trusted by n/(n+1), n being the occurrences seen. The
// profile itself does not learn from such days. (Hyndman and Athanasopoulos 2021, section 7.4, use
// indicator variables to the same end; a ratio by hour also has the day's own shape.) Constant work but for
// a search among the days configured; 6 kB and 16 bytes a day. Core thread only.
class SpecialDays {
 public:
  // What was learned of kinds that stay is kept; of others until its room is needed.
  void SetKinds(const std::vector<SpecialKind>& kinds);

  bool Any() const { return !dates_.empty(); }
  // The kind of a local day, if it is special. A date of two kinds is of the first.
  std::optional<size_t> KindOn(int64_t date) const;

  // The expected load of a slot on a day of this kind.
  double At(size_t kind, const CivilSlot& slot, const Profile& profile) const;
  // Whether the hour has been seen on such a day, or an operator says what to expect.
  bool IsKnown(size_t kind, int hour) const;
  // `ordinary` is what the profile says of the slot.
  void Learn(size_t kind, const CivilSlot& slot, double load, double ordinary);

  // Plain state: ratios, then counts, by place and hour; and the hash of each place's name, 0 where
  // nothing was learned.
  static constexpr size_t kNumbers = 2 * kMaxSpecialKinds * 24;
  const std::array<double, kNumbers>& numbers() const { return numbers_; }
  const std::array<int64_t, kMaxSpecialKinds>& names() const { return names_; }
  void Set(const double* numbers, const int64_t* names);

 private:
  struct Kind {
    size_t place = 0;  // In what was learned.
    std::optional<double> expected_load;
  };
  size_t PlaceFor(int64_t name, const std::vector<int64_t>& wanted);

  std::vector<Kind> kinds_;
  std::vector<std::pair<int64_t, size_t>> dates_;  // Sorted; the kind of each.
  std::array<double, kNumbers> numbers_{};
  std::array<int64_t, kMaxSpecialKinds> names_{};
};

}  // namespace heliotrope::curve
