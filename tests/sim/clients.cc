#include "tests/sim/clients.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(5);
// A call's second copy leaves at most so much later, and is heard within the other.
constexpr absl::Duration kLatestCopy = absl::Seconds(10);
constexpr absl::Duration kLongestOnTheWay = absl::Seconds(20);

bool TryAgain(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

}  // namespace

void Clients::Begin() {
  for (int i = 0; i < world_.settings.jobs; ++i) {
    const auto number = static_cast<size_t>(i);
    const auto spec = DrawJob(number);
    const absl::Duration when = world_.settings.submit_over * random_.Double();
    ++open_;
    world_.queue.After(when, [this, number, spec] { Submit(number, spec); });
  }
  Look();
}

std::shared_ptr<const model::JobSpec> Clients::DrawJob(size_t number) {
  const absl::Duration lease = world_.settings.lease;
  Behavior behavior;
  behavior.work = lease * (0.1 + 3 * random_.Double() * random_.Double());
  auto spec = std::make_shared<model::JobSpec>();
  spec->command = {"/bin/true"};
  spec->environment[kBehaviorVariable] = absl::StrCat(number);
  spec->outputs = {"**"};
  constexpr const char* kAccounts[] = {"acme", "default", "globex"};
  spec->account = AccountId(kAccounts[random_.Uniform(std::size(kAccounts))]);
  spec->count = 1 + static_cast<uint32_t>(random_.Uniform(3));
  spec->request.cores =
      MilliCores::FromMilli(500 * (1 + static_cast<int64_t>(random_.Uniform(2 * kMostTaskCores))));
  spec->request.memory = Bytes::FromMiB(256);
  spec->expected_duration = std::max(
      absl::Ceil(behavior.work * (0.5 + random_.Double()), absl::Seconds(1)), absl::Seconds(1));
  if (random_.Chance(0.7)) {
    behavior.saves = true;
    model::CheckpointPolicy& policy = spec->checkpoint.emplace();
    policy.grace = std::max(absl::Trunc(lease * (0.1 + 0.4 * random_.Double()), absl::Seconds(1)),
                            absl::Seconds(1));
    behavior.save_time = policy.grace * (0.02 + 0.5 * random_.Double());
    if (random_.Chance(0.6)) {
      policy.interval = absl::Ceil(lease * (0.2 + random_.Double()), absl::Seconds(1));
    }
    if (random_.Chance(0.15)) behavior.stubborn = 0.3;
  }
  spec->retry.max_retries = static_cast<int>(random_.Uniform(3));
  spec->retry.initial_backoff = absl::Seconds(2);
  if (random_.Chance(0.2)) {
    behavior.failing_attempts = 1 + static_cast<uint32_t>(random_.Uniform(2));
  }
  const size_t sites = world_.settings.sites.size();
  std::vector<std::vector<std::string>> residencies = {{}, {"EU"}, {"DE"}};
  if (sites > 2) residencies.push_back({"DE", "SG"});
  if (sites > 3) residencies.push_back({"SG", "US"});
  spec->residency.words = residencies[random_.Uniform(residencies.size())];
  spec->residency.any = spec->residency.words.empty();
  if (random_.Chance(0.2)) spec->on_disconnect = model::OnDisconnect::kContinue;
  if (random_.Chance(0.2)) {
    spec->deadline = kWallStart + world_.settings.fault_time * 3;
    spec->allow_late = true;
  }
  behavior.tasks = spec->count;
  world_.behaviors.push_back(behavior);
  return spec;
}

void Clients::Submit(size_t number, std::shared_ptr<const model::JobSpec> spec) {
  const auto call = std::make_shared<Call>();
  const std::string request = absl::StrCat("request-", number);
  const auto id = std::make_shared<JobId>();
  call->command = [this, spec, request] {
    core::SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(absl::StrCat("job-", random_.Base32(8)));
    submit.request = RequestId(request);
    submit.fingerprint = 1;
    return submit;
  };
  call->answered = [this, request](const core::Reply& reply) {
    if (!reply.status.ok()) {
      world_.promises.Break("a submission that can run is taken", reply.status.ToString());
      return;
    }
    world_.trace.Add(world_.queue.now(), "client", request, "is job", reply.job);
    world_.promises.ToldSubmitted(request, reply.job);
    if (!random_.Chance(world_.settings.cancels)) return;
    ++open_;
    const absl::Duration later = world_.settings.fault_time * 0.5 * random_.Double();
    world_.queue.After(later, [this, uid = reply.job] { Cancel(JobId(), uid); });
  };
  Start(call);
}

