// Job owners and an operator's dashboard: they submit, cancel and look, call again when no answer
// comes, and remember what they were told.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "scheduler/core/command.h"

namespace heliotrope::faultsim {

struct World;

class Clients {
 public:
  Clients(World& world, Random random) : world_(world), random_(random) {}

  // Draws the jobs and plans their submission.
  void Begin();
  // Looks at every job now and then, until Stop.
  void Look();
  void Stop() { stopped_ = true; }
  // Every submission and cancel has its answer.
  bool done() const { return open_ == 0; }

  // The operator's drains, undrains and imports: each is begun when the one before was answered and no
  // copy of it is on its way any more, as a drain heard after its undrain would stay.
  void Operate(core::Command command);

 private:
  struct Call {
    // Made anew for each try, as the daemon makes a fresh job id.
    std::function<core::Command()> command;
    std::function<void(const core::Reply&)> answered;
    bool done = false;
    int tries = 0;
  };

  std::shared_ptr<const model::JobSpec> DrawJob(size_t number);
  void Submit(size_t number, std::shared_ptr<const model::JobSpec> spec);
  void Cancel(const JobId& id, JobUid uid);
  void OperateNext();
  void Start(const std::shared_ptr<Call>& call);
  void Try(const std::shared_ptr<Call>& call);
  void Arrive(const std::shared_ptr<Call>& call);
  void Answer(const std::shared_ptr<Call>& call, const core::Reply& reply);
  void LookOnce();

  World& world_;
  Random random_;
  int open_ = 0;
  std::deque<core::Command> operations_;
  bool stopped_ = false;
};

}  // namespace heliotrope::faultsim
