#include "scheduler/plan/clearing.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/model/account.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/targets.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// What running is worth by itself, and more in the first minimum_run: shares of the typical price.
constexpr int64_t kRunningEdgeDivisor = 30;
constexpr int64_t kYoungEdgeDivisor = 8;
// Another site must be cheaper by this share of the typical price for a move.
constexpr int64_t kMoveGainDivisor = 8;
// So many attempts stay for the cooldown, later ones longer and longer, up to two to this times it.
constexpr uint32_t kFreeAttempts = 6;
constexpr uint32_t kMostDoublings = 4;
// And so many pauses of work must be left, or it is not worth stopping for.
constexpr int64_t kLeastPauses = 4;
// Room is dealt to accounts in so many parts, or task by task where that is more.
constexpr int64_t kFairParts = 256;

// A running task with less laxity than this is not put off for room: it would have to run at any
// price before what takes its place has ended.
constexpr int64_t kLeastLaxity = 2 * 3600;

struct Bid {
  bool must = false;
  bool firm = false;  // It is not put off for room: it must, or will have to very soon.
  int64_t bid = 0;    // With priority and edge.
  bool running = false;
  size_t index = 0;   // Of input.running, or of plan.verdicts.
  int64_t count = 1;  // Tasks.
  Amount each = {};
  int64_t whole_s = 0;              // What cannot pause: its whole run.
  int64_t price = 0;                // The most that it bears, without priority.
  std::optional<size_t> site = {};  // Only there.
  const Class* waiting = nullptr;   // Unless it runs.
};

bool HasGrant(const Verdict& verdict, size_t site) {
  return std::any_of(verdict.grants.begin(), verdict.grants.end(),
                     [&](const Grant& grant) { return grant.site == site; });
}

void AddGrant(Verdict& verdict, size_t site, int64_t count) {
  for (Grant& grant : verdict.grants) {
    if (grant.site != site) continue;
    grant.count += count;
    return;
  }
  verdict.grants.push_back({.site = site, .count = count});
}

class Clearing {
 public:
  Clearing(Ledger& ledger, Market& market, Plan& plan)
      : ledger_(ledger), input_(ledger.input()), market_(market), plan_(plan), quotas_(ledger) {}
  void Run();

 private:
  bool TakesPart(const RunningTask& task) const;
  void FindRunning();
  void FindWaiting();
  void FindRoom();
  void ServeWaiting(const Bid& bid);
  void ServeFairly(std::vector<Bid>::const_iterator from, std::vector<Bid>::const_iterator to);
  std::vector<Bid>::const_iterator EndOfEquals(std::vector<Bid>::const_iterator from) const;
  size_t AccountOf(const Class& waiting) const;
  int64_t Give(const Bid& bid, int64_t most);
  bool Bears(const Bid& bid, size_t site) const;
  void RankByGrants(const Bid& bid, int64_t given);
  bool CouldStart(const Bid& bid, size_t site) const;
  void ServeRunning(const Bid& bid);
  std::optional<size_t> BestOther(const RunningTask& task, const Bid& bid) const;
  bool Fits(const RunningTask& task, const Bid& bid) const;
  bool Settled(const RunningTask& task) const;
  bool MayMove(const RunningTask& task) const;
  bool WouldGain(const RunningTask& task, size_t to) const;
  std::pair<Reason, std::string> WhyShort(const RunningTask& task, const Bid& bid) const;
  void Tell(const RunningTask& task, const Bid& bid, std::optional<size_t> to, bool bears);

  Ledger& ledger_;
  const Input& input_;
  Market& market_;
  Plan& plan_;
  Quotas quotas_;
  std::set<TaskId> told_;
  std::vector<Bid> bids_;
  std::vector<Amount> room_;       // By site: headroom of now for those who bid,
  std::vector<Amount> lasting_;    // and of it what lasts for as long as who starts should run.
  std::vector<int64_t> measured_;  // By site: what the measured foreground leaves for batch.
};

// What has no deadline to come cannot be put off for a price.
bool Clearing::TakesPart(const RunningTask& task) const {
  return task.checkpointable && CountsThere(task) && !told_.contains(task.task) &&
         task.deadline > input_.now && task.deadline < absl::InfiniteFuture();
}

