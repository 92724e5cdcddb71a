#include "scheduler/sim/agents.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/core/yield.h"
#include "scheduler/base/check.h"

namespace heliotrope::sim {
namespace {

using model::AttemptPhase;

// Digests are not looked into; they only must be those of the checkpoint.
std::string DigestOf(size_t row, AttemptNumber attempt) {
  std::string digest = absl::StrCat("job ", row, " attempt ", attempt.value());
  digest.resize(32, '.');
  return digest;
}

Bytes CheckpointSize(const Job& job) { return Bytes::FromBytes(job.checkpoint_mb * 1'000'000); }

agent::NodeSpec SpecOf(const World& world, const DataCenter& place) {
  agent::NodeSpec spec;
  spec.cores = MilliCores::FromCores(place.cores_per_node);
  spec.memory = place.memory_per_node;
  spec.jurisdiction = place.jurisdiction.value();
  // As agents are shipped. Between the target and the share at which they freeze it is the planner
  // who gives way, and what it does not is overload.
  spec.yield.freeze_above = std::max(spec.yield.freeze_above, world.target_utilization);
  spec.yield.thaw_below = std::max(spec.yield.thaw_below, world.target_utilization);
  return spec;
}

}  // namespace

Agents::Agents(const World& world, Journal& journal)
    : world_(world), journal_(journal), saved_(world.jobs.size(), 0), saved_at_(world.jobs.size()) {
  for (size_t place = 0; place < world.data_centers.size(); ++place) {
    const DataCenter& one = world.data_centers[place];
    for (int i = 0; i < one.nodes; ++i) {
      Node node;
      node.id = NodeId(absl::StrCat(one.id.value(), "-n", i + 1));
      node.data_center = place;
      node.spec = SpecOf(world, one);
      index_.emplace(node.id, nodes_.size());
      nodes_.push_back(std::move(node));
    }
  }
  on_node_.resize(nodes_.size());
  changed_.resize(nodes_.size(), false);
}

void Agents::SetForeground(Seconds now) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.foreground = node.spec.cores.ScaledBy(world_.LoadAt(node.data_center, now));
    changed_[i] = true;
  }
}

// The attempt that the first timer is for; nullptr if that timer is void.
Agents::Attempt* Agents::NextDue() const {
  const auto found = attempts_.find(timers_.top().key);
  if (found == attempts_.end() || found->second->timer != timers_.top().number) return nullptr;
  return found->second.get();
}

Seconds Agents::NextEvent() {
  while (!timers_.empty() && NextDue() == nullptr) timers_.pop();
  return timers_.empty() ? std::numeric_limits<Seconds>::max() : timers_.top().time;
}

void Agents::Advance(Seconds now) {
  while (NextEvent() <= now) {
    Attempt* const due = NextDue();
    timers_.pop();
    Fire(*due, now);
  }
}

void Agents::Arm(Attempt& attempt, Seconds time) {
  attempt.timer = next_timer_++;
  timers_.push({time, attempt.timer, attempt.key});
}

void Agents::Fire(Attempt& attempt, Seconds now) {
  const Job& job = world_.jobs[attempt.row];
  switch (attempt.stage) {
    case Stage::kFetching: {
      Run(attempt, now);
      core::NodeReport& report = reports_.back();
      if (attempt.restored) {
        report.checkpoints.push_back(
            {*attempt.restored, attempt.restored_digest, attempt.restored_size, ""});
        saved_at_[attempt.row] = attempt.node;
      }
      return;
    }
    case Stage::kRunning:
      CloseSegment(attempt, now);
      HT_CHECK_EQ(attempt.base + attempt.done, job.duration);
      End(attempt.key, AttemptPhase::kSucceeded, now);
      return;
    case Stage::kFrozen:
      Leave(attempt, now, "frozen for too long");
      return;
    case Stage::kSaving: {
      saved_[attempt.row] = attempt.base + attempt.done;
      saved_at_[attempt.row] = attempt.node;
      End(attempt.key, AttemptPhase::kLeft, now);
      return;
    }
  }
}

