#include "scheduler/cli/command_tree.h"

#include <CLI/CLI.hpp>

#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/check.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/names.h"
#include "scheduler/os/version.h"

namespace heliotrope::cli {
namespace {

// Help that opens with what it is and its examples; CLI11 keeps these as the footer.
class ExamplesFirst : public CLI::Formatter {
 public:
  // `takes_command` is read when help is made: by then it is known.
  explicit ExamplesFirst(const CLI::App* const& takes_command) : takes_command_(takes_command) {
    column_width(34);
    label("OPTIONS", "flags");
    label("Usage", "usage");
    label("SUBCOMMAND", "...");
    label("Positionals", "arguments");
    label("Env", "env");
    label("REQUIRED", "(required)");
  }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    std::ostringstream out;
    out << app->get_description() << "\n\n";
    if (!app->get_footer().empty()) out << app->get_footer() << '\n';
    out << make_usage(app, std::move(name)) << make_positionals(app) << make_groups(app, mode)
        << make_subcommands(app, mode);
    if (app->get_parent() != nullptr) {
      out << "\nFlags of every command, such as --address and --json: heliotrope --help\n";
    }
    return out.str();
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    if (app != takes_command_) return usage;
    usage.erase(usage.find_last_not_of('\n') + 1);
    return usage + " -- COMMAND ARG...\n";
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    return Wrapped(option->get_description());
  }

  std::string make_subcommand(const CLI::App* sub) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, sub->get_name(), Wrapped(sub->get_description()),
                             get_column_width());
    return out.str();
  }

 private:
  static constexpr int kTextColumns = 64;

  // CLI11 indents the lines after the first by itself.
  static std::string Wrapped(const std::string& text) {
    std::string out;
    int column = 0;
    for (const absl::string_view word : absl::StrSplit(text, ' ')) {
      if (column > 0 && column + 1 + Columns(word) > kTextColumns) {
        out += '\n';
        column = 0;
      } else if (column > 0) {
        out += ' ';
        ++column;
      }
      absl::StrAppend(&out, word);
      column += Columns(word);
    }
    return out;
  }

  const CLI::App* const& takes_command_;
};

std::string ExamplesText(const std::vector<std::string>& examples) {
  std::string text = "examples:\n";
  for (const std::string& example : examples) absl::StrAppend(&text, "  ", example, "\n");
  return text;
}

bool IsHidden(const CLI::App& app) { return app.get_group().empty(); }

std::vector<const CLI::App*> VisibleCommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !IsHidden(*sub); });
}

std::vector<std::string> NamesOf(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  const auto found =
      app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; });
  return found.empty() ? nullptr : found.front();
}

// Flags fall through to the commands above.
const CLI::Option* FindFlag(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

std::vector<std::string> FlagNames(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames())
        names.push_back(absl::StrCat("--", name));
    }
  }
  return names;
}

// "heliotrope job submit".
std::string PathOf(const CLI::App* app) {
  std::string path = app->get_name();
  for (app = app->get_parent(); app != nullptr; app = app->get_parent()) {
    path = absl::StrCat(app->get_name(), " ", path);
  }
  return path;
}

std::string UnknownCommand(const CLI::App& app, const std::string& word) {
  const bool is_root = app.get_parent() == nullptr;
  const std::vector<std::string> names = NamesOf(VisibleCommands(app));
  std::string text = is_root ? absl::StrCat("unknown command \"", word, "\"")
                             : absl::StrCat("unknown verb \"", word, "\" of ", app.get_name());
  const std::string nearest = DidYouMean(word, names);
  return absl::StrCat(
      text, nearest.empty() ? absl::StrCat("; there is ", absl::StrJoin(names, ", ")) : nearest);
}

bool LooksLikeFlag(const std::string& arg) {
  double number = 0;
  return arg.size() > 1 && arg[0] == '-' && !absl::SimpleAtod(arg, &number);
}

constexpr char kGlobalGroup[] = "flags of every command";

void AddGlobalFlags(CLI::App& root, GlobalFlags& flags) {
  struct Text {
    const char* name;
    std::string& target;
    const char* type;
    const char* variable;
    const char* help;
  };
  const Text texts[] = {
      {"--address", flags.address, "HOST:PORT", "HELIOTROPE_ADDRESS",
       "the scheduler's gRPC address"},
      {"--tls-ca", flags.tls.ca, "FILE", "HELIOTROPE_TLS_CA",
       "PEM file of the authority that both sides trust"},
      {"--tls-cert", flags.tls.cert, "FILE", "HELIOTROPE_TLS_CERT", "PEM file of your certificate"},
      {"--tls-key", flags.tls.key, "FILE", "HELIOTROPE_TLS_KEY", "PEM file of its key"},
      {"--jurisdiction", flags.jurisdiction, "CODE", "HELIOTROPE_JURISDICTION",
       "where you are, such as DE: needed to read logs and outputs of jobs that may not be "
       "anywhere"},
  };
  for (const Text& text : texts) {
    root.add_option(text.name, text.target, text.help)
        ->type_name(text.type)
        ->envname(text.variable)
        ->capture_default_str();
  }
  Verb verb(root);
  verb.Duration("--timeout", flags.timeout,
                "how long a call may take (default 10s); watching and waiting end after it too, "
                "if given");
  verb.Flag("--json", flags.json, "write JSON, for programs");
  verb.Flag("--no-color", flags.no_color, "no colours; so does NO_COLOR=1");
}

}  // namespace