void Clearing::FindRunning() {
  for (size_t i = 0; i < input_.running.size(); ++i) {
    const RunningTask& task = input_.running[i];
    if (!TakesPart(task)) continue;
    const int64_t typical = ledger_.typical_price();
    int64_t price = market_.Bid(
        FittingSites(input_, task.allowed, task.request) | uint64_t{1} << task.site,
        std::max<int64_t>(1, Ledger::Seconds(task.remaining)), PlannedUntil(ledger_, task));
    if (price < Market::kAnyPrice) {
      price += typical / kRunningEdgeDivisor;
      if (task.started + input_.settings.minimum_run > input_.now) {
        price += typical / kYoungEdgeDivisor;
      }
    }
    const bool must = UnderSafetyNet(ledger_, task);
    bids_.push_back({.must = must,
                     .firm = must || Laxity(ledger_, task) < kLeastLaxity,
                     .bid = RankOf(ledger_, price, task.priority),
                     .running = true,
                     .index = i,
                     .each = Amount::Of(task.request),
                     .price = price});
  }
}

void Clearing::FindWaiting() {
  for (size_t i = 0; i < plan_.verdicts.size(); ++i) {
    const Verdict& verdict = plan_.verdicts[i];
    const auto waiting =
        std::lower_bound(input_.classes.begin(), input_.classes.end(), verdict.class_id,
                         [](const Class& c, uint64_t id) { return c.id < id; });
    if (waiting == input_.classes.end() || waiting->id != verdict.class_id) continue;
    if (verdict.mode == Mode::kNever) continue;
    int64_t count = waiting->count;
    std::optional<size_t> site;
    if (verdict.mode == Mode::kDeferred) {
      count = 0;
      for (const Allotment& allotment : verdict.allotments) {
        if (allotment.start > input_.now || (site.has_value() && site != allotment.site)) continue;
        count += allotment.count;
        site = allotment.site;
      }
    }
    if (count == 0) continue;
    bids_.push_back({.must = verdict.rank >= Market::kAnyPrice,
                     .firm = verdict.rank >= Market::kAnyPrice,
                     .bid = verdict.rank,
                     .running = false,
                     .index = i,
                     .count = count,
                     .each = DemandOf(input_, *waiting).each(),
                     .whole_s = waiting->checkpointable ? 0 : Ledger::Seconds(waiting->remaining),
                     .price = verdict.bid.value(),
                     .site = site,
                     .waiting = &*waiting});
  }
}

// By the forecast of this block and the next, since leaving takes a while, and never above what is
// measured (Promise 7). What runs keeps its memory, whatever the foreground holds, unless it is
// outbid.
void Clearing::FindRoom() {
  const size_t block = ledger_.first_block();
  for (size_t index = 0; index < ledger_.sites(); ++index) {
    const Site& site = input_.sites[index];
    const int64_t target = site.capacity.ScaledBy(site.target_utilization).value();
    measured_.push_back(std::max<int64_t>(0, target - site.foreground_now.value()));
    int64_t sure = ledger_.headroom(index, block);
    if (block + 1 < ledger_.blocks()) sure = std::min(sure, ledger_.headroom(index, block + 1));
    int64_t lasting = std::min(sure, measured_.back());
    const int64_t until = ledger_.now() + Ledger::Seconds(input_.settings.minimum_run);
    for (size_t next = block + 1; next < ledger_.blocks() && ledger_.start(next) < until; ++next) {
      lasting = std::min(lasting, ledger_.headroom(index, next));
    }
    const int64_t batch = site.batch_now.value();
    const int64_t mib = std::max<int64_t>(
        0, ledger_.memory_room(index) - Amount::Of({site.batch_now, site.batch_memory}).mib);
    room_.push_back({.milli_cores = std::min(sure, measured_.back()) - batch, .mib = mib});
    lasting_.push_back({.milli_cores = lasting - batch, .mib = mib});
  }
  for (const RunningTask& task : input_.running) {
    if (!CountsThere(task)) continue;
    if (TakesPart(task) || told_.contains(task.task)) {
      room_[task.site] += Amount::Of(task.request);
      lasting_[task.site] += Amount::Of(task.request);
    }
  }
}

// What cannot pause needs room to its end beside all else that cannot.
bool Clearing::CouldStart(const Bid& bid, size_t site) const {
  if (bid.whole_s == 0 || bid.must) return true;
  return ledger_.HoldsFirm({.site = site,
                            .from = ledger_.now(),
                            .to = ledger_.now() + bid.whole_s,
                            .milli_cores = bid.each.milli_cores,
                            .mib = bid.each.mib});
}