void Agents::OnOrder(const core::OrderAttempt& order, size_t row, Seconds now) {
  const auto found = attempts_.find(order.key);
  switch (order.action) {
    case core::AttemptAction::kStart:
      if (found == attempts_.end()) Start(order, row, now);
      return;
    case core::AttemptAction::kLeave:
      if (found != attempts_.end() && found->second->stage != Stage::kSaving) {
        Leave(*found->second, now, "told to leave");
      }
      return;
    case core::AttemptAction::kStop:
      if (found != attempts_.end()) End(order.key, AttemptPhase::kStopped, now);
      return;
    case core::AttemptAction::kForget:
      return;  // Forgotten when it ended.
  }
}

void Agents::Start(const core::OrderAttempt& order, size_t row, Seconds now) {
  const Job& job = world_.jobs[row];
  auto made = std::make_unique<Attempt>();
  Attempt& attempt = *made;
  attempt.row = row;
  attempt.key = order.key;
  attempt.node = index_.at(order.node);
  attempt.order = next_order_++;
  on_node_[attempt.node].push_back(&attempt);
  MilliCores cores;
  Bytes memory;
  for (const Attempt* one : on_node_[attempt.node]) {
    cores += MilliCores::FromCores(world_.jobs[one->row].cpus);
    memory += Bytes::FromMiB(world_.jobs[one->row].memory_mb);
  }
  const agent::NodeSpec& spec = nodes_[attempt.node].spec;
  HT_CHECK(cores <= spec.cores && memory <= spec.memory);
  const auto& restore = order.start->restore;
  attempts_.emplace(order.key, std::move(made));
  if (!restore) {
    Run(attempt, now);
    return;
  }
  attempt.base = saved_[row];
  attempt.restored = restore->key;
  attempt.restored_size = restore->size;
  attempt.restored_digest = restore->digest;
  const bool carried = saved_at_[row] != attempt.node;
  Arm(attempt, now + RestoreTime(job, carried));
  Report(attempt, AttemptPhase::kFetching, now);
}

void Agents::Run(Attempt& attempt, Seconds now) {
  attempt.stage = Stage::kRunning;
  attempt.since = now;
  changed_[attempt.node] = true;
  Arm(attempt, now + world_.jobs[attempt.row].duration - attempt.base - attempt.done);
  Report(attempt, AttemptPhase::kRunning, now);
}

// Saves for kSaveTime, holding its cores without progress.
void Agents::Leave(Attempt& attempt, Seconds now, const char* why) {
  if (attempt.stage == Stage::kFetching || !world_.jobs[attempt.row].can_checkpoint()) {
    End(attempt.key, AttemptPhase::kStopped, now);
    return;
  }
  if (attempt.stage == Stage::kRunning) CloseSegment(attempt, now);
  attempt.stage = Stage::kSaving;
  attempt.since = now;
  Arm(attempt, now + kSaveTime);
  Report(attempt, AttemptPhase::kCheckpointing, now).detail = why;
}

void Agents::End(const model::AttemptKey& key, AttemptPhase phase, Seconds now) {
  const auto found = attempts_.find(key);
  Attempt& attempt = *found->second;
  if (attempt.stage == Stage::kRunning && phase == AttemptPhase::kStopped) {
    CloseSegment(attempt, now);
  }
  if (attempt.stage == Stage::kSaving) Record(attempt, now, 0);
  // Nothing of it is kept.
  if (phase == AttemptPhase::kStopped) {
    for (const size_t segment : attempt.segments) journal_.segments[segment].useful = 0;
  }
  core::AttemptStatus& status = Report(attempt, phase, now);
  status.end_time = world_.At(now);
  if (phase == AttemptPhase::kSucceeded) status.exit_code = 0;
  if (phase == AttemptPhase::kLeft) {
    const Job& job = world_.jobs[attempt.row];
    status.checkpoint = core::SealedCheckpoint{.key = {key, 1},
                                               .digest = DigestOf(attempt.row, key.attempt),
                                               .size = CheckpointSize(job),
                                               .run_time = absl::Seconds(attempt.done)};
  }
  std::erase(on_node_[attempt.node], &attempt);
  changed_[attempt.node] = true;
  attempts_.erase(found);
}