struct CommandTree::Parts {
  struct Entry {
    Action action;
    ValueKind completes;
  };

  CLI::App root{"Submit batch work to Heliotrope, and see where in the world it runs.",
                "heliotrope"};
  std::map<const CLI::App*, Entry> verbs;
  const CLI::App* takes_command = nullptr;

  // The verb, or noun, that was parsed last.
  const CLI::App& Deepest() const {
    const CLI::App* at = &root;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return *at;
  }
};

CommandTree::CommandTree(GlobalFlags& flags) : parts_(std::make_unique<Parts>()) {
  CLI::App& root = parts_->root;
  root.formatter(std::make_shared<ExamplesFirst>(parts_->takes_command));
  root.footer(ExamplesText({
      "heliotrope job submit --residency any --cores 2 --expected 3h -- ./train --epochs 40",
      "heliotrope job list",
      "heliotrope job explain nightly-7",
      "heliotrope plan show",
  }));
  root.require_subcommand(1);
  root.option_defaults()->group(kGlobalGroup);
  root.set_help_flag("-h,--help", "this help; every command has its own");
  root.set_version_flag("--version", os::VersionText(), "this command's version");
  AddGlobalFlags(root, flags);
  root.option_defaults()->group("flags");
}

CommandTree::~CommandTree() = default;

Verb CommandTree::Prepare(CLI::App& command, VerbText text, Action action) {
  command.formatter(parts_->root.get_formatter());
  command.fallthrough();
  if (!text.examples.empty()) command.footer(ExamplesText(text.examples));
  command.set_help_flag("-h,--help", "this help");
  parts_->verbs[&command] = {std::move(action), std::move(text.completes)};
  return Verb(command);
}

Noun CommandTree::AddNoun(const std::string& name, const std::string& summary) {
  CLI::App& noun = *parts_->root.add_subcommand(name, summary)->group("commands");
  noun.formatter(parts_->root.get_formatter());
  noun.fallthrough();
  noun.require_subcommand(1);
  noun.set_help_flag("-h,--help", "this help");
  return Noun{&noun};
}

Verb CommandTree::AddVerb(Noun noun, VerbText text, Action action) {
  CLI::App& verb = *noun.app->add_subcommand(text.name, text.summary)->group("verbs");
  return Prepare(verb, std::move(text), std::move(action));
}

Verb CommandTree::AddCommand(VerbText text, Action action) {
  CLI::App& command = *parts_->root.add_subcommand(text.name, text.summary);
  // CLI11 hides what is in no group.
  command.group(text.summary.empty() ? "" : "commands");
  return Prepare(command, std::move(text), std::move(action));
}

void CommandTree::LetTakeCommand(const Verb& verb) { parts_->takes_command = &verb.app(); }

std::optional<Exit> CommandTree::Parse(const std::vector<std::string>& args, Console& console) {
  // CLI11 takes them from the end.
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    parts_->root.parse(std::move(reversed));
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    // Asked for help or the version.
    if (error.get_exit_code() == 0) {
      parts_->root.exit(error, console.out, console.err);
      return Exit::kOk;
    }
    const std::string diagnosis = Diagnose(parts_->root, args);
    console.err << "heliotrope: " << Printable(diagnosis.empty() ? error.what() : diagnosis)
                << "\nsee: " << PathOf(&parts_->Deepest()) << " --help\n";
    return Exit::kUsage;
  }
}

const CommandTree::Action& CommandTree::Chosen() const {
  const auto verb = parts_->verbs.find(&parts_->Deepest());
  HT_CHECK(verb != parts_->verbs.end());
  return verb->second.action;
}

bool CommandTree::ChosenTakesCommand() const {
  return parts_->takes_command != nullptr && parts_->takes_command->parsed();
}

const CLI::App& CommandTree::root() const { return parts_->root; }

ValueKind CommandTree::CompletionOf(const CLI::App& verb) const {
  const auto found = parts_->verbs.find(&verb);
  return found == parts_->verbs.end() ? "" : found->second.completes;
}

std::string Diagnose(const CLI::App& root, const std::vector<std::string>& args) {
  const CLI::App* at = &root;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (LooksLikeFlag(arg)) {
      const size_t equals = arg.find('=');
      std::string name = arg.substr(0, equals);
      if (!absl::StartsWith(name, "--")) name.resize(2);
      const CLI::Option* flag = FindFlag(at, name);
      if (flag == nullptr) {
        return absl::StrCat("unknown flag ", name, DidYouMean(name, FlagNames(at)));
      }
      const bool value_inside = equals != std::string::npos || (arg.size() > 2 && arg[1] != '-');
      if (flag->get_items_expected_max() > 0 && !value_inside) ++i;
    } else if (!at->get_subcommands({}).empty()) {
      const CLI::App* next = FindCommand(*at, arg);
      if (next == nullptr) return UnknownCommand(*at, arg);
      at = next;
    }
  }
  const auto commands = VisibleCommands(*at);
  if (commands.empty()) return "";
  return absl::StrCat(at->get_name(), " needs ", at == &root ? "a command" : "a verb", ": ",
                      absl::StrJoin(NamesOf(commands), ", "));
}

}  // namespace heliotrope::cli
