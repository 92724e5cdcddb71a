#include "scheduler/daemon/batch.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "scheduler/base/mark.h"
#include "scheduler/store/codec.h"

namespace heliotrope::daemon {
namespace {

// Effects that are held back while the store is stuck, before repeated ones are looked for.
constexpr size_t kHeldEffects = 65'536;

// What makes two effects the same order: of those, the last one counts.
using EffectKey = std::tuple<size_t, NodeId, model::CheckpointKey, int>;
std::optional<EffectKey> KeyOf(const core::Effect& effect) {
  if (const auto* order = std::get_if<core::OrderAttempt>(&effect)) {
    return EffectKey{effect.index(), order->node, {order->key, 0}, static_cast<int>(order->action)};
  }
  if (const auto* order = std::get_if<core::OrderCheckpoint>(&effect)) {
    return EffectKey{effect.index(), order->node, order->key, order->hold ? 1 : 0};
  }
  if (const auto* changed = std::get_if<core::JobChanged>(&effect)) {
    return EffectKey{effect.index(), NodeId(), {{{changed->job, 0}, AttemptNumber(0)}, 0}, 0};
  }
  if (std::holds_alternative<core::PlanWanted>(effect)) {
    return EffectKey{effect.index(), NodeId(), {}, 0};
  }
  return std::nullopt;  // A Decision: each counts.
}

// Orders are level-triggered and job changes may be merged, so an earlier one of the same kind says
// nothing that the later does not.
void DropRepeated(std::vector<core::Effect>& effects) {
  std::set<EffectKey> seen;
  std::vector<core::Effect> kept;
  for (auto effect = effects.rbegin(); effect != effects.rend(); ++effect) {
    const auto key = KeyOf(*effect);
    if (!key || seen.insert(*key).second) kept.push_back(std::move(*effect));
  }
  std::reverse(kept.begin(), kept.end());
  effects = std::move(kept);
}

}  // namespace

Batch::Batch(core::Machine& machine) : machine_(machine), effects_limit_(kHeldEffects) {}

core::Reply Batch::Apply(const core::Command& command, absl::Time now) {
  core::Outcome outcome = machine_.Apply(command, now);
  used_ = true;
  ++commands_;
  open_.effects.insert(open_.effects.end(), std::make_move_iterator(outcome.effects.begin()),
                       std::make_move_iterator(outcome.effects.end()));
  return std::move(outcome.reply);
}

void Batch::Release(std::function<void(const absl::Status&)> release) {
  used_ = true;
  open_.releases.push_back(std::move(release));
}

CommitUnit Batch::Close(absl::Time now) {
  Apply(core::Tick{}, now);
  open_.records = store::Encode(machine_, machine_.TakeChanges());
  if (open_.records.Empty() && !open_.effects.empty()) HT_MARK(effects_need_no_commit);
  used_ = false;
  commands_ = 0;
  effects_limit_ = kHeldEffects;
  return std::exchange(open_, CommitUnit{});
}

void Batch::LimitHeldEffects() {
  if (open_.effects.size() <= effects_limit_) return;
  DropRepeated(open_.effects);
  effects_limit_ = std::max(kHeldEffects, 2 * open_.effects.size());
}

}  // namespace heliotrope::daemon
