// heliotrope completion bash|zsh, and the hidden __complete that their scripts call.
#include "scheduler/cli/completion_script.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/base/names.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"

namespace heliotrope::cli {
namespace {

// Somebody waits with a finger on the tab key: rather no names than late ones.
constexpr absl::Duration kPatience = absl::Milliseconds(800);
// One page: nobody picks from more.
constexpr int kMaxNames = 500;

// Names out of one page of a list, or none if anything fails.
template <class Stub, class Request, class Response, class Items>
std::vector<std::string> NamesOf(Client& client, Client::Method<Stub, Request, Response> method,
                                 Items items) {
  Request request;
  request.set_page_size(kMaxNames);
  const auto response = client.Read(method, request);
  std::vector<std::string> names;
  if (!response.ok()) return names;
  for (const auto& item : items(*response)) names.push_back(ShortName(item.name()));
  return names;
}

std::vector<std::string> Names(Client& client, const ValueKind& kind) {
  using Fleet = v1::FleetService::Stub;
  if (kind == "job") {
    return NamesOf(client, &v1::JobService::Stub::ListJobs,
                   [](const v1::ListJobsResponse& r) { return r.jobs(); });
  }
  if (kind == "node") {
    return NamesOf(client, &Fleet::ListNodes,
                   [](const v1::ListNodesResponse& r) { return r.nodes(); });
  }
  if (kind == "datacenter") {
    return NamesOf(client, &Fleet::ListDataCenters,
                   [](const v1::ListDataCentersResponse& r) { return r.data_centers(); });
  }
  if (kind == "region") {
    return NamesOf(client, &Fleet::ListRegions,
                   [](const v1::ListRegionsResponse& r) { return r.regions(); });
  }
  return {};
}

// Never says anything but names, and never fails: what it prints goes into a command line, so that
// only well-formed ids may pass.
Outcome Complete(Context& context, const ValueKind& kind) {
  ClientOptions options{.peer = "the scheduler",
                        .address = context.flags().address,
                        .tls = context.flags().tls,
                        .call_timeout = kPatience};
  const auto client = Client::Make(std::move(options));
  if (!client.ok()) return Exit::kOk;
  for (const std::string& name : Names(**client, kind)) {
    if (IsValidId(name)) context.Print(name + "\n");
  }
  return Exit::kOk;
}

}  // namespace

void AddCompletion(CommandTree& tree) {
  const Noun noun =
      tree.AddNoun("completion", "completion of commands, flags and names in a shell");
  tree.AddVerb(noun,
               {"bash",
                "writes the script for bash",
                {"source <(heliotrope completion bash)",
                 "heliotrope completion bash > /etc/bash_completion.d/heliotrope"},
                ""},
               [&tree](Context& context) -> Outcome {
                 context.Print(BashCompletion(tree));
                 return Exit::kOk;
               });
  tree.AddVerb(
      noun,
      {"zsh",
       "writes the script for zsh",
       {"source <(heliotrope completion zsh)", "heliotrope completion zsh > ~/.zfunc/_heliotrope"},
       ""},
      [&tree](Context& context) -> Outcome {
        context.Print(ZshCompletion(tree));
        return Exit::kOk;
      });
  const auto kind = std::make_shared<ValueKind>();
  Verb hidden = tree.AddCommand({"__complete", "", {}, ""},
                                [kind](Context& context) { return Complete(context, *kind); });
  hidden.Argument("NOUN", *kind, Need::kRequired, "job, node, datacenter or region");
}

}  // namespace heliotrope::cli
