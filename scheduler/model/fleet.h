// Regions, data centers and nodes, as plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/model/job.h"
#include "scheduler/model/price.h"

namespace heliotrope::model {

// One site, from the configuration.
struct DataCenter {
  DataCenterId id;
  RegionId region;
  std::string time_zone_name;
  absl::TimeZone time_zone;
  JurisdictionCode jurisdiction;
  double latitude = 0;
  double longitude = 0;
  double target_utilization = 0.8;  // Batch and foreground together, as a share of the cores.
  PriceSeries prices;               // Empty: no signal.
};

// Jurisdictions and their groups, from the configuration. Fails closed (Promise 6): a table without
// codes allows nothing, not even to a job that may be anywhere.
class JurisdictionTable {
 public:
  JurisdictionTable() = default;
  // Known are the given codes and every member of a group.
  JurisdictionTable(std::map<std::string, std::vector<JurisdictionCode>> groups,
                    std::vector<JurisdictionCode> codes);

  // OK, or INVALID_ARGUMENT with field "residency" whose text names the first unknown word and the
  // nearest known one, or says that no word is given.
  absl::Status CheckKnown(const Residency& residency) const;

  // Whether a job of this residency may be in this jurisdiction. An unknown word allows nothing,
  // and an unknown or empty jurisdiction is allowed to nobody. Promise 6: everything that places,
  // copies or serves asks this.
  bool Allows(const Residency& residency, const JurisdictionCode& jurisdiction) const;

  // The codes that a residency stands for, sorted; {"*"} when anywhere. Unknown words add none, so
  // it may be empty: nowhere.
  std::vector<std::string> Expand(const Residency& residency) const;

 private:
  bool IsKnownCode(const JurisdictionCode& code) const;
  // The text about a word that is neither code nor group.
  std::string UnknownWord(const std::string& word) const;

  std::map<std::string, std::vector<JurisdictionCode>> groups_;
  std::vector<JurisdictionCode> codes_;  // Sorted, without duplicates.
};

}  // namespace heliotrope::model