void Clearing::ServeWaiting(const Bid& bid) { RankByGrants(bid, Give(bid, bid.count)); }

// Equals without a deadline: whose account is served least for its weight, by small parts of what
// there is.
void Clearing::ServeFairly(const std::vector<Bid>::const_iterator from,
                           const std::vector<Bid>::const_iterator to) {
  int64_t part = 0;
  for (const Amount& room : room_) part += std::max<int64_t>(0, room.milli_cores) / kFairParts;
  struct Standing {
    model::Served served;
    size_t account = 0;
  };
  std::vector<Standing> standings;
  std::vector<std::deque<size_t>> waiting;
  const std::span<const Bid> bids(from, to);
  std::vector<int64_t> given(bids.size());
  for (const Account& account : input_.accounts) {
    standings.push_back({{account.held.cores.value(), account.weight_milli}, standings.size()});
  }
  waiting.resize(standings.size());
  for (size_t i = 0; i < given.size(); ++i) waiting[AccountOf(*bids[i].waiting)].push_back(i);
  const auto more = [](const Standing& a, const Standing& b) {
    return b.served < a.served || (!(a.served < b.served) && b.account < a.account);
  };
  std::erase_if(standings, [&](const Standing& one) { return waiting[one.account].empty(); });
  std::make_heap(standings.begin(), standings.end(), more);
  while (!standings.empty()) {
    std::pop_heap(standings.begin(), standings.end(), more);
    Standing& least = standings.back();
    const size_t i = waiting[least.account].front();
    const Bid& bid = bids[i];
    const int64_t most =
        std::min(bid.count - given[i], std::max<int64_t>(1, part / bid.each.milli_cores));
    const int64_t count = Give(bid, most);
    given[i] += count;
    least.served.milli_cores += count * bid.each.milli_cores;
    if (count < most || given[i] == bid.count) waiting[least.account].pop_front();
    if (waiting[least.account].empty()) {
      standings.pop_back();
    } else {
      std::push_heap(standings.begin(), standings.end(), more);
    }
  }
  for (size_t i = 0; i < given.size(); ++i) RankByGrants(bids[i], given[i]);
}

// REQUIRES: the class names an account.
size_t Clearing::AccountOf(const Class& waiting) const {
  const auto at = std::lower_bound(input_.accounts.begin(), input_.accounts.end(), *waiting.account,
                                   [](const Account& a, const AccountId& id) { return a.id < id; });
  HT_CHECK(at != input_.accounts.end() && at->id == *waiting.account);
  return static_cast<size_t>(at - input_.accounts.begin());
}

// The end of those that compete with this one by their accounts' shares.
std::vector<Bid>::const_iterator Clearing::EndOfEquals(
    std::vector<Bid>::const_iterator from) const {
  const auto shares = [](const Bid& bid) {
    return bid.waiting != nullptr && bid.waiting->account.has_value() &&
           bid.waiting->deadline == absl::InfiniteFuture();
  };
  if (!shares(*from)) return from + 1;
  return std::find_if(from, bids_.end(),
                      [&](const Bid& bid) { return !shares(bid) || bid.bid != from->bid; });
}

// Where it is given room it starts, though it may have to wait until who is outbid has left; without
// enough it takes what comes free wherever it bears the price.
void Clearing::RankByGrants(const Bid& bid, int64_t given) {
  Verdict& verdict = plan_.verdicts[bid.index];
  if (verdict.mode == Mode::kDeferred) return;
  std::vector<size_t> ranked;
  for (const Grant& grant : verdict.grants) ranked.push_back(grant.site);
  for (const size_t site : verdict.ranked) {
    if (given == bid.count) break;
    if (Bears(bid, site) && !HasGrant(verdict, site)) ranked.push_back(site);
  }
  verdict.ranked = std::move(ranked);
}

bool Clearing::Bears(const Bid& bid, size_t site) const {
  if (bid.site.has_value() && site != *bid.site) return false;
  if (!bid.must && ledger_.price(site, ledger_.first_block()) > bid.price) return false;
  return CouldStart(bid, site);
}

