// heliotrope node list|get|drain|undrain|lost
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/cli/fleet.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/pages.h"
#include "scheduler/cli/request_id.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

using Fleet = v1::FleetService::Stub;

struct ListFlags {
  std::string data_center;
};

struct NameFlags {
  std::string name;
  std::string request_id;
  bool yes = false;  // Lost only.
};

Cell StateCell(const v1::Node& node) {
  std::string text(absl::StripPrefix(v1::Node::State_Name(node.state()), "STATE_"));
  if (node.drained()) absl::StrAppend(&text, " drained");
  switch (node.state()) {
    case v1::Node::STATE_READY:
      return {text, node.drained() ? Style::kWarn : Style::kGood};
    case v1::Node::STATE_SILENT:
      return {text, Style::kWarn};
    default:
      return {text, Style::kBad};
  }
}

Outcome List(Context& context, const ListFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::ListNodesRequest request;
  if (!flags.data_center.empty()) request.set_data_center(FullDataCenterName(flags.data_center));
  HT_ASSIGN_OR_RETURN(const v1::ListNodesResponse answer,
                      ListAll(
                          *scheduler, &Fleet::ListNodes, request,
                          +[](const v1::ListNodesResponse& r) { return r.nodes_size(); }));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  Table table({{"NODE"},
               {"DATA CENTER"},
               {"STATE"},
               {"CORES", Align::kRight},
               {"FOREGROUND", Align::kRight},
               {"BATCH", Align::kRight},
               {"TASKS", Align::kRight},
               {"MEMORY", Align::kRight},
               {"VERSION"}});
  for (const v1::Node& node : answer.nodes()) {
    table.Add({{ShortName(node.name())},
               {ShortName(node.data_center())},
               StateCell(node),
               {CoresWords(node.capacity_milli_cores())},
               {ShareWords(node.foreground_milli_cores(), node.capacity_milli_cores())},
               {ShareWords(node.batch_milli_cores(), node.capacity_milli_cores())},
               {absl::StrCat(node.task_count())},
               {SizeWords(node.capacity_memory_bytes())},
               {node.version()}});
  }
  context.Print(table.Render(context.look()));
  if (table.empty()) context.Say("no nodes: start heliotrope-agent on one");
  return Exit::kOk;
}

void PrintNode(Context& context, const v1::Node& node, absl::Time now) {
  const Cell state = StateCell(node);
  Facts facts;
  facts.Add("node", node.name(), Style::kStrong);
  facts.Add("data center", node.data_center());
  facts.Add("state", state.text, state.style);
  facts.Add("cores", absl::StrCat(CoresWords(node.capacity_milli_cores()), ", foreground ",
                                  CoresWords(node.foreground_milli_cores()), ", batch ",
                                  CoresWords(node.batch_milli_cores())));
  facts.Add("memory", absl::StrCat(SizeWords(node.capacity_memory_bytes()), ", batch ",
                                   SizeWords(node.batch_memory_bytes())));
  facts.Add("tasks", absl::StrCat(node.task_count()));
  facts.Add("checkpoints", absl::StrCat(node.checkpoint_count()));
  facts.Add("agent", absl::StrCat(node.version(), " at ", node.address()));
  if (node.has_lease_expire_time()) {
    facts.Add("lease ends", TimeWordsFrom(TimeOf(node.lease_expire_time()), now));
  }
  context.Print(facts.Render(context.look()));
}

Outcome Get(Context& context, const NameFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::GetNodeRequest request;
  request.set_name(FullNodeName(flags.name));
  HT_ASSIGN_OR_RETURN(const v1::Node node, scheduler->Read(&Fleet::GetNode, request));
  if (context.json()) {
    context.PrintJson(node);
    return Exit::kOk;
  }
  HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(*scheduler));
  PrintNode(context, node, now);
  return Exit::kOk;
}

