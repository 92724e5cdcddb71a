#include "tests/sim/promises.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "heliotrope/store/v1/job.pb.h"
#include "heliotrope/store/v1/task.pb.h"
#include "scheduler/store/codec.h"
#include "scheduler/store/keys.h"
#include "scheduler/store/task_record.h"
#include "tests/sim/messages.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr char kAlone[] = "at most one live attempt of a task";
constexpr char kResidency[] = "nothing outside its residency";
constexpr char kCapacity[] = "capacity is not exceeded";
constexpr char kQuota[] = "no account exceeds its quota";
constexpr char kProgress[] = "no work is lost that a complete checkpoint holds";
constexpr char kCancel[] = "a cancel wins";
constexpr char kTerminal[] = "a terminal state is final";
constexpr char kAcknowledged[] = "what was acknowledged is not lost";
constexpr char kRequest[] = "the same request id gives the same job";
constexpr char kReload[] = "the store has all of the state";
constexpr char kRest[] = "what has ended leaves nothing behind";
constexpr char kPolicy[] = "what may go on without its lease goes on";
constexpr char kEtag[] = "an etag says one thing and never goes back";

// How often a job had changed is written at different times with the job and its tasks: each record
// without it, and it apart.
uint64_t TakeChanges(const store::RecordKey& key, std::string& value) {
  uint64_t changes = 0;
  if (key.kind == store::Kind::kJob) {
    heliotrope::store::v1::Job job;
    if (!job.ParseFromString(value)) return 0;
    changes = job.changes();
    job.clear_changes();
    value = job.SerializeAsString();
  } else if (key.kind == store::Kind::kTask) {
    heliotrope::store::v1::Task task;
    if (!task.ParseFromString(value)) return 0;
    changes = task.job_changes();
    task.clear_job_changes();
    value = task.SerializeAsString();
  }
  return changes;
}

std::string Said(const TaskId& task) { return absl::StrCat("task ", ToString(task)); }

}  // namespace

Instant Promises::Now() const { return world_.queue.now(); }

std::string Promises::Name(HostIndex host) const {
  return world_.agents[static_cast<size_t>(host - 1)]->facts().node.value();
}

void Promises::Break(std::string promise, std::string what) {
  if (broken_) return;
  world_.trace.Add(Now(), "BROKEN", promise, what);
  broken_ = Broken{std::move(promise), std::move(what), Now()};
}

// --- Jobs ---

void Promises::JobStarted(const JobStart& start) {
  const TaskId& task = start.key.task;
  ++attempts_;
  if (const auto told = told_.find(task); told != told_.end()) {
    Break(kTerminal, absl::StrCat(Shown(start.key), " starts after it was told as ",
                                  std::string(model::TaskStateName(told->second))));
  }
  live_[task][start.key] = {.host = start.host,
                            .cores = start.start->spec->request.cores,
                            .account = start.start->spec->account,
                            .on_disconnect = start.start->spec->on_disconnect};
  CheckAlone(start.key, start.host);
  if (start.incarnation == 1) {
    CheckCapacity(start.key, start.host);
    CheckQuota(start.key);
    ForgetWhatWasLost(start);
  }
  CheckResidency(*start.start->spec, start.host, absl::StrCat(Shown(start.key), " runs"));
  if (!agent::IsAllowed(start.start->jurisdictions,
                        world_.Agent(start.host).facts().site.jurisdiction)) {
    Break(kResidency, absl::StrCat(Shown(start.key), " runs on ", Name(start.host),
                                   ", which its order does not allow"));
  }
  CheckProgress(start);
}

void Promises::CheckAlone(const agent::AttemptKey& key, HostIndex host) {
  for (const auto& [other, live] : live_[key.task]) {
    // An operator's word is taken: if it was wrong, the old one lives until its node is back.
    if (other == key || live.still || live.declared_lost) continue;
    Break(kAlone, absl::StrCat(Shown(key), " on ", Name(host), " while ", Shown(other),
                               " still runs on ", Name(live.host)));
  }
}