// Grants at most so many of its tasks room, in the order of its sites; how many. More than its
// account may start would keep room from the others in vain.
int64_t Clearing::Give(const Bid& bid, int64_t most) {
  Verdict& verdict = plan_.verdicts[bid.index];
  int64_t left = most;
  for (const size_t site : verdict.ranked) {
    if (left == 0) break;
    if (!Bears(bid, site)) continue;
    const int64_t room = std::min(room_[site].CountOf(bid.each), lasting_[site].CountOf(bid.each));
    const int64_t count = std::min({room, left, quotas_.RoomNow(*bid.waiting)});
    if (count == 0) continue;
    room_[site] -= bid.each * count;
    lasting_[site] -= bid.each * count;
    left -= count;
    quotas_.TakeNow(*bid.waiting, count);
    AddGrant(verdict, site, count);
  }
  return most - left;
}

// The cheapest other site that it bears, with room by what is bid, and with cores that nobody holds:
// who is outbid there has left before it arrives.
std::optional<size_t> Clearing::BestOther(const RunningTask& task, const Bid& bid) const {
  const size_t block = ledger_.first_block();
  const uint64_t sites = FittingSites(input_, task.allowed, task.request);
  std::optional<size_t> best;
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    if ((sites >> site & 1) == 0 || site == task.site || !room_[site].Holds(bid.each)) continue;
    if (ledger_.price(site, block) > bid.price) continue;
    if (!ledger_.free_now(site).Holds(bid.each)) continue;
    if (best.has_value() && ledger_.worth(site, block) >= ledger_.worth(*best, block)) continue;
    best = site;
  }
  return best;
}

// Who runs is not stopped for less than a forecast can tell.
bool Clearing::Fits(const RunningTask& task, const Bid& bid) const {
  Amount room = room_[task.site];
  room.milli_cores += Tolerance(input_.sites[task.site]);
  return room.Holds(bid.each);
}

// From the seventh attempt on each further move or pause for a price is earned by a stay twice as
// long as the one before.
bool Clearing::Settled(const RunningTask& task) const {
  const uint32_t attempt = task.attempt.value();
  const uint32_t doublings = std::min(attempt - std::min(attempt, kFreeAttempts), kMostDoublings);
  const absl::Duration stay = input_.settings.move_cooldown * (int64_t{1} << doublings);
  return std::max(task.last_moved, task.started) + stay <= input_.now;
}

// It has been where it is for a while, and a move leaves it time for what it is expected to take.
bool Clearing::MayMove(const RunningTask& task) const {
  const int64_t left = ledger_.SecondsOf(task.deadline) - ledger_.now();
  const int64_t needed = Ledger::Seconds(task.remaining) + PauseOf(task) +
                         SafetyMargin(task.remaining, task.move_pause);
  return left > needed && Settled(task);
}

bool Clearing::WouldGain(const RunningTask& task, size_t to) const {
  const size_t block = ledger_.first_block();
  const int64_t gain = ledger_.worth(task.site, block) - ledger_.worth(to, block);
  return gain > ledger_.typical_price() / kMoveGainDivisor &&
         Ledger::Seconds(task.remaining) > Ledger::Seconds(input_.settings.minimum_run);
}

void Clearing::ServeRunning(const Bid& bid) {
  const RunningTask& task = input_.running[bid.index];
  const size_t block = ledger_.first_block();
  const bool fits = Fits(task, bid);
  // Who came lately is not stopped for a price.
  const bool bears = ledger_.price(task.site, block) <= bid.price || !Settled(task);
  // What is nearly done, or late, is not stopped for a price.
  const bool stays = bid.must || Ledger::Seconds(task.remaining) < kLeastPauses * PauseOf(task);
  const std::optional<size_t> other = BestOther(task, bid);
  const bool gains =
      other.has_value() && MayMove(task) && (WouldGain(task, *other) || (stays && !fits));
  if (((fits && bears) || stays) && !gains) {
    room_[task.site] -= bid.each;
    lasting_[task.site] -= bid.each;
    return;
  }
  if (other.has_value()) {
    room_[*other] -= bid.each;
    lasting_[*other] -= bid.each;
  }
  Tell(task, bid, other, bears);
}

