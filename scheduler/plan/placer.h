// How one class is placed. Internal to placement: what it decides is in placement.cc, what it says
// of it in placement_text.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "scheduler/plan/journey.h"
#include "scheduler/plan/ledger.h"
#include "scheduler/plan/market.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/plan.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {

// A start that could be chosen.
struct Candidate {
  int64_t score = 0;  // What it costs; lower is better.
  int64_t start_s = 0;
  size_t site = 0;
  size_t block = 0;
};

class Placer {
 public:
  Placer(Ledger& ledger, Market& market, Quotas& quotas, const Class& task_class)
      : ledger_(ledger),
        market_(market),
        quotas_(quotas),
        input_(ledger.input()),
        class_(task_class),
        demand_(DemandOf(input_, task_class)),
        offers_(ledger, demand_, SeenUntil(ledger, task_class)) {
    verdict_.class_id = task_class.id;
    verdict_.count = task_class.count;
  }

  Verdict Place();

 private:
  // What lies beyond the deadline of a class that can be deferred is not looked at.
  static int64_t SeenUntil(const Ledger& ledger, const Class& task_class) {
    const bool deferrable = Laxity(ledger, task_class) > 0;
    return deferrable ? ledger.SecondsOf(task_class.deadline) : Ledger::kForever;
  }

  bool RuledOut();
  void Rank();
  void PlacePressed();
  void RankPressed();
  // Tasks that can pause: now where they bear the price, else when it has come down to that.
  void PlaceByBid();
  void FollowBid(int64_t bid, size_t from_block);
  std::optional<size_t> Borne(size_t block, int64_t bid, int64_t milli_cores) const;
  std::optional<Journey> JourneyFrom(size_t block, int64_t bid, int64_t count) const;
  // Tasks that cannot: the cheapest start that leaves them room to their end.
  void PlaceWhole();
  std::optional<Candidate> BestWhole() const;
  void PlaceSoon();
  std::optional<Candidate> BestNow() const;
  // How many tasks fit that start there, as far as headroom must last for them.
  int64_t CountThatFit(const Candidate& start) const;
  // How many more its account may have alive while such a run lasts.
  int64_t QuotaOf(size_t site, int64_t start_s) const {
    return quotas_.Room(class_, start_s, start_s + demand_.RunIn(site));
  }
  Ledger::Use UseOf(size_t site, int64_t from_s, int64_t to_s, int64_t count) const {
    return {.site = site,
            .from = from_s,
            .to = to_s,
            .milli_cores = demand_.milli_cores * count,
            .mib = demand_.mib * count};
  }
  bool Allot(const Candidate& start, int64_t count, model::Reason reason);
  void AddAllotment(const Candidate& start, int64_t end, int64_t count, model::Reason reason);
  Journey FindJourney(const Candidate& start, int64_t& count) const;
  int64_t MeanPrice(const Candidate& start) const {
    return ledger_.MeanPrice(start.site, start.start_s, start.start_s + demand_.SeenIn(start.site));
  }

  // placement_text.cc
  void ExplainPressed();
  void ExplainDeferred();
  void ExplainContended();
  void ExplainSoon();
  void ExplainMemory();
  void ExplainQuota();
  Amount LeftNow(size_t site) const;
  std::optional<size_t> LacksMemory() const;
  std::string NoRoomText() const;
  std::string WhereText(uint64_t sites) const;
  std::string WorkText() const;
  std::string AllotmentText(const Candidate& start, int64_t count, model::Reason reason) const;
  const std::string& NameOf(size_t site) const { return input_.sites[site].id.value(); }
  std::string At(int64_t seconds) const { return AtText(ledger_.TimeAt(seconds), input_.now); }

  Ledger& ledger_;
  Market& market_;
  Quotas& quotas_;
  const Input& input_;
  const Class& class_;
  const Demand demand_;
  Offers offers_;
  std::vector<size_t> sites_;            // Where it may be.
  int64_t left_ = 0;                     // Tasks that have no allotment yet.
  int64_t last_end_ = Ledger::kForever;  // When the work must be done.
  Verdict verdict_;
};

}  // namespace heliotrope::plan