// What both changes say: the node's name on stdout, what has changed on stderr.
void PrintChanged(Context& context, const v1::Node& node, absl::string_view what) {
  if (context.json()) {
    context.PrintJson(node);
    return;
  }
  context.Print(absl::StrCat(node.name(), "\n"));
  context.Say(what);
}

Outcome Drain(Context& context, const NameFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::DrainNodeRequest request;
  request.set_name(FullNodeName(flags.name));
  request.set_request_id(RequestIdOr(flags.request_id));
  HT_ASSIGN_OR_RETURN(const v1::Node node, scheduler->Change(&Fleet::DrainNode, request));
  PrintChanged(context, node,
               absl::StrCat("drained: nothing more starts there; ", node.task_count(),
                            " tasks leave at their checkpoint, or run to their end"));
  context.Hint(absl::StrCat("heliotrope node get ", ShortName(node.name()), "   (tasks left)"));
  return Exit::kOk;
}

Outcome Undrain(Context& context, const NameFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::UndrainNodeRequest request;
  request.set_name(FullNodeName(flags.name));
  request.set_request_id(RequestIdOr(flags.request_id));
  HT_ASSIGN_OR_RETURN(const v1::Node node, scheduler->Change(&Fleet::UndrainNode, request));
  PrintChanged(context, node, "back in service");
  return Exit::kOk;
}

Outcome Lost(Context& context, const NameFlags& flags) {
  HT_RETURN_IF_ERROR(context.Confirm(absl::StrCat("giving up ", FullNodeName(flags.name),
                                                  ": what still runs there would run twice:"),
                                     flags.yes));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::DeclareNodeLostRequest request;
  request.set_name(FullNodeName(flags.name));
  request.set_request_id(RequestIdOr(flags.request_id));
  HT_ASSIGN_OR_RETURN(const v1::Node node, scheduler->Change(&Fleet::DeclareNodeLost, request));
  PrintChanged(context, node,
               "given up: what was left to go on there is started elsewhere, and what "
               "only it held is lost");
  return Exit::kOk;
}

void AddNamedVerb(CommandTree& tree, Noun noun, VerbText text,
                  Outcome (*act)(Context&, const NameFlags&)) {
  const auto flags = std::make_shared<NameFlags>();
  text.completes = "node";
  const bool changes = act != &Get;
  const bool harms = act == &Lost;
  Verb verb = tree.AddVerb(noun, std::move(text),
                           [flags, act](Context& context) { return act(context, *flags); });
  verb.Argument("NODE", flags->name, Need::kRequired, "such as fra1-a or nodes/fra1-a");
  if (harms) verb.Flag("-y,--yes", flags->yes, "do not ask; needed where nobody can be asked");
  if (changes) {
    verb.Text("--request-id", flags->request_id, "ID",
              "sent along, and not read: a late repeat acts again");
  }
}

}  // namespace

void AddNode(CommandTree& tree) {
  const Noun noun = tree.AddNoun("node", "machines and their agents");
  const auto list = std::make_shared<ListFlags>();
  Verb verb = tree.AddVerb(noun,
                           {"list",
                            "lists nodes with their load",
                            {"heliotrope node list", "heliotrope node list --data-center dubai"},
                            ""},
                           [list](Context& context) { return List(context, *list); });
  verb.Text("--data-center", list->data_center, "NAME", "only its nodes");
  AddNamedVerb(tree, noun, {"get", "shows one node", {"heliotrope node get fra1-a"}, ""}, &Get);
  AddNamedVerb(tree, noun,
               {"drain",
                "takes a node out of service: its tasks move away",
                {"heliotrope node drain fra1-a"},
                ""},
               &Drain);
  AddNamedVerb(tree, noun,
               {"undrain", "takes a drained node back", {"heliotrope node undrain fra1-a"}, ""},
               &Undrain);
  AddNamedVerb(tree, noun,
               {"lost",
                "says that a silent node is gone; be sure: what still runs there would run twice",
                {"heliotrope node lost fra1-a", "heliotrope node lost fra1-a --yes"},
                ""},
               &Lost);
}

}  // namespace heliotrope::cli
