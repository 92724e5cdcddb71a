#include "scheduler/cli/completion_script.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace heliotrope::cli {
namespace {

// A place in the command line: "", "job", "job get".
struct Place {
  std::string path;
  // What may follow, with a summary.
  std::vector<std::pair<std::string, std::string>> commands = {};
  std::vector<std::string> flags = {};
  ValueKind completes = {};
};

// What the value of a flag is: a ValueKind, "file", or "" for what nobody can guess.
using FlagValues = std::map<std::string, ValueKind>;

struct Spec {
  std::vector<Place> places;
  FlagValues values;
};

std::string ValueOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type == "FILE" || type == "DIR") return "file";
  for (const std::string& name : option.get_lnames()) {
    if (name == "data-center" || name == "home") return "datacenter";
    if (name == "job") return "job";
  }
  return "";
}

void AddFlags(const CLI::App& app, Place& place, FlagValues& values) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string flag = absl::StrCat("--", name);
      const bool is_new =
          std::find(place.flags.begin(), place.flags.end(), flag) == place.flags.end();
      if (is_new) place.flags.push_back(flag);
      if (option->get_items_expected_max() > 0) values[flag] = ValueOf(*option);
    }
    for (const std::string& name : option->get_snames()) {
      if (option->get_items_expected_max() > 0) values["-" + name] = ValueOf(*option);
    }
  }
}

void AddPlace(const CommandTree& tree, const CLI::App& app, const std::string& path, Spec& spec) {
  Place place{.path = path, .completes = tree.CompletionOf(app)};
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    if (at == &app || at->get_parent() == nullptr) AddFlags(*at, place, spec.values);
  }
  const auto commands =
      app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
  for (const CLI::App* command : commands) {
    place.commands.emplace_back(command->get_name(), command->get_description());
  }
  spec.places.push_back(place);
  for (const CLI::App* command : commands) {
    AddPlace(tree, *command, absl::StrCat(path, path.empty() ? "" : " ", command->get_name()),
             spec);
  }
}

Spec SpecOf(const CommandTree& tree) {
  Spec spec;
  AddPlace(tree, tree.root(), "", spec);
  return spec;
}

// "a|b|c" of the flags whose value is of that kind.
std::string FlagPattern(const FlagValues& values, const ValueKind& kind) {
  std::vector<std::string> names;
  for (const auto& [flag, value] : values) {
    if (value == kind) names.push_back(flag);
  }
  return absl::StrJoin(names, "|");
}

std::string AllFlagsPattern(const FlagValues& values) {
  return absl::StrJoin(
      values, "|", [](std::string* out, const auto& entry) { absl::StrAppend(out, entry.first); });
}

std::string CommandNames(const Place& place) {
  return absl::StrJoin(place.commands, " ", [](std::string* out, const auto& command) {
    absl::StrAppend(out, command.first);
  });
}

constexpr char kBashHead[] =
    R"(# Completion of heliotrope in bash, made by: heliotrope completion bash
_heliotrope() {
  local cur prev word path="" i
  COMPREPLY=()
  cur="${COMP_WORDS[COMP_CWORD]}"
  prev="${COMP_WORDS[COMP_CWORD-1]}"
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    case "$word" in
      --) COMPREPLY=($(compgen -f -- "$cur")); return ;;
)";

constexpr char kZshHead[] = R"(#compdef heliotrope
# Completion of heliotrope in zsh, made by: heliotrope completion zsh
_heliotrope() {
  local word place="" i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    word="${words[i]}"
    case "$word" in
      --) _files; return ;;
)";

std::string BashValues(const ValueKind& kind) {
  return absl::StrCat("COMPREPLY=($(compgen -W \"$(heliotrope __complete ", kind,
                      " 2>/dev/null)\" -- \"$cur\"))");
}

std::string ZshValues(const ValueKind& kind) {
  return absl::StrCat("compadd -- ${(f)\"$(heliotrope __complete ", kind, " 2>/dev/null)\"}");
}

// Single-quoted for a shell; a colon parts word and summary for _describe.
std::string ZshItem(const std::string& name, const std::string& summary) {
  return absl::StrCat("'", name, ":", absl::StrReplaceAll(summary, {{"'", "'\\''"}, {":", "\\:"}}),
                      "'");
}

}  // namespace