void Agents::Yield(Seconds now) {
  for (size_t node = 0; node < nodes_.size(); ++node) {
    if (!changed_[node]) continue;
    changed_[node] = false;
    YieldOn(node, now);
  }
}

// One decision for each sample: samples come every few seconds, so all that a bin brings has
// happened before it is long under way.
void Agents::YieldOn(size_t index, Seconds now) {
  const Node& node = nodes_[index];
  for (;;) {
    std::vector<agent::YieldCandidate> candidates;
    std::vector<Attempt*> attempts;
    for (Attempt* one : on_node_[index]) {
      if (one->stage != Stage::kRunning && one->stage != Stage::kFrozen) continue;
      candidates.push_back({MilliCores::FromCores(world_.jobs[one->row].cpus), one->order,
                            one->stage == Stage::kFrozen});
      attempts.push_back(one);
    }
    if (candidates.empty()) return;
    const agent::YieldDecision decision =
        agent::DecideYield(node.spec, {.foreground = node.foreground}, candidates);
    if (decision.freeze.empty() && decision.thaw.empty()) return;
    for (const size_t i : decision.freeze) {
      Attempt& attempt = *attempts[i];
      CloseSegment(attempt, now);
      attempt.stage = Stage::kFrozen;
      attempt.timer = 0;
      if (world_.jobs[attempt.row].can_checkpoint()) {
        Arm(attempt, now + absl::ToInt64Seconds(node.spec.yield.leave_after));
      }
      Report(attempt, AttemptPhase::kFrozen, now);
    }
    for (const size_t i : decision.thaw) Run(*attempts[i], now);
  }
}

void Agents::CloseSegment(Attempt& attempt, Seconds now) {
  Record(attempt, now, now - attempt.since);
  attempt.done += now - attempt.since;
}

void Agents::Record(Attempt& attempt, Seconds end, Seconds useful) {
  if (end <= attempt.since) return;
  // Frozen and thawed within a second: nothing was interrupted.
  if (!attempt.segments.empty() &&
      journal_.segments[attempt.segments.back()].end == attempt.since) {
    Segment& last = journal_.segments[attempt.segments.back()];
    last.end = end;
    last.useful += useful;
    return;
  }
  attempt.segments.push_back(journal_.segments.size());
  journal_.segments.push_back({attempt.row, attempt.key.attempt.value(),
                               nodes_[attempt.node].data_center, attempt.since, end, useful});
}

core::AttemptStatus& Agents::Report(const Attempt& attempt, AttemptPhase phase, Seconds now) {
  core::NodeReport report;
  report.node = nodes_[attempt.node].id;
  report.session = 1;
  core::AttemptStatus status;
  status.key = attempt.key;
  status.phase = phase;
  if (phase == AttemptPhase::kRunning) status.start_time = world_.At(now);
  report.attempts.push_back(std::move(status));
  reports_.push_back(std::move(report));
  return reports_.back().attempts.back();
}

std::vector<core::NodeReport> Agents::TakeReports() { return std::exchange(reports_, {}); }

void Agents::Close(Seconds horizon) {
  for (const auto& [key, attempt] : attempts_) {
    if (attempt->stage == Stage::kRunning) CloseSegment(*attempt, horizon);
    if (attempt->stage == Stage::kSaving) Record(*attempt, horizon, 0);
  }
}

}  // namespace heliotrope::sim
