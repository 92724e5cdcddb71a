#include "scheduler/model/signals.h"

#include <csignal>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heliotrope::model {
namespace {

struct Signal {
  int number;
  absl::string_view name;
};

constexpr Signal kSignals[] = {
    {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"},   {SIGHUP, "SIGHUP"},   {SIGQUIT, "SIGQUIT"},
    {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGALRM, "SIGALRM"}, {SIGXCPU, "SIGXCPU"},
};

}  // namespace

absl::string_view SignalName(int signal) {
  for (const Signal& known : kSignals) {
    if (known.number == signal) return known.name;
  }
  return "";
}

std::optional<int> SignalFromName(absl::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(name);
  const std::string full = absl::StrCat("SIG", absl::StripPrefix(upper, "SIG"));
  for (const Signal& known : kSignals) {
    if (known.name == full) return known.number;
  }
  return std::nullopt;
}

std::vector<std::string> SignalNames() {
  std::vector<std::string> names;
  for (const Signal& known : kSignals) names.emplace_back(known.name);
  return names;
}

}  // namespace heliotrope::model
