// What limited accounts may still hold, block by block, while a plan is made: their limits less what
// they hold until it is expected to end, and less what is planned for them. A block that is partly
// used counts as used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

class Quotas {
 public:
  static constexpr int64_t kNoLimit = int64_t{1} << 40;

  explicit Quotas(const Ledger& ledger);

  // How many more tasks of the class may run over [from, to), in seconds of the ledger.
  int64_t Room(const Class& task_class, int64_t from_s, int64_t to_s) const;
  int64_t RoomNow(const Class& task_class) const {
    return Room(task_class, ledger_.now(), ledger_.now() + 1);
  }
  void Take(const Class& task_class, int64_t from_s, int64_t to_s, int64_t count);
  void TakeNow(const Class& task_class, int64_t count) {
    Take(task_class, ledger_.now(), ledger_.now() + 1, count);
  }

  // Why a task of the class finds no room now. REQUIRES: its account is limited.
  std::string Text(const Class& task_class) const;

 private:
  // Of one block; negative where a limit was lowered.
  struct Left {
    int64_t milli_cores = 0;
    int64_t memory = 0;
  };
  struct Limited {
    const Account* account = nullptr;
    std::vector<Left> left;
  };

  // The index in limited_; nothing when it has no limit.
  std::optional<size_t> Find(const std::optional<AccountId>& account) const;

  const Ledger& ledger_;
  std::vector<Limited> limited_;  // Sorted by account.
};

// Why a task of this size finds no room in the quota of its account.
std::string QuotaText(const Account& account, const model::Resources& request);

}  // namespace heliotrope::plan
