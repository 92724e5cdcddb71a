// The nodes of a simulated fleet with their agents: they carry out the scheduler's orders by the
// physics of the world, and give way to the foreground by the real agent's own rule. They write the
// journal. They know the true durations and never tell.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "agent/core/types.h"
#include "scheduler/core/command.h"
#include "scheduler/core/effect.h"
#include "scheduler/sim/journal.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

class Agents {
 public:
  // `world` and `journal` must outlive it.
  Agents(const World& world, Journal& journal);

  struct Node {
    NodeId id;
    size_t data_center = 0;
    agent::NodeSpec spec;
    MilliCores foreground;
  };
  const std::vector<Node>& nodes() const { return nodes_; }

  // The foreground of the bin that begins now.
  void SetForeground(Seconds now);
  // Carries out an order; `row` is the job's.
  void OnOrder(const core::OrderAttempt& order, size_t row, Seconds now);
  // When something of its own happens next.
  Seconds NextEvent();
  // Lets everything happen that is due.
  void Advance(Seconds now);
  // Batch gives way where it must, on every node that has changed since.
  void Yield(Seconds now);
  // What the agents have to say since the last call, oldest first.
  std::vector<core::NodeReport> TakeReports();
  // Ends every running segment.
  void Close(Seconds horizon);

 private:
  enum class Stage : unsigned char { kFetching, kRunning, kFrozen, kSaving };

  struct Attempt {
    size_t row = 0;
    model::AttemptKey key;
    size_t node = 0;
    uint64_t order = 0;
    Stage stage = Stage::kFetching;
    Seconds since = 0;   // When the stage, or its segment, began.
    Seconds base = 0;    // Progress that it was started with.
    Seconds done = 0;    // Progress of its own before `since`.
    uint64_t timer = 0;  // The one that counts; older ones are void.
    std::optional<model::CheckpointKey> restored;
    Bytes restored_size;
    std::string restored_digest;
    std::vector<size_t> segments;  // Indices in the journal.
  };
  struct Timer {
    Seconds time = 0;
    uint64_t number = 0;
    model::AttemptKey key;

    bool operator>(const Timer& other) const {
      return time != other.time ? time > other.time : number > other.number;
    }
  };

  void Start(const core::OrderAttempt& order, size_t row, Seconds now);
  void Run(Attempt& attempt, Seconds now);
  void Leave(Attempt& attempt, Seconds now, const char* why);
  void End(const model::AttemptKey& key, model::AttemptPhase phase, Seconds now);
  void Fire(Attempt& attempt, Seconds now);
  Attempt* NextDue() const;
  void Arm(Attempt& attempt, Seconds time);
  void YieldOn(size_t node, Seconds now);
  // Closes the open segment: what it did until now counts.
  void CloseSegment(Attempt& attempt, Seconds now);
  void Record(Attempt& attempt, Seconds end, Seconds useful);
  core::AttemptStatus& Report(const Attempt& attempt, model::AttemptPhase phase, Seconds now);

  const World& world_;
  Journal& journal_;
  std::vector<Node> nodes_;
  std::map<NodeId, size_t> index_;
  std::vector<size_t> first_node_;  // By data center.
  std::map<model::AttemptKey, std::unique_ptr<Attempt>> attempts_;
  std::vector<std::vector<Attempt*>> on_node_;   // By age.
  std::vector<bool> changed_;                    // Nodes to look at in Yield.
  std::vector<Seconds> saved_;                   // By row: progress of the newest checkpoint.
  std::vector<std::optional<size_t>> saved_at_;  // By row: the node that holds it.
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::vector<core::NodeReport> reports_;
  uint64_t next_timer_ = 1;
  uint64_t next_order_ = 1;
};

}  // namespace heliotrope::sim