void Clients::Cancel(const JobId&, JobUid uid) {
  const auto call = std::make_shared<Call>();
  call->command = [this, uid]() -> core::Command {
    // The client knows the id from its submission; here it is read off the scheduler.
    const core::Job* job = world_.scheduler->machine()->FindJob(uid);
    if (job == nullptr) {
      world_.promises.Break("what was acknowledged is not lost",
                            absl::StrCat("job ", uid.value(), " is not there to be cancelled"));
      return core::Tick{};
    }
    return core::CancelJob{job->id};
  };
  call->answered = [this, uid](const core::Reply& reply) {
    if (!reply.status.ok()) return;
    world_.trace.Add(world_.queue.now(), "client", "has cancelled job", uid);
    world_.promises.ToldCancelled(uid);
  };
  Start(call);
}

void Clients::Operate(core::Command command) {
  ++open_;
  operations_.push_back(std::move(command));
  if (operations_.size() == 1) OperateNext();
}

void Clients::OperateNext() {
  const auto call = std::make_shared<Call>();
  call->command = [command = operations_.front()] { return command; };
  call->answered = [this](const core::Reply&) {
    world_.queue.After(kLongestOnTheWay, [this] {
      operations_.pop_front();
      if (!operations_.empty()) OperateNext();
    });
  };
  Start(call);
}

void Clients::Start(const std::shared_ptr<Call>& call) { Try(call); }

void Clients::Try(const std::shared_ptr<Call>& call) {
  if (call->done) return;
  Network& network = world_.network;
  const int copies = random_.Chance(world_.settings.doubled_calls) ? 2 : 1;
  ++call->tries;
  for (int i = 0; i < copies; ++i) {
    // Lost on the way there. Calls that never get through end no history.
    if (call->tries < 20 && random_.Chance(world_.settings.lost_calls)) continue;
    absl::Duration delay = network.Delay(kClients, kSchedulerHost);
    if (i > 0) delay += kLatestCopy * random_.Double();
    world_.queue.After(delay, [this, call] { Arrive(call); });
  }
  world_.queue.After(kCallTimeout * (1 + random_.Double()), [this, call] { Try(call); });
}

// Also when the caller has given up waiting meanwhile.
void Clients::Arrive(const std::shared_ptr<Call>& call) {
  SchedulerHost& scheduler = *world_.scheduler;
  if (!scheduler.serving()) return;
  scheduler.Submit(call->command(), [this, call](const std::vector<core::Reply>& replies) {
    if (call->tries < 20 && random_.Chance(world_.settings.lost_calls)) return;
    world_.queue.After(world_.network.Delay(kSchedulerHost, kClients),
                       [this, call, reply = replies.front()] { Answer(call, reply); });
  });
}

void Clients::Answer(const std::shared_ptr<Call>& call, const core::Reply& reply) {
  if (TryAgain(reply.status)) return;  // The timer calls again.
  // A second answer is heard as well: it must say the same.
  if (call->done) {
    if (reply.status.ok() && reply.replayed) call->answered(reply);
    return;
  }
  call->done = true;
  --open_;
  call->answered(reply);
}

void Clients::Look() {
  if (stopped_) return;
  LookOnce();
  const absl::Duration pause = world_.settings.lease * (0.2 + 0.6 * random_.Double());
  world_.queue.After(pause, [this] { Look(); });
}

void Clients::LookOnce() {
  SchedulerHost& scheduler = *world_.scheduler;
  if (!scheduler.serving()) return;
  struct Seen {
    JobUid job;
    uint64_t version = 0;
    uint64_t contents = 0;
    std::vector<model::TaskState> states;
  };
  const auto seen = std::make_shared<std::vector<Seen>>();
  scheduler.Query(
      [seen](const core::Machine& machine) {
        for (const auto& [uid, job] : machine.jobs()) {
          Seen& made = seen->emplace_back(Seen{uid, job->version, job->cancel_requested, {}});
          for (const model::Task& task : job->tasks) {
            made.states.push_back(task.state);
            for (const uint64_t value :
                 {static_cast<uint64_t>(task.state), uint64_t{task.attempt.value()},
                  uint64_t{task.failures}, static_cast<uint64_t>(task.phase)}) {
              made.contents = made.contents * 31 + value;
            }
          }
        }
      },
      [this, seen](const absl::Status& status) {
        if (!status.ok()) return;
        for (const Seen& job : *seen) {
          world_.promises.ToldJob(job.job, job.version, job.contents);
          for (uint32_t i = 0; i < job.states.size(); ++i) {
            world_.promises.ToldState({job.job, i}, job.states[i]);
          }
        }
      });
}

}  // namespace heliotrope::faultsim