// Why one that bears the price does not fit.
std::pair<Reason, std::string> Clearing::WhyShort(const RunningTask& task, const Bid& bid) const {
  const Site& site = input_.sites[task.site];
  const std::string& here = site.id.value();
  const int64_t held = site.batch_now.value();
  const std::string measured = absl::StrCat(CoresText(site.foreground_now.value()), " of ",
                                            CoresText(site.capacity.value()));
  if (held > measured_[task.site]) {
    return {Reason::kForegroundOverload,
            absl::StrCat("foreground in ", here, " is at ", measured, " and leaves batch ",
                         CoresText(measured_[task.site]), ", of which it holds ", CoresText(held))};
  }
  if (room_[task.site].milli_cores + Tolerance(site) >= bid.each.milli_cores) {
    return {Reason::kMakesWay,
            absl::StrCat("memory in ", here, " goes to tasks that can wait less: ",
                         MemoryText(site, task.request.memory,
                                    Bytes::FromMiB(std::max<int64_t>(0, room_[task.site].mib))))};
  }
  const size_t next = std::min(ledger_.first_block() + 1, ledger_.blocks() - 1);
  const int64_t headroom = std::min(ledger_.headroom(task.site, ledger_.first_block()),
                                    ledger_.headroom(task.site, next));
  if (held > headroom) {
    return {
        Reason::kForegroundRamp,
        absl::StrCat("foreground leaves ", here, " ", CoresText(headroom), " of headroom until ",
                     AtText(ledger_.TimeAt(ledger_.end(next)), input_.now), " and batch holds ",
                     CoresText(held), "; measured now ", measured)};
  }
  return {Reason::kMakesWay, absl::StrCat("headroom in ", here,
                                          " goes to tasks that can wait less (an hour of now is "
                                          "worth ",
                                          PriceText(bid.price), " to this one)")};
}

void Clearing::Tell(const RunningTask& task, const Bid& bid, std::optional<size_t> to, bool bears) {
  const size_t block = ledger_.first_block();
  const std::string& here = input_.sites[task.site].id.value();
  MoveAdvice advice{
      .task = task.task, .attempt = task.attempt, .to = to, .reason = {}, .detail = {}};
  const std::string price = PriceText(ledger_.price(task.site, block));
  const bool short_of_room = bears && !Fits(task, bid);
  if (short_of_room) {
    std::tie(advice.reason, advice.detail) = WhyShort(task, bid);
  } else if (!to.has_value()) {
    advice.reason = Reason::kWaitingForCheaperTime;
    advice.detail = absl::StrCat("an hour in ", here, " costs ", price, " now and is worth ",
                                 PriceText(bid.price), " to it");
  } else {
    advice.reason = Reason::kCheaperElsewhere;
    advice.detail = absl::StrCat("an hour in ", here, " costs ", price, " now");
  }
  absl::StrAppend(&advice.detail, " (", SpanText(Ledger::Seconds(task.remaining)),
                  " of work left)");
  if (to.has_value()) {
    absl::StrAppend(&advice.detail, "; goes to ", input_.sites[*to].id.value(), ", price ",
                    PriceText(ledger_.price(*to, block)), ", the move stops it for ",
                    SpanText(PauseOf(task)));
    ledger_.TakeFreeNow(*to, bid.each);
  } else {
    absl::StrAppend(&advice.detail, "; it checkpoints and waits");
    if (task.deadline != absl::InfiniteFuture()) {
      absl::StrAppend(&advice.detail, ", to end by ", AtText(task.deadline, input_.now));
    }
  }
  plan_.moves.push_back(std::move(advice));
}

void Clearing::Run() {
  if (ledger_.first_block() >= ledger_.blocks()) return;
  for (const MoveAdvice& move : plan_.moves) told_.insert(move.task);
  FindRoom();
  FindRunning();
  FindWaiting();
  // Who must first, before the others who runs; then by bid, and of equals who runs.
  std::sort(bids_.begin(), bids_.end(), [](const Bid& a, const Bid& b) {
    const auto rank = [](const Bid& bid) {
      return std::make_tuple(!(bid.firm && bid.running), !bid.firm, -bid.bid, !bid.running,
                             bid.index);
    };
    return rank(a) < rank(b);
  });
  for (auto bid = bids_.cbegin(); bid != bids_.cend();) {
    const auto end = EndOfEquals(bid);
    if (end - bid > 1) {
      ServeFairly(bid, end);
    } else {
      bid->running ? ServeRunning(*bid) : ServeWaiting(*bid);
    }
    bid = end;
  }
}

}  // namespace

void ClearRunning(Ledger& ledger, Market& market, Plan& plan) {
  Clearing(ledger, market, plan).Run();
}

}  // namespace heliotrope::plan
