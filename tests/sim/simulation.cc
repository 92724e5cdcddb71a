#include "tests/sim/simulation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/core/describe.h"
#include "tests/sim/clients.h"
#include "tests/sim/faults.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

// From the end of the faults: checkpoints of lost nodes are waited for, refusals are.
constexpr absl::Duration kLongestEnd = absl::Hours(12);
constexpr char kLiveness[] = "when faults stop, every task ends";

class Simulation {
 public:
  Simulation(const Settings& settings, const Trace::Options& tracing)
      : world_(settings, tracing),
        clients_(world_, world_.random.Fork()),
        faults_(world_, clients_, world_.random.Fork()) {}

  Result Run() {
    MakeHosts();
    clients_.Begin();
    faults_.Begin();
    world_.queue.After(world_.settings.fault_time, [this] {
      faults_.HealAll();
      AskWhetherDone();
    });
    while (!over_ && !world_.promises.broken()) world_.queue.Step();
    Result result;
    result.broken = world_.promises.broken();
    result.hash = world_.trace.hash();
    result.steps = world_.queue.steps();
    result.length = world_.queue.now();
    result.jobs = world_.promises.acknowledged();
    result.attempts = world_.promises.attempts();
    result.faults = faults_.counts();
    result.step_crashes = faults_.step_crashes();
    result.history.assign(world_.trace.lines().begin(), world_.trace.lines().end());
    return result;
  }

 private:
  double DrawRate() { return 1 + world_.settings.drift * (2 * world_.random.Double() - 1); }

  void MakeHosts() {
    world_.scheduler = std::make_unique<SchedulerHost>(world_, world_.random.Fork(), DrawRate());
    HostIndex host = 0;
    for (const Site& site : world_.settings.sites) {
      for (int i = 0; i < world_.settings.nodes_per_site; ++i) {
        AgentHost::Facts facts;
        facts.host = ++host;
        facts.node = NodeId(absl::StrCat(site.data_center, i == 0 ? "-a" : "-b"));
        facts.site = site;
        facts.cores = world_.settings.node_cores;
        facts.clock_rate = DrawRate();
        world_.agents.push_back(
            std::make_unique<AgentHost>(world_, std::move(facts), world_.random.Fork()));
      }
    }
    world_.scheduler->Start();
    for (const auto& agent : world_.agents) agent->Boot();
  }

  void AskWhetherDone() {
    const SchedulerHost& scheduler = *world_.scheduler;
    const bool ended = scheduler.serving() && clients_.done() && scheduler.quiet() &&
                       scheduler.machine()->active_jobs() == 0;
    if (ended) {
      clients_.Stop();
      world_.queue.After(world_.settings.lease * 2 + absl::Minutes(1), [this] { Finish(); });
      return;
    }
    if (world_.queue.now() > world_.settings.fault_time + kLongestEnd) {
      world_.promises.Break(kLiveness, WhyNot());
      return;
    }
    world_.queue.After(world_.settings.lease / 2, [this] { AskWhetherDone(); });
  }

  std::string WhyNot() const {
    if (!world_.scheduler->serving()) return "the scheduler does not serve";
    const core::Machine& machine = *world_.scheduler->machine();
    std::string why = clients_.done() ? "" : "a client has no answer; ";
    for (const auto& [uid, job] : machine.jobs()) {
      for (uint32_t i = 0; i < job->tasks.size(); ++i) {
        const model::Task& task = job->tasks[i];
        if (IsTerminal(task.state)) continue;
        absl::StrAppend(&why, uid.value(), "/", i, " ",
                        std::string(model::TaskStateName(task.state)), ": ",
                        machine.WaitReason(*job, task).second, "; ");
      }
    }
    return why;
  }

  void Finish() {
    if (!world_.scheduler->quiet()) {
      world_.queue.After(absl::Milliseconds(1), [this] { Finish(); });
      return;
    }
    world_.promises.AtRest();
    over_ = true;
  }

  World world_;
  Clients clients_;
  Faults faults_;
  bool over_ = false;
};

}  // namespace

Result RunHistory(const Settings& settings, const Trace::Options& tracing) {
  ClearMarks();
  Result result = Simulation(settings, tracing).Run();
  result.marks = ReachedMarks();
  return result;
}

}  // namespace heliotrope::faultsim