void Promises::CheckCapacity(const agent::AttemptKey& started, HostIndex host) {
  // What was ordered before its node told that it is smaller may still start.
  if (untold_.contains(host)) return;
  const auto shrunk = shrunk_.find(host);
  if (shrunk != shrunk_.end() && first_ordered_[started] <= shrunk->second) return;
  MilliCores used;
  for (const auto& [task, attempts] : live_) {
    for (const auto& [key, live] : attempts) {
      if (live.host == host) used += live.cores;
    }
  }
  const MilliCores has = MilliCores::FromMilli(world_.Agent(host).facts().cores * 1000);
  if (used > has) {
    Break(kCapacity,
          absl::StrCat("jobs on ", Name(host), " use ", ToString(used), " of ", ToString(has)));
  }
}

void Promises::Configured(const core::FleetConfig& fleet) {
  Quotas& quotas = quotas_.emplace_back(Quotas{.from = Now(), .most = {}});
  for (const auto& [account, policy] : fleet.accounts) quotas.most[account] = policy.most.cores;
}

// The largest that was in force at some time since, that of the beginning included.
std::optional<MilliCores> Promises::QuotaSince(const AccountId& account, Instant since) const {
  MilliCores most;
  for (size_t i = quotas_.size(); i-- > 0;) {
    const auto quota = quotas_[i].most.find(account);
    if (quota == quotas_[i].most.end()) return std::nullopt;
    most = std::max(most, quota->second);
    if (quotas_[i].from < since) break;
  }
  return most;
}

// What was ordered under a wider quota may still start. Of what lives then, the attempt that was
// ordered last found room beside all the others, by a quota of that time: this one's order or later.
void Promises::CheckQuota(const agent::AttemptKey& started) {
  const AccountId account = live_[started.task].at(started).account;
  const std::optional<MilliCores> most = QuotaSince(account, first_ordered_[started]);
  if (!most) return;
  MilliCores used;
  for (const auto& [task, attempts] : live_) {
    for (const auto& [key, live] : attempts) {
      // Who stands still may have lost its lease and ends when it wakes; an operator's word is taken.
      const bool counts = key == started || (!live.still && !live.declared_lost);
      if (counts && live.account == account) used += live.cores;
    }
  }
  if (used <= *most) return;
  Break(kQuota, absl::StrCat("with ", Shown(started), " jobs of account ", account.value(), " use ",
                             ToString(used), " of ", ToString(*most)));
}

void Promises::CheckResidency(const model::JobSpec& spec, HostIndex host, const std::string& what) {
  const JurisdictionCode where(world_.Agent(host).facts().site.jurisdiction);
  // The widest that any configuration of this history allows.
  const auto table = MakeFleet(world_.settings, /*narrow=*/false).jurisdictions;
  if (table.Allows(spec.residency, where)) return;
  Break(kResidency, absl::StrCat(what, " on ", Name(host), " in ", where.value()));
}

// A node that lost its disk is told again to start what the scheduler never heard has started. What
// the attempt sealed there in its first life is gone, and its next checkpoints have the same names.
void Promises::ForgetWhatWasLost(const JobStart& start) {
  const auto lost = lost_.find(start.host);
  if (lost == lost_.end()) return;
  std::erase_if(sealed_, [&](const auto& entry) {
    const auto& [key, sealed] = entry;
    return key.attempt == start.key && sealed.when <= lost->second;
  });
}

// Its directory holds what the scheduler said, and that is the furthest there is. Later processes of
// an attempt go on from what the one before has saved.
void Promises::CheckProgress(const JobStart& start) {
  if (start.incarnation != 1) {
    const auto before =
        sealed_.find({.attempt = start.key, .sequence = CheckpointSeq(start.incarnation - 1)});
    if (before == sealed_.end() || before->second.progress == start.progress) return;
    Break(kProgress, absl::StrCat(Shown(start.key), " goes on at ", Shown(start.progress), ", and ",
                                  Shown(before->second.progress), " was sealed"));
    return;
  }
  const auto& restore = start.start->restore;
  absl::Duration expected = absl::ZeroDuration();
  if (restore) {
    const auto sealed = sealed_.find(ToAgentKey(restore->key));
    if (sealed == sealed_.end()) {
      Break(kProgress, absl::StrCat(Shown(start.key), " restores ", Shown(restore->key),
                                    ", which nobody has sealed"));
      return;
    }
    expected = sealed->second.progress;
  }
  if (start.progress != expected) {
    Break(kProgress, absl::StrCat(Shown(start.key), " begins at ", Shown(start.progress),
                                  ", what it restores was sealed at ", Shown(expected)));
  }
  for (const auto* furthest : {&best_, &second_}) {
    const auto best = furthest->find(start.key.task);
    if (best != furthest->end()) CheckFurthest(start, best->second);
  }
}

