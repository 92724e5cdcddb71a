// heliotrope account list
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/pages.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

// "12 of 100"; in warning colours when nothing more fits. Without a limit: "12".
Cell OfLimit(const std::string& used, const std::string& limit, bool full) {
  if (limit.empty()) return {used};
  return {absl::StrCat(used, " of ", limit), full ? Style::kWarn : Style::kPlain};
}

Cell CoresCell(const v1::Account& account) {
  const int64_t most = account.max_milli_cores();
  return OfLimit(CoresWords(account.used_milli_cores()), most == 0 ? "" : CoresWords(most),
                 account.used_milli_cores() >= most);
}

Cell MemoryCell(const v1::Account& account) {
  const int64_t most = account.max_memory_bytes();
  return OfLimit(SizeWords(account.used_memory_bytes()), most == 0 ? "" : SizeWords(most),
                 account.used_memory_bytes() >= most);
}

Cell PendingCell(const v1::Account& account) {
  const int64_t most = account.max_pending_tasks();
  return OfLimit(absl::StrCat(account.pending_task_count()), most == 0 ? "" : absl::StrCat(most),
                 account.pending_task_count() >= most);
}

Outcome List(Context& context) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(
      const v1::ListAccountsResponse answer,
      ListAll(
          *scheduler, &v1::FleetService::Stub::ListAccounts, v1::ListAccountsRequest(),
          +[](const v1::ListAccountsResponse& r) { return r.accounts_size(); }));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  Table table({{"ACCOUNT"},
               {"WEIGHT", Align::kRight},
               {"CORES", Align::kRight},
               {"MEMORY", Align::kRight},
               {"RUNNING", Align::kRight},
               {"PENDING", Align::kRight}});
  for (const v1::Account& account : answer.accounts()) {
    table.Add({{ShortName(account.name())},
               {absl::StrFormat("%g", account.weight())},
               CoresCell(account),
               MemoryCell(account),
               {absl::StrCat(account.running_task_count())},
               PendingCell(account)});
  }
  context.Print(table.Render(context.look()));
  return Exit::kOk;
}

}  // namespace

void AddAccount(CommandTree& tree) {
  const Noun noun = tree.AddNoun("account", "who pays and is limited: quotas and what they use");
  tree.AddVerb(noun,
               {"list",
                "lists accounts with what they use, their limits and weights",
                {"heliotrope account list"},
                ""},
               List);
}

}  // namespace heliotrope::cli
