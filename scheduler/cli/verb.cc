#include <CLI/CLI.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/cli/command_tree.h"

namespace heliotrope::cli {
namespace {

// A value that `parse` makes of the text; its errors are usage errors.
template <class Parse, class Target>
void AddParsed(CLI::App& app, const std::string& name, Target& target, const std::string& help,
               Parse parse) {
  const auto set = [&target, name, parse](const std::string& text) {
    const auto value = parse(text);
    if (!value.ok()) throw CLI::ValidationError(name, std::string(value.status().message()));
    target = *value;
  };
  app.add_option_function<std::string>(name, set, help);
}

absl::StatusOr<absl::Duration> ParsePositive(const std::string& text) {
  const auto duration = ParseDuration(text);
  if (duration.ok() && *duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not above zero"));
  }
  return duration;
}

absl::StatusOr<MilliCores> ParseCores(const std::string& text) {
  double cores = 0;
  if (!absl::SimpleAtod(text, &cores) || !(cores > 0) || !(cores <= 1e9)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no number of cores: write 2 or 1.5"));
  }
  return MilliCores::FromCores(cores);
}

}  // namespace

void Verb::Flag(const std::string& name, bool& target, const std::string& help) {
  app_->add_flag(name, target, help);
}

void Verb::Text(const std::string& name, std::string& target, const std::string& type,
                const std::string& help) {
  app_->add_option(name, target, help)->type_name(type)->capture_default_str();
}

void Verb::Text(const std::string& name, std::optional<std::string>& target,
                const std::string& type, const std::string& help) {
  app_->add_option(name, target, help)->type_name(type);
}

void Verb::Repeated(const std::string& name, std::vector<std::string>& target,
                    const std::string& type, const std::string& help) {
  // Otherwise it would take all that follows, and "[a,b]" apart.
  app_->add_option(name, target, help)->type_name(type)->allow_extra_args(false)->take_all();
}

void Verb::Number(const std::string& name, int& target, const Range& range,
                  const std::string& help) {
  app_->add_option(name, target, help)
      ->type_name("N")
      ->check(CLI::Range(static_cast<int>(range.min), static_cast<int>(range.max)));
}

void Verb::Number(const std::string& name, int64_t& target, const Range& range,
                  const std::string& help) {
  app_->add_option(name, target, help)->type_name("N")->check(CLI::Range(range.min, range.max));
}

void Verb::Number(const std::string& name, std::optional<int>& target, const std::string& help) {
  app_->add_option(name, target, help)->type_name("N");
}

void Verb::Real(const std::string& name, double& target, const std::string& help) {
  app_->add_option(name, target, help)->type_name("X");
}

void Verb::Duration(const std::string& name, std::optional<absl::Duration>& target,
                    const std::string& help) {
  AddParsed(*app_, name, target, help, ParsePositive);
  app_->get_option(name)->type_name("DURATION");
}

void Verb::Size(const std::string& name, std::optional<Bytes>& target, const std::string& help) {
  AddParsed(*app_, name, target, help, [](const std::string& text) { return ParseSize(text); });
  app_->get_option(name)->type_name("SIZE");
}

void Verb::Cores(const std::string& name, std::optional<MilliCores>& target,
                 const std::string& help) {
  AddParsed(*app_, name, target, help, ParseCores);
  app_->get_option(name)->type_name("CORES");
}

void Verb::Require(const std::string& name) { app_->get_option(name)->required(); }

void Verb::Argument(const std::string& name, std::string& target, Need need,
                    const std::string& help) {
  app_->add_option(name, target, help)->type_name("")->required(need == Need::kRequired);
}

void Verb::Arguments(const std::string& name, std::vector<std::string>& target, Need need,
                     const std::string& help) {
  app_->add_option(name, target, help)->type_name("")->required(need == Need::kRequired);
}

}  // namespace heliotrope::cli
