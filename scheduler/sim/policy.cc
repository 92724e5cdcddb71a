#include "scheduler/sim/policy.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/check.h"
#include "scheduler/base/names.h"
#include "scheduler/sim/baselines.h"
#include "scheduler/sim/greedy.h"
#include "scheduler/sim/product.h"

namespace heliotrope::sim {
namespace {

constexpr std::pair<const char*, Policy> kPolicies[] = {
    {"heliotrope", Policy::kHeliotrope},    {"greedy", Policy::kGreedy},
    {"cheapest-now", Policy::kCheapestNow}, {"least-loaded", Policy::kLeastLoaded},
    {"night-window", Policy::kNightWindow}, {"home", Policy::kHome},
};
constexpr std::pair<const char*, Forecast> kForecasts[] = {
    {"learned", Forecast::kLearned},   {"truth", Forecast::kTruth},
    {"constant", Forecast::kConstant}, {"inverted", Forecast::kInverted},
    {"shifted", Forecast::kShifted},
};

template <class Table>
std::vector<std::string> NamesOf(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.emplace_back(name);
  return names;
}

template <class Value, class Table>
absl::StatusOr<Value> Parse(absl::string_view what, absl::string_view word, const Table& table) {
  for (const auto& [name, value] : table) {
    if (word == name) return value;
  }
  const std::vector<std::string> names = NamesOf(table);
  return absl::InvalidArgumentError(absl::StrCat("unknown ", what, " \"", word, "\": use one of ",
                                                 absl::StrJoin(names, ", "),
                                                 DidYouMean(word, names)));
}

}  // namespace

std::vector<std::string> PolicyNames() { return NamesOf(kPolicies); }
std::vector<std::string> ForecastNames() { return NamesOf(kForecasts); }
absl::StatusOr<Policy> ParsePolicy(absl::string_view name) {
  return Parse<Policy>("policy", name, kPolicies);
}
absl::StatusOr<Forecast> ParseForecast(absl::string_view name) {
  return Parse<Forecast>("forecast", name, kForecasts);
}

std::string PolicyName(Policy policy) {
  for (const auto& [name, value] : kPolicies) {
    if (value == policy) return name;
  }
  HT_CHECK(false);
  return "";
}

Journal Simulate(const World& world, const Options& options) {
  switch (options.policy) {
    case Policy::kHeliotrope:
      return RunProduct(world, options);
    case Policy::kGreedy:
      return RunGreedy(world, options);
    case Policy::kHome:
    case Policy::kLeastLoaded:
    case Policy::kCheapestNow:
    case Policy::kNightWindow:
      return RunBaseline(world, options);
  }
  HT_CHECK(false);
  return {};
}

}  // namespace heliotrope::sim