void Promises::CheckFurthest(const JobStart& start, const Best& best) {
  if (start.progress >= best.progress || Excused(best)) return;
  Break(kProgress, absl::StrCat(Shown(start.key), " begins at ", Shown(start.progress),
                                " although ", Shown(best.key), " holds ", Shown(best.progress)));
}

// Every node that had it was given up or lost its disk since, or it rotted there, or it may not be
// used any more.
bool Promises::Excused(const Best& best) const {
  if (narrowed_ >= best.since) return true;
  return std::all_of(best.holders.begin(), best.holders.end(), [&](HostIndex holder) {
    if (rotted_.contains({best.key, holder})) return true;
    const auto lost = lost_.find(holder);
    return lost != lost_.end() && lost->second >= best.since;
  });
}

void Promises::JobEnded(const agent::AttemptKey& key, HostIndex host,
                        const agent::ExitReport& exit) {
  CheckPolicy(key, exit);
  JobGone(key, host);
  if (exit.kind == agent::ExitKind::kExited && exit.code == 0) finished_.insert(key.task);
}

void Promises::CheckPolicy(const agent::AttemptKey& key, const agent::ExitReport& exit) {
  const auto live = live_[key.task].find(key);
  if (live == live_[key.task].end()) return;
  if (live->second.on_disconnect != model::OnDisconnect::kContinue) return;
  if (exit.cause != agent::StopCause::kLeaseExpired) return;
  Break(kPolicy, absl::StrCat(Shown(key), " was ended by its node's lease"));
}

void Promises::JobGone(const agent::AttemptKey& key, HostIndex) { live_[key.task].erase(key); }

void Promises::JobStandsStill(const agent::AttemptKey& key, HostIndex) {
  live_[key.task].at(key).still = true;
}

void Promises::JobGoesOn(const agent::AttemptKey& key, HostIndex host) {
  live_[key.task].at(key).still = false;
  CheckAlone(key, host);
  CheckQuota(key);
}

void Promises::CheckpointRests(const agent::CheckpointKey& key, HostIndex host,
                               const StoredCheckpoint& stored) {
  rotted_.erase({key, host});
  const auto [known, fresh] = sealed_.emplace(key, Sealed{stored.progress, Now()});
  if (!fresh && known->second.progress != stored.progress) {
    Break(kProgress, absl::StrCat("two checkpoints are called ", Shown(key)));
  }
  const core::Job* job = world_.scheduler->serving()
                             ? world_.scheduler->machine()->FindJob(key.attempt.task.job)
                             : nullptr;
  if (job != nullptr) CheckResidency(*job->spec, host, absl::StrCat(Shown(key), " rests"));
}

void Promises::DiskEmptied(HostIndex host) { lost_[host] = Now(); }

// --- The scheduler ---

void Promises::Made(const std::vector<core::Effect>& effects) {
  for (const core::Effect& effect : effects) {
    if (const auto* order = std::get_if<core::OrderAttempt>(&effect)) {
      if (order->action != core::AttemptAction::kStart) continue;
      first_ordered_.emplace(ToAgentKey(order->key), Now());
      world_.trace.Add(Now(), "scheduler", "orders start", order->key, order->node,
                       order->start->restore ? Shown(order->start->restore->key) : "afresh");
      const AgentHost& agent = *world_.AgentOf(order->node);
      // By the configuration of when it was made: the batch may hold a reload after it.
      if (!agent::IsAllowed(order->start->jurisdictions, agent.facts().site.jurisdiction)) {
        Break(kResidency, absl::StrCat(Shown(order->key), " is ordered to ", order->node.value()));
      }
      if (cancelled_.contains(order->key.task.job)) {
        Break(kCancel, absl::StrCat(Shown(order->key), " is started after its cancel was told"));
      }
    } else if (const auto* copy = std::get_if<core::OrderCheckpoint>(&effect)) {
      world_.trace.Add(Now(), "scheduler", copy->hold ? "orders copy" : "orders release", copy->key,
                       copy->node);
    } else if (const auto* decision = std::get_if<core::Decision>(&effect)) {
      world_.trace.Add(Now(), "scheduler", "decides", static_cast<int>(decision->kind),
                       decision->task ? Shown(*decision->task) : "",
                       decision->node ? decision->node->value() : "", decision->detail);
      if (decision->kind == core::DecisionKind::kNodeLost) {
        const HostIndex host = world_.AgentOf(*decision->node)->facts().host;
        lost_[host] = Now();
        if (decision->reason != model::Reason::kDeclaredLost) continue;
        for (auto& [task, attempts] : live_) {
          for (auto& [key, live] : attempts) live.declared_lost |= live.host == host;
        }
      }
    }
  }
}

