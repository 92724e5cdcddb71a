// Accounts: what their tasks hold, and what they may (Promise 12). Counted are all attempts that may
// be alive, from when they are ordered to when they have ended or their node's lease has run out; so
// after a recovery too. A quota that was lowered stops nothing that runs: nothing more starts.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/errors.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::TaskState;

namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// How many `each` fit into what is left.
template <class Quantity>
int64_t TimesIn(Quantity most, Quantity held, Quantity each) {
  if (most == Quantity::Max() || each <= Quantity::Zero()) return kNoLimit;
  return std::max<int64_t>(0, (most - held) / each);
}

}  // namespace

const model::AccountPolicy& Machine::PolicyOf(const AccountId& account) const {
  const auto own = fleet_.accounts.find(account);
  return own == fleet_.accounts.end() ? fleet_.default_account : own->second;
}

void Machine::Count(Job& job, TaskState state, int64_t tasks) {
  job.counts.Of(state) += static_cast<uint32_t>(tasks);
  if (IsTerminal(state)) return;
  const auto entry = account_use_.try_emplace(job.spec->account).first;
  model::AccountUse& use = entry->second;
  if (state == TaskState::kPending) {
    totals_pending_ += tasks;
    use.pending_tasks += tasks;
  } else {
    totals_held_ += tasks;
    use.held_tasks += tasks;
    use.held.cores += job.spec->request.cores * tasks;
    use.held.memory += job.spec->request.memory * tasks;
  }
  HT_CHECK_GE(use.pending_tasks, 0);
  HT_CHECK_GE(use.held_tasks, 0);
  if (use.pending_tasks == 0 && use.held_tasks == 0) account_use_.erase(entry);
}

int64_t Machine::QuotaRoom(const AccountId& account, const model::Resources& request) const {
  if (!fleet_.HasAccounts()) return kNoLimit;
  const model::Resources& most = PolicyOf(account).most;
  const auto use = account_use_.find(account);
  const model::Resources held = use == account_use_.end() ? model::Resources{} : use->second.held;
  return std::min(TimesIn(most.cores, held.cores, request.cores),
                  TimesIn(most.memory, held.memory, request.memory));
}

// Refuses what its account may never run, and what is too much to wait.
absl::Status Machine::CheckAccount(const model::JobSpec& spec) const {
  const model::AccountPolicy& policy = PolicyOf(spec.account);
  const std::string& name = spec.account.value();
  if (!spec.request.FitsIn(policy.most)) {
    const bool by_cores = spec.request.cores > policy.most.cores;
    return ResourceExhausted(
        "EXCEEDS_QUOTA",
        absl::StrCat("a task asks ",
                     by_cores ? ToString(spec.request.cores) : ToString(spec.request.memory),
                     ", account \"", name, "\" may use ",
                     by_cores ? ToString(policy.most.cores) : ToString(policy.most.memory),
                     " at once: ask for less, or have its ",
                     by_cores ? "max_cores" : "max_memory_bytes", " raised"),
        {{"account", name},
         {"milli_cores", absl::StrCat(spec.request.cores.value())},
         {"memory_bytes", absl::StrCat(spec.request.memory.value())}});
  }
  const auto use = account_use_.find(spec.account);
  const int64_t waiting = use == account_use_.end() ? 0 : use->second.pending_tasks;
  if (spec.count <= policy.max_pending_tasks - std::min(waiting, policy.max_pending_tasks)) {
    return absl::OkStatus();
  }
  return ResourceExhausted(
      "TOO_MANY_TASKS_OF_ACCOUNT",
      absl::StrCat("the job has ", spec.count, " tasks and ", waiting, " of account \"", name,
                   "\" wait already; at most ", policy.max_pending_tasks,
                   " of it may wait: submit it when some have started, or have its "
                   "max_pending_tasks raised"),
      {{"account", name},
       {"tasks", absl::StrCat(spec.count)},
       {"waiting", absl::StrCat(waiting)},
       {"limit", absl::StrCat(policy.max_pending_tasks)}});
}

plan::Account Machine::PlanAccount(const AccountId& account) const {
  const model::AccountPolicy& policy = PolicyOf(account);
  const auto use = account_use_.find(account);
  return {.id = account,
          .weight_milli = policy.weight_milli,
          .most = policy.most,
          .held = use == account_use_.end() ? model::Resources{} : use->second.held};
}

std::vector<plan::Account> Machine::PlanAccounts() const {
  std::vector<plan::Account> accounts;
  if (!fleet_.HasAccounts()) return accounts;
  for (const auto& [id, use] : account_use_) accounts.push_back(PlanAccount(id));
  return accounts;
}

// As if it had tasks.
void Machine::AddAccount(const AccountId& account, std::vector<plan::Account>& accounts) const {
  if (!fleet_.HasAccounts()) return;
  const auto at =
      std::lower_bound(accounts.begin(), accounts.end(), account,
                       [](const plan::Account& a, const AccountId& id) { return a.id < id; });
  if (at == accounts.end() || at->id != account) accounts.insert(at, PlanAccount(account));
}

void Machine::NoteQuotaWaits() {
  put_off_by_quota_.clear();
  for (const plan::Verdict& verdict : plan_.verdicts) {
    const auto known = class_by_id_.find(verdict.class_id);
    if (known != class_by_id_.end()) NoteQuotaWait(known->second->first, verdict);
  }
}

// What starts by the plan's numbers only, and was put off for a quota, cannot start before the next
// plan though some of the quota comes free.
void Machine::NoteQuotaWait(const ClassKey& key, const plan::Verdict& verdict) {
  if (verdict.mode != plan::Mode::kDeferred) return;
  if (verdict.reason != model::Reason::kWaitingForQuota) return;
  put_off_by_quota_.emplace(key.account);
}

}  // namespace heliotrope::core