std::string BashCompletion(const CommandTree& tree) {
  const Spec spec = SpecOf(tree);
  std::string script = kBashHead;
  absl::StrAppend(&script, "      ", AllFlagsPattern(spec.values), ") ((i++)) ;;\n",
                  "      -*) ;;\n"
                  "      *) [[ $path == *\" \"* ]] || path=\"${path:+$path }$word\" ;;\n"
                  "    esac\n  done\n  case \"$prev\" in\n",
                  "    ", FlagPattern(spec.values, "file"),
                  ") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
  for (const ValueKind& kind : {ValueKind("job"), ValueKind("datacenter")}) {
    absl::StrAppend(&script, "    ", FlagPattern(spec.values, kind), ") ", BashValues(kind),
                    "; return ;;\n");
  }
  absl::StrAppend(&script, "    ", FlagPattern(spec.values, ""), ") return ;;\n  esac\n",
                  "  if [[ $cur == -* ]]; then\n    local flags=\"\"\n    case \"$path\" in\n");
  for (const Place& place : spec.places) {
    absl::StrAppend(&script, "      \"", place.path, "\") flags=\"",
                    absl::StrJoin(place.flags, " "), "\" ;;\n");
  }
  absl::StrAppend(&script, "    esac\n    COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n",
                  "    return\n  fi\n  case \"$path\" in\n");
  for (const Place& place : spec.places) {
    if (!place.commands.empty()) {
      absl::StrAppend(&script, "    \"", place.path, "\") COMPREPLY=($(compgen -W \"",
                      CommandNames(place), "\" -- \"$cur\")) ;;\n");
    } else if (!place.completes.empty()) {
      absl::StrAppend(&script, "    \"", place.path, "\") ", BashValues(place.completes), " ;;\n");
    }
  }
  return absl::StrCat(script, "  esac\n}\ncomplete -o default -F _heliotrope heliotrope\n");
}

std::string ZshCompletion(const CommandTree& tree) {
  const Spec spec = SpecOf(tree);
  std::string script = kZshHead;
  absl::StrAppend(&script, "      ", AllFlagsPattern(spec.values), ") ((i++)) ;;\n",
                  "      -*) ;;\n"
                  "      *) [[ $place == *\" \"* ]] || place=\"${place:+$place }$word\" ;;\n"
                  "    esac\n  done\n  case \"${words[CURRENT-1]}\" in\n",
                  "    ", FlagPattern(spec.values, "file"), ") _files; return ;;\n");
  for (const ValueKind& kind : {ValueKind("job"), ValueKind("datacenter")}) {
    absl::StrAppend(&script, "    ", FlagPattern(spec.values, kind), ") ", ZshValues(kind),
                    "; return ;;\n");
  }
  absl::StrAppend(&script, "    ", FlagPattern(spec.values, ""), ") return ;;\n  esac\n",
                  "  if [[ \"${words[CURRENT]}\" == -* ]]; then\n    case \"$place\" in\n");
  for (const Place& place : spec.places) {
    absl::StrAppend(&script, "      \"", place.path, "\") compadd -- ",
                    absl::StrJoin(place.flags, " "), " ;;\n");
  }
  absl::StrAppend(&script, "    esac\n    return\n  fi\n  case \"$place\" in\n");
  for (const Place& place : spec.places) {
    if (!place.commands.empty()) {
      absl::StrAppend(&script, "    \"", place.path, "\")\n      items=(");
      for (const auto& [name, summary] : place.commands) {
        absl::StrAppend(&script, "\n        ", ZshItem(name, summary));
      }
      absl::StrAppend(&script, ")\n      _describe command items ;;\n");
    } else if (!place.completes.empty()) {
      absl::StrAppend(&script, "    \"", place.path, "\") ", ZshValues(place.completes), " ;;\n");
    } else {
      absl::StrAppend(&script, "    \"", place.path, "\") _files ;;\n");
    }
  }
  return absl::StrCat(script, "  esac\n}\n",
                      "if [[ \"${funcstack[1]}\" == _heliotrope ]]; then\n"
                      "  _heliotrope \"$@\"\nelse\n  compdef _heliotrope heliotrope\nfi\n");
}

}  // namespace heliotrope::cli