void Promises::Committed(const store::Batch& batch) {
  for (const store::Record& record : batch.puts) {
    if (record.kind == store::Kind::kTask) NoteTask(record);
  }
}

void Promises::NoteTask(const store::Record& record) {
  const auto id = store::ParseTaskKey(record.key);
  heliotrope::store::v1::Task message;
  if (!id.ok() || !message.ParseFromString(record.value)) {
    Break(kReload, "a task's record does not parse");
    return;
  }
  store::FieldReader reader;
  const model::Task task = store::FromRecord(*id, message, reader);
  second_.erase(*id);
  if (IsTerminal(task.state)) {
    best_.erase(*id);
    return;
  }
  if (task.run == nullptr) return;
  const std::optional<Best> newest = BestOf(task.run->checkpoint);
  if (!newest) return;
  auto& best = best_[*id];
  if (best.holders.empty() || newest->progress > best.progress) {
    best = *newest;
  } else if (best.key == newest->key) {
    best.holders = newest->holders;
  }
  const std::optional<Best> before = BestOf(task.run->previous_checkpoint);
  if (before && best.key == newest->key) second_[*id] = *before;
}

std::optional<Promises::Best> Promises::BestOf(const std::optional<model::Checkpoint>& checkpoint) {
  if (!checkpoint) return std::nullopt;
  const agent::CheckpointKey key = ToAgentKey(checkpoint->key);
  const auto sealed = sealed_.find(key);
  if (sealed == sealed_.end()) {
    Break(kProgress, absl::StrCat(Shown(key), " is durable and was never sealed"));
    return std::nullopt;
  }
  Best best{.key = key, .progress = sealed->second.progress, .since = sealed->second.when};
  for (const NodeId& node : checkpoint->holders) {
    best.holders.insert(world_.AgentOf(node)->facts().host);
  }
  return best;
}

void Promises::Recovered(const core::Image& image) {
  std::map<JobUid, const core::Job*> jobs;
  for (const core::Job& job : image.jobs) jobs[job.uid] = &job;
  for (const auto& [request, uid] : acknowledged_) {
    if (!jobs.contains(uid)) {
      Break(kAcknowledged, absl::StrCat("job ", uid.value(), " of request ", request,
                                        " is not in the store after a restart"));
    }
  }
  for (const JobUid& uid : cancelled_) {
    const auto job = jobs.find(uid);
    if (job == jobs.end() || job->second->Ended() || job->second->cancel_requested) continue;
    Break(kAcknowledged, absl::StrCat("the cancel of job ", uid.value(), " is not in the store"));
  }
  for (const auto& [task, state] : told_) {
    const auto job = jobs.find(task.job);
    if (job == jobs.end() || job->second->tasks[task.index].state == state) continue;
    Break(kTerminal, absl::StrCat(Said(task), " was told as ended and is not so in the store"));
  }
}

