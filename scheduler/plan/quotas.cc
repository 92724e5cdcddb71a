#include "scheduler/plan/quotas.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/text.h"

namespace heliotrope::plan {

Quotas::Quotas(const Ledger& ledger) : ledger_(ledger) {
  const Input& input = ledger.input();
  for (const Account& account : input.accounts) {
    const model::Resources most = account.most;
    if (most.cores == MilliCores::Max() && most.memory == Bytes::Max()) continue;
    const Left left{.milli_cores = (most.cores - account.held.cores).value(),
                    .memory = (most.memory - account.held.memory).value()};
    limited_.push_back({&account, std::vector<Left>(ledger.blocks(), left)});
  }
  if (limited_.empty()) return;
  for (const RunningTask& task : input.running) {
    const std::optional<size_t> limited = Find(task.account);
    if (!limited.has_value()) continue;
    const int64_t end = ledger.now() + Ledger::Seconds(task.remaining);
    for (size_t block = ledger.first_block(); block < ledger.blocks(); ++block) {
      if (ledger.start(block) < end) continue;
      Left& left = limited_[*limited].left[block];
      left.milli_cores += task.request.cores.value();
      left.memory += task.request.memory.value();
    }
  }
}

std::optional<size_t> Quotas::Find(const std::optional<AccountId>& account) const {
  if (!account.has_value()) return std::nullopt;
  const auto at = std::lower_bound(
      limited_.begin(), limited_.end(), *account,
      [](const Limited& limited, const AccountId& id) { return limited.account->id < id; });
  if (at == limited_.end() || at->account->id != *account) return std::nullopt;
  return static_cast<size_t>(at - limited_.begin());
}

int64_t Quotas::Room(const Class& task_class, int64_t from_s, int64_t to_s) const {
  const std::optional<size_t> limited = Find(task_class.account);
  if (!limited.has_value()) return kNoLimit;
  const int64_t each_cores = std::max<int64_t>(1, task_class.request.cores.value());
  const int64_t each_memory = std::max<int64_t>(1, task_class.request.memory.value());
  int64_t room = kNoLimit;
  for (size_t block = ledger_.BlockOf(from_s);
       block < ledger_.blocks() && ledger_.start(block) < to_s && room > 0; ++block) {
    const Left& left = limited_[*limited].left[block];
    room = std::min({room, left.milli_cores / each_cores, left.memory / each_memory});
  }
  return std::max<int64_t>(0, room);
}

void Quotas::Take(const Class& task_class, int64_t from_s, int64_t to_s, int64_t count) {
  const std::optional<size_t> limited = Find(task_class.account);
  if (!limited.has_value()) return;
  for (size_t block = ledger_.BlockOf(from_s);
       block < ledger_.blocks() && ledger_.start(block) < to_s; ++block) {
    Left& left = limited_[*limited].left[block];
    left.milli_cores -= (task_class.request.cores * count).value();
    left.memory -= (task_class.request.memory * count).value();
  }
}

std::string Quotas::Text(const Class& task_class) const {
  return QuotaText(*limited_[*Find(task_class.account)].account, task_class.request);
}

std::string QuotaText(const Account& account, const model::Resources& request) {
  const model::Resources& most = account.most;
  const auto told = [&](auto limit, auto held, auto each, const char* key) {
    const std::string text = absl::StrCat("account ", account.id.value(), " holds ", ToString(held),
                                          " of the ", ToString(limit), " that it may use at once");
    if (each > limit) {
      return absl::StrCat(text, ": a task needs ", ToString(each), " and cannot start before its ",
                          key, " is raised");
    }
    if (each > limit - held) {
      return absl::StrCat(text, ": a task needs ", ToString(each),
                          " and starts when others of it have ended");
    }
    return absl::StrCat(text, ", and its more urgent tasks take what is left");
  };
  const bool by_cores = request.cores > most.cores - account.held.cores ||
                        request.memory <= most.memory - account.held.memory;
  if (by_cores) return told(most.cores, account.held.cores, request.cores, "max_cores");
  return told(most.memory, account.held.memory, request.memory, "max_memory_bytes");
}

}  // namespace heliotrope::plan