void Promises::CompareWithStore(const core::Machine& machine, const SchedulerStore& store) {
  core::Changes all;
  for (const auto& [uid, job] : machine.jobs()) {
    all.jobs.insert(uid);
    for (uint32_t i = 0; i < job->tasks.size(); ++i) {
      if (job->tasks[i].run != nullptr) all.tasks.insert({uid, i});
    }
  }
  for (const auto& [id, node] : machine.nodes()) all.nodes.insert(id);
  for (const auto& [id, request] : machine.requests()) all.requests.insert(id);
  std::map<std::pair<store::Kind, std::string>, std::string> live;
  for (store::Record& record : store::Encode(machine, all).puts) {
    if (record.kind == store::Kind::kMeta) continue;
    TakeChanges({record.kind, record.key}, record.value);
    live[{record.kind, record.key}] = std::move(record.value);
  }
  std::map<JobUid, uint64_t> versions;
  for (const auto& [key, stored] : store.map()) {
    if (key.first < store::Kind::kJob || key.first > store::Kind::kNode) continue;
    std::string value = stored;
    const uint64_t changes = TakeChanges({key.first, key.second}, value);
    if (changes > 0) {
      uint64_t& version = versions[*store::ParseJobKey(key.second.substr(0, sizeof(uint64_t)))];
      version = std::max(version, changes);
    }
    const auto found = live.find(key);
    if (found == live.end() || found->second != value) {
      Break(kReload, absl::StrCat(std::string(store::KindName(key.first)), " ",
                                  store::PrintedKey(key.first, key.second),
                                  found == live.end() ? " is only in the store"
                                                      : " is another in the store"));
    }
    if (found != live.end()) live.erase(found);
  }
  for (const auto& [key, value] : live) {
    Break(kReload, absl::StrCat(std::string(store::KindName(key.first)), " ",
                                store::PrintedKey(key.first, key.second), " is not in the store"));
  }
  for (const auto& [uid, job] : machine.jobs()) {
    if (versions[uid] == job->version) continue;
    Break(kEtag, absl::StrCat("job ", uid.value(), " has changed ", job->version,
                              " times, by the store ", versions[uid]));
  }
}

// --- Clients ---

void Promises::ToldSubmitted(const std::string& request, JobUid job) {
  const auto [known, fresh] = acknowledged_.emplace(request, job);
  if (fresh || known->second == job) return;
  Break(kRequest, absl::StrCat("request ", request, " was answered with job ",
                               known->second.value(), " and with ", job.value()));
}

void Promises::ToldCancelled(JobUid job) { cancelled_.insert(job); }

void Promises::ToldState(const TaskId& task, model::TaskState state) {
  const auto known = told_.find(task);
  if (known != told_.end() && known->second != state) {
    Break(kTerminal, absl::StrCat(Said(task), " was told as ",
                                  std::string(model::TaskStateName(known->second)), " and then as ",
                                  std::string(model::TaskStateName(state))));
  }
  if (!IsTerminal(state)) return;
  told_.emplace(task, state);
  if (state == model::TaskState::kSucceeded && !finished_.contains(task)) {
    Break(kTerminal, absl::StrCat(Said(task), " was told as succeeded, and no job of it has"));
  }
}

void Promises::ToldJob(JobUid job, uint64_t version, uint64_t contents) {
  const auto [known, fresh] = told_jobs_.emplace(job, std::pair(version, contents));
  if (fresh) return;
  auto& [newest, says] = known->second;
  if (version < newest || (version == newest && contents != says)) {
    Break(kEtag,
          absl::StrCat("job ", job.value(), " was told with version ", newest, " and then with ",
                       version, version == newest ? ", which says something else" : ""));
  }
  known->second = {version, contents};
}

// --- The end ---

void Promises::AtRest() {
  const core::Machine& machine = *world_.scheduler->machine();
  std::map<std::string, JobUid> markers;
  for (const auto& [uid, job] : machine.jobs()) {
    const std::string& marker = job->spec->environment.at(kBehaviorVariable);
    const auto [other, fresh] = markers.emplace(marker, uid);
    if (!fresh) {
      Break(kRequest, absl::StrCat("jobs ", other->second.value(), " and ", uid.value(),
                                   " are of one request"));
    }
  }
  for (const auto& [request, uid] : acknowledged_) {
    if (machine.FindJob(uid) == nullptr) {
      Break(kAcknowledged, absl::StrCat("job ", uid.value(), " is gone"));
    }
  }
  for (const auto& [task, attempts] : live_) {
    for (const auto& [key, live] : attempts) {
      Break(kRest, absl::StrCat(Shown(key), " still runs on ", Name(live.host)));
    }
  }
  for (const auto& agent : world_.agents) {
    for (const auto& [key, folder] : agent->disk().attempts) {
      Break(kRest, absl::StrCat(Shown(key), " is still on ", agent->facts().node.value()));
    }
    for (const auto& [key, stored] : agent->disk().checkpoints) {
      Break(kRest, absl::StrCat(Shown(key), " still rests on ", agent->facts().node.value()));
    }
  }
  CompareWithStore(machine, world_.scheduler->store());
}

}  // namespace heliotrope::faultsim
